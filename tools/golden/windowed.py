"""A small tower with windowed attention, written here after the official Mask R-CNN backbone: attention inside windows
(zero padding takes part in it) except in listed blocks, tiled position grid, rotary positions i / n * grid + 1 with n
counted inside the window or over the whole grid.

Semantics: facebookresearch/perception_models apps/detection/detectron2_pe/modeling/backbone/pev1_det.py @ 3e352cc and
detectron2 window_partition. Weights: `hashed` of timm_backbones.py.

Run:    python tools/golden/windowed.py
Needs:  torch, timm, numpy (versions in requirements.txt)
Writes: test/golden/windowed.json
"""
import json
from pathlib import Path

import torch
import torch.nn.functional as F

from timm_backbones import hashed, sample, uniform

C, HEADS, LAYERS, MLP, PATCH, SIDE, WINDOW, GLOBAL = 64, 4, 4, 128, 8, 3, 3, {1, 3}


def w(name, *shape):
    return torch.from_numpy(hashed(name, shape)).double()


def norm(x, name):
    return F.layer_norm(x, (C,), w(f'{name}.weight', C), w(f'{name}.bias', C), 1e-5)


def table(h, wd):
    half = C // HEADS // 2
    freqs = 1 / 10000 ** (torch.arange(0, half, 2).double() / half)
    y = ((torch.arange(h).double() / h * SIDE + 1)[:, None] * freqs)[:, None].expand(h, wd, -1)
    x = ((torch.arange(wd).double() / wd * SIDE + 1)[:, None] * freqs)[None].expand(h, wd, -1)
    return torch.cat([x, y], -1).reshape(h * wd, -1).repeat_interleave(2, -1)


def rotate(t, angles):
    half = torch.stack([-t[..., 1::2], t[..., ::2]], -1).flatten(-2)
    return t * angles.cos() + half * angles.sin()


def attention(x, name):  # [B, h, w, C]
    B, h, wd, _ = x.shape
    qkv = F.linear(x.reshape(B, h * wd, C), w(f'{name}.in_proj_weight', 3 * C, C), w(f'{name}.in_proj_bias', 3 * C))
    q, k, v = [t.reshape(B, h * wd, HEADS, -1).transpose(1, 2) for t in qkv.chunk(3, -1)]
    a = table(h, wd)
    out = F.scaled_dot_product_attention(rotate(q, a), rotate(k, a), v).transpose(1, 2).reshape(B, h, wd, C)
    return F.linear(out, w(f'{name}.out_proj.weight', C, C), w(f'{name}.out_proj.bias', C))


def windows(x, fn):
    B, H, W, _ = x.shape
    x = F.pad(x, (0, 0, 0, -W % WINDOW, 0, -H % WINDOW))
    rows = [torch.cat([fn(x[:, i:i + WINDOW, j:j + WINDOW]) for j in range(0, x.shape[2], WINDOW)], 2) for i in range(0, x.shape[1], WINDOW)]
    return torch.cat(rows, 1)[:, :H, :W]


cases = []
for H, W in [(6, 9), (5, 7), (3, 3)]:
    image = torch.from_numpy(uniform('input', 2 * 3 * H * PATCH * W * PATCH)).float().double().reshape(2, 3, H * PATCH, W * PATCH)
    x = F.conv2d(image, w('conv1.weight', C, 3, PATCH, PATCH), stride=PATCH).permute(0, 2, 3, 1)
    pos = w('positional_embedding', SIDE * SIDE, C).reshape(SIDE, SIDE, C)
    x = norm(x + pos.tile(H // SIDE + 1, W // SIDE + 1, 1)[:H, :W], 'ln_pre')
    taps = {}
    for i in range(LAYERS):
        n = f'transformer.resblocks.{i}'
        y = norm(x, f'{n}.ln_1')
        y = attention(y, f'{n}.attn') if i in GLOBAL else windows(y, lambda t: attention(t, f'{n}.attn'))
        x = x + y * w(f'{n}.ls_1.gamma', C)
        y = F.gelu(F.linear(norm(x, f'{n}.ln_2'), w(f'{n}.mlp.c_fc.weight', MLP, C), w(f'{n}.mlp.c_fc.bias', MLP)))
        y = F.linear(y, w(f'{n}.mlp.c_proj.weight', C, MLP), w(f'{n}.mlp.c_proj.bias', C))
        x = x + y * w(f'{n}.ls_2.gamma', C)
        taps[str(i + 1)] = sample(f'layer_{i + 1}', x.reshape(2, H * W, C))
    cases.append({'rows': H, 'columns': W, 'taps': taps})
config = {'width': C, 'layers': LAYERS, 'heads': HEADS, 'mlp_ratio': MLP / C, 'patch_size': PATCH, 'image_size': SIDE * PATCH,
          'pool_type': 'none', 'use_ln_post': False, 'ls_init_value': 0.1, 'rope': 'vitdet', 'rope_grid': SIDE,
          'window': {'size': WINDOW, 'global_blocks': sorted(GLOBAL)}}
out = Path(__file__).resolve().parents[2] / 'test/golden/windowed.json'
out.write_text(json.dumps({'config': config, 'cases': cases}) + '\n')
print(out, out.stat().st_size)
