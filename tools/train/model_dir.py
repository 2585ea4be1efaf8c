"""Reads a model directory back into PyTorch, for evaluation, goldens and fine-tuning."""

import json
import os

import torch
from safetensors.torch import load_file

from dpt import folded_convolutions
from export import folded_pairs
from head import Detector
from labels import names_of


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


def unfold_depth(head, tensors):
    """The same for the depth head."""
    for tap, norm in head.norms.items():
        norm.weight.data.copy_(tensors[f"depth.norms.{tap}.weight"])
        norm.bias.data.copy_(tensors[f"depth.norms.{tap}.bias"])
    for name, conv, bn in folded_convolutions(head):
        weight, bias = tensors[f"depth.{name}.weight"], tensors[f"depth.{name}.bias"]
        if bn is None:
            conv.bias.data.copy_(bias)
        else:
            known = tensors.get(f"train.depth.{name}")
            if known is None:
                known = torch.stack((torch.ones_like(bias), bias, torch.zeros_like(bias), torch.ones_like(bias) - bn.eps))
            for target, value in zip((bn.weight.data, bn.bias.data, bn.running_mean, bn.running_var), known):
                target.copy_(value)
            weight = weight / (bn.weight / (bn.running_var + bn.eps).sqrt()).view(-1, 1, 1, 1)
        conv.weight.data.copy_(weight)


def depth_options(description, tensors):
    """Keyword arguments of DepthHead"""
    shape = lambda name: tensors[f"depth.{name}.weight"].shape  # noqa: E731
    out = dict(
        taps=description["taps"],
        output=description["output"],
        features=shape("fusion.3.project")[0],
        channels=[shape(f"reassemble.{i}.project")[0] for i in range(4)],
        hidden=shape("out.conv2")[0],
        separable=[i for i in range(4) if f"depth.fusion.{i}.unit2.conv1.dw.weight" in tensors],
    )
    return out | {k: description[k] for k in ("bins", "near", "far") if k in description}


def model_options(folder, tensors=None):
    """Keyword arguments of Detector, from model.json and the weights' shapes."""
    with open(os.path.join(folder, "model.json")) as file:
        description = json.load(file)
    if tensors is None:
        tensors = load_file(os.path.join(folder, description["files"]["weights"]["path"]))
    heads = description["heads"]
    options = dict(arch=description["backbone"]["arch"])
    if "depth" in heads:
        options["dpt"] = depth_options(heads["depth"], tensors)
    if "detection" not in heads:
        return options | dict(detection=False)
    bins = heads["detection"]["bins"]
    out = tensors["head.out.0.weight"]
    depth = 1 + max(int(k.split(".")[3]) for k in tensors if k.startswith("head.towers.0."))
    return options | dict(
        taps=heads["detection"].get("taps", description["backbone"]["taps"]),
        channels=out.shape[1],
        depth=depth,
        classes=out.shape[0] - 4 * bins,
        bins=bins,
    )


def load_directory(folder):
    """-> (Detector in eval mode with its classes' names in `labels`, its options)"""
    with open(os.path.join(folder, "model.json")) as file:
        description = json.load(file)
    path = os.path.join(folder, description["files"]["weights"]["path"])
    tensors = {k: v.float() for k, v in load_file(path).items()}
    options = model_options(folder, tensors)
    model = Detector(**options)
    if "detection" in description["heads"]:
        model.labels = names_of(description["heads"]["detection"]["labels"])
    model.backbone.load_state_dict({k: v for k, v in tensors.items() if not k.startswith(("head.", "depth.", "train."))})
    with torch.no_grad():
        if model.head is not None:
            unfold_head(model.head, tensors)
        if model.depth is not None:
            unfold_depth(model.depth, tensors)
    return model.eval(), options


def load_detector(path):
    """A model directory, or a file saved by train.py -> Detector in eval mode"""
    if os.path.isdir(path):
        return load_directory(path)[0]
    saved = torch.load(path, weights_only=True, map_location="cpu")
    model = Detector(**saved["model_options"])
    model.load_state_dict(saved["model"])
    if model.head is not None:  # files of before other classes could be learnt hold COCO's
        model.labels = names_of(saved.get("labels", "coco80"))
    return model.eval()
