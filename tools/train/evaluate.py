"""COCO figures of a detector in PyTorch, by pycocotools.

    python tools/train/evaluate.py --weights .train/run/ema.pt --images DIR --gt instances.json --size 256

`--weights` is a file saved by train.py, a model directory, or (with `--teacher`) the teacher's files without their ending.
"""

import argparse
import contextlib
import io
import json
import os

import numpy as np
import torch
from PIL import Image, ImageCms
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchvision.ops import batched_nms

from data import as_coco
from head import cell_centres, distances, flatten_levels
from model_dir import load_detector
from picodet import PicoDet

SRGB = ImageCms.createProfile("sRGB")
STATS = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]


def read_picture(path):
    """[h, w, 3] uint8 RGB. Colours go through the embedded profile to sRGB, as the TypeScript side's decoder does: of COCO's
    pictures nearly half carry one, and taking their numbers as they are costs this project's detector 0.2 AP."""
    with Image.open(path) as file:
        profile, picture = file.info.get("icc_profile"), file.convert("RGB")
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError):  # a broken profile: the numbers as they are
            picture = ImageCms.profileToProfile(picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)), SRGB)
    return np.array(picture)


@torch.no_grad()
def detect(model, picture, size, score=0.001, iou=0.5, limit=100, before=1000):
    """picture uint8 [h, w, 3] RGB, squashed to size x size (bilinear, antialiased) -> boxes [n, 6] in its pixels."""
    h, w = picture.shape[:2]
    device = next(model.parameters()).device
    x = torch.from_numpy(np.ascontiguousarray(picture)).to(device).permute(2, 0, 1)[None].float()
    x = torch.nn.functional.interpolate(x, (size, size), mode="bilinear", align_corners=False, antialias=True)
    maps = model(x / 127.5 - 1)
    logits, reg = flatten_levels(maps, model.head.classes, model.head.bins)
    centres, scale = cell_centres(maps, model.strides)
    ltrb = distances(reg[0], 1.0) * scale
    scores = logits[0].sigmoid()
    value, index = scores.flatten().topk(min(before, scores.numel()))
    index, value = index[value > score], value[value > score]
    anchor, cls = index // model.head.classes, index % model.head.classes
    boxes = torch.cat((centres[anchor] - ltrb[anchor, :2], centres[anchor] + ltrb[anchor, 2:]), 1)
    boxes = boxes * torch.tensor([w / size, h / size] * 2, device=device)
    boxes[:, 0::2] = boxes[:, 0::2].clamp(0, w)
    boxes[:, 1::2] = boxes[:, 1::2].clamp(0, h)
    keep = batched_nms(boxes, value, cls, iou)[:limit]
    return torch.cat((boxes[keep], value[keep, None], cls[keep, None].float()), 1).cpu().numpy()


def evaluate(model, images, annotations, size, results=None, iou=0.5):
    """-> {"AP": ..., ...} over every picture of `annotations`. Classes are matched by name where the model knows its own
    (`model.labels`); the annotations' other categories do not count."""
    model.eval()
    names = getattr(model, "labels", None)
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO(annotations)
        categories = sorted(gt.getCatIds())
        if names is not None:
            ids = {c["name"]: c["id"] for c in gt.cats.values()}
            categories = [ids.get(name) for name in names]
        found = []
        for i in sorted(gt.getImgIds()):
            picture = read_picture(os.path.join(images, gt.imgs[i]["file_name"]))
            for x1, y1, x2, y2, s, c in detect(model, picture, size, iou=iou).tolist():
                if categories[int(c)] is not None:
                    found.append(dict(image_id=i, category_id=categories[int(c)], bbox=[x1, y1, x2 - x1, y2 - y1], score=s))
        if results:
            with open(results, "w") as file:
                json.dump(found, file)
        if not found:
            return dict.fromkeys(STATS, 0.0)
        e = COCOeval(gt, gt.loadRes(found), "bbox")
        e.params.catIds = sorted(c for c in categories if c is not None)
        e.evaluate(), e.accumulate(), e.summarize()
    return dict(zip(STATS, e.stats.tolist()))


class TeacherDetector(torch.nn.Module):
    """The teacher behind the detector's interface, so that both are measured by the same code."""

    strides = (8, 16, 32, 64)

    def __init__(self, path):
        super().__init__()
        self.teacher = PicoDet(path)
        self.head = torch.nn.Module()
        self.head.classes, self.head.bins = 80, 8
        self.register_parameter("none", torch.nn.Parameter(torch.zeros(())))

    def forward(self, x):
        return self.teacher((x + 1) * 127.5)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--weights", required=True)
    p.add_argument("--images", required=True)
    p.add_argument("--gt", required=True)
    p.add_argument("--size", type=int, nargs="+", default=[256])
    p.add_argument("--teacher", action="store_true")
    p.add_argument("--results")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    if a.teacher:
        model = TeacherDetector(a.weights)
    else:
        model = load_detector(a.weights)
    for size in a.size:
        stats = evaluate(model, a.images, as_coco(a.gt, a.images), size, a.results)
        print(size, " ".join(f"{k} {100 * v:.2f}" for k, v in stats.items()), flush=True)


if __name__ == "__main__":
    main()
