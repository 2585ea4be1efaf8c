"""A start for PE-Spatial-T16 without training: DINOv2-S/14 made half as wide, block by block, by least squares.

    python tools/train/compress.py --teacher vit_s_focus.onnx --photos $PE_DENSE_DATA/data/photos --out .train/start.pt

Both networks have 12 blocks and heads of 64 numbers; the student has half of everything. On a few hundred photographs:
- the student's residual stream is the teacher's in the basis of its 192 strongest principal directions;
- each block keeps the three heads (of six) whose outputs explain the block's update best, and the 768 hidden units (of 1,536)
  whose outputs carry most; queries, keys, values and hidden units are fitted to the teacher's from the student's own stream;
- every projection back is fitted to where the teacher's stream is after it, so that errors of earlier blocks are mended;
- queries and keys of a head can be multiplied by a matrix and its inverse transpose without changing scores: in the balanced basis
  the strongest directions lie in the pairs that PE's rotary positions turn slowest, so that the teacher, which knows no rotary
  positions, loses little by them;
- the 14 x 14 patch kernel becomes 16 x 16 by the pseudo-inverse of enlarging (FlexiViT, arXiv 2212.08013).
`distill.py` goes on from there.
"""

import argparse
import itertools

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from data import Composer, read_shards
from dinov2 import MEAN, STD, Dinov2
from dinov2 import PATCH as PATCH_FROM
from dinov2 import WIDTH as WIDTH_FROM
from pe import CONFIGS, PEBackbone

CFG = CONFIGS["pe-spatial-t16"]
HEAD = 64


def fit(x, y, ridge=1e-3):
    """Ridge regression y = x w + b with centred columns. x [n, i], y [n, o] -> w [i, o], b [o]"""
    x, y = x.double(), y.double()
    mx, my = x.mean(0), y.mean(0)
    a = (x - mx).T @ (x - mx)
    a += ridge * a.diagonal().mean() * torch.eye(len(a), dtype=a.dtype)
    w = torch.linalg.solve(a, (x - mx).T @ (y - my))
    return w.float(), (my - mx @ w).float()


def explained(guess, truth):
    """Part of the variance of `truth` that `guess` has."""
    return float(1 - ((guess - truth) ** 2).sum() / ((truth - truth.mean(0)) ** 2).sum())


def rows(streams):
    """Tokens of all pictures of all sizes, one below the other."""
    return torch.cat([s.flatten(0, 1) for s in streams])


def principal(teacher, pictures):
    """-> [384, 192] orthonormal: the directions with the most variance, every block's output weighing alike, the last more"""
    total = torch.zeros(WIDTH_FROM, WIDTH_FROM)
    for x in pictures:
        final, taps = teacher(x[:48], range(1, CFG.layers + 1))
        for weight, stream in [(1, s) for s in taps.values()] + [(2, taps[CFG.layers]), (3, final)]:
            r = stream.flatten(0, 1)
            cov = (r - r.mean(0)).T @ (r - r.mean(0))
            total += weight * cov / cov.trace()
    values, vectors = torch.linalg.eigh(total)
    print(f"principal directions keep {float(values[-CFG.width:].sum() / values.sum()):.3f} of the variance")
    return vectors[:, -CFG.width :].flip(1)


def embeddings(student, teacher, basis, pictures, target):
    """Patch kernel, positions, class token, first norm. -> tokens before the first block, sizes of the grids"""
    side_from, side_to = PATCH_FROM**2, CFG.patch**2
    unit = torch.eye(side_from).view(side_from, 1, PATCH_FROM, PATCH_FROM)
    enlarge = F.interpolate(unit, size=(CFG.patch, CFG.patch), mode="bilinear", align_corners=False).view(side_from, side_to)
    weight, bias = teacher.patch
    # pictures come in -1..1 here, with ImageNet's mean and deviation there
    bias = bias + (weight * ((0.5 - MEAN) / STD).view(1, 3, 1, 1)).sum((1, 2, 3))
    weight = weight * (0.5 / STD).view(1, 3, 1, 1)
    wide = (torch.linalg.pinv(enlarge) @ weight.reshape(-1, side_from).T).T.reshape(WIDTH_FROM, 3, CFG.patch, CFG.patch)
    student.conv1.weight.copy_(torch.einsum("dchw,dk->kchw", wide, basis))
    grid = CFG.image_size // CFG.patch
    student.positional_embedding[1:].copy_((teacher.position(grid, grid)[0] + bias) @ basis)
    student.positional_embedding[0] = 0
    student.class_embedding.copy_(teacher.class_token @ basis)
    found = [student.embed(x) for x in pictures]  # with a norm of ones and zeros
    u = rows([tokens for tokens, _ in found])
    scale = ((u - u.mean(0)) * (target - target.mean(0))).sum(0) / ((u - u.mean(0)) ** 2).sum(0)
    student.ln_pre.weight.copy_(scale)
    student.ln_pre.bias.copy_(target.mean(0) - scale * u.mean(0))
    return [tokens * scale + student.ln_pre.bias for tokens, _ in found], [size for _, size in found]


def slow_first():
    """Places in a head from the pair turned slowest to the one turned fastest: pair p is numbers 2 p and 2 p + 1; the first half of
    the pairs follows x, the second y, each from fast to slow."""
    quarter = HEAD // 4
    pairs = [half * quarter + j for j in reversed(range(quarter)) for half in (0, 1)]
    return torch.tensor([2 * p + k for p in pairs for k in (0, 1)])


def balanced(q, k):
    """Matrices for the queries and keys of one head, [64, 64] each: scores stay, and both get the same diagonal covariance,
    strongest direction in the slowest pair."""
    root = {}
    for name, x in (("q", q), ("k", k)):
        values, vectors = torch.linalg.eigh((x.T @ x / len(x) + 1e-4 * torch.eye(HEAD)).double())
        root[name] = vectors @ torch.diag(values.sqrt()) @ vectors.T
    left, strength, _ = torch.linalg.svd(root["q"] @ root["k"])
    turn = torch.diag(strength.sqrt()) @ left.T @ torch.linalg.inv(root["q"])
    place = torch.zeros(HEAD, HEAD, dtype=torch.double)
    place[slow_first(), torch.arange(HEAD)] = 1
    return (place @ turn).float(), (place @ torch.linalg.inv(turn).T).float()


def best_heads(mixed, update):
    """-> columns of the heads whose outputs explain the update best, their part of it"""
    best = None
    for heads in itertools.combinations(range(WIDTH_FROM // HEAD), CFG.heads):
        columns = torch.cat([torch.arange(HEAD) + HEAD * h for h in heads])
        w, b = fit(mixed[:, columns], update)
        part = explained(mixed[:, columns] @ w + b, update)
        if best is None or part > best[1]:
            best = (columns, part, heads)
    return best


def fit_attention(block, own, theirs, columns, student, grids):
    """Queries, keys and values of the student's block from its own normed stream. -> the heads' outputs"""
    normed = [F.layer_norm(z, (CFG.width,)) for z in own]
    u = rows(normed)
    weights, biases = [], []
    for values in theirs:
        w, b = fit(u, rows(values)[:, columns])
        weights.append(w), biases.append(b)
    for h in range(CFG.heads):
        part = slice(HEAD * h, HEAD * h + HEAD)
        turns = balanced(*(rows(values)[:, columns][:, part] for values in theirs[:2]))
        for i, turn in enumerate(turns):
            weights[i][:, part] = weights[i][:, part] @ turn.T
            biases[i][part] = turn @ biases[i][part]
    block.attn.in_proj_weight.copy_(torch.cat([w.T for w in weights]))
    block.attn.in_proj_bias.copy_(torch.cat(biases))
    projection, block.attn.out_proj = block.attn.out_proj, nn.Identity()
    mixed = [block.attn(x, *student.rope(*grid, x)) for x, grid in zip(normed, grids)]
    block.attn.out_proj = projection
    return mixed


@torch.no_grad()
def compress(teacher, pictures):
    """pictures: float [n, 3, 16 h, 16 w] in -1..1, one tensor a size. -> student, basis [384, 192], (w, b) from its normed last
    stream to the teacher's features"""
    smaller = [F.interpolate(x, size=[s // CFG.patch * PATCH_FROM for s in x.shape[-2:]], mode="bilinear", antialias=True) for x in pictures]
    basis = principal(teacher, smaller)
    student = PEBackbone(CFG).eval()
    stream = [teacher.embed(x) for x in smaller]
    own, grids = embeddings(student, teacher, basis, pictures, rows(stream) @ basis)
    for i, (block, known) in enumerate(zip(student.transformer.resblocks, teacher.blocks), 1):
        attended = [teacher.attention(x, known) for x in stream]
        stream = [x + F.linear(mixed, *known["out"]) * known["scale1"] for x, (mixed, _) in zip(stream, attended)]
        update = rows(stream) @ basis - rows(own)
        columns, _, heads = best_heads(rows([mixed for mixed, _ in attended])[::2], update[::2])
        theirs = [[parts[j] for _, parts in attended] for j in range(3)]
        mixed = fit_attention(block, own, theirs, columns, student, grids)
        w, b = fit(rows(mixed), update)
        block.attn.out_proj.weight.copy_(w.T), block.attn.out_proj.bias.copy_(b)
        own = [z + block.attn.out_proj(m) for z, m in zip(own, mixed)]
        before = [teacher.hidden(x, known) for x in stream]
        stream = [x + F.linear(F.gelu(p), *known["fc2"]) * known["scale2"] for x, p in zip(stream, before)]
        update = rows(stream) @ basis - rows(own)
        carried = ((known["fc2"][0] * known["scale2"][:, None]).T @ basis).pow(2).sum(1)
        kept = (F.gelu(rows(before)).var(0) * carried).topk(block.mlp.c_fc.out_features).indices
        u = rows([F.layer_norm(z, (CFG.width,)) for z in own])
        w, b = fit(u, rows(before)[:, kept])
        block.mlp.c_fc.weight.copy_(w.T), block.mlp.c_fc.bias.copy_(b)
        w, b = fit(F.gelu(u @ w + b), update, ridge=1e-2)
        block.mlp.c_proj.weight.copy_(w.T), block.mlp.c_proj.bias.copy_(b)
        own = [z + block.mlp(F.layer_norm(z, (CFG.width,))) for z in own]
        print(f"block {i}: heads {heads}, {explained(rows(own), rows(stream) @ basis):.3f} of the stream's variance", flush=True)
    final = F.layer_norm(rows(stream), (WIDTH_FROM,), *teacher.norm, 1e-6)
    last = F.layer_norm(rows(own), (CFG.width,))
    w, b = fit(last, final)
    print(f"final features: {explained(last @ w + b, final):.3f} of the variance, cosine {F.cosine_similarity(last @ w + b, final).mean():.3f}")
    return student, basis, (w, b)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--teacher", required=True, help="the ONNX file that dinov2.py names")
    p.add_argument("--photos", required=True, help="folder of shards, as a training config's `shards`")
    p.add_argument("--out", required=True, help="weights under Meta's names, and what distill.py needs beside them")
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    composer = Composer(read_shards(a.photos), 7, mosaic=0.2)
    pictures = []
    for grid, count in ((10, 224), (14, 80)):
        drawn = np.stack([composer.compose(CFG.patch * grid)[0] for _ in range(count)])
        pictures.append(torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 127.5 - 1)
    student, basis, final = compress(Dinov2(a.teacher), pictures)
    torch.save(dict(state_dict=student.state_dict(), basis=basis, final=final), a.out)


if __name__ == "__main__":
    main()
