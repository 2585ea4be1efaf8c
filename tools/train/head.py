"""Anchor-free detection head on a simple feature pyramid (ViTDet, arXiv 2203.16527) over taps of a plain ViT.

Every cell predicts class scores and the four distances to the box sides as distributions over bins (GFL, arXiv 2006.04388).
Batch norms are folded into the convolutions at export; src/heads/detection builds the same network from the folded weights.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from dpt import DepthHead
from pe import CONFIGS, ChannelNorm, PEBackbone


class ConvBn(nn.Module):
    """Convolution, batch norm, hard-swish."""

    def __init__(self, cin, cout, kernel=1, stride=1, groups=1, act=True):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(cout)
        self.act = act

    def forward(self, x):
        x = self.bn(self.conv(x))
        return F.hardswish(x) if self.act else x


class Separable(nn.Module):
    """Depthwise k x k, then pointwise."""

    def __init__(self, channels, kernel=5):
        super().__init__()
        self.dw = ConvBn(channels, channels, kernel, groups=channels)
        self.pw = ConvBn(channels, channels)

    def forward(self, x):
        return self.pw(self.dw(x))


class UpBn(nn.Module):
    """2 x 2 transposed convolution with stride 2, batch norm, hard-swish."""

    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.ConvTranspose2d(cin, cout, 2, 2, bias=False)
        self.bn = nn.BatchNorm2d(cout)

    def forward(self, x):
        return F.hardswish(self.bn(self.conv(x)))


class DetectionHead(nn.Module):
    """{tap: [B, C, gh, gw]} -> [[B, classes + 4 * bins, h, w]] at strides patch/2, patch, 2*patch."""

    def __init__(self, width, taps, channels=128, depth=2, classes=80, bins=8):
        super().__init__()
        self.taps = tuple(taps)
        self.bins, self.classes = bins, classes
        self.norms = nn.ModuleDict({str(t): ChannelNorm(width) for t in self.taps})
        self.lateral = ConvBn(width * len(self.taps), channels)
        self.mix = ConvBn(channels, channels, 3)
        self.up = UpBn(channels, channels)
        self.down = ConvBn(channels, channels, 3, 2)
        self.towers = nn.ModuleList(nn.Sequential(*[Separable(channels) for _ in range(depth)]) for _ in range(3))
        self.out = nn.ModuleList(nn.Conv2d(channels, classes + 4 * bins, 1) for _ in range(3))
        for out in self.out:
            nn.init.normal_(out.weight, std=0.01)
            nn.init.zeros_(out.bias)
            nn.init.constant_(out.bias[:classes], -5.0)

    def forward(self, features):
        x = self.lateral(torch.cat([self.norms[str(t)](features[t]) for t in self.taps], 1))
        x = self.mix(x)
        levels = (self.up(x), x, self.down(x))
        return [out(tower(level)).float() for level, tower, out in zip(levels, self.towers, self.out)]


class Detector(nn.Module):
    """Backbone, detection head (`head`, None without `detection`) and depth head (`depth`, None without `dpt`, its options)."""

    def __init__(self, arch="pe-spatial-t16", taps=(4, 8, 12), channels=128, depth=2, classes=80, bins=8, dpt=None, detection=True):
        super().__init__()
        self.backbone = PEBackbone(CONFIGS[arch])
        width, patch = CONFIGS[arch].width, CONFIGS[arch].patch
        self.head = DetectionHead(width, taps, channels, depth, classes, bins) if detection else None
        self.depth = DepthHead(width, **dpt) if dpt else None
        self.strides = (patch // 2, patch, 2 * patch)

    def forward(self, images):
        return self.head(self.backbone(images, self.head.taps))

    def depth_map(self, images):
        """images [B, 3, H, W] -> [B, 1, H // 2, W // 2], see DepthHead"""
        size = (images.shape[-2] // 2, images.shape[-1] // 2)
        return self.depth(self.backbone(images, self.depth.taps), size)

    def load_known(self, state):
        """Loads a state dict that may lack a whole head, or hold one this model has not; everything else must match.
        -> the heads it lacks"""
        missing, unexpected = self.load_state_dict(state, strict=False)
        lacking = [h for h in ("head.", "depth.") if not any(k.startswith(h) for k in state)]
        wrong = [k for k in missing if not k.startswith(tuple(lacking))] if lacking else list(missing)
        wrong += [k for k in unexpected if getattr(self, k.split(".")[0], 0) is not None]
        if wrong:
            raise ValueError(f"these weights do not fit this model: {wrong[:6]}")
        return sorted({k.split(".")[0] for k in missing})


def distances(reg, stride):
    """Expectation of the four distributions in pixels of the input. reg [..., 4, bins] -> [..., 4]"""
    bins = torch.arange(reg.shape[-1], device=reg.device, dtype=reg.dtype)
    return (reg.softmax(-1) * bins).sum(-1) * stride


def flatten_levels(maps, classes=80, bins=8):
    """[[B, classes + 4*bins, h, w]] -> logits [B, A, classes], reg [B, A, 4, bins]"""
    flat = torch.cat([m.flatten(2) for m in maps], 2).transpose(1, 2)
    return flat[..., :classes], flat[..., classes:].unflatten(-1, (4, bins))


def cell_centres(maps, strides):
    """Centres (x, y) and stride of each cell, pixels of the input. [A, 2], [A, 1]"""
    points, scale = [], []
    for m, stride in zip(maps, strides):
        h, w = m.shape[-2:]
        y, x = torch.meshgrid(torch.arange(h, device=m.device), torch.arange(w, device=m.device), indexing="ij")
        points.append((torch.stack((x, y), -1).reshape(-1, 2) + 0.5) * stride)
        scale.append(torch.full((h * w, 1), float(stride), device=m.device))
    return torch.cat(points), torch.cat(scale)
