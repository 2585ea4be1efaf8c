"""Other projects' detectors decoded independently of this project's code, for goldens and for AP.

Needs numpy, onnx, onnxruntime, opencv-python-headless, pycocotools (requirements.txt).

    python tools/golden/own_detectors.py golden
        writes test/golden/own-detectors.json: seeded outputs of each kind of head and the candidates in them
    python tools/golden/own_detectors.py score MODELS COCO [NAME ...] [--profiles]
        MODELS holds a folder per name with the ONNX file that MODEL_FILES names, COCO holds images/ and
        instances.json; with --profiles colours go through embedded profiles, as in this project; prints AP, AP50, APs, APm, APl of each, by pycocotools at score 0.001, 100 boxes per picture
    python tools/golden/own_detectors.py convert MODELS TEACHERS
        derives files that are not published in that form: NanoDet-Plus-m as ONNX from its ncnn files, DEIMv2-Femto cut
        before its postprocessor, YOLOX-Nano with decoding and with suppression inside

Each detector's preprocessing is written out here as its publisher's demo has it, not read from a model.json.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np


# ---------------------------------------------------------------------------------------------------------------- decoding
def sigmoid(x):
    return 1 / (1 + np.exp(-x.astype(np.float64)))


def softmax(x):
    e = np.exp(x.astype(np.float64) - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def cells(strides, height, width, offset):
    """Anchor points [n, 2] and strides [n], row by row, level by level."""
    points, steps = [], []
    for s in strides:
        ys, xs = np.mgrid[0 : math.ceil(height / s), 0 : math.ceil(width / s)]
        points.append(np.stack([(xs.ravel() + offset) * s, (ys.ravel() + offset) * s], 1))
        steps.append(np.full(xs.size, s))
    return np.concatenate(points), np.concatenate(steps)


def yolox(rows, strides, height, width):
    """rows [n, 5 + classes] as the raw grid -> boxes [n, 4] xyxy input pixels, scores [n, classes]"""
    corner, step = cells(strides, height, width, 0)
    rows = rows.astype(np.float64)
    centre = rows[:, :2] * step[:, None] + corner
    size = np.exp(rows[:, 2:4]) * step[:, None]
    return np.concatenate([centre - size / 2, centre + size / 2], 1), rows[:, 4:5] * rows[:, 5:]


def dfl(scores, sides, bins, strides, height, width, offset=0.5, shift=0.0):
    """scores [n, classes], sides [n, 4 * bins] -> boxes, scores"""
    point, step = cells(strides, height, width, offset)
    point = point + shift
    ltrb = (softmax(sides.reshape(-1, 4, bins)) * np.arange(bins)).sum(-1) * step[:, None]
    return np.concatenate([point - ltrb[:, :2], point + ltrb[:, 2:]], 1), scores


def cxcywh(b):
    b = b.astype(np.float64)
    return np.concatenate([b[:, :2] - b[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2], 1)


# ---------------------------------------------------------------------------------------------------------------- goldens
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


def seeded(seed, *shape, low=0.0, high=1.0):
    draw = mulberry32(seed)
    flat = [low + (high - low) * draw() for _ in range(math.prod(shape))]
    return np.array(flat, np.float32).reshape(shape)


def candidates(boxes, scores, threshold):
    """Every (box, class) above the threshold, best first: [x1, y1, x2, y2, score, class]"""
    row, category = np.nonzero(scores >= threshold)
    order = np.argsort(-scores[row, category], kind="stable")
    return [
        [*map(lambda v: round(float(v), 5), boxes[row[i]]), round(float(scores[row[i], category[i]]), 7), int(category[i])]
        for i in order
    ]


def golden():
    height, width, classes = 96, 64, 3
    n = 12 * 8 + 6 * 4 + 3 * 2
    cases = {}

    def add(name, head, outputs, boxes, scores, threshold):
        cases[name] = {
            "head": head,
            "outputs": outputs,  # name -> [seed, low, high, dims]; the test makes the same numbers
            "score": threshold,
            "want": candidates(boxes, scores, threshold),
        }

    def out(seed, dims, low=0.0, high=1.0):
        return [seed, low, high, list(dims)], seeded(seed, *dims, low=low, high=high)

    spec, raw = out(1, (1, n, 5 + classes))
    add("yolox raw grid", {"kind": "yolox", "output": "o", "strides": [8, 16, 32]}, {"o": spec},
        *yolox(raw[0], [8, 16, 32], height, width), 0.7)
    spec, raw = out(2, (1, 5 + classes, n), -4, 4)
    r = raw[0].T
    add("yolox decoded, columns, logits", {"kind": "yolox", "output": "o", "decoded": True, "layout": "columns", "activation": "sigmoid"},
        {"o": spec}, cxcywh(r[:, :4]), sigmoid(r[:, 4:5]) * sigmoid(r[:, 5:]), 0.8)
    spec, raw = out(3, (1, 4 + classes, n))
    r = raw[0].T
    add("no objectness, shares, xyxy", {"kind": "yolox", "output": "o", "decoded": True, "layout": "columns", "objectness": False, "boxFormat": "xyxy", "boxUnit": "share"},
        {"o": spec}, r[:, :4] * [width, height, width, height], r[:, 4:], 0.98)
    bins = 5
    spec, raw = out(4, (1, n, classes + 4 * bins), -3, 3)
    add("distributions joined, cells at the corner", {"kind": "dfl", "strides": [8, 16, 32], "bins": bins, "joined": ["o"], "activation": "sigmoid", "cell": 0},
        {"o": spec}, *dfl(sigmoid(raw[0][:, :classes]), raw[0][:, classes:], bins, [8, 16, 32], height, width, 0), 0.94)
    specs, levels = {}, []
    for i, s in enumerate([8, 16, 32]):
        h, w = height // s, width // s
        specs[f"c{i}"], c = out(10 + i, (1, classes, h, w))
        specs[f"d{i}"], d = out(20 + i, (1, 4 * bins, h, w), -3, 3)
        levels.append((c[0].reshape(classes, -1).T, d[0].reshape(4 * bins, -1).T))
    add("distributions in maps, half a pixel off", {"kind": "dfl", "strides": [8, 16, 32], "bins": bins, "scores": ["c0", "c1", "c2"], "distances": ["d0", "d1", "d2"], "layout": "columns", "cellPixels": -0.5},
        specs, *dfl(np.concatenate([c for c, _ in levels]), np.concatenate([d for _, d in levels]), bins, [8, 16, 32], height, width, 0.5, -0.5), 0.97)
    s1, c = out(5, (1, n, classes))
    s2, d = out(6, (1, n, 4), 0, 40)
    point, _ = cells([8, 16, 32], height, width, 0)
    d64 = d[0].astype(np.float64)
    add("plain distances in pixels", {"kind": "dfl", "strides": [8, 16, 32], "bins": 1, "scores": ["c"], "distances": ["d"], "unit": "pixel", "cell": 0},
        {"c": s1, "d": s2}, np.concatenate([point - d64[:, :2], point + d64[:, 2:]], 1), c[0], 0.98)
    q = 40
    s1, logits = out(7, (1, q, classes), -6, 3)
    s2, b = out(8, (1, q, 4))
    add("queries, sigmoid", {"kind": "detr", "scores": "s", "boxes": "b", "activation": "sigmoid", "boxFormat": "cxcywh", "boxUnit": "share"},
        {"s": s1, "b": s2}, cxcywh(b[0]) * [width, height, width, height], sigmoid(logits[0]), 0.7)
    for where in ("first", "last"):
        s1, logits = out(9, (1, q, classes + 1), -3, 3)
        p = softmax(logits[0])
        p = p[:, 1:] if where == "first" else p[:, :-1]
        top = np.where(p == p.max(1, keepdims=True), p, 0)  # DETR keeps one class per query
        add(f"queries, softmax, nothing {where}", {"kind": "detr", "scores": "s", "boxes": "b", "activation": "softmax", "background": where, "boxFormat": "xywh", "boxUnit": "pixel"},
            {"s": s1, "b": s2}, np.concatenate([b[0][:, :2], b[0][:, :2].astype(np.float64) + b[0][:, 2:]], 1), top, 0.6)
    path = Path("test/golden/own-detectors.json")
    path.write_text(json.dumps({"height": height, "width": width, "classes": classes, "cases": cases}, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size, "bytes;", {k: len(c["want"]) for k, c in cases.items()})


# ---------------------------------------------------------------------------------------------------------------- scoring
def nms(boxes, scores, threshold):
    order, kept = np.argsort(-scores, kind="stable"), []
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    while order.size:
        i, rest = order[0], order[1:]
        kept.append(i)
        w = np.minimum(boxes[i, 2], boxes[rest, 2]) - np.maximum(boxes[i, 0], boxes[rest, 0])
        h = np.minimum(boxes[i, 3], boxes[rest, 3]) - np.maximum(boxes[i, 1], boxes[rest, 1])
        inter = np.clip(w, 0, None) * np.clip(h, 0, None)
        order = rest[inter / (area[i] + area[rest] - inter + 1e-9) <= threshold]
    return kept


def suppress(boxes, scores, iou, floor=0.001, candidates=3000, most=100):
    """NMS class by class among the best candidates: with all of them it takes minutes, and no AP changes."""
    row, category = np.nonzero(scores >= floor)
    value = scores[row, category]
    top = np.argsort(-value, kind="stable")[:candidates]
    row, category, value = row[top], category[top], value[top]
    found = []
    for c in np.unique(category):
        own = np.nonzero(category == c)[0]
        found += [[*boxes[row[own[k]]], value[own[k]], c] for k in nms(boxes[row[own]], value[own], iou)]
    return sorted(found, key=lambda r: -r[4])[:most]


def squash(picture, size, bgr, mean, std, interpolation):
    import cv2

    x = cv2.resize(picture, (size, size), interpolation=interpolation)
    x = (x if bgr else x[:, :, ::-1]).astype(np.float32)
    return ((x - np.float32(mean)) / np.float32(std)).transpose(2, 0, 1)[None].astype(np.float32)


IMAGENET = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])  # of 0..255, red first


def run_yolox(session, picture, size):
    """Megvii-BaseDetection/YOLOX demo: corner letterbox on grey 114, BGR 0..255"""
    import cv2

    h, w = picture.shape[:2]
    ratio = min(size / h, size / w)
    padded = np.full((size, size, 3), 114, np.uint8)
    inner = cv2.resize(picture, (int(w * ratio), int(h * ratio)), interpolation=cv2.INTER_LINEAR)
    padded[: inner.shape[0], : inner.shape[1]] = inner
    return session.run(None, {session.get_inputs()[0].name: padded.transpose(2, 0, 1)[None].astype(np.float32)}), ratio


def detect_yolox(session, picture, size):
    out, ratio = run_yolox(session, picture, size)
    boxes, scores = yolox(out[0][0], [8, 16, 32], size, size)
    return suppress(boxes / ratio, scores, 0.65)


def detect_yolox_decoded(session, picture, size):
    out, ratio = run_yolox(session, picture, size)
    r = out[0][0]
    return suppress(cxcywh(r[:, :4]) / ratio, (r[:, 4:5] * r[:, 5:]).astype(np.float64), 0.65)


def detect_yolox_nms(session, picture, size):
    out, ratio = run_yolox(session, picture, size)
    rows = out[0]  # [n, 7]: picture, x1, y1, x2, y2, class, score
    found = [[*(r[1:5] / ratio), float(r[6]), int(r[5])] for r in rows if r[6] >= 0.001]
    return sorted(found, key=lambda r: -r[4])[:100]


def in_picture(boxes, picture, size):
    h, w = picture.shape[:2]
    return boxes * np.array([w / size, h / size, w / size, h / size])


def detect_picodet(session, picture, size):
    """PaddleDetection: squash, RGB, ImageNet normalisation, NMS 0.6. Bilinear here, as in the Android demos."""
    import cv2

    x = squash(picture, size, False, *IMAGENET, cv2.INTER_LINEAR)
    out = session.run(None, {session.get_inputs()[0].name: x})
    boxes, scores = dfl(np.concatenate([o[0] for o in out[:4]]), np.concatenate([o[0] for o in out[4:]]), 8, [8, 16, 32, 64], size, size)
    return suppress(in_picture(boxes, picture, size), scores.astype(np.float64), 0.6)


def detect_nanodet_plus(session, picture, size):
    """RangiLyu/nanodet, plus-m: squash (keep_ratio false), BGR, cells at their corner"""
    import cv2

    x = squash(picture, size, True, IMAGENET[0][::-1], IMAGENET[1][::-1], cv2.INTER_LINEAR)
    o = session.run(None, {session.get_inputs()[0].name: x})[0][0]
    boxes, scores = dfl(o[:, :80], o[:, 80:], 8, [8, 16, 32, 64], size, size, 0)
    return suppress(in_picture(boxes, picture, size), scores.astype(np.float64), 0.6)


def detect_nanodet_m(session, picture, size):
    """RangiLyu/nanodet, m: keep_ratio on black, bilinear (warpAffine there, centred as in Kazuhito00/NanoDet-ONNX-Sample),
    cells at their centre less half a pixel"""
    import cv2

    h, w = picture.shape[:2]
    scale = min(size / h, size / w)
    nh, nw = (size, int(size / (h / w))) if h > w else (int(size * (h / w)), size)
    top, left = int((size - nh) * 0.5), int((size - nw) * 0.5)
    canvas = np.zeros((size, size, 3), np.uint8)
    canvas[top : top + nh, left : left + nw] = cv2.resize(picture, (nw, nh), interpolation=cv2.INTER_LINEAR)
    x = (canvas.astype(np.float32) - np.float32(IMAGENET[0][::-1])) / np.float32(IMAGENET[1][::-1])
    out = session.run(None, {session.get_inputs()[0].name: x.transpose(2, 0, 1)[None].astype(np.float32)})
    boxes, scores = dfl(np.concatenate([o[0] for o in out[:3]]), np.concatenate([o[0] for o in out[3:]]), 8, [8, 16, 32], size, size, 0.5, -0.5)
    boxes = (boxes - [left, top, left, top]) * [w / nw, h / nh, w / nw, h / nh]
    return suppress(boxes, scores.astype(np.float64), 0.6)


def detect_deim(session, picture, size):
    """Kazuhito00/DEIMv2-ONNX-Sample: squash, RGB 0..1, the picture's size as second input, no NMS"""
    import cv2

    h, w = picture.shape[:2]
    x = squash(picture, size, False, [0, 0, 0], [255, 255, 255], cv2.INTER_LINEAR)
    labels, boxes, scores = session.run(["labels", "boxes", "scores"], {"images": x, "orig_target_sizes": np.array([[w, h]], np.int64)})
    return [[*b, float(s), int(c)] for b, s, c in zip(boxes[0], scores[0], labels[0]) if s >= 0.001][:100]


def detect_deim_logits(session, picture, size):
    import cv2

    x = squash(picture, size, False, [0, 0, 0], [255, 255, 255], cv2.INTER_LINEAR)
    logits, boxes = session.run(["logits", "pred_boxes"], {"images": x})
    h, w = picture.shape[:2]
    p = sigmoid(logits[0])
    flat = np.argsort(-p.ravel(), kind="stable")[:300]
    box = cxcywh(boxes[0]) * [w, h, w, h]
    return [[*box[i // 80], p.ravel()[i], i % 80] for i in flat if p.ravel()[i] >= 0.001][:100]


MODEL_FILES = {  # name: (file, size, detector)
    "deimv2-femto": ("deimv2_hgnetv2_femto_coco.onnx", 416, detect_deim),
    "deimv2-atto": ("deimv2_hgnetv2_atto_coco.onnx", 320, detect_deim),
    "deimv2-femto-logits": ("deimv2_femto_logits.onnx", 416, detect_deim_logits),
    "yolox-nano": ("yolox_nano.onnx", 416, detect_yolox),
    "yolox-nano-decoded": ("yolox_nano_decoded.onnx", 416, detect_yolox_decoded),
    "yolox-nano-nms": ("yolox_nano_nms.onnx", 416, detect_yolox_nms),
    "picodet-s-320": ("picodet_s_320.onnx", 320, detect_picodet),
    "picodet-s-416": ("picodet_s_416.onnx", 416, detect_picodet),
    "nanodet-plus-m-416": ("nanodet_plus_m_416.onnx", 416, detect_nanodet_plus),
    "nanodet-m-320": ("nanodet_m_320.onnx", 320, detect_nanodet_m),
    "nanodet-m-416": ("nanodet_m_416.onnx", 416, detect_nanodet_m),
}


def score(models, coco, names):
    import contextlib
    import io

    profiles = "--profiles" in names
    names = [name for name in names if name != "--profiles"]
    if profiles:
        sys.path.insert(0, str(Path(__file__).parent.parent / "train"))
        from evaluate import read_picture

    import cv2
    import onnxruntime
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(coco / "instances.json"))
    categories = sorted(truth.getCatIds())
    for name in names or MODEL_FILES:
        file, size, detect = MODEL_FILES[name]
        path = models / name / file
        if not path.exists():
            print(f"{name}: {file} is not there")
            continue
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        results = []
        for i in sorted(truth.getImgIds()):
            file = str(coco / "images" / truth.imgs[i]["file_name"])
            picture = read_picture(file)[:, :, ::-1].copy() if profiles else cv2.imread(file)
            h, w = picture.shape[:2]
            for x1, y1, x2, y2, s, c in detect(session, picture, size):
                x1, x2 = np.clip([x1, x2], 0, w)
                y1, y2 = np.clip([y1, y2], 0, h)
                results.append({"image_id": i, "category_id": categories[c], "bbox": [float(v) for v in (x1, y1, x2 - x1, y2 - y1)], "score": float(s)})
        with contextlib.redirect_stdout(io.StringIO()):
            e = COCOeval(truth, truth.loadRes(results), "bbox")
            e.evaluate()
            e.accumulate()
            e.summarize()
        ap = [100 * e.stats[k] for k in (0, 1, 3, 4, 5)]
        print(f"{name} {size}: AP {ap[0]:.2f} AP50 {ap[1]:.2f} APs {ap[2]:.2f} APm {ap[3]:.2f} APl {ap[4]:.2f}", flush=True)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "golden":
        golden()
    elif what == "score":
        score(Path(rest[0]), Path(rest[1]), rest[2:])
    elif what == "convert":
        from own_detectors_convert import convert

        convert(Path(rest[0]), Path(rest[1]))
    else:
        raise SystemExit(__doc__)
