"""Reads a model directory back into PyTorch, for evaluation, goldens and fine-tuning."""

import json
import os

import torch
from safetensors.torch import load_file

from head import Detector


def unfold_head(head, tensors):
    """Puts folded convolutions into the head; each batch norm becomes the identity plus the folded bias."""

    def put(conv, bn, name):
        weight, bias = tensors[f"head.{name}.weight"], tensors[f"head.{name}.bias"]
        conv.weight.data.copy_(weight.view(conv.weight.shape))
        bn.weight.data.fill_(1.0)
        bn.bias.data.copy_(bias)
        bn.running_mean.zero_()
        bn.running_var.fill_(1.0 - bn.eps)

    for tap, norm in head.norms.items():
        norm.weight.data.copy_(tensors[f"head.norms.{tap}.weight"])
        norm.bias.data.copy_(tensors[f"head.norms.{tap}.bias"])
    for name in ("lateral", "mix", "up", "down"):
        module = getattr(head, name)
        put(module.conv, module.bn, name)
    for level, tower in enumerate(head.towers):
        for i, pair in enumerate(tower):
            put(pair.dw.conv, pair.dw.bn, f"towers.{level}.{i}.dw")
            put(pair.pw.conv, pair.pw.bn, f"towers.{level}.{i}.pw")
    for level, conv in enumerate(head.out):
        conv.weight.data.copy_(tensors[f"head.out.{level}.weight"])
        conv.bias.data.copy_(tensors[f"head.out.{level}.bias"])


def model_options(folder, tensors=None):
    """Keyword arguments of Detector, from model.json and the weights' shapes."""
    with open(os.path.join(folder, "model.json")) as file:
        description = json.load(file)
    if tensors is None:
        tensors = load_file(os.path.join(folder, description["files"]["weights"]["path"]))
    bins = description["heads"]["detection"]["bins"]
    out = tensors["head.out.0.weight"]
    depth = 1 + max(int(k.split(".")[3]) for k in tensors if k.startswith("head.towers.0."))
    return dict(
        arch=description["backbone"]["arch"],
        taps=description["backbone"]["taps"],
        channels=out.shape[1],
        depth=depth,
        classes=out.shape[0] - 4 * bins,
        bins=bins,
    )


def load_directory(folder):
    """-> (Detector in eval mode, its options)"""
    with open(os.path.join(folder, "model.json")) as file:
        path = os.path.join(folder, json.load(file)["files"]["weights"]["path"])
    tensors = {k: v.float() for k, v in load_file(path).items()}
    options = model_options(folder, tensors)
    model = Detector(**options)
    model.backbone.load_state_dict({k: v for k, v in tensors.items() if not k.startswith(("head.", "depth."))})
    with torch.no_grad():
        unfold_head(model.head, tensors)
    return model.eval(), options
