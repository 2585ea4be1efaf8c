"""Perception Encoder vision transformer with Meta's parameter names, so that official checkpoints load strictly.

Source: facebookresearch/perception_models, core/vision_encoder/{pe,rope,config}.py (Apache-2.0), written anew.
Shapes: B batch, N tokens (class token first when there is one), C width.
"""

from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass(frozen=True)
class PEConfig:
    width: int
    layers: int
    heads: int
    patch: int = 16
    image_size: int = 512
    class_token: bool = True
    mlp_ratio: float = 4.0
    layer_scale: float | None = None


CONFIGS = {
    "pe-spatial-t16": PEConfig(192, 12, 3),
    "pe-spatial-s16": PEConfig(384, 12, 6),
    "pe-spatial-b16": PEConfig(768, 12, 12),
    "pe-spatial-l14": PEConfig(1024, 24, 16, patch=14, image_size=448),
    "pe-spatial-g14": PEConfig(1536, 50, 16, patch=14, image_size=448, class_token=False, mlp_ratio=8960 / 1536, layer_scale=0.1),
}


def rope_tables(grid_h: int, grid_w: int, head_dim: int, class_token: bool, theta: float = 10000.0):
    """cos and sin [N, head_dim / 2]: first half of the head rotates by x, second by y; class token at angle 0 (Meta's rule)."""
    n = head_dim // 2
    freqs = 1.0 / theta ** (torch.arange(0, n, 2).float() / n)  # [head_dim / 4]
    first = 1.0 if class_token else 0.0
    y = (torch.arange(grid_h).float() + first)[:, None] * freqs
    x = (torch.arange(grid_w).float() + first)[:, None] * freqs
    angles = torch.cat([x[None].expand(grid_h, -1, -1), y[:, None].expand(-1, grid_w, -1)], -1).reshape(grid_h * grid_w, n)
    if class_token:
        angles = torch.cat([torch.zeros(1, n), angles])
    return angles.cos(), angles.sin()


def half_split(width: int, heads: int):
    """Row order of q (or k) that puts the even members of each head's pairs first: rotation then works on two whole halves.
    Scores do not change when q and k are reordered alike."""
    pairs = torch.arange(width).view(heads, -1, 2)
    return pairs.transpose(1, 2).reshape(-1)


def rotate(x, cos, sin):
    """Rotates (first half, second half) of the last axis. x [B, heads, N, head_dim]; cos, sin [N, head_dim / 2]"""
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


def attend(q, k, v):
    """softmax(q k^T / sqrt(d)) v. For the short sequences of small pictures on a CPU plain products beat the fused kernel,
    whose backward is slow there."""
    if q.device.type != "cpu" or q.shape[-2] > 600:
        return F.scaled_dot_product_attention(q, k, v)
    return ((q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)).softmax(-1) @ v


class Attention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        order = half_split(width, heads)
        self.register_buffer("order", torch.cat((order, order + width, torch.arange(2 * width, 3 * width))), persistent=False)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x, cos, sin):
        b, n, c = x.shape
        qkv = F.linear(x, self.in_proj_weight[self.order], self.in_proj_bias[self.order])
        q, k, v = qkv.view(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)  # each [B, heads, N, head_dim]
        cos, sin = cos.to(q.dtype), sin.to(q.dtype)
        x = attend(rotate(q, cos, sin), rotate(k, cos, sin), v)
        return self.out_proj(x.transpose(1, 2).reshape(b, n, c))


class LayerScale(nn.Module):
    def __init__(self, width: int, init: float):
        super().__init__()
        self.gamma = nn.Parameter(init * torch.ones(width))

    def forward(self, x):
        return x * self.gamma


class Mlp(nn.Module):
    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.c_fc = nn.Linear(width, hidden)
        self.c_proj = nn.Linear(hidden, width)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x)))


class Block(nn.Module):
    def __init__(self, cfg: PEConfig):
        super().__init__()
        self.attn = Attention(cfg.width, cfg.heads)
        self.ln_1 = nn.LayerNorm(cfg.width)
        self.ln_2 = nn.LayerNorm(cfg.width)
        self.mlp = Mlp(cfg.width, int(cfg.width * cfg.mlp_ratio))
        scale = cfg.layer_scale
        self.ls_1 = nn.Identity() if scale is None else LayerScale(cfg.width, scale)
        self.ls_2 = nn.Identity() if scale is None else LayerScale(cfg.width, scale)

    def forward(self, x, cos, sin):
        x = x + self.ls_1(self.attn(self.ln_1(x), cos, sin))
        return x + self.ls_2(self.mlp(self.ln_2(x)))


class Transformer(nn.Module):
    def __init__(self, cfg: PEConfig):
        super().__init__()
        self.resblocks = nn.ModuleList(Block(cfg) for _ in range(cfg.layers))


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of [B, C, H, W]."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class PEBackbone(nn.Module):
    """forward(images [B, 3, H, W], taps) -> {i: [B, C, H/patch, W/patch]} after i blocks, class token dropped."""

    def __init__(self, cfg: PEConfig):
        super().__init__()
        self.cfg = cfg
        grid = cfg.image_size // cfg.patch
        scale = cfg.width**-0.5
        self.conv1 = nn.Conv2d(3, cfg.width, cfg.patch, cfg.patch, bias=False)
        if cfg.class_token:
            self.class_embedding = nn.Parameter(scale * torch.randn(cfg.width))
        self.positional_embedding = nn.Parameter(scale * torch.randn(int(cfg.class_token) + grid * grid, cfg.width))
        self.ln_pre = nn.LayerNorm(cfg.width)
        self.transformer = Transformer(cfg)
        self._rope = {}
        self.frozen = 0  # blocks before which nothing learns

    def position(self, gh: int, gw: int):
        """Learned grid resampled bilinearly (align_corners=False), as Meta's _sample_abs_posemb. [N, C]"""
        grid = self.cfg.image_size // self.cfg.patch
        if (gh, gw) == (grid, grid):
            return self.positional_embedding
        first = int(self.cfg.class_token)
        head, body = self.positional_embedding[:first], self.positional_embedding[first:]
        body = body.view(1, grid, grid, -1).permute(0, 3, 1, 2)
        body = F.interpolate(body.float(), (gh, gw), mode="bilinear", align_corners=False)
        return torch.cat([head, body.permute(0, 2, 3, 1).reshape(gh * gw, -1)])

    def rope(self, gh: int, gw: int, like):
        key = (gh, gw, like.device)
        if key not in self._rope:
            tables = rope_tables(gh, gw, self.cfg.width // self.cfg.heads, self.cfg.class_token)
            self._rope[key] = tuple(t.to(like.device) for t in tables)
        return self._rope[key]

    def freeze(self, blocks: int):
        """Fixes the embeddings and the first `blocks` blocks: they cost no backward pass."""
        self.frozen = blocks
        for module in (self.conv1, self.ln_pre, *self.transformer.resblocks[:blocks]):
            module.requires_grad_(False)
        self.positional_embedding.requires_grad_(False)
        if self.cfg.class_token:
            self.class_embedding.requires_grad_(False)

    def forward(self, images, taps):
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            x, grid = self.embed(images)
        cos, sin = self.rope(*grid, x)
        out = {}
        for i, block in enumerate(self.transformer.resblocks, 1):
            with torch.set_grad_enabled(torch.is_grad_enabled() and i > self.frozen):
                x = block(x, cos, sin)
            if i in taps:
                out[i] = x[:, int(self.cfg.class_token):].transpose(1, 2).reshape(len(x), -1, *grid)
            if i == max(taps):
                break
        return out

    def embed(self, images):
        """-> tokens [B, N, C] before the first block, (rows, columns)"""
        b, _, h, w = images.shape
        gh, gw = h // self.cfg.patch, w // self.cfg.patch
        x = self.conv1(images).flatten(2).transpose(1, 2)  # [B, gh*gw, C]
        if self.cfg.class_token:
            x = torch.cat([self.class_embedding.to(x.dtype).expand(b, 1, -1), x], 1)
        return self.ln_pre(x + self.position(gh, gw)), (gh, gw)
