"""Data sets written by other tools, and our own files read by other tools.

    python tools/golden/datasets.py            writes test/golden/datasets
    python tools/golden/datasets.py --check    converts test/golden/datasets with bin/pe-dense.mjs and reads the results with
                                               pycocotools (COCO), supervision (YOLO, VOC), torchvision (VOC) and csv

Needs supervision==0.31.2, pycocotools==2.0.11, torchvision==0.29.2, opencv-python-headless, numpy, pyyaml (requirements.txt).

The set: six pictures of one colour each (two without objects), four classes (one without objects; names with a space and a
letter beyond ASCII), whole-pixel boxes from seed 5. Expected boxes stand in expected.json: per file, [class, x1, y1, x2, y2].
supervision writes VOC as PASCAL counts: pixels from 1, xmax and ymax the last pixel inside.
"""
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import supervision as sv

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "test/golden/datasets"
NAMES = ["cat", "traffic light", "café", "unused"]


def make():
    rng = np.random.default_rng(5)
    OUT.mkdir(parents=True, exist_ok=True)
    images, boxes = {}, {}
    for i in range(6):
        w, h = int(rng.integers(40, 90)), int(rng.integers(30, 70))
        name = f"picture {i}.png" if i == 0 else f"{i}.png"
        images[name] = np.full((h, w, 3), 40 * i, np.uint8)
        n = 0 if i in (2, 5) else int(rng.integers(1, 5))
        x1, y1 = rng.integers(0, w - 12, n), rng.integers(0, h - 12, n)
        x2, y2 = x1 + rng.integers(3, 12, n), y1 + rng.integers(3, 12, n)
        boxes[name] = [[int(c), *map(int, b)] for c, b in zip(rng.integers(0, 3, n), np.stack([x1, y1, x2, y2], 1))]
    (OUT / "images").mkdir(exist_ok=True)
    for name, image in images.items():
        cv2.imwrite(str(OUT / "images" / name), image)
    def detections(rows):
        a = np.array(rows, float).reshape(-1, 5)
        return sv.Detections(xyxy=a[:, 1:], class_id=a[:, 0].astype(int)) if len(a) else sv.Detections.empty()
    paths = {name: str(OUT / "images" / name) for name in images}
    data = sv.DetectionDataset(classes=NAMES, images=list(paths.values()),
                               annotations={paths[n]: detections(rows) for n, rows in boxes.items()})
    data.as_coco(annotations_path=str(OUT / "coco.json"))
    data.as_yolo(annotations_directory_path=str(OUT / "labels"), data_yaml_path=str(OUT / "data.yaml"))
    data.as_pascal_voc(annotations_directory_path=str(OUT / "voc"))
    with open(OUT / "tensorflow.csv", "w", newline="") as f:
        rows = csv.writer(f)
        rows.writerow("filename width height class xmin ymin xmax ymax".split())
        for name, list_ in boxes.items():
            h, w = images[name].shape[:2]
            rows.writerows([name, w, h, NAMES[c], *b] for c, *b in list_)
    with open(OUT / "openimages.csv", "w", newline="") as f:
        rows = csv.writer(f)
        rows.writerow("ImageID Source LabelName Confidence XMin XMax YMin YMax IsOccluded IsTruncated IsGroupOf".split())
        for name, list_ in boxes.items():
            h, w = images[name].shape[:2]
            rows.writerows([name[:-4], "xclick", f"/m/0{c}", 1, x1 / w, x2 / w, y1 / h, y2 / h, 0, 0, 0]
                           for c, x1, y1, x2, y2 in list_)
    with open(OUT / "class-descriptions.csv", "w", newline="") as f:
        csv.writer(f).writerows([f"/m/0{i}", name] for i, name in enumerate(NAMES))
    sizes = {name: [image.shape[1], image.shape[0]] for name, image in images.items()}
    (OUT / "expected.json").write_text(json.dumps({"names": NAMES, "sizes": sizes, "boxes": boxes}, ensure_ascii=False) + "\n")


def check():
    from pycocotools.coco import COCO
    from torchvision.datasets.voc import VOCDetection
    from xml.etree import ElementTree

    expected = json.loads((OUT / "expected.json").read_text())
    def convert(to, out, *more):
        subprocess.run(["node", "bin/pe-dense.mjs", "convert", "--annotations", str(OUT / "coco.json"), "--images",
                        str(OUT / "images"), "--to", to, "--out", str(out), "--quiet", "--lossy", *more], cwd=ROOT, check=True)
    def same(name, got, tool):
        want = expected["boxes"][name]
        key = lambda row: [int(row[0]), *np.round(row[1:]).astype(int)]
        assert sorted(map(key, got)) == sorted(want), (tool, name, got, want)
        assert np.allclose(sorted(map(list, got)), sorted(want), atol=2e-5), (tool, name)
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        convert("coco", tmp / "a.json")
        coco = COCO(str(tmp / "a.json"))
        for image in coco.loadImgs(coco.getImgIds()):
            rows = [[NAMES.index(coco.loadCats(a["category_id"])[0]["name"]), a["bbox"][0], a["bbox"][1],
                     a["bbox"][0] + a["bbox"][2], a["bbox"][1] + a["bbox"][3]]
                    for a in coco.loadAnns(coco.getAnnIds(image["id"]))]
            same(image["file_name"], rows, "pycocotools")
            assert [image["width"], image["height"]] == expected["sizes"][image["file_name"]]
        convert("yolo", tmp / "yolo", "--pictures", "copy")
        data = sv.DetectionDataset.from_yolo(str(tmp / "yolo/images/train"), str(tmp / "yolo/labels/train"),
                                             str(tmp / "yolo/data.yaml"))
        assert data.classes == NAMES, data.classes
        for path, _, found in data:
            same(Path(path).name, [[c, *b] for c, b in zip(found.class_id, found.xyxy)], "supervision yolo")
        convert("voc", tmp / "voc", "--pictures", "copy")
        for path in (tmp / "voc/Annotations").glob("*.xml"):
            voc = VOCDetection.parse_voc_xml(ElementTree.parse(path).getroot())["annotation"]
            objects = voc.get("object", [])
            rows = [[NAMES.index(o["name"]), int(o["bndbox"]["xmin"]) - 1, int(o["bndbox"]["ymin"]) - 1,
                     int(o["bndbox"]["xmax"]), int(o["bndbox"]["ymax"])] for o in objects]
            same(voc["filename"], rows, "torchvision")
        convert("csv", tmp / "a.csv")
        rows = list(csv.DictReader(open(tmp / "a.csv", newline="")))
        for name in expected["boxes"]:
            own = [r for r in rows if r["filename"] == name]
            assert own and all([int(r["width"]), int(r["height"])] == expected["sizes"][name] for r in own)
            same(name, [[NAMES.index(r["class"]), *(float(r[k]) for k in ("xmin", "ymin", "xmax", "ymax"))]
                        for r in own if r["class"]], "csv")
    print("pycocotools, supervision, torchvision and csv read our files as they were meant")


if __name__ == "__main__":
    check() if "--check" in sys.argv else make()
