"""Training pictures: a pool of encoded photographs, and composites (crops, mosaics) made from them.

Two kinds of data set are read: a folder of tar shards with `labels.jsonl.gz` (pictures with soft boxes of a teacher), and
COCO format (`images` folder and an `instances.json`). Boxes stay with the pictures, so every composite has its boxes.
"""

import gzip
import io
import json
import os
import subprocess
import tarfile
import tempfile
from collections import Counter
from dataclasses import dataclass

import cv2
import numpy as np

from labels import COCO80, category_names, names_of

cv2.setNumThreads(0)


@dataclass
class Photo:
    data: bytes | str  # encoded bytes, or a path
    boxes: np.ndarray  # [n, 6] x1 y1 x2 y2 score class, pixels of the stored picture
    source: str
    exact: bool
    name: str = ""

    def decode(self):
        """[h, w, 3] uint8 RGB"""
        raw = self.data if isinstance(self.data, bytes) else open(self.data, "rb").read()
        picture = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise ValueError("unreadable picture")
        return picture[:, :, ::-1]


def read_shards(folder):
    """Tar shards beside labels.jsonl.gz, one JSON line a picture: file, source, teacher boxes, exact boxes when known."""
    rows = {}
    with gzip.open(os.path.join(folder, "labels.jsonl.gz"), "rt") as lines:
        for line in lines:
            row = json.loads(line)
            rows[row["file"]] = row
    photos = []
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".tar"):
            continue
        with tarfile.open(os.path.join(folder, name)) as tar:
            for member in tar:
                row = rows.get(os.path.basename(member.name))
                if row is None:
                    continue
                exact = "exact" in row
                boxes = np.array(row["exact"] if exact else row["teacher"], np.float32).reshape(-1, 6)
                photos.append(Photo(tar.extractfile(member).read(), boxes, row["source"], exact, row["file"]))
    return photos


def read_coco(images, annotations, labels, grow=False):
    """COCO format. Crowds and empty boxes are left out, so are categories that `labels` (a list of names) does not have;
    with `grow` those are added to it. A picture without annotations is one of background."""
    with open(annotations) as file:
        coco = json.load(file)
    for name in category_names(coco):
        if name not in labels and grow:
            labels.append(name)
    order = {c["id"]: labels.index(c["name"]) for c in coco["categories"] if c["name"] in labels}
    boxes, left_out = {}, 0
    for a in coco["annotations"]:
        if a.get("iscrowd") or min(a["bbox"][2:]) <= 0 or a["category_id"] not in order:
            left_out += 1
            continue
        x, y, w, h = a["bbox"]
        boxes.setdefault(a["image_id"], []).append([x, y, x + w, y + h, 1.0, order[a["category_id"]]])
    if left_out:
        print(f"{annotations}: {left_out} annotations left out (crowds, empty boxes, classes that are not learnt)", flush=True)
    photos = [
        Photo(os.path.join(images, i["file_name"]), np.array(boxes.get(i["id"], []), np.float32).reshape(-1, 6), "coco", True)
        for i in coco["images"]
    ]
    absent = [p.data for p in photos if not os.path.exists(p.data)]
    if absent:
        raise FileNotFoundError(f"{len(absent)} of {len(photos)} pictures are not there, for example {absent[0]}")
    return photos


def as_coco(annotations, images=None, split=None):
    """A path to COCO annotations: the one given, or for a YOLO data.yaml, a PASCAL VOC folder or a CSV what
    `pe-dense convert --lossy` makes of it (boxes are all that training needs). `split` names the part of it."""
    if annotations.endswith(".json") and split is None:
        return annotations
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    out = os.path.join(tempfile.mkdtemp(prefix="pe-dense-"), "instances.json")
    command = ["node", os.path.join(root, "bin", "pe-dense.mjs"), "convert", "--to", "coco", "--lossy", "--quiet"]
    command += ["--annotations", annotations, "--out", out]
    command += (["--images", images] if images else []) + (["--split", split] if split else [])
    subprocess.run(command, check=True)
    return out


def read_data(entries, labels=None):
    """A config's `data` -> photographs, names of their classes. Without `labels` these are COCO's 80 where there are shards,
    else the annotations' categories, sorted by id, in the order of the entries."""
    shards = any("shards" in d for d in entries)
    names = names_of(labels) if labels else list(COCO80) if shards else []
    photos = []
    for d in entries:
        if "shards" in d:
            photos += read_shards(os.path.expandvars(d["shards"]))
        else:
            images, annotations = (os.path.expandvars(d[k]) for k in ("images", "annotations"))
            photos += read_coco(images, as_coco(annotations, images, d.get("split")), names, grow=not labels and not shards)
    return photos, names


def class_balanced_weights(photos, threshold=0.02, power=0.5, limit=6.0, certain=0.4):
    """Repeat factors (LVIS, arXiv 1908.03195): a picture weighs as its rarest class, (threshold / frequency)^power, the
    common ones at least 1, pictures without a certain object 0.7."""
    count = Counter()
    classes = []
    for p in photos:
        found = set(p.boxes[p.boxes[:, 4] >= certain, 5].astype(int).tolist())
        classes.append(found)
        count.update(found)
    n = len(photos)
    factor = {c: min(limit, max(1.0, (threshold / (k / n)) ** power)) for c, k in count.items()}
    return np.array([max([factor[c] for c in found], default=0.7) for found in classes])


class Composer:
    """Draws composites of one size from a pool. The same seed gives the same pictures."""

    def __init__(self, photos, seed, source_weights=None, mosaic=0.45, balance=None):
        self.photos = photos
        self.rng = np.random.default_rng(seed)
        weights = class_balanced_weights(photos, **(balance or {}))
        for i, p in enumerate(photos):
            weights[i] *= (source_weights or {}).get(p.source, 1.0)
        self.cumulative = np.cumsum(weights / weights.sum())
        self.mosaic = mosaic

    def pick(self):
        return self.photos[min(int(np.searchsorted(self.cumulative, self.rng.random())), len(self.photos) - 1)]

    def piece(self, height, width, least):
        """A random part (at least `least` of the area) of a random photo, stretched to height x width. -> picture, boxes"""
        photo = self.pick()
        picture = photo.decode()
        h, w = picture.shape[:2]
        area = self.rng.uniform(least, 1.0)
        aspect = np.exp(self.rng.uniform(-0.35, 0.35)) * (width / height) / (w / h)
        # the part has the target's aspect times a jitter, as far as the photo allows
        pw = min(1.0, np.sqrt(area * aspect))
        ph = min(1.0, area / pw)
        x0, y0 = self.rng.uniform(0, 1 - pw) * w, self.rng.uniform(0, 1 - ph) * h
        x1, y1 = x0 + pw * w, y0 + ph * h
        xi0, yi0, xi1, yi1 = int(x0), int(y0), max(int(x0) + 2, int(round(x1))), max(int(y0) + 2, int(round(y1)))
        part = picture[yi0:yi1, xi0:xi1]
        ph_px, pw_px = part.shape[:2]
        shrink = ph_px > height or pw_px > width
        part = cv2.resize(np.ascontiguousarray(part), (width, height), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR)
        boxes = photo.boxes.copy()
        before = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        boxes[:, [0, 2]] = boxes[:, [0, 2]].clip(xi0, xi0 + pw_px) - xi0
        boxes[:, [1, 3]] = boxes[:, [1, 3]].clip(yi0, yi0 + ph_px) - yi0
        after = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        boxes = boxes[after > 0.25 * np.maximum(before, 1e-6)]
        boxes[:, [0, 2]] *= width / pw_px
        boxes[:, [1, 3]] *= height / ph_px
        return part, boxes

    def compose(self, size):
        """-> uint8 [size, size, 3], boxes [n, 6]"""
        roll = self.rng.random()
        if roll >= self.mosaic:
            least = 0.75 if self.rng.random() < 0.6 else 0.3
            return self.piece(size, size, least)
        cut = lambda: int(size * self.rng.uniform(0.3, 0.7))  # noqa: E731
        canvas = np.empty((size, size, 3), np.uint8)
        found = []
        columns = [0, cut(), size]
        for cx0, cx1 in zip(columns, columns[1:]):
            rows = [0, size] if roll < 0.25 * self.mosaic else [0, cut(), size]
            for cy0, cy1 in zip(rows, rows[1:]):
                part, boxes = self.piece(cy1 - cy0, cx1 - cx0, 0.5)
                canvas[cy0:cy1, cx0:cx1] = part
                boxes[:, [0, 2]] += cx0
                boxes[:, [1, 3]] += cy0
                found.append(boxes)
        return canvas, np.concatenate(found)


def jitter_colours(images, generator):
    """Brightness, contrast, saturation, and now and then grey or blur; images float [B, 3, H, W] in 0..255, changed copy."""
    import torch
    import torch.nn.functional as F

    b = images.shape[0]
    draw = lambda low, high: (torch.rand(b, 1, 1, 1, generator=generator) * (high - low) + low).to(images.device)  # noqa: E731
    x = images * draw(0.7, 1.35)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * draw(0.5, 1.5)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * draw(0.7, 1.3)
    x = x + (torch.rand(b, 3, 1, 1, generator=generator).to(images.device) - 0.5) * 30
    if torch.rand((), generator=generator) < 0.1:
        x = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return x.clamp(0, 255)
