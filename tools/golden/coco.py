"""COCO figures by pycocotools and faster-coco-eval -> test/golden/coco/cases.json

Run: python tools/golden/coco.py                 (needs pycocotools==2.0.11, faster-coco-eval==1.8.0, numpy==2.4.6)
     python tools/golden/coco.py --fuzz 300 DIR  writes 300 more random cases to DIR/cases.json, for
                                                 COCO_FUZZ=DIR/cases.json npx vitest run test/evaluate/coco

Seeded random sets of every awkward kind. Expected figures come from pycocotools; for custom maxDets, which pycocotools
hard-codes, from faster-coco-eval. The two files of COCO's own fake results (instances_val2014_*.json, from
github.com/cocodataset/cocoapi/tree/master/results, first 100 images, as kept by faster-coco-eval's tests) are evaluated too.
"""

import contextlib
import io
import json
import pathlib
import sys

import numpy as np
from pycocotools import mask as M
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "coco"
H, W = 120, 160


def quiet(f):
    with contextlib.redirect_stdout(io.StringIO()):
        return f()


def r(x, digits=2):
    return np.round(x, digits).tolist()


class Maker:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def box(self):
        w, h = np.exp(self.rng.uniform(np.log(4), np.log(120), 2))
        return [float(self.rng.uniform(0, W - 4)), float(self.rng.uniform(0, H - 4)), float(w), float(h)]

    def blob(self, box):
        """A polygon inside a box."""
        k = int(self.rng.integers(3, 14))
        a = np.sort(self.rng.random(k)) * 2 * np.pi
        x = box[0] + box[2] * (0.5 + np.cos(a) * self.rng.uniform(0.3, 0.5, k))
        y = box[1] + box[3] * (0.5 + np.sin(a) * self.rng.uniform(0.3, 0.5, k))
        return r(np.stack([x, y], 1).ravel())

    def truth(self, images=12, cats=(1, 2, 5), per=4, first_id=1, crowd=0.15, ignore=0.15, string_ids=False, masks=False):
        rng = self.rng
        ids = [int(v) for v in rng.permutation(np.arange(3, 3 + 7 * images, 7))]
        if string_ids:
            ids = [f"img{v}" for v in ids]
        anns = []
        for i in ids:
            for _ in range(int(rng.integers(0, 2 * per))):
                b = self.box()
                a = {"id": first_id + len(anns), "image_id": i, "category_id": int(rng.choice(cats)), "bbox": r(b),
                     "area": float(np.round(b[2] * b[3] * rng.choice([1, 0.6, 1.7]), 3)),
                     "iscrowd": int(rng.random() < crowd)}
                if rng.random() < 0.1:
                    a["area"] = float(rng.choice([32**2, 96**2, 0]))
                if rng.random() < ignore:
                    a["ignore"] = 1
                if masks:
                    kind = rng.random()
                    polys = [self.blob(b) for _ in range(int(rng.integers(1, 4)))]
                    rle = M.merge(M.frPyObjects(polys, H, W))
                    if a["iscrowd"] or kind < 0.25:
                        m = M.decode(rle).ravel(order="F")
                        change = np.flatnonzero(np.diff(np.concatenate([[0], m])))
                        counts = np.diff(np.concatenate([[0], change, [m.size]])).tolist()
                        a["segmentation"] = {"size": [H, W], "counts": counts}
                    elif kind < 0.5:
                        a["segmentation"] = {"size": [H, W], "counts": rle["counts"].decode()}
                    else:
                        a["segmentation"] = polys
                anns.append(a)
        return {"images": [{"id": i, "width": W, "height": H, "file_name": f"{i}.jpg"} for i in ids],
                "annotations": anns, "categories": [{"id": int(c), "name": f"c{c}"} for c in rng.permutation(cats)]}

    def results(self, gt, per=8, scores="few", masks=False, boxes=True, skip=0.2):
        rng = self.rng
        cats = [c["id"] for c in gt["categories"]]
        out = []
        for img in gt["images"]:
            if rng.random() < skip:
                continue
            anns = [a for a in gt["annotations"] if a["image_id"] == img["id"]]
            for _ in range(int(rng.integers(0, 2 * per))):
                if anns and rng.random() < 0.75:
                    a = anns[int(rng.integers(len(anns)))]
                    b = np.array(a["bbox"])
                    b = b + rng.normal(0, rng.choice([0, 0.02, 0.1, 0.3]), 4) * np.array([b[2], b[3], b[2], b[3]])
                    b[2:] = np.maximum(b[2:], 0.5)
                    b = b.tolist()
                    c = a["category_id"] if rng.random() < 0.85 else int(rng.choice(cats))
                else:
                    b, c = self.box(), int(rng.choice(cats))
                s = {"few": lambda: float(np.round(rng.random(), 1)), "many": rng.random,
                     "wild": lambda: float(rng.normal() * 10.0 ** rng.integers(-8, 8))}[scores]()
                d = {"image_id": img["id"], "category_id": c, "score": float(s)}
                if boxes:
                    d["bbox"] = b if scores == "many" else r(b)
                if masks and not (boxes and rng.random() < 0.1):
                    rle = M.merge(M.frPyObjects([self.blob(b)], H, W))
                    d["segmentation"] = {"size": [H, W], "counts": rle["counts"].decode()}
                    if rng.random() < 0.05:
                        d["segmentation"] = {"size": [H + 1, W], "counts": M.encode(np.ones((H + 1, W), np.uint8, order="F"))["counts"].decode()}
                out.append(d)
        return out


def evaluate(gt, dt, iou="bbox", max_dets=None, use_cats=True, cat_ids=None, img_ids=None, **_):
    def run():
        if max_dets is None:
            g = COCO()
            coco, ev = COCO, COCOeval
        else:
            from faster_coco_eval import COCO as FCOCO, COCOeval_faster
            coco, ev = FCOCO, COCOeval_faster
            g = FCOCO()
        g.dataset = json.loads(json.dumps(gt))
        g.createIndex()
        if dt:
            d = g.loadRes(json.loads(json.dumps(dt)))
        else:  # loadRes stops at an empty list
            d = coco()
            d.dataset = {"images": g.dataset["images"], "categories": g.dataset["categories"], "annotations": []}
            d.createIndex()
        e = ev(g, d, iou)
        if max_dets is not None:
            e.params.maxDets = max_dets
        e.params.useCats = int(use_cats)
        if cat_ids is not None:
            e.params.catIds = cat_ids
        if img_ids is not None:
            e.params.imgIds = img_ids
        e.evaluate()
        e.accumulate()
        e.summarize()
        return e

    e = quiet(run)
    p = np.array(e.eval["precision"])
    names = {c["id"]: c["name"] for c in gt["categories"]}
    per_class = {}
    if use_cats:
        for k, c in enumerate(e.params.catIds):
            s = p[:, :, k, 0, -1]
            per_class[names[int(c)]] = float(np.mean(s[s > -1])) if (s > -1).any() else -1
    n = len(max_dets) if max_dets else 3
    keys = ["AP", "AP50", "AP75", "APs", "APm", "APl", *[f"AR{m}" for m in sorted(max_dets or [1, 10, 100])], "ARs", "ARm", "ARl"]
    return {"figures": dict(zip(keys, [float(v) for v in e.stats[: 9 + n]])), "per_class": per_class}


def case(name, gt, dt, **options):
    return {"name": name, "gt": gt, "dt": dt, "options": options, "expected": evaluate(gt, dt, **options)}


def cases():
    m = Maker(42)
    out = []
    gt = m.truth()
    out.append(case("crowd, ignore, areas, equal scores, images without results", gt, m.results(gt)))
    out.append(case("categories ignored", gt, m.results(gt), use_cats=False))
    out.append(case("some categories", gt, m.results(gt), cat_ids=[5, 1]))
    out.append(case("some images", gt, m.results(gt), img_ids=[i["id"] for i in gt["images"]][:7]))
    out.append(case("empty results", gt, []))
    gt = m.truth(crowd=1.0)
    out.append(case("nothing but crowd", gt, m.results(gt)))
    gt = m.truth(first_id=0)
    out.append(case("annotation id 0", gt, m.results(gt)))
    gt = m.truth(first_id=-6, cats=(0, 77, 1000003))
    out.append(case("negative ids, category id 0, gaps", gt, m.results(gt, scores="many")))
    gt = m.truth(string_ids=True)
    out.append(case("image ids as text", gt, m.results(gt)))
    gt = m.truth(images=3, per=10, cats=(1,))
    out.append(case("more than 100 results per image", gt, m.results(gt, per=160, skip=0)))
    gt = m.truth(images=6)
    out.append(case("scores of any size", gt, m.results(gt, scores="wild")))
    gt = m.truth(images=4, cats=(1,), crowd=0)
    same = [{"image_id": a["image_id"], "category_id": 1, "bbox": a["bbox"], "score": 0.5} for a in gt["annotations"]]
    half = [{**d, "bbox": [d["bbox"][0], d["bbox"][1], d["bbox"][2] / 2, d["bbox"][3]]} for d in same]
    flat = [{**d, "bbox": [d["bbox"][0], d["bbox"][1], 0, 0]} for d in same]
    out.append(case("perfect boxes", gt, same))
    out.append(case("IoU of exactly one half", gt, half + same))
    out.append(case("boxes without size", gt, flat + half))
    gt = m.truth()
    dt = m.results(gt, per=20)
    for md in ([1, 10, 100], [3, 7, 20], [2, 5, 300]):
        out.append(case(f"maxDets {md} by faster-coco-eval", gt, dt, max_dets=md))
    gt = m.truth(masks=True, images=9)
    out.append(case("masks alone", gt, m.results(gt, masks=True, boxes=False), iou="segm"))
    out.append(case("masks with boxes, some without mask", gt, m.results(gt, masks=True), iou="segm"))
    out.append(case("boxes of masks", gt, m.results(gt, masks=True, boxes=False)))
    out.append(case("masks, categories ignored", gt, m.results(gt, masks=True, boxes=False, per=5), iou="segm", use_cats=False))
    return out


def fuzz(n):
    out = []
    for seed in range(n):
        m = Maker(1000 + seed)
        rng = m.rng
        masks = seed % 3 == 0
        gt = m.truth(images=int(rng.integers(1, 14)), cats=tuple(int(c) for c in rng.choice(20, int(rng.integers(1, 5)), replace=False)),
                     per=int(rng.integers(1, 12)), first_id=int(rng.choice([0, 1, 500])), crowd=float(rng.choice([0, 0.1, 0.5])), masks=masks)
        boxes = bool(rng.random() < 0.5) or not masks
        dt = m.results(gt, per=int(rng.choice([2, 10, 60])), scores=str(rng.choice(["few", "many", "wild"])), masks=masks, boxes=boxes)
        if not any(g for g in gt["annotations"]):
            continue
        out.append(case(f"fuzz {seed}", gt, dt, iou="segm" if masks and rng.random() < 0.8 else "bbox", use_cats=bool(rng.random() < 0.8)))
    return out


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)


if len(sys.argv) > 3 and sys.argv[1] == "--fuzz":
    write(pathlib.Path(sys.argv[3]) / "cases.json", {"cases": fuzz(int(sys.argv[2]))})
else:
    published = {}
    for iou in ("bbox", "segm"):
        gt = json.loads((OUT / "instances_val2014_100.json").read_text())
        dt = json.loads((OUT / f"instances_val2014_fake{iou}100_results.json").read_text())
        published[iou] = evaluate(gt, dt, iou)
    write(OUT / "cases.json", {"published": published, "cases": cases()})
