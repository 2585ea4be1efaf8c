"""Confusion matrices by pycocotools -> test/golden/tide/confusion.json

Run: python tools/golden/confusion.py        (needs pycocotools==2.0.11, numpy==2.4.6)

COCOeval with categories ignored pairs results and annotations at IoU 0.5; its pairs are counted by category. The sets are
those of coco.py (test/golden/coco/cases.json, run it first), results below a score left out.
"""

import contextlib
import io
import json
import pathlib

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden"


def matrix(gt, dt, iou, score):
    dt = [d for d in dt if d["score"] >= score]
    with contextlib.redirect_stdout(io.StringIO()):
        g = COCO()
        g.dataset = json.loads(json.dumps(gt))
        g.createIndex()
        d = g.loadRes(json.loads(json.dumps(dt)))
        e = COCOeval(g, d, iou)
        e.params.useCats = 0
        e.evaluate()
    cats = sorted(c["id"] for c in gt["categories"])
    k = {c: i for i, c in enumerate(cats)}
    n = len(cats)
    m = np.zeros((n + 1, n + 1), int)
    for r in e.evalImgs:
        if r is None or r["aRng"] != e.params.areaRng[0]:
            continue
        for di, gi, ig in zip(r["dtIds"], r["dtMatches"][0], r["dtIgnore"][0]):
            if not ig:
                m[k[g.anns[int(gi)]["category_id"]] if gi else n, k[d.anns[di]["category_id"]]] += 1
        for gi, di, ig in zip(r["gtIds"], r["gtMatches"][0], r["gtIgnore"]):
            if not ig and not di:
                m[k[g.anns[int(gi)]["category_id"]], n] += 1
    return m.ravel().tolist()


out = []
for c in json.loads((OUT / "coco" / "cases.json").read_text())["cases"]:
    o = c["options"]
    if not c["dt"] or any(a["id"] == 0 for a in c["gt"]["annotations"]) or set(o) - {"iou"}:
        continue
    for score in (0, 0.35):
        out.append({"name": c["name"], "iou": o.get("iou", "bbox"), "score": score, "counts": matrix(c["gt"], c["dt"], o.get("iou", "bbox"), score)})
path = OUT / "tide" / "confusion.json"
path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
print(path, path.stat().st_size, len(out))
