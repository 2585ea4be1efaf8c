"""Muon (Jordan et al. 2024: momentum orthogonalised by Newton-Schulz) for the block matrices, AdamW for everything else."""

import torch
import torch.distributed as dist


def share():
    """-> number of processes that train together, this one's number"""
    return (dist.get_world_size(), dist.get_rank()) if dist.is_initialized() else (1, 0)


def sum_over_processes(tensors, mean=False):
    """Adds up (or averages) equally shaped tensors over the processes, in place."""
    world, _ = share()
    if world == 1 or not tensors:
        return
    flat = torch.cat([t.flatten() for t in tensors])
    dist.all_reduce(flat)
    if mean:
        flat /= world
    for t, part in zip(tensors, flat.split([t.numel() for t in tensors])):
        t.copy_(part.view_as(t))


def orthogonalise(g, steps=5):
    """Newton-Schulz quintic iteration towards U V^T of g = U S V^T."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = (g / (g.norm() + 1e-7)).bfloat16()
    flip = x.shape[0] > x.shape[1]
    if flip:
        x = x.T
    for _ in range(steps):
        s = x @ x.T
        x = a * x + (b * s + c * s @ s) @ x
    return (x.T if flip else x).to(g.dtype)


class Muon(torch.optim.Optimizer):
    """parts > 1 splits a stacked matrix (q, k, v) along its rows and orthogonalises each part apart."""

    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, parts=1))

    @torch.no_grad()
    def step(self):
        world, rank = share()
        updates, targets = [], []
        index = 0
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(p)
                buf = state["momentum"]
                buf.lerp_(p.grad, 1 - group["momentum"])
                update = torch.zeros_like(p)
                if index % world == rank:  # every process orthogonalises its share
                    g = p.grad.lerp(buf, group["momentum"])
                    for part, target in zip(g.chunk(group["parts"]), update.chunk(group["parts"])):
                        scale = max(1.0, part.shape[0] / part.shape[1]) ** 0.5
                        target.copy_(orthogonalise(part) * -(group["lr"] * scale))
                updates.append(update)
                targets.append((p, group["lr"] * group["weight_decay"]))
                index += 1
        sum_over_processes(updates)
        for (p, decay), update in zip(targets, updates):
            p.mul_(1 - decay).add_(update)


def build_optimizers(model, muon_lr=0.02, adam_lr=1e-3, backbone_scale=0.5, weight_decay=0.02):
    """-> [Muon, AdamW], each group with its base rate in `base_lr`."""
    qkv, matrices, backbone, head, plain = [], [], [], [], []
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue
        if "resblocks" in name and p.ndim == 2:
            (qkv if "in_proj" in name else matrices).append(p)
        elif name.startswith("backbone."):
            backbone.append(p)
        elif p.ndim >= 2:
            head.append(p)
        else:
            plain.append(p)
    optimizers = []
    if qkv or matrices:
        groups = [dict(params=matrices, parts=1), dict(params=qkv, parts=3)]
        optimizers.append(Muon([g for g in groups if g["params"]], lr=muon_lr, weight_decay=weight_decay))
    groups = [
        dict(params=backbone, lr=adam_lr * backbone_scale, weight_decay=0.0),
        dict(params=head, lr=adam_lr, weight_decay=weight_decay),
        dict(params=plain, lr=adam_lr, weight_decay=0.0),
    ]
    optimizers.append(torch.optim.AdamW([g for g in groups if g["params"]], lr=adam_lr, betas=(0.9, 0.99)))
    for o in optimizers:
        for g in o.param_groups:
            g["base_lr"] = g["lr"]
    return optimizers
