"""Teaches a PE-Spatial-T16 the features of DINOv2-S/14 on photographs without labels, from the start that compress.py makes.

    torchrun --nproc_per_node 2 tools/train/distill.py --weights .train/start.pt --teacher vit_s_focus.onnx \\
        --photos $PE_DENSE_DATA/data/photos --out .train/backbone.pt --pictures 87000

The student sees 16 g pixels where the teacher sees 14 g, so both have the same g x g grid. Learnt are the teacher's final features
(through a linear map) and its residual stream after blocks 3, 6 and 9 in the student's basis, every dimension divided by its
deviation, with a smooth L1 loss. What the teacher said of a composite is used `--replay` times, mirrored and recoloured.
`--out` holds the backbone under Meta's names: a config's `start`.
"""

import argparse
import copy
import json
import os
import time

import numpy as np
import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F

from data import Composer, jitter_colours, read_shards
from dinov2 import PATCH as PATCH_FROM
from dinov2 import Dinov2
from optim import build_optimizers, share, sum_over_processes
from pe import CONFIGS, PEBackbone

CFG = CONFIGS["pe-spatial-t16"]
TAPS = (3, 6, 9)
WEIGHTS = {3: 0.25, 6: 0.25, 9: 0.25, "final": 1.0}


class Student(nn.Module):
    def __init__(self, state):
        super().__init__()
        self.backbone = PEBackbone(CFG)
        self.backbone.load_state_dict(state["state_dict"])
        weight, bias = state["final"]
        self.final = nn.Linear(*weight.shape)
        self.final.weight.data.copy_(weight.T), self.final.bias.data.copy_(bias)

    def forward(self, images):
        """-> {tap: [B, N, C]}, class token first"""
        x, grid = self.backbone.embed(images)
        found = {}
        for i, block in enumerate(self.backbone.transformer.resblocks, 1):
            x = block(x, *self.backbone.rope(*grid, x))
            if i in TAPS:
                found[i] = x
        found["final"] = self.final(F.layer_norm(x, (CFG.width,)))
        return found


def mirrored(tokens, grid):
    """Tokens of the mirrored picture; the class token stays first."""
    body = tokens[:, 1:].unflatten(1, (grid, grid)).flip(2).flatten(1, 2)
    return torch.cat((tokens[:, :1], body), 1)


class Pool:
    """The newest composites with the teacher's answers."""

    def __init__(self, capacity, photos, teacher, basis, grid, seed):
        self.composer = Composer(photos, seed, mosaic=0.3, balance=dict(threshold=0.05, power=0.5, limit=10))
        self.teacher, self.basis, self.grid, self.capacity = teacher, basis, grid, capacity
        self.images, self.answers, self.count = None, {}, 0

    def add(self, count):
        """Draws composites and asks the teacher. -> their places"""
        drawn = np.stack([self.composer.compose(CFG.patch * self.grid)[0] for _ in range(count)])
        images = torch.from_numpy(drawn).permute(0, 3, 1, 2)
        side = PATCH_FROM * self.grid
        x = F.interpolate(images.float(), size=(side, side), mode="bilinear", antialias=True) / 127.5 - 1
        with torch.autocast("cpu", torch.bfloat16):
            final, taps = self.teacher(x, TAPS)
        answers = {i: taps[i].float() @ self.basis for i in TAPS} | {"final": final.float()}
        if self.images is None:
            self.images = torch.empty(self.capacity, *images.shape[1:], dtype=torch.uint8)
            self.answers = {k: torch.empty(self.capacity, *v.shape[1:], dtype=torch.half) for k, v in answers.items()}
        places = torch.arange(self.count, self.count + count) % self.capacity
        self.images[places] = images
        for k, v in answers.items():
            self.answers[k][places] = v.half()
        self.count += count
        return places

    def deviations(self, count=64):
        """-> {tap: deviation of every dimension}, of the first process's pictures"""
        self.add(count)
        found = {k: v[:count].float().flatten(0, 1).std(0) for k, v in self.answers.items()}
        if share()[0] > 1:
            for v in found.values():
                dist.broadcast(v, 0)
        return found


def compare(student, answers, deviations):
    """-> loss, {tap: mean squared error, in squared deviations}"""
    loss, errors = 0.0, {}
    for k, answer in answers.items():
        e = (student[k].float() - answer) / deviations[k]
        errors[str(k)] = float((e.detach() ** 2).mean())
        loss = loss + WEIGHTS[k] * F.smooth_l1_loss(e, torch.zeros_like(e), beta=2.0)
    return loss, errors


def save(path, student, basis, seen):
    final = (student.final.weight.T.clone(), student.final.bias.clone())
    torch.save(dict(state_dict=student.backbone.state_dict(), basis=basis, final=final, seen=seen), path + ".tmp")
    os.replace(path + ".tmp", path)


def train(a):
    processes, rank = share()
    torch.manual_seed(a.seed)
    generator = torch.Generator().manual_seed(a.seed + rank)
    state = torch.load(a.weights, weights_only=True)
    model, basis = Student(state), state["basis"]
    mean = copy.deepcopy(model).requires_grad_(False)
    optimizers = build_optimizers(model, a.muon, a.adam, 0.5, 0.0)
    pool = Pool(a.pool, read_shards(a.photos), Dinov2(a.teacher), basis, a.grid, a.seed * 1000 + rank)
    deviations = pool.deviations()
    seen, step, errors, clock = 0, 0, {}, time.time()
    while seen < a.pictures:
        fresh = step % a.replay == 0
        places = pool.add(a.batch) if fresh else torch.randint(min(pool.count, a.pool), (a.batch,), generator=generator)
        x, answers = pool.images[places].float(), {k: v[places].float() for k, v in pool.answers.items()}
        if torch.rand((), generator=generator) < 0.5:
            x, answers = x.flip(-1), {k: mirrored(v, a.grid) for k, v in answers.items()}
        rate = min(1.0, (step + 1) / 50) * (1 - 0.95 * seen / a.pictures)
        for o in optimizers:
            o.zero_grad(set_to_none=True)
            for g in o.param_groups:
                g["lr"] = g["base_lr"] * rate
        with torch.autocast("cpu", torch.bfloat16):
            out = model(jitter_colours(x, generator) / 127.5 - 1)
        loss, found = compare(out, answers, deviations)
        loss.backward()
        sum_over_processes([p.grad for p in model.parameters() if p.grad is not None], mean=True)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        for o in optimizers:
            o.step()
        decay = min(0.998, (1 + step) / (20 + step))
        for e, p in zip(mean.parameters(), model.parameters()):
            e.lerp_(p, 1 - decay)
        step, seen = step + 1, seen + a.batch * processes
        for k, v in found.items():
            errors.setdefault(k, []).append(v)
        if rank == 0 and step % 100 == 0:
            speed = 100 * a.batch * processes / (time.time() - clock)
            print(json.dumps(dict(seen=seen, rate=round(speed, 1), **{k: round(float(np.mean(v)), 4) for k, v in errors.items()})), flush=True)
            errors, clock = {}, time.time()
            if step % 500 == 0:
                save(a.out, mean, basis, seen)
    if rank == 0:
        save(a.out, mean, basis, seen)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, text in (("weights", "what compress.py wrote"), ("teacher", "the ONNX file that dinov2.py names")):
        p.add_argument("--" + name, required=True, help=text)
    p.add_argument("--photos", required=True, help="folder of shards, as a training config's `shards`")
    p.add_argument("--out", required=True)
    p.add_argument("--pictures", type=int, required=True, help="over all processes; the rate falls linearly to a twentieth")
    p.add_argument("--grid", type=int, default=10, help="tokens a side: 10 is 160 px")
    p.add_argument("--batch", type=int, default=20, help="pictures a step and process")
    p.add_argument("--replay", type=int, default=6)
    p.add_argument("--pool", type=int, default=6000, help="composites kept a process, 0.26 MB each at 160 px")
    p.add_argument("--muon", type=float, default=0.003)
    p.add_argument("--adam", type=float, default=0.001)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    if "WORLD_SIZE" in os.environ:  # started by torchrun
        dist.init_process_group("gloo")
    train(a)
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
