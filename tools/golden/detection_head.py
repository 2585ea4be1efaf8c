"""Golden of the anchor-free head: a small PyTorch head with random batch norm statistics, its folded weights, input and output.

    python tools/golden/detection_head.py        (writes test/golden/heads/anchor-free.safetensors; torch 2.15, safetensors 0.8)
"""

import os
import sys

import torch
from safetensors.torch import save_file

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tools", "train"))
from export import fold_head  # noqa: E402
from head import DetectionHead, cell_centres, distances, flatten_levels  # noqa: E402

torch.manual_seed(21)
head = DetectionHead(16, (1, 2), channels=8, depth=2, classes=5, bins=4)
for module in head.modules():
    if isinstance(module, torch.nn.BatchNorm2d):
        module.running_mean.normal_(0, 0.3)
        module.running_var.uniform_(0.3, 2)
        module.weight.data.uniform_(0.5, 1.5)
        module.bias.data.normal_(0, 0.2)
    elif isinstance(module, torch.nn.LayerNorm):
        module.weight.data.uniform_(0.5, 1.5)
        module.bias.data.normal_(0, 0.2)
for out in head.out:
    torch.nn.init.normal_(out.weight, std=2.0)
    torch.nn.init.normal_(out.bias, std=1.0)
head.eval()
tokens = {t: torch.randn(2, 1 + 4 * 6, 16) for t in (1, 2)}  # class token first, grid 4 x 6
with torch.no_grad():
    maps = head({t: x[:, 1:].transpose(1, 2).reshape(2, 16, 4, 6) for t, x in tokens.items()})
    logits, reg = flatten_levels(maps, 5, 4)
    _, scale = cell_centres(maps, (8, 16, 32))
    golden = {
        **fold_head(head),
        **{f"io.tokens.{t}": x for t, x in tokens.items()},
        "io.scores": logits.sigmoid(),
        "io.ltrb": distances(reg, 1.0) * scale,
    }
folder = os.path.join(ROOT, "test", "golden", "heads")
os.makedirs(folder, exist_ok=True)
save_file({k: v.contiguous() for k, v in golden.items()}, os.path.join(folder, "anchor-free.safetensors"))
