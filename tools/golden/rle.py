"""Mask run lengths and polygon drawing by pycocotools -> test/golden/rle/rle.json

Run: python tools/golden/rle.py           (needs pycocotools==2.0.11, numpy==2.4.6)

Seeded random masks (blobs, noise, stripes, empty, full, one pixel wide), polygons of every awkward kind (outside the
picture, repeated points, straight lines, crossing themselves, whole numbers and halves, negative coordinates) and boxes.
Each with its compressed text, area, box, the merge of neighbours and the IoU of all pairs.
"""

import json
import pathlib

import numpy as np
from pycocotools import mask as M

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "rle" / "rle.json"
rng = np.random.default_rng(7)


def text(rle):
    return {"size": [int(v) for v in rle["size"]], "counts": rle["counts"].decode("ascii")}


def facts(rles):
    return {
        "rles": [text(r) for r in rles],
        "area": [int(v) for v in M.area(rles)],
        "bbox": M.toBbox(rles).tolist(),
        "union": text(M.merge(rles)),
        "intersection": text(M.merge(rles, intersect=True)),
        "iou": M.iou(rles, rles, [i % 2 for i in range(len(rles))]).tolist(),
    }


def masks(h, w):
    yy, xx = np.mgrid[:h, :w]
    blob = ((yy - h * 0.4) ** 2 / max(1, h * 0.3) ** 2 + (xx - w * 0.6) ** 2 / max(1, w * 0.25) ** 2) < 1
    noise = rng.random((h, w)) < 0.3
    stripes = (yy // 2 + xx // 3) % 2 == 0
    corner = np.zeros((h, w), bool)
    corner[0, 0] = corner[-1, -1] = True
    ring = blob & ~(((yy - h * 0.4) ** 2 / max(1, h * 0.15) ** 2 + (xx - w * 0.6) ** 2 / max(1, w * 0.1) ** 2) < 1)
    return [m.astype(np.uint8) for m in (blob, noise, stripes, corner, ring, np.ones((h, w)))]


def polygons(h, w):
    out = []
    for _ in range(6):
        k = int(rng.integers(3, 12))
        out.append((rng.random(2 * k) * np.tile([w, h], k)).tolist())  # crosses itself
    for _ in range(6):
        k = int(rng.integers(3, 30))
        a = np.sort(rng.random(k)) * 2 * np.pi
        r = rng.random(k) * 0.3 + 0.2
        xy = np.stack([w / 2 + np.cos(a) * r * w, h / 2 + np.sin(a) * r * h], 1)
        out.append(np.round(xy, int(rng.integers(0, 3))).ravel().tolist())  # star, rounded: repeated points
    for _ in range(4):
        k = int(rng.integers(3, 9))
        out.append((rng.random(2 * k) * np.tile([2 * w, 2 * h], k) - np.tile([w / 2, h / 2], k)).tolist())  # leaves
    out.append([1, 1, 1, h - 2, 1, 1])  # line
    out.append([-5, -5, -1, -5, -1, -1])  # outside
    out.append([w + 1, h + 1, w + 9, h + 1, w + 9, h + 9])
    out.append([0, 0, w, 0, w, h, 0, h])  # the picture
    out.append([0.5, 0.5, w - 0.5, 0.5, w - 0.5, h - 0.5, 0.5, h - 0.5])
    out.append([-3.3, 2.2, w + 3.3, 2.7, w / 2, h + 4.1])
    out.append([2, 2, 2, 2, 7, 2, 7, 2, 7, 7, 2, 7, 2, 7])
    return out


cases = {"masks": [], "polygons": [], "boxes": []}
for h, w in [(7, 5), (1, 9), (9, 1), (33, 41), (64, 48)]:
    ms = masks(h, w)
    rles = M.encode(np.asfortranarray(np.stack(ms, 2)))
    cases["masks"].append({"height": h, "width": w, "pixels": ["".join(map(str, m.ravel())) for m in ms] if h * w < 1500 else None,
                           **facts(rles)})
for h, w in [(20, 30), (113, 97), (480, 640)]:
    ps = polygons(h, w)
    rles = M.frPyObjects(ps, h, w)
    cases["polygons"].append({"height": h, "width": w, "polygons": ps, **facts(rles)})
    boxes = np.concatenate([rng.random((8, 2)) * [w, h], rng.random((8, 2)) * [w, h] / 2], 1)
    boxes = np.concatenate([boxes, np.round(boxes), [[0, 0, 0, 0], [3, 3, 5, 0], [-4, -4, 3, 3], [1, 1, 1, 1]]])
    cases["boxes"].append({"height": h, "width": w, "boxes": boxes.tolist(), **facts(M.frPyObjects(boxes, h, w))})

OUT.parent.mkdir(parents=True, exist_ok=True)
OUT.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
print(OUT, OUT.stat().st_size)
