"""Affine-invariant depth figures in PyTorch, the same as `pe-dense evaluate depth --align disparity`.

    python tools/train/depth_evaluate.py --weights .train/run/ema.pt --data DIR [--size 224] [--sheet sheet.png]

DIR holds the sets as sub-folders, either color/ + depth/ (uint16 millimetres, 0 = none) or folders with im2.png + disp2.pgm
(Middlebury 2003: disparity, 0 = none). `--weights` is a file saved by train.py or a model directory; without it only the
baselines are printed. The prediction is made at size x size (squashed) and resized bilinearly to the ground truth.
"""

import argparse
import os

import cv2
import numpy as np
import torch

from model_dir import load_detector


def pairs(folder):
    """[(picture path, inverse depth or disparity float64 [h, w] with 0 = none)] of one set, read lazily"""
    colour = os.path.join(folder, "color")
    if os.path.isdir(colour):
        for name in sorted(os.listdir(colour)):
            path = os.path.join(folder, "depth", os.path.splitext(name)[0] + ".png")
            if os.path.exists(path):
                raw = cv2.imread(path, cv2.IMREAD_UNCHANGED).astype(np.float64)
                yield os.path.join(colour, name), np.where(raw > 1, 1000 / np.maximum(raw, 1), 0)
        return
    for scene in sorted(os.listdir(folder)):
        path = os.path.join(folder, scene, "disp2.pgm")
        if os.path.exists(path):
            yield os.path.join(folder, scene, "im2.png"), cv2.imread(path, cv2.IMREAD_UNCHANGED).astype(np.float64)


def figures(prediction, truth):
    """AbsRel and delta1 after the least squares fit of scale and shift in inverse depth. Both [h, w], larger = nearer."""
    known = truth > 0
    x, y = prediction[known].astype(np.float64), truth[known]
    dx = x - x.mean()
    xx = (dx * dx).sum()
    scale = (dx * (y - y.mean())).sum() / xx if xx > 1e-24 * len(x) * x.mean() ** 2 else 0.0
    fitted = np.maximum(scale * dx + y.mean(), y.min() / 2)
    ratio = y / fitted  # predicted depth over true depth
    return np.abs(ratio - 1).mean(), (np.maximum(ratio, 1 / ratio) < 1.25).mean()


@torch.no_grad()
def predict(model, picture, size):
    """picture uint8 [h, w, 3] RGB, squashed to size x size -> inverse depth float32 [size / 2, size / 2], larger = nearer"""
    device = next(model.parameters()).device
    x = torch.from_numpy(np.ascontiguousarray(picture)).to(device).permute(2, 0, 1)[None].float()
    x = torch.nn.functional.interpolate(x, (size, size), mode="bilinear", align_corners=False, antialias=True)
    out = model.depth_map(x / 127.5 - 1)[0, 0].float().cpu().numpy()
    return out if model.depth.output == "relative" else 1 / np.maximum(out, 1e-3)


def gradient_baseline(picture):
    h, w = picture.shape[:2]
    return np.repeat(np.arange(h, dtype=np.float64)[:, None], w, 1)


def evaluate_depth(predictor, root):
    """predictor(picture RGB) -> [h, w], larger = nearer. -> {set: (AbsRel, delta1)}, with the mean of the sets under "mean" """
    out = {}
    for name in sorted(os.listdir(root)):
        rows = []
        for path, truth in pairs(os.path.join(root, name)):
            values = predictor(cv2.imread(path)[:, :, ::-1])
            rows.append(figures(cv2.resize(values, truth.shape[::-1], interpolation=cv2.INTER_LINEAR), truth))
        if rows:
            out[name] = tuple(np.mean(rows, 0).tolist())
    out["mean"] = tuple(np.mean(list(out.values()), 0).tolist())
    return out


def line(title, result):
    return f"{title:24}" + "  ".join(f"{k} {a:.3f} / {d:.3f}" for k, (a, d) in result.items())


def coloured(values, low=None, high=None):
    """Inverse depth as an inferno picture, BGR."""
    low = np.percentile(values, 1) if low is None else low
    high = np.percentile(values, 99) if high is None else high
    grey = (255 * ((values - low) / max(high - low, 1e-9)).clip(0, 1)).astype(np.uint8)
    return cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO)


def sheet(model, size, items, path, cell=(256, 192), columns=3):
    """items [(picture RGB, truth or None)]; truth is drawn at the right where there is one, none in green."""
    tiles = []
    for picture, truth in items:
        tile = [cv2.resize(picture[:, :, ::-1], cell), cv2.resize(coloured(predict(model, picture, size)), cell)]
        if truth is not None:
            drawn = coloured(truth, *np.percentile(truth[truth > 0], [1, 99]))
            drawn[truth <= 0] = (0, 96, 0)
            tile.append(cv2.resize(drawn, cell, interpolation=cv2.INTER_NEAREST))
        tiles.append(np.hstack(tile))
    while len(tiles) % columns:
        tiles.append(np.zeros_like(tiles[0]))
    cv2.imwrite(path, np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--weights")
    p.add_argument("--data", required=True)
    p.add_argument("--size", type=int, nargs="+", default=[224])
    p.add_argument("--sheet", help="writes some pictures of each set with prediction and truth")
    p.add_argument("--pictures", nargs="*", help="pictures without truth, for <sheet>-pictures.png")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    print(line("constant", evaluate_depth(lambda x: np.ones(x.shape[:2]), a.data)))
    print(line("vertical gradient", evaluate_depth(gradient_baseline, a.data)), flush=True)
    if not a.weights:
        return
    model = load_detector(a.weights)
    for size in a.size:
        print(line(f"model at {size}", evaluate_depth(lambda x: predict(model, x, size), a.data)), flush=True)
    if a.sheet:
        items = []
        for name in sorted(os.listdir(a.data)):
            found = list(pairs(os.path.join(a.data, name)))
            items += found[:: max(1, len(found) // 7)][:7]
        sheet(model, a.size[0], [(cv2.imread(f)[:, :, ::-1], t) for f, t in items], a.sheet)
    if a.pictures:
        stem, ending = os.path.splitext(a.sheet or "sheet.png")
        sheet(model, a.size[0], [(cv2.imread(f)[:, :, ::-1], None) for f in a.pictures], f"{stem}-pictures{ending}", columns=2)


if __name__ == "__main__":
    main()
