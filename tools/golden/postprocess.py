"""Goldens of src/postprocess: torchvision, ensemble-boxes, sahi, and the papers' formulas written out.

Run from the repository root:  python tools/golden/postprocess.py
Needs torch, torchvision, numpy, ensemble-boxes, numba (ensemble-boxes imports it), sahi and shapely as pinned in
requirements.txt. Writes test/golden/postprocess/{nms,soft,wbf,merge,slices,decode,masks}.json.

Inputs are not stored: both sides make them from a seed (test/postprocess/scene.ts is the twin of `scene` below).
Long results are stored as count and SHA-256 of their little-endian bytes.
"""

import hashlib
import json
import math
import warnings
from pathlib import Path

import numpy as np
import torch
import torchvision
from ensemble_boxes import weighted_boxes_fusion
from sahi.postprocess.backends import set_postprocess_backend
from sahi.postprocess.combine import GreedyNMMPostprocess, NMMPostprocess, NMSPostprocess
from sahi.prediction import ObjectPrediction
from sahi.slicing import get_slice_bboxes
from torchvision.models.detection._utils import BoxCoder

OUT = Path("test/golden/postprocess")
torch.set_num_threads(1)
set_postprocess_backend("numpy")
warnings.simplefilter("ignore")


def mulberry32(seed):
    """Twin of src/core/random.ts seededRandom."""
    state = seed & 0xFFFFFFFF

    def draw():
        nonlocal state
        state = (state + 0x6D2B79F5) & 0xFFFFFFFF
        t = state
        t = ((t ^ (t >> 15)) * (t | 1)) & 0xFFFFFFFF
        t ^= (t + (((t ^ (t >> 7)) * (t | 61)) & 0xFFFFFFFF)) & 0xFFFFFFFF
        return ((t ^ (t >> 14)) & 0xFFFFFFFF) / 4294967296

    return draw


def scene(kind, n, seed, class_count):
    """Seeded boxes [n, 4] float32, scores [n] float32, classes [n] int32."""
    r = mulberry32(seed)
    boxes = np.zeros((n, 4), np.float32)
    scores = np.zeros(n, np.float32)
    classes = np.zeros(n, np.int32)
    objects = []
    if kind == "clustered":
        for _ in range(max(1, n // 40)):
            objects.append((r() * 1000, r() * 1000, 10 + r() * 200, 10 + r() * 200, math.floor(r() * class_count)))
    for i in range(n):
        if kind == "scattered":
            x, y, w, h = r() * 1000, r() * 1000, 4 + r() * 100, 4 + r() * 100
            s, c = r(), math.floor(r() * class_count)
        elif kind == "clustered":
            ox, oy, ow, oh, c = objects[math.floor(r() * len(objects))]
            x, y = ox + (r() * 0.4) * ow, oy + (r() * 0.4) * oh
            w, h = ow * (0.8 + r() * 0.4), oh * (0.8 + r() * 0.4)
            s = r()
        elif kind == "lattice":  # whole pixels and eighths of score: ties, duplicates, overlaps exactly on thresholds
            x, y = math.floor(r() * 30), math.floor(r() * 30)
            w, h = 1 + math.floor(r() * 12), 1 + math.floor(r() * 12)
            s, c = math.floor(r() * 8) / 8, math.floor(r() * class_count)
        elif kind == "mixed":  # a few huge boxes, many tiny ones, far from the origin
            size = 3000 if r() < 0.05 else 20
            x, y, w, h = 70000 + r() * 4000, 70000 + r() * 4000, size * (0.1 + r()), size * (0.1 + r())
            s, c = r(), math.floor(r() * class_count)
        else:
            raise ValueError(kind)
        boxes[i] = (x, y, x + w, y + h)
        scores[i] = s
        classes[i] = c
    return boxes, scores, classes


def digest(array):
    array = np.ascontiguousarray(array)
    return {"count": len(array), "sha256": hashlib.sha256(array.tobytes()).hexdigest()}


def write(name, cases):
    OUT.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(c) for c in cases)
    (OUT / f"{name}.json").write_text("[\n" + lines + "\n]\n")
    print(name, len(cases), "cases")


def stable_order(scores):
    return np.argsort(-scores.astype(np.float64), kind="stable")


def nms_cases():
    cases = []
    for kind in ("scattered", "clustered", "lattice", "mixed"):
        for n in (1, 37, 900, 6000):
            class_count = 1 if n == 37 else 80
            for iou in (0.0, 0.3, 0.5, 0.6, 0.7, 1.0):
                for agnostic in (False, True):
                    seed = 7 + n
                    b, s, c = scene(kind, n, seed, class_count)
                    tb, ts, tc = torch.from_numpy(b), torch.from_numpy(s), torch.from_numpy(c).long()
                    keep = np.zeros(n, bool)
                    for group in [np.arange(n)] if agnostic else [np.flatnonzero(c == k) for k in np.unique(c)]:
                        keep[group[torchvision.ops.nms(tb[group], ts[group], iou).numpy()]] = True
                    kept = np.array([i for i in stable_order(s) if keep[i]], np.int32)
                    if not agnostic and 4 * n > 4000:  # batched_nms takes its per-class path: the same set
                        assert set(kept) == set(torchvision.ops.batched_nms(tb, ts, tc, iou).tolist())
                    case = dict(kind=kind, n=n, seed=seed, classCount=class_count, iou=iou, agnostic=agnostic)
                    cases.append(case | (digest(kept) if n > 100 else {"kept": kept.tolist()}))
    write("nms", cases)


def pair_iou(box, others):
    w = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    h = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    inter = np.maximum(w, 0) * np.maximum(h, 0)
    area = lambda b: (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    return inter / (area(box) + area(others) - inter)


def soft_nms(boxes, scores, kind, iou, sigma, power, floor):
    """Bodla et al. 2017, figure 2, in double; ties by input order. `power` after DETA's "quad" decay."""
    boxes, scores = boxes.astype(np.float64), scores.astype(np.float64)
    alive = np.ones(len(scores), bool)
    out = []
    while alive.any():
        best = int(np.argmax(np.where(alive, scores, -1)))
        if scores[best] < floor or scores[best] <= 0:
            break
        out.append(best)
        alive[best] = False
        overlap = pair_iou(boxes[best], boxes)
        if kind == "linear":
            decay = np.where(overlap > iou, 1 - overlap, 1)
        elif kind == "gaussian":
            decay = np.exp(-(overlap**2) / sigma)
        else:
            decay = np.where(overlap > iou, np.maximum(1 - overlap, 0) ** power, 1)
        scores = np.where(alive, scores * decay, scores)
    return out, scores


def soft_cases():
    cases = []
    for kind, n in (("clustered", 120), ("scattered", 120), ("lattice", 120), ("clustered", 1500)):
        for soft, iou, sigma, power, floor in (
            ("linear", 0.3, 0.5, 0.5, 0.001),
            ("gaussian", 0.3, 0.5, 0.5, 0.001),
            ("gaussian", 0.3, 0.3, 0.5, 0.2),
            ("power", 0.7, 0.5, 0.5, 0.001),
            ("power", 0.7, 0.5, 0.4, 0.05),
        ):
            for agnostic in (False, True):
                b, s, c = scene(kind, n, 11 + n, 5)
                kept, final = [], s.astype(np.float64)
                for group in [np.arange(n)] if agnostic else [np.flatnonzero(c == k) for k in np.unique(c)]:
                    k, scores = soft_nms(b[group], s[group], soft, iou, sigma, power, floor)
                    kept += group[k].tolist()
                    final[group[k]] = scores[k]
                kept.sort()
                kept = [kept[i] for i in stable_order(final[kept].astype(np.float32))]
                case = dict(kind=kind, n=n, seed=11 + n, classCount=5, soft=soft, iou=iou, sigma=sigma, power=power)
                case |= dict(floor=floor, agnostic=agnostic)
                if n > 200:
                    case |= digest(np.array(kept, np.int32)) | {"scoreSum": float(final[kept].sum())}
                else:
                    case |= {"kept": kept, "scores": [round(float(v), 8) for v in final[kept]]}
                cases.append(case)
    write("soft", cases)


def wbf_cases():
    cases = []
    for kind in ("clustered", "scattered"):
        for rule in ("avg", "max", "box_and_model_avg", "absent_model_aware_avg"):
            for weights, overflow in (([1, 1, 1], False), ([2, 1, 0.5], False), ([2, 1, 0.5], True)):
                if overflow and rule != "avg":
                    continue
                lists = [scene(kind, 60, 21, 4), scene(kind, 60, 22, 4), None]
                # The third list repeats the first's geometry with other scores, so that lists do agree.
                lists[2] = (lists[0][0] + np.float32(1.5), scene(kind, 60, 23, 4)[1], lists[0][2])
                boxes, scores, labels = weighted_boxes_fusion(
                    [b / 2048 for b, _, _ in lists],
                    [s for _, s, _ in lists],
                    [c for _, _, c in lists],
                    weights=weights,
                    iou_thr=0.55,
                    skip_box_thr=0.1,
                    conf_type=rule,
                    allows_overflow=overflow,
                )
                cases.append(
                    dict(kind=kind, rule=rule, weights=weights, allowsOverflow=overflow, iou=0.55, skip=0.1)
                    | dict(boxes=np.round(boxes * 2048, 3).tolist(), scores=np.round(scores, 6).tolist())
                    | dict(classes=labels.astype(int).tolist())
                )
    write("wbf", cases)


def merge_cases():
    kinds = {"nms": NMSPostprocess, "nmm": NMMPostprocess, "greedy-nmm": GreedyNMMPostprocess}
    cases = []
    for scene_kind, n in (("clustered", 60), ("lattice", 60), ("scattered", 700), ("lattice", 700), ("clustered", 2500)):
        for kind, cls in kinds.items():
            for metric in ("iou", "ios"):
                for threshold in (0.5, 0.6) if n < 1000 else (0.5,):
                    for agnostic in (False, True):
                        b, s, c = scene(scene_kind, n, 31 + n, 6)
                        predictions = [
                            ObjectPrediction(bbox=b[i].tolist(), category_id=int(c[i]), score=float(s[i]))
                            for i in range(n)
                        ]
                        merged = cls(threshold, metric.upper(), agnostic)(predictions)
                        merged.sort(key=lambda p: -p.score.value)
                        rows = np.array([[*p.bbox.to_xyxy(), p.score.value, p.category.id] for p in merged], np.float32)
                        case = dict(kind=scene_kind, n=n, seed=31 + n, classCount=6, merge=kind, metric=metric)
                        case |= dict(threshold=threshold, agnostic=agnostic)
                        small = n < 100 and threshold == 0.5
                        cases.append(case | ({"rows": rows.tolist()} if small else digest(rows)))
    write("merge", cases)


def slice_cases():
    cases = []
    for width, height, w, h, overlap in (
        (1000, 700, 320, 320, 0.2),
        (640, 640, 640, 640, 0.2),
        (641, 639, 320, 320, 0.0),
        (300, 200, 512, 512, 0.2),
        (1920, 1080, 512, 256, 0.25),
        (4000, 3000, 640, 640, 0.333),
        (100, 1000, 64, 300, 0.9),
        (7, 5, 1, 1, 0.5),
    ):
        boxes = get_slice_bboxes(height, width, h, w, False, overlap, overlap)
        case = dict(width=width, height=height, slice=[w, h], overlap=overlap)
        cases.append(case | ({"boxes": boxes} if len(boxes) < 60 else digest(np.array(boxes, np.int32))))
    write("slices", cases)


def decode_cases():
    g = torch.Generator().manual_seed(5)
    flat = lambda t: [float(v) for v in t.flatten()]
    cases = []

    boxes = torch.rand(6, 4, generator=g) * 100
    boxes[:, 2:] += boxes[:, :2] + 5
    deltas = torch.randn(6, 12, generator=g) * 4
    deltas[0, 2], deltas[1, 7] = 40.0, 31.0  # beyond the clamp
    for weights in ((10.0, 10.0, 5.0, 5.0), (1.0, 1.0, 1.0, 1.0)):
        decoded = BoxCoder(weights).decode(deltas, [boxes])
        cases.append(
            dict(what="deltas", weights=weights, boxes=flat(boxes), deltas=flat(deltas), decoded=flat(decoded))
        )

    logits = torch.randn(5, 4, 9, generator=g) * 3
    logits[0, 0, 3] = 300.0  # must not overflow
    expected = (logits.double().softmax(-1) * torch.arange(9)).sum(-1)
    cases.append(dict(what="dfl", bins=9, logits=flat(logits), decoded=flat(expected)))

    centre = torch.rand(6, 4, generator=g)
    pixels = torchvision.ops.box_convert(centre, "cxcywh", "xyxy") * torch.tensor([640.0, 480.0, 640.0, 480.0])
    cases.append(dict(what="centerSize", width=640, height=480, boxes=flat(centre), decoded=flat(pixels)))

    # Anchor-free: 96 x 70 pixels, strides 16 and 32 -> 6x5 + 3x3 cells, 3 classes.
    strides, width, height, classes = (16, 32), 96, 70, 3
    points = []
    for stride in strides:
        ys, xs = torch.meshgrid(
            torch.arange(math.ceil(height / stride)), torch.arange(math.ceil(width / stride)), indexing="ij"
        )
        points.append(torch.stack([(xs + 0.5) * stride, (ys + 0.5) * stride, torch.full(xs.shape, stride)], -1).view(-1, 3))
    points = torch.cat(points)
    anchors = len(points)
    logits = torch.randn(anchors, classes, generator=g)
    logits = (logits * 4).round() / 4  # ties
    ltrb = (torch.rand(anchors, 4, generator=g) * 192).round() / 64
    scores = logits.double().sigmoid()
    cases.append(
        dict(what="anchorInputs", strides=strides, width=width, height=height, logits=flat(logits), ltrb=flat(ltrb))
    )
    for multi_label in (True, False):
        for unit in ("pixel", "stride"):
            for limit in (10, 1000):
                scale = points[:, 2:] if unit == "stride" else 1.0
                d = ltrb * scale
                xyxy = torch.cat([points[:, :2] - d[:, :2], points[:, :2] + d[:, 2:]], 1)
                keep = scores >= 0.4
                if not multi_label:
                    first = (scores == scores.max(1, keepdim=True).values).double().argmax(1)
                    keep &= torch.nn.functional.one_hot(first, classes).bool()
                at = keep.flatten().nonzero()[:, 0].numpy()
                at = at[stable_order(scores.flatten().numpy()[at].astype(np.float32))][:limit]
                cases.append(
                    dict(what="anchors", unit=unit, multiLabel=multi_label, score=0.4, max=limit)
                    | dict(boxes=flat(xyxy[at // classes]), classes=(at % classes).tolist())
                    | dict(scores=[round(float(v), 8) for v in scores.flatten()[at]])
                )
    write("decode", cases)


def mask_cases():
    """Mask paste as detectron2 does it: grid_sample at pixel centres, zeros outside, no aligned corners."""
    cases = []
    for side, box, height, width, threshold, seed in (
        (28, (10.3, 5.7, 60.2, 50.9), 64, 80, 0.5, 1),
        (28, (-15.5, -7.25, 30.0, 90.5), 64, 80, 0.5, 2),
        (28, (20.0, 20.0, 24.5, 23.0), 64, 80, 0.5, 3),
        (7, (0.0, 0.0, 80.0, 64.0), 64, 80, 0.3, 4),
        (28, (200.0, 200.0, 250.0, 250.0), 64, 80, 0.5, 5),
    ):
        r = mulberry32(seed)
        mask = np.array([r() for _ in range(side * side)], np.float32).reshape(1, 1, side, side)
        x1, y1, x2, y2 = (torch.tensor(float(v), dtype=torch.float64) for v in box)
        ys = (torch.arange(height, dtype=torch.float64) + 0.5 - y1) / (y2 - y1) * 2 - 1
        xs = (torch.arange(width, dtype=torch.float64) + 0.5 - x1) / (x2 - x1) * 2 - 1
        grid = torch.stack([xs[None, :].expand(height, width), ys[:, None].expand(height, width)], -1)[None]
        pasted = torch.nn.functional.grid_sample(torch.from_numpy(mask).double(), grid, align_corners=False)[0, 0]
        bits = (pasted >= threshold).numpy().astype(np.uint8)
        case = dict(side=side, box=box, height=height, width=width, threshold=threshold, seed=seed)
        cases.append(case | dict(area=int(bits.sum()), sha256=digest(bits)["sha256"]))
    write("masks", cases)


if __name__ == "__main__":
    mask_cases()
    nms_cases()
    soft_cases()
    wbf_cases()
    merge_cases()
    slice_cases()
    decode_cases()
