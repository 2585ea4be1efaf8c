"""LVIS figures by the lvis package -> test/golden/lvis/cases.json

Run: python tools/golden/lvis_cases.py                 (needs lvis==0.5.3, pycocotools==2.0.11, numpy==2.4.6)
     python tools/golden/lvis_cases.py --fuzz 200 DIR  writes more random cases to DIR/cases.json, for
                                                       LVIS_FUZZ=DIR/cases.json npx vitest run test/evaluate/lvis

lvis 0.5.3 uses np.float, which numpy has dropped: set here to float before use. Seeded random federated sets: absent and
not fully annotated categories, rare, common and frequent ones, ignored annotations, areas of 0, more than the allowed
number of results per image, equal scores, boxes and masks.
"""

import json
import os
import pathlib
import sys
import tempfile

import numpy as np

np.float = float
from lvis import LVIS, LVISEval, LVISResults  # noqa: E402
from pycocotools import mask as M  # noqa: E402

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "lvis"
H, W = 96, 128


def blob(rng, b):
    k = int(rng.integers(3, 12))
    a = np.sort(rng.random(k)) * 2 * np.pi
    x = b[0] + b[2] * (0.5 + np.cos(a) * rng.uniform(0.3, 0.5, k))
    y = b[1] + b[3] * (0.5 + np.sin(a) * rng.uniform(0.3, 0.5, k))
    return np.round(np.stack([x, y], 1), 2).ravel().tolist()


def make(seed, images=10, cats=9, per=4, results=12, masks=False):
    rng = np.random.default_rng(seed)
    cat_ids = [int(c) for c in rng.choice(40, cats, replace=False)]
    gt = {"images": [], "annotations": [],
          "categories": [{"id": c, "name": f"c{c}", "frequency": str(rng.choice(["r", "c", "f"]))} for c in cat_ids]}
    dt = []
    for i in rng.permutation(images):
        image_id = int(11 + 3 * i)
        here = []
        for _ in range(int(rng.integers(0, 2 * per))):
            w, h = np.exp(rng.uniform(np.log(4), np.log(110), 2))
            b = [float(rng.uniform(0, W - 4)), float(rng.uniform(0, H - 4)), float(w), float(h)]
            a = {"id": len(gt["annotations"]) + int(seed % 5 != 0), "image_id": image_id, "category_id": int(rng.choice(cat_ids)),
                 "bbox": np.round(b, 2).tolist(), "area": float(np.round(w * h * 0.7, 2)), "segmentation": [blob(rng, b)]}
            if rng.random() < 0.08:
                a["area"] = float(rng.choice([0, 32**2, 96**2]))
            if rng.random() < 0.1:
                a["ignore"] = 1
            if rng.random() < 0.05:
                a["iscrowd"] = 1
            here.append(a)
            gt["annotations"].append(a)
        present = {a["category_id"] for a in here}
        absent = [c for c in cat_ids if c not in present and rng.random() < 0.4]
        partial = [c for c in cat_ids if rng.random() < 0.2]
        gt["images"].append({"id": image_id, "width": W, "height": H, "coco_url": f"http://x/{image_id}.jpg",
                             "neg_category_ids": absent, "not_exhaustive_category_ids": partial})
        for _ in range(int(rng.integers(0, 2 * results))):
            if here and rng.random() < 0.7:
                a = here[int(rng.integers(len(here)))]
                b = np.array(a["bbox"]) * (1 + rng.normal(0, rng.choice([0, 0.03, 0.15]), 4))
                c = a["category_id"] if rng.random() < 0.85 else int(rng.choice(cat_ids))
            else:
                w, h = np.exp(rng.uniform(np.log(4), np.log(110), 2))
                b, c = np.array([rng.uniform(0, W - 4), rng.uniform(0, H - 4), w, h]), int(rng.choice(cat_ids))
            b[2:] = np.abs(b[2:]) if rng.random() > 0.03 else 0
            d = {"image_id": image_id, "category_id": c, "score": float(np.round(rng.random(), 2))}
            if masks:
                d["segmentation"] = {"size": [H, W], "counts": M.frPyObjects([blob(rng, b)], H, W)[0]["counts"].decode()}
            else:
                d["bbox"] = np.round(b, 2).tolist()
            dt.append(d)
    return gt, dt


def case(name, gt, dt, iou="bbox", max_dets=300):
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, "gt.json")
        with open(path, "w") as f:
            json.dump(gt, f)
        g = LVIS(path)
        e = LVISEval(g, LVISResults(g, json.loads(json.dumps(dt)), max_dets=max_dets), iou)
        e.params.max_dets = max_dets
        e.run()
    figures = {k.split("@")[0] if k[2:3] in ("s", "m", "l") else k.replace("@", ""): float(v) for k, v in e.get_results().items()}
    return {"name": name, "gt": gt, "dt": dt, "iou": iou, "max_dets": max_dets, "figures": figures}


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)


if len(sys.argv) > 3 and sys.argv[1] == "--fuzz":
    out = []
    for s in range(int(sys.argv[2])):
        rng = np.random.default_rng(5000 + s)
        masks = s % 3 == 0
        gt, dt = make(7000 + s, int(rng.integers(1, 12)), int(rng.integers(1, 12)), int(rng.integers(1, 8)), int(rng.choice([3, 15, 60])), masks)
        if gt["annotations"] and dt:
            out.append(case(f"fuzz {s}", gt, dt, "segm" if masks else "bbox", int(rng.choice([300, 10]))))
    write(pathlib.Path(sys.argv[3]) / "cases.json", out)
else:
    write(OUT / "cases.json", [
        case("boxes", *make(1)),
        case("boxes, annotation id 0", *make(5)),
        case("10 results per image", *make(2, results=20), max_dets=10),
        case("more than 300 results per image", *make(3, images=2, results=250, cats=3, per=8)),
        case("masks", *make(4, masks=True), iou="segm"),
        case("boxes of masks", *make(6, masks=True)),
        case("boxes as masks", *make(7), iou="segm"),
    ])
