"""Writes a synthetic data set of COCO val2017's size: 5,000 images, 36,000 ground truths, 500,000 results.

Run: python bench/coco/generate.py DIR [--images 5000]     (needs numpy, pycocotools)

DIR/gt.json: polygons (and run lengths for the crowds), 80 categories drawn as unevenly as COCO's, sizes as COCO's mix of
small, medium and large. DIR/bbox.json and DIR/segm.json: 100 results per image: jittered copies of the ground truths with a
noisy score and some wrong categories, the rest noise. Masks are 640 x 480 blobs with about 100 runs. Seeded.
"""

import argparse
import json
import pathlib

import numpy as np
from pycocotools import mask as M

parser = argparse.ArgumentParser()
parser.add_argument("dir", type=pathlib.Path)
parser.add_argument("--images", type=int, default=5000)
args = parser.parse_args()
rng = np.random.default_rng(2017)
H, W = 480, 640
CATS = [c for c in range(1, 91) if c not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)]
weight = 1 / np.arange(1, 81) ** 0.9
weight /= weight.sum()


def boxes(n):
    area = np.exp(rng.normal(np.log(3500), 1.7, n)).clip(60, 250000)
    aspect = np.exp(rng.normal(0, 0.5, n))
    w, h = np.sqrt(area * aspect).clip(4, W - 2), np.sqrt(area / aspect).clip(4, H - 2)
    return np.stack([rng.random(n) * (W - w), rng.random(n) * (H - h), w, h], 1)


def blob(box, k):
    a = np.sort(rng.random(k)) * 2 * np.pi
    r = rng.uniform(0.36, 0.5, k)
    x = box[0] + box[2] * (0.5 + np.cos(a) * r)
    y = box[1] + box[3] * (0.5 + np.sin(a) * r)
    return np.round(np.stack([x, y], 1), 2).ravel().tolist()


n_gt = round(args.images * 7.2)
per_image = np.bincount(rng.choice(args.images, n_gt, p=rng.dirichlet(np.ones(args.images))), minlength=args.images)
anns, bbox, segm = [], [], []
for i, n in enumerate(per_image):
    image_id = 100 + 37 * i
    cats = rng.choice(80, n, p=weight)
    gts = boxes(n)
    for b, c in zip(gts, cats):
        crowd = int(rng.random() < 0.012)
        poly = [blob(b, int(rng.integers(12, 40))) for _ in range(1 + int(rng.random() < 0.1))]
        rle = M.merge(M.frPyObjects(poly, H, W))
        seg = poly
        if crowd:
            m = M.decode(rle).ravel(order="F")
            change = np.flatnonzero(np.diff(np.concatenate([[0], m])))
            seg = {"counts": np.diff(np.concatenate([[0], change, [m.size]])).tolist(), "size": [H, W]}
        anns.append({"segmentation": seg, "area": float(M.area(rle)), "iscrowd": crowd, "image_id": image_id,
                     "bbox": np.round(b, 2).tolist(), "category_id": CATS[c], "id": 900000 + len(anns)})
    D = 100
    own = rng.random(D) < (0.45 if n else 0)
    pick = rng.integers(0, max(n, 1), D)
    noise = boxes(D)
    for d in range(D):
        if own[d]:
            b = gts[pick[d]] + rng.normal(0, 0.12, 4) * gts[pick[d]][[2, 3, 2, 3]]
            c = cats[pick[d]] if rng.random() < 0.85 else rng.choice(80)
            s = rng.beta(2, 2)
        else:
            b, c, s = noise[d], rng.choice(80, p=weight), rng.beta(1, 6)
        b[2:] = np.maximum(b[2:], 1)
        bbox.append({"image_id": image_id, "category_id": CATS[c], "bbox": [float(np.float32(v)) for v in b], "score": float(s)})
        rle = M.frPyObjects([blob(b, 16)], H, W)[0]
        segm.append({"image_id": image_id, "category_id": CATS[c], "segmentation": {"size": [H, W], "counts": rle["counts"].decode()}, "score": float(s)})

args.dir.mkdir(parents=True, exist_ok=True)
names = {c: f"category {c}" for c in CATS}
gt = {"info": {"description": "synthetic, val2017's size"},
      "images": [{"id": 100 + 37 * i, "width": W, "height": H, "file_name": f"{100 + 37 * i:012d}.jpg"} for i in range(args.images)],
      "annotations": anns, "categories": [{"id": c, "name": names[c]} for c in CATS]}
for name, value in (("gt", gt), ("bbox", bbox), ("segm", segm)):
    path = args.dir / f"{name}.json"
    path.write_text(json.dumps(value))
    print(path, f"{path.stat().st_size / 1e6:.0f} MB", len(anns) if name == "gt" else len(value))
