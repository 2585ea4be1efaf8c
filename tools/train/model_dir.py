"""Reads a model directory back into PyTorch, for evaluation, goldens and fine-tuning."""

import json
import os

import torch
from safetensors.torch import load_file

from export import folded_pairs
from head import Detector


def unfold_head(head, tensors):
    """Puts folded convolutions back into the head, with the batch norms' statistics where the file has them."""
    for name, conv, bn in folded_pairs(head):
        weight, bias = tensors[f"head.{name}.weight"], tensors[f"head.{name}.bias"]
        known = tensors.get(f"train.{name}")
        if known is None:  # the identity plus the folded bias: right for evaluation, not for training on
            known = torch.stack((torch.ones_like(bias), bias, torch.zeros_like(bias), torch.ones_like(bias) - bn.eps))
        for target, value in zip((bn.weight.data, bn.bias.data, bn.running_mean, bn.running_var), known):
            target.copy_(value)
        shape = [1] * conv.weight.ndim
        shape[1 if isinstance(conv, torch.nn.ConvTranspose2d) else 0] = -1
        scale = bn.weight / (bn.running_var + bn.eps).sqrt()
        conv.weight.data.copy_(weight.view(conv.weight.shape) / scale.view(shape))
    for tap, norm in head.norms.items():
        norm.weight.data.copy_(tensors[f"head.norms.{tap}.weight"])
        norm.bias.data.copy_(tensors[f"head.norms.{tap}.bias"])
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
    model.backbone.load_state_dict({k: v for k, v in tensors.items() if not k.startswith(("head.", "depth.", "train."))})
    with torch.no_grad():
        unfold_head(model.head, tensors)
    return model.eval(), options
