"""Depth losses: scale- and shift-invariant in inverse depth with multi-scale gradient matching (MiDaS, Ranftl et al.,
arXiv 1907.01341, sections 5), and scale-invariant log depth (Eigen et al., arXiv 1406.2283) for metric heads."""

import torch

from depth_data import KNOWN, SKY


def median_and_spread(values, mask):
    """Per picture over the mask: median, and mean absolute distance from it. values, mask [B, h, w] -> [B, 1, 1] each"""
    flat = values.masked_fill(~mask, float("nan")).flatten(1)
    middle = flat.nanmedian(1).values.nan_to_num(0.0).view(-1, 1, 1)
    count = mask.sum((1, 2)).clamp(min=1).view(-1, 1, 1)
    spread = ((values - middle).abs() * mask).sum((1, 2), keepdim=True) / count
    return middle, spread


def trimmed(residual, mask, trim):
    """Mask without the part `trim` [B] of each picture's largest residuals."""
    keep = mask.clone()
    for i, part in enumerate(trim.tolist()):
        if part > 0 and mask[i].any():
            keep[i] &= residual[i] <= torch.quantile(residual[i][mask[i]], 1 - part)
    return keep


def gradient_matching(residual, mask, scales=4):
    """Mean |d residual / dx| + |d residual / dy| over `scales` resolutions, each half the one before. -> [B]"""
    total = 0.0
    for k in range(scales):
        r, m = residual[:, :: 1 << k, :: 1 << k], mask[:, :: 1 << k, :: 1 << k]
        for axis in (1, 2):
            n = r.shape[axis] - 1
            both = m.narrow(axis, 0, n) & m.narrow(axis, 1, n)
            step = (r.narrow(axis, 1, n) - r.narrow(axis, 0, n)).abs() * both
            total = total + step.sum((1, 2)) / m.sum((1, 2)).clamp(min=1)
    return total


def relative_losses(prediction, inverse, state, weights, limit=8.0):
    """prediction [B, 1, h, w] of any scale and shift; inverse [B, h, w] 1/m; state [B, h, w]; weights [B, 3].

    Both are brought to median 0 and mean absolute deviation 1 over the known pixels; sky is inverse depth 0 in the truth's
    units. The truth is cut at `limit` deviations: a thing right before the lens must not decide the picture's loss.
    Returns means over the batch: residual of known pixels, residual of sky pixels, gradient matching.
    """
    known, sky = state == KNOWN, state == SKY
    p = prediction[:, 0].float()
    middle, spread = median_and_spread(p, known)
    p = (p - middle) / spread.clamp(min=1e-3)
    middle, spread = median_and_spread(inverse, known)
    target = ((inverse - middle) / spread.clamp(min=1e-4)).clamp(-limit, limit)
    difference = p - target
    residual = difference.abs()
    loss, gradient, trim = weights.to(p.device).T
    keep = trimmed(residual.detach(), known, trim)
    per_picture = (residual * keep).sum((1, 2)) / keep.sum((1, 2)).clamp(min=1)
    # per pixel of the whole picture, so that a strip of sky does not weigh as much as half a picture of it
    of_sky = (residual * sky).sum((1, 2)) / (known | sky).sum((1, 2)).clamp(min=1)
    steps = gradient_matching(difference, known | sky)
    return (per_picture * loss).mean(), (of_sky * loss).mean(), (steps * gradient * loss).mean()


def metric_losses(prediction, inverse, state, weights, balance=0.85):
    """prediction [B, 1, h, w] metres. Returns scale-invariant log error, zero (no sky in metres), gradient matching of log depth."""
    known = state == KNOWN
    difference = prediction[:, 0].float().clamp(min=1e-3).log() + inverse.clamp(min=1e-4).log()
    difference = torch.where(known, difference, torch.zeros_like(difference))
    loss, gradient, trim = weights.to(prediction.device).T
    keep = trimmed(difference.detach().abs(), known, trim)
    count = keep.sum((1, 2)).clamp(min=1)
    mean = (difference * keep).sum((1, 2)) / count
    variance = (difference**2 * keep).sum((1, 2)) / count - balance * mean**2
    steps = gradient_matching(difference, known)
    return ((variance + 1e-6).sqrt() * loss).mean(), prediction.sum() * 0, (steps * gradient * loss).mean()
