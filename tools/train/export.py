"""Writes a trained model (detection, depth or both heads) as a model directory: folded batch norms, half precision, model.json.

    python tools/train/export.py --weights .train/dense-t16/ema.pt --out models/dense-t16 --name dense-t16 --size 256 \\
        --origin "..." --data "..." [--metrics metrics.json]
"""

import argparse
import hashlib
import json
import os

import torch
from safetensors.torch import save_file

from dpt import fold_depth, folded_convolutions
from head import DetectionHead, Detector


def fold(conv, bn):
    """Convolution weight and bias with the batch norm behind it folded in."""
    scale = bn.weight / (bn.running_var + bn.eps).sqrt()
    axis = 1 if isinstance(conv, torch.nn.ConvTranspose2d) else 0
    shape = [1] * conv.weight.ndim
    shape[axis] = -1
    return conv.weight * scale.view(shape), bn.bias - bn.running_mean * scale


def folded_pairs(head: DetectionHead):
    """(name, convolution, batch norm) of everything that is folded."""
    for name in ("lateral", "mix", "up", "down"):
        module = getattr(head, name)
        yield name, module.conv, module.bn
    for level, tower in enumerate(head.towers):
        for i, pair in enumerate(tower):
            yield f"towers.{level}.{i}.dw", pair.dw.conv, pair.dw.bn
            yield f"towers.{level}.{i}.pw", pair.pw.conv, pair.pw.bn


def statistics(head: DetectionHead):
    """What folding loses, small: with it a model directory can be trained on. {"train.<name>": [4, channels]}"""
    return {
        f"train.{name}": torch.stack((bn.weight, bn.bias, bn.running_mean, bn.running_var)).detach()
        for name, _, bn in folded_pairs(head)
    }


def fold_head(head: DetectionHead):
    """{"head....": tensor} under the names src/heads/detection reads."""
    out = {}

    def put(name, weight, bias):
        out[f"head.{name}.weight"], out[f"head.{name}.bias"] = weight, bias

    for tap, norm in head.norms.items():
        put(f"norms.{tap}", norm.weight, norm.bias)
    for name, conv, bn in folded_pairs(head):
        weight, bias = fold(conv, bn)
        put(name, weight.flatten(1) if name == "lateral" else weight, bias)
    for level, conv in enumerate(head.out):
        put(f"out.{level}", conv.weight, conv.bias)
    return {k: v.detach().clone().contiguous() for k, v in out.items()}


def depth_statistics(head):
    """The same for the depth head. {"train.depth.<name>": [4, channels]}"""
    return {
        f"train.depth.{name}": torch.stack((bn.weight, bn.bias, bn.running_mean, bn.running_var)).detach()
        for name, _, bn in folded_convolutions(head)
        if bn is not None
    }


def describe_heads(model, labels):
    """`heads` of model.json, and the union of the heads' taps"""
    heads, taps = {}, set()
    if model.head is not None:
        heads["detection"] = {"kind": "anchor-free", "strides": list(model.strides), "bins": model.head.bins, "labels": labels}
        taps |= set(model.head.taps)
    if model.depth is not None:
        if model.head is not None:
            heads["detection"]["taps"] = list(model.head.taps)
        heads["depth"] = {"kind": "dpt", "output": model.depth.output, "taps": list(model.depth.taps)}
        if model.depth.bins:
            heads["depth"] |= {"bins": model.depth.bins, "near": model.depth.near, "far": model.depth.far}
        taps |= set(model.depth.taps)
    return heads, sorted(taps)


def aligned(path):
    """Pads the safetensors header with spaces so that the data starts at a multiple of 64 bytes."""
    with open(path, "rb") as file:
        raw = file.read()
    length = int.from_bytes(raw[:8], "little")
    padded = -(-(8 + length) // 64) * 64 - 8
    with open(path, "wb") as file:
        file.write(padded.to_bytes(8, "little") + raw[8 : 8 + length].ljust(padded) + raw[8 + length :])


def write_directory(saved, out, name, size, origin, data, version="0.1.0", license="Apache-2.0", labels=None, metrics=()):
    """Writes a model directory.

    saved: what train.py saves, `{"model", "model_options", "labels"}`; size: height and width of the input, pixels
    -> path of the weights, blocks that features are taken after
    """
    model = Detector(**saved["model_options"])
    model.load_state_dict(saved["model"])
    model.eval()
    arch = saved["model_options"].get("arch", "pe-spatial-t16")
    tensors = {k: v.detach() for k, v in model.backbone.state_dict().items()}
    extra = {}
    if model.head is not None:
        tensors |= fold_head(model.head)
        extra |= statistics(model.head)
    if model.depth is not None:
        tensors |= fold_depth(model.depth)
        extra |= depth_statistics(model.depth)
    # a checkpoint of before other classes could be learnt names none
    heads, taps = describe_heads(model, labels or saved.get("labels") or "coco80")
    os.makedirs(out, exist_ok=True)
    path = os.path.join(out, "weights.safetensors")
    stored = {k: v.half().contiguous() for k, v in tensors.items()} | extra
    save_file(stored, path, {"format": "pt"})
    aligned(path)
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    description = {
        "format": 1,
        "name": name,
        "version": version,
        "license": license,
        "origin": origin,
        "data": data,
        "backbone": {"arch": arch, "rope": "meta", "taps": taps},
        "input": {
            "size": [size, size],
            "multipleOf": model.backbone.cfg.patch,
            "resize": "squash",
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "color": "rgb",
        },
        "heads": heads,
        **({"nms": {"kind": "hard", "iou": 0.5, "score": 0.3, "max": 100}} if "detection" in heads else {}),
        "files": {"weights": {"path": "weights.safetensors", "dtype": "fp16", "sha256": digest}},
        "metrics": list(metrics),
    }
    with open(os.path.join(out, "model.json"), "w") as file:
        json.dump(description, file, indent=2)
        file.write("\n")
    return path, taps


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--weights", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--name", required=True)
    p.add_argument("--version", default="0.1.0")
    p.add_argument("--license", default="Apache-2.0")
    p.add_argument("--size", type=int, required=True)
    p.add_argument("--origin", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--labels", help="name of a label set; default: the classes it was trained on")
    p.add_argument("--metrics", help="JSON file holding the list for model.json's `metrics`")
    a = p.parse_args()
    saved = torch.load(a.weights, weights_only=True, map_location="cpu")
    metrics = json.load(open(a.metrics)) if a.metrics else []
    told = (a.out, a.name, a.size, a.origin, a.data, a.version, a.license, a.labels, metrics)
    path, taps = write_directory(saved, *told)
    print(f"{path}: {os.path.getsize(path) / 1e6:.1f} MB, taps {taps}")


if __name__ == "__main__":
    main()
