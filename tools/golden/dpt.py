"""Golden of the DPT head: two small PyTorch heads with random batch norm statistics, their folded weights, input and output.

    python tools/golden/dpt.py        (writes test/golden/heads/dpt-*.safetensors; torch 2.15, safetensors 0.8)

`relative`: patch 16, grid 4 x 6, class token, separable units at the two finest levels. `metric`: patch 14, grid 5 x 7 (odd),
no class token, no separable units, 8 bins from 0.5 to 10 metres, a map as large as the input.
"""

import os
import sys

import torch
from safetensors.torch import save_file

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tools", "train"))
from dpt import DepthHead, fold_depth  # noqa: E402

WIDTH, TAPS = 16, (1, 2, 4, 5)


def randomise(head):
    for module in head.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.3, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.2)
        elif isinstance(module, torch.nn.LayerNorm):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.2)
    for conv in (head.out.conv2, head.out.conv3):
        torch.nn.init.normal_(conv.weight, std=1.0)
    return head.eval()


def write(name, head, grid, prefix, size):
    head = randomise(head)
    tokens = {t: torch.randn(2, prefix + grid[0] * grid[1], WIDTH) for t in TAPS}
    with torch.no_grad():
        maps = {t: x[:, prefix:].transpose(1, 2).reshape(2, WIDTH, *grid) for t, x in tokens.items()}
        out = head(maps, size)[:, 0]
    print(name, tuple(out.shape), "from", out.min().item(), "to", out.max().item())
    golden = {**fold_depth(head), **{f"io.tokens.{t}": x for t, x in tokens.items()}, "io.depth": out}
    folder = os.path.join(ROOT, "test", "golden", "heads")
    os.makedirs(folder, exist_ok=True)
    save_file({k: v.contiguous() for k, v in golden.items()}, os.path.join(folder, f"dpt-{name}.safetensors"))


torch.manual_seed(23)
small = {"features": 8, "channels": (4, 6, 8, 8), "hidden": 6}
write("relative", DepthHead(WIDTH, TAPS, **small), (4, 6), 1, (32, 48))
torch.manual_seed(24)
metric = DepthHead(WIDTH, TAPS, **small, separable=(), output="metric", bins=8, near=0.5, far=10.0)
write("metric", metric, (5, 7), 0, (70, 98))
