"""DPT depth head (Ranftl et al., arXiv 2103.13413) on four taps of a plain ViT, slimmed for small backbones.

Differences from the original: each tap is layer-normalised; the units of the two finest levels are depthwise-separable; a fusion's
1x1 projection comes before its upsampling (the two commute, so the result is the same at a quarter of the work); the finest fusion
keeps its size, the first output convolution works there, and only then is its rectified result enlarged; bilinear resampling never
aligns corners and always goes to the next level's size, so that odd grids work. Batch norms are folded at export, and
src/heads/depth builds the same network from the folded weights.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from pe import ChannelNorm


def resize(x, size):
    return x if tuple(x.shape[-2:]) == tuple(size) else F.interpolate(x, size, mode="bilinear", align_corners=False)


class Conv3(nn.Module):
    """3 x 3 convolution with a batch norm behind it; separable: depthwise 3 x 3 with bias, then pointwise."""

    def __init__(self, cin, cout, separable=False):
        super().__init__()
        self.separable = separable
        if separable:
            self.dw = nn.Conv2d(cin, cin, 3, padding=1, groups=cin)
            self.pw = nn.Conv2d(cin, cout, 1, bias=False)
        else:
            self.conv = nn.Conv2d(cin, cout, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(cout)

    def forward(self, x):
        return self.bn(self.pw(self.dw(x)) if self.separable else self.conv(x))


class ResidualUnit(nn.Module):
    """x + conv2(relu(conv1(relu(x))))"""

    def __init__(self, features, separable):
        super().__init__()
        self.conv1 = Conv3(features, features, separable)
        self.conv2 = Conv3(features, features, separable)

    def forward(self, x):
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))


class Reassemble(nn.Module):
    """[B, C, gh, gw] of one tap -> [B, features, ...] at 4, 2, 1 or 1/2 times the grid (level 0..3)."""

    def __init__(self, level, width, channels, features):
        super().__init__()
        self.project = nn.Conv2d(width, channels, 1)
        if level == 0:
            self.resize = nn.ConvTranspose2d(channels, channels, 4, 4)
        elif level == 1:
            self.resize = nn.ConvTranspose2d(channels, channels, 2, 2)
        elif level == 3:
            self.resize = nn.Conv2d(channels, channels, 3, 2, 1)
        else:
            self.resize = None
        if level < 2:  # equal weights at all positions: random ones start as a checkerboard of the patch's period
            with torch.no_grad():
                self.resize.weight.copy_(self.resize.weight[:, :, :1, :1].expand_as(self.resize.weight))
        self.layer = Conv3(channels, features)

    def forward(self, x):
        x = self.project(x)
        return self.layer(x if self.resize is None else self.resize(x))


class Fusion(nn.Module):
    """Adds the level's own map (through unit1) to what comes from the deeper level, refines, projects, resizes to `size`."""

    def __init__(self, features, separable, deepest):
        super().__init__()
        self.unit1 = None if deepest else ResidualUnit(features, separable)
        self.unit2 = ResidualUnit(features, separable)
        self.project = nn.Conv2d(features, features, 1)

    def forward(self, x, skip=None, size=None):
        if skip is not None:
            x = x + self.unit1(skip)
        x = self.project(self.unit2(x))
        return x if size is None else resize(x, size)


class Output(nn.Module):
    def __init__(self, features, hidden, bins):
        super().__init__()
        self.conv1 = Conv3(features, features // 2)
        self.conv2 = nn.Conv2d(features // 2, hidden, 3, padding=1)
        self.conv3 = nn.Conv2d(hidden, bins or 1, 1)

    def forward(self, x, size):
        x = resize(F.relu(self.conv1(x)), size)
        return self.conv3(F.relu(self.conv2(x)))


class DepthHead(nn.Module):
    """{tap: [B, C, gh, gw]}, size -> [B, 1, *size]: relative inverse depth (larger = nearer), or metres with `output` "metric".

    Metric: `bins` logits over centres spaced evenly in log depth between `near` and `far`, softmax expectation of the centres.
    """

    def __init__(self, width, taps, features=64, channels=(32, 48, 96, 96), hidden=16, separable=(0, 1), output="relative",
                 bins=64, near=0.1, far=20.0):
        super().__init__()
        if len(taps) != 4 or len(channels) != 4:
            raise ValueError(f"a DPT head has 4 taps and 4 channel counts, not {taps} and {channels}")
        if output not in ("relative", "metric"):
            raise ValueError(f"output is 'relative' or 'metric', not {output!r}")
        self.taps, self.output = tuple(taps), output
        self.near, self.far = near, far
        metric = output == "metric"
        self.bins = bins if metric else 0
        self.norms = nn.ModuleDict({str(t): ChannelNorm(width) for t in self.taps})
        self.reassemble = nn.ModuleList(Reassemble(i, width, c, features) for i, c in enumerate(channels))
        self.fusion = nn.ModuleList(Fusion(features, i in separable, i == 3) for i in range(4))
        self.out = Output(features, hidden, self.bins)
        if metric:
            centres = torch.logspace(torch.tensor(near).log10().item(), torch.tensor(far).log10().item(), bins)
            self.register_buffer("centres", centres, persistent=False)

    def forward(self, features, size):
        levels = [r(self.norms[str(t)](features[t])) for t, r in zip(self.taps, self.reassemble)]
        x = self.fusion[3](levels[3], size=levels[2].shape[-2:])
        x = self.fusion[2](x, levels[2], levels[1].shape[-2:])
        x = self.fusion[1](x, levels[1], levels[0].shape[-2:])
        x = self.out(self.fusion[0](x, levels[0]), size).float()
        if not self.bins:
            return x
        return (x.softmax(1) * self.centres.view(1, -1, 1, 1)).sum(1, keepdim=True)


def folded_convolutions(head: DepthHead):
    """(exported name, convolution, batch norm or None) of everything but the layer norms."""

    def conv3(name, m):
        if m.separable:
            yield f"{name}.dw", m.dw, None
            yield f"{name}.pw", m.pw, m.bn
        else:
            yield name, m.conv, m.bn

    for i, r in enumerate(head.reassemble):
        yield f"reassemble.{i}.project", r.project, None
        if r.resize is not None:
            yield f"reassemble.{i}.resize", r.resize, None
        yield from conv3(f"reassemble.{i}.layer", r.layer)
    for i, f in enumerate(head.fusion):
        for unit in ("unit1", "unit2"):
            if getattr(f, unit) is not None:
                yield from conv3(f"fusion.{i}.{unit}.conv1", getattr(f, unit).conv1)
                yield from conv3(f"fusion.{i}.{unit}.conv2", getattr(f, unit).conv2)
        yield f"fusion.{i}.project", f.project, None
    yield from conv3("out.conv1", head.out.conv1)
    yield "out.conv2", head.out.conv2, None
    yield "out.conv3", head.out.conv3, None


def fold_depth(head: DepthHead):
    """{"depth....": tensor} under the names src/heads/depth reads, batch norms folded."""
    out = {}
    for tap, norm in head.norms.items():
        out[f"depth.norms.{tap}.weight"], out[f"depth.norms.{tap}.bias"] = norm.weight, norm.bias
    for name, conv, bn in folded_convolutions(head):
        weight, bias = conv.weight, conv.bias
        if bn is not None:
            scale = bn.weight / (bn.running_var + bn.eps).sqrt()
            weight, bias = weight * scale.view(-1, 1, 1, 1), bn.bias - bn.running_mean * scale
        out[f"depth.{name}.weight"], out[f"depth.{name}.bias"] = weight, bias
    return {k: v.detach().clone().contiguous() for k, v in out.items()}
