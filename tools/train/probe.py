"""How much a linear classifier reads from a patch's features: token AP, to compare backbones before any head is trained.

    python tools/train/probe.py --photos $PE_DENSE_DATA/data/photos --weights .train/backbone.pt
    python tools/train/probe.py --photos ... --weights models/dense-t16      (a model directory)
    python tools/train/probe.py --photos ... --teacher vit_s_focus.onnx      (DINOv2-S, see dinov2.py)

1,600 photographs of the pool, squashed to 12 x 12 patches; a patch's class is that of the smallest box (score 0.4 and more) around its
centre, or none. Ridge regression on 1,200 of them, average precision of each class with 50 patches or more on the other 400.
"""

import argparse
import os

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from data import read_shards
from dinov2 import PATCH as PATCH_TEACHER
from dinov2 import Dinov2
from model_dir import load_directory
from pe import CONFIGS, PEBackbone

GRID, CLASSES, COUNT, FITTED = 12, 80, 1600, 1200


def squashed(photos, side):
    """[n, 3, side, side] in -1..1"""
    drawn = [cv2.resize(np.ascontiguousarray(p.decode()), (side, side), interpolation=cv2.INTER_AREA) for p in photos]
    return torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2).float() / 127.5 - 1


def classes_of(photo):
    """[GRID * GRID] class of each patch, 80 where there is no box"""
    height, width = photo.decode().shape[:2]
    found = np.full((GRID, GRID), CLASSES)
    boxes = photo.boxes[photo.boxes[:, 4] >= 0.4]
    x, y = (np.arange(GRID) + 0.5) / GRID * width, (np.arange(GRID) + 0.5) / GRID * height
    for x1, y1, x2, y2, _, label in boxes[np.argsort(-(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))]:
        found[((y >= y1) & (y <= y2))[:, None] & ((x >= x1) & (x <= x2))[None]] = label
    return found.ravel()


def features_of(a):
    """-> function from photographs to [patches, C]"""
    if a.teacher:
        teacher = Dinov2(a.teacher)
        return lambda photos: teacher(squashed(photos, PATCH_TEACHER * GRID))[0][:, 1:].flatten(0, 1)
    if os.path.isdir(a.weights):
        backbone = load_directory(a.weights)[0].backbone.eval()
    else:
        backbone = PEBackbone(CONFIGS[a.arch]).eval()
        backbone.load_state_dict(torch.load(a.weights, weights_only=True)["state_dict"])
    last = backbone.cfg.layers

    @torch.no_grad()
    def features(photos):
        tokens = backbone(squashed(photos, backbone.cfg.patch * GRID), [last])[last].flatten(2).transpose(1, 2)
        return F.layer_norm(tokens, tokens.shape[-1:]).flatten(0, 1)

    return features


def average_precision(scores, positive):
    hits = positive[scores.argsort(descending=True)]
    precision = hits.float().cumsum(0) / torch.arange(1, len(hits) + 1)
    return float((precision * hits).sum() / hits.sum())


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--photos", required=True, help="folder of shards, as a training config's `shards`")
    one = p.add_mutually_exclusive_group(required=True)
    one.add_argument("--weights", help="model directory, or a file of compress.py or distill.py")
    one.add_argument("--teacher", help="the ONNX file that dinov2.py names")
    p.add_argument("--arch", default="pe-spatial-t16", choices=CONFIGS)
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    photos = read_shards(a.photos)
    photos = [photos[i] for i in np.random.default_rng(0).permutation(len(photos))[:COUNT]]
    labels = torch.from_numpy(np.concatenate([classes_of(photo) for photo in photos])).long()
    features = features_of(a)
    x = torch.cat([features(photos[i : i + 16]) for i in range(0, len(photos), 16)])
    fitted = FITTED * GRID * GRID
    x = (x - x[:fitted].mean(0)) / x[:fitted].std(0)
    x = torch.cat((x, torch.ones(len(x), 1)), 1)
    wanted = F.one_hot(labels[:fitted], CLASSES + 1).float()
    weights = torch.linalg.solve(x[:fitted].T @ x[:fitted] + 100 * torch.eye(x.shape[1]), x[:fitted].T @ wanted)
    scores, labels = x[fitted:] @ weights, labels[fitted:]
    known = [c for c in range(CLASSES) if (labels == c).sum() >= 50]
    found = [average_precision(scores[:, c], labels == c) for c in known]
    print(f"token AP {np.mean(found):.3f}, mean over {len(known)} classes")


if __name__ == "__main__":
    main()
