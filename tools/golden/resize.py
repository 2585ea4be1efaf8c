"""Writes test/golden/resize.json: bilinear resizes of a small random picture, by PyTorch.

Run from the repository root, with the packages of tools/golden/requirements.txt:
    python tools/golden/resize.py
The picture is 23 rows by 31 columns of seeded bytes; results are float32, rows of RGB, base64 of little-endian bytes.
"""
import base64
import json
from pathlib import Path

import torch
from torch.nn.functional import interpolate

SIZES = [(23, 31), (8, 8), (3, 5), (30, 17), (2, 40), (1, 1), (22, 30)]

torch.manual_seed(7)
picture = torch.randint(0, 256, (23, 31, 3), dtype=torch.uint8)
planes = picture.permute(2, 0, 1)[None].float()


def pack(t: torch.Tensor) -> str:
    return base64.b64encode(t.contiguous().numpy().tobytes()).decode()


cases = []
for height, width in SIZES:
    for antialias in (False, True):
        out = interpolate(planes, size=(height, width), mode="bilinear", align_corners=False, antialias=antialias)
        cases.append({"height": height, "width": width, "antialias": antialias, "pixels": pack(out[0].permute(1, 2, 0))})

golden = {"by": f"torch {torch.__version__}", "height": 23, "width": 31, "picture": pack(picture), "cases": cases}
Path("test/golden/resize.json").write_text(json.dumps(golden) + "\n")
