"""Goldens of label propagation: the formulas of DINO's video protocol, in torch, on small seeded features.

Run: python tools/golden/propagate.py
Needs torch, numpy, pillow (see requirements.txt). Writes test/golden/propagate.json.
Formulas (Caron et al. 2021; facebookresearch/dino, eval_video_segmentation.py), written anew as one full matrix:
  a[i, j] = exp(cos(query j, key i) / t) inside the window, 0 outside; per query keep a >= its k-th largest value;
  divide by the sum; labels = labels of the keys times a. The context is the first frame and the n previous ones.
  Mask: bilinear by the patch size, each label to 0..1 by its own least and most, argmax, nearest to the picture's size.
"""
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

OUT = Path(__file__).resolve().parents[2] / "test" / "golden" / "propagate.json"


def window(rows, columns, radius):
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    y, x = y.reshape(-1), x.reshape(-1)
    near = ((y[:, None] - y).abs() <= radius) & ((x[:, None] - x).abs() <= radius)
    return near if radius > 0 else torch.ones_like(near)


def step(query, keys, labels, rows, columns, radius, topk, temperature):
    """query [N, C]; keys: list of [N, C]; labels: list of [K, N] -> [K, N]"""
    query = F.normalize(query, dim=1)
    keys = F.normalize(torch.cat(keys), dim=1)
    a = torch.exp(keys @ query.T / temperature)
    a = a * window(rows, columns, radius).repeat(len(a) // (rows * columns), 1)
    least = torch.topk(a, topk, dim=0).values[-1]
    a = torch.where(a < least, 0, a)
    return torch.cat(labels, dim=1) @ (a / a.sum(0))


def to_mask(labels, rows, columns, patch, height, width):
    big = F.interpolate(labels.reshape(1, -1, rows, columns), scale_factor=patch, mode="bilinear", align_corners=False)[0]
    low = big.amin((1, 2), keepdim=True)
    span = big.amax((1, 2), keepdim=True) - low
    big = torch.where(span > 0, (big - low) / torch.where(span > 0, span, 1), big)
    small = Image.fromarray(big.argmax(0).numpy().astype(np.uint8))
    return np.asarray(small.resize((width, height), Image.NEAREST))


def first_labels(mask, rows, columns, count):
    small = np.array(Image.fromarray(mask).resize((columns, rows), Image.NEAREST))
    return F.one_hot(torch.from_numpy(small).long(), count).reshape(-1, count).T.float()


def runs(values):
    """Run lengths of a mask: [value, length, value, length, ...]"""
    flat = values.reshape(-1)
    ends = np.flatnonzero(np.diff(flat)).tolist() + [len(flat) - 1]
    out, begin = [], 0
    for end in ends:
        out += [int(flat[end]), end - begin + 1]
        begin = end + 1
    return out


def case(name, seed, rows, columns, channels, frames, objects, patch, size, context, topk, radius, temperature, flat=False):
    rng = np.random.default_rng(seed)
    height, width = size
    mask = np.zeros(size, np.uint8)
    for k in range(objects):
        y, x = rng.integers(0, height // 2), rng.integers(0, width // 2)
        mask[y : y + height // 3, x : x + width // 3] = k + 1
    if flat:  # few different patches, all at right angles: many exact ties
        kinds = rng.integers(0, channels, (frames, rows * columns))
        features = np.eye(channels)[kinds]
    else:  # a drifting scene with noise, so that the best keys are neither trivial nor random
        base = rng.normal(size=(rows + frames, columns + frames, channels))
        features = np.stack([base[f : f + rows, f // 2 : f // 2 + columns].reshape(-1, channels) for f in range(frames)])
        features = features + rng.normal(size=features.shape) * 0.5
    stored = np.round(features * 100).astype(int)
    x = torch.from_numpy(stored / 100).float()
    labels = [first_labels(mask, rows, columns, objects + 1)]
    for f in range(1, frames):
        used = [0] + [p for p in range(max(1, f - context), f)]
        labels.append(
            step(x[f], [x[p] for p in used], [labels[p] for p in used], rows, columns, radius, topk, temperature)
        )
    return {
        "name": name, "rows": rows, "columns": columns, "patch": patch, "height": height, "width": width,
        "options": {"context": context, "topk": topk, "radius": radius, "temperature": temperature},
        "mask": runs(mask), "objects": objects, "features": [f.reshape(-1).tolist() for f in stored],
        "labels": [[round(v, 6) for v in l.reshape(-1).tolist()] for l in labels],
        "masks": [runs(to_mask(l, rows, columns, patch, height, width)) for l in labels],
    }


def main():
    torch.set_num_threads(1)
    cases = [
        case("one object", 1, 6, 9, 8, 5, 1, 16, (97, 141), 2, 3, 2, 0.1),
        case("three objects, no previous frame", 2, 7, 6, 12, 4, 3, 14, (80, 75), 0, 5, 3, 0.07),
        case("the whole frame, long memory", 3, 5, 8, 6, 6, 2, 8, (40, 64), 7, 5, 0, 0.2),
        case("wider than a register run", 4, 3, 40, 4, 3, 2, 4, (30, 200), 7, 4, 18, 0.1),
        case("fewer keys than wanted", 5, 4, 5, 4, 3, 1, 16, (64, 80), 1, 15, 1, 0.1),
        case("ties", 6, 6, 7, 3, 4, 2, 16, (96, 112), 3, 5, 2, 0.1, flat=True),
    ]
    OUT.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
    print(OUT, OUT.stat().st_size)


main()
