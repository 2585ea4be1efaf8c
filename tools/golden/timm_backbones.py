"""Outputs of timm's Perception Encoder towers with weights that anyone can make again.

No weights are stored: every number is a function of its tensor's name and index (`hashed`, written the same way in
test/backbone/hashed.ts), so Python and TypeScript build the same network. Samples of the outputs are stored.

Run:     python tools/golden/timm_backbones.py
By hand: python tools/golden/timm_backbones.py --big FOLDER pe-spatial-l14 pe-core-g14 ...
         writes the weights too (Meta's names, FOLDER/NAME.safetensors, up to 7.6 GB) and FOLDER/NAME.json
Needs:   torch, timm, numpy (versions in requirements.txt)
Writes:  test/golden/timm-backbones.json
"""
import argparse
import json
import struct
from functools import partial
from pathlib import Path

import numpy as np
import timm
import torch
from timm.layers import LayerNorm
from timm.models.eva import Eva, _convert_pe

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = 300

# name -> timm architecture
NATIVE = {
    'pe-spatial-t16': 'vit_pe_spatial_tiny_patch16_512',
    'pe-spatial-s16': 'vit_pe_spatial_small_patch16_512',
    'pe-spatial-b16': 'vit_pe_spatial_base_patch16_512',
    'pe-core-t16': 'vit_pe_core_tiny_patch16_384',
    'pe-core-s16': 'vit_pe_core_small_patch16_384',
    'pe-core-b16': 'vit_pe_core_base_patch16_224',
    'pe-spatial-l14': 'vit_pe_spatial_large_patch14_448',
    'pe-core-l14': 'vit_pe_core_large_patch14_336',
    'pe-lang-l14': 'vit_pe_lang_large_patch14_448',
    'pe-spatial-g14': 'vit_pe_spatial_gigantic_patch14_448',
    'pe-core-g14': 'vit_pe_core_gigantic_patch14_448',
    'pe-lang-g14': 'vit_pe_lang_gigantic_patch14_448',
}
# name, height, width: away from the trained size, where timm's position rule differs from Meta's
OTHER = [('pe-spatial-t16', 384, 528), ('pe-spatial-t16', 640, 224), ('pe-core-t16', 256, 336), ('small-without-class-token', 84, 154)]


def fnv1a(text):
    h = 0x811C9DC5
    for byte in text.encode():
        h = ((h ^ byte) * 0x01000193) & 0xFFFFFFFF
    return h


def hash32(seed, n, start=0):
    """murmur3's finaliser over a counter: n uint32 values."""
    x = (np.arange(start, start + n, dtype=np.uint64) * 0x9E3779B9 + seed).astype(np.uint32)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    x *= np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    return x


def uniform(name, n):
    """In [-1, 1), float64."""
    return hash32(fnv1a(name), n).astype(np.float64) / 2147483648.0 - 1.0


def hashed(name, shape):
    """Weights of a tensor under Meta's name: float32, scaled so that activations stay of order one."""
    n = int(np.prod(shape))
    if name.endswith('gamma'):
        center, scale = 0.1, 0.05
    elif name.endswith('.weight') and len(shape) == 1:  # norms
        center, scale = 1.0, 0.25
    elif name.endswith('bias'):
        center, scale = 0.0, 0.1
    elif name == 'proj':
        center, scale = 0.0, (3 / shape[0]) ** 0.5
    elif len(shape) >= 2 and 'weight' in name:
        center, scale = 0.0, (3 / (n / shape[0])) ** 0.5
    else:  # embeddings, probe
        center, scale = 0.0, 0.5
    return (center + scale * uniform(name, n)).astype(np.float32).reshape(shape)


def meta_shapes(model):
    """Meta's names and shapes, from the timm model's own."""
    back = [('patch_embed.proj', 'conv1'), ('pos_embed', 'positional_embedding'), ('cls_token', 'class_embedding'),
            ('norm_pre', 'ln_pre'), ('blocks.', 'transformer.resblocks.'), ('norm1', 'ln_1'), ('norm2', 'ln_2'),
            ('gamma_1', 'ls_1.gamma'), ('gamma_2', 'ls_2.gamma'), ('attn.qkv.', 'attn.in_proj_'), ('attn.proj', 'attn.out_proj'),
            ('mlp.fc1', 'mlp.c_fc'), ('mlp.fc2', 'mlp.c_proj')]
    out = {}
    for k, v in model.state_dict().items():
        shape = tuple(v.shape)
        if k.startswith('attn_pool.'):
            k = k.replace('mlp.fc1', 'mlp.c_fc').replace('mlp.fc2', 'mlp.c_proj').replace('attn_pool.norm', 'attn_pool.layernorm')
            k = k.replace('attn_pool.latent', 'attn_pool.probe').replace('attn_pool.proj', 'attn_pool.attn.out_proj')
            if k.startswith('attn_pool.q.'):
                k, shape = 'attn_pool.attn.in_proj_' + k.split('.')[-1], (shape[0] * 3, *shape[1:])
            elif k.startswith('attn_pool.kv.'):
                continue
        elif k == 'head.weight':
            k, shape = 'proj', shape[::-1]
        elif k == 'head.bias':
            continue
        elif k in ('norm.weight', 'norm.bias'):
            k = 'ln_post.' + k.split('.')[-1]
        else:
            for a, b in back:
                k = k.replace(a, b)
            if k in ('positional_embedding',):
                shape = shape[1:]
            if k == 'class_embedding':
                shape = shape[2:]
        out[k] = shape
    return out


def fill(model, path=None):
    """Puts hashed weights into the model, tensor by tensor; writes them to `path` under Meta's names as well."""
    shapes = meta_shapes(model)
    state = model.state_dict()
    seen = set()
    file = None
    if path:
        at, header = 0, {}
        for k, s in shapes.items():
            n = 4 * int(np.prod(s))
            header[k] = {'dtype': 'F32', 'shape': list(s), 'data_offsets': [at, at + n]}
            at += n
        text = json.dumps(header).encode()
        text += b' ' * (-(len(text) + 8) % 64)
        file = open(path, 'wb')
        file.write(struct.pack('<Q', len(text)) + text)
    for k, s in shapes.items():
        w = hashed(k, s)
        if file:
            file.write(w.tobytes())
        for name, t in _convert_pe({k: torch.from_numpy(w)}, model, prefix='').items():
            assert state[name].shape == t.shape, (k, name, state[name].shape, t.shape)
            state[name].copy_(t)
            seen.add(name)
    if file:
        file.close()
    left = set(state) - seen
    assert not left, left


def sample(name, tensor):
    flat = tensor.detach().double().flatten().numpy()
    at = hash32(fnv1a(name), SAMPLES) % flat.size
    return {'size': int(flat.size), 'mean': float(flat.mean()), 'std': float(flat.std()), 'values': [float(f'{v:.7g}') for v in flat[at]]}


def run(model, height, width):
    x = torch.from_numpy(uniform('input', 3 * height * width).astype(np.float32).reshape(1, 3, height, width))
    depth = len(model.blocks)
    picks = sorted({0, depth // 2 - 1, depth - 1})
    out = {'height': height, 'width': width, 'taps': {}}
    with torch.no_grad():
        final, inter = model.forward_intermediates(x, indices=picks, return_prefix_tokens=model.num_prefix_tokens > 0, output_fmt='NLC', norm=False)
        for i, item in zip(picks, inter):
            patches, prefix = item if isinstance(item, tuple) else (item, None)
            tokens = torch.cat([prefix, patches], 1) if prefix is not None and prefix.shape[1] else patches
            out['taps'][str(i + 1)] = sample(f'layer_{i + 1}', tokens)
        out['normed'] = sample('normed', final[:, model.num_prefix_tokens:])
        if model.attn_pool is not None:
            out['embedding'] = sample('embedding', torch.nn.functional.normalize(model.forward_head(final)))
    return out


SMALL = dict(patch_size=14, img_size=56, embed_dim=96, depth=3, num_heads=4, mlp_ratio=2.5, attn_type='rope', class_token=False, use_rot_pos_emb=True,
             ref_feat_shape=(4, 4), rope_grid_indexing='xy', use_pre_transformer_norm=True, use_post_transformer_norm=False,
             use_fc_norm=False, init_values=0.1, num_classes=0, norm_layer=partial(LayerNorm, eps=1e-5), global_pool='')


def build(name, **kwargs):
    """A timm tower; Core keeps its projection as the head."""
    if name == 'small-without-class-token':
        return Eva(**SMALL, **kwargs).eval()
    core = '-core-' in name
    dims = {'t': 512, 's': 512, 'b': 1024, 'l': 1024, 'g': 1280}
    return timm.create_model(NATIVE[name], num_classes=dims[name.split('-')[2][0]] if core else 0, **kwargs).eval()


def main():
    args = argparse.ArgumentParser()
    args.add_argument('--big', nargs='+', metavar=('FOLDER', 'NAME'))
    args = args.parse_args()
    torch.manual_seed(0)
    note = f'timm {timm.__version__}, torch {torch.__version__.split("+")[0]}, float32, CPU'
    if args.big:
        folder = Path(args.big[0])
        for name in args.big[1:]:
            model = build(name)
            fill(model, folder / f'{name}.safetensors')
            size = model.patch_embed.img_size
            (folder / f'{name}.json').write_text(json.dumps({'arch': name, 'source': note, **run(model, *size)}))
            print(name, size, flush=True)
            del model
        return
    cases = []
    for name in list(NATIVE)[:6]:
        model = build(name)
        fill(model)
        cases.append({'arch': name, 'native': True, **run(model, *model.patch_embed.img_size)})
        print(name, flush=True)
    for name, height, width in OTHER:
        model = build(name, dynamic_img_size=True)
        fill(model)
        cases.append({'arch': name, 'native': False, **run(model, height, width)})
        print(name, height, width, flush=True)
    path = ROOT / 'test/golden/timm-backbones.json'
    path.write_text(json.dumps({'source': note, 'cases': cases}) + '\n')
    print(path, path.stat().st_size)


if __name__ == '__main__':
    main()
