"""Losses: dense distillation of a teacher's maps, and task-aligned assignment of boxes (TOOD, arXiv 2108.07755)."""

import torch
import torch.nn.functional as F

from head import cell_centres, distances, flatten_levels


def giou(ltrb, target):
    """Generalised IoU of two boxes that share their cell centre, given as distances [..., 4]."""
    inter_wh = torch.minimum(ltrb, target)
    hull_wh = torch.maximum(ltrb, target)
    inter = (inter_wh[..., 0] + inter_wh[..., 2]).clamp(min=0) * (inter_wh[..., 1] + inter_wh[..., 3]).clamp(min=0)
    hull = (hull_wh[..., 0] + hull_wh[..., 2]) * (hull_wh[..., 1] + hull_wh[..., 3])
    area = (ltrb[..., 0] + ltrb[..., 2]) * (ltrb[..., 1] + ltrb[..., 3])
    area_t = (target[..., 0] + target[..., 2]) * (target[..., 1] + target[..., 3])
    union = area + area_t - inter
    return inter / (union + 1e-6) - (hull - union) / (hull + 1e-6)


def quality_focal(logits, target, beta=2.0):
    """Quality focal loss (arXiv 2006.04388, eq. 6), summed; beta 0 is cross entropy."""
    gap = (logits.detach().sigmoid() - target).abs() ** beta
    return (gap * F.binary_cross_entropy_with_logits(logits, target, reduction="none")).sum()


def dense_distillation(maps, teacher_maps, strides, classes=80, bins=8, floor=0.05, beta=2.0):
    """Student maps against a teacher's at the same cells. The teacher sees the picture at twice the size, so its strides
    16, 32, 64 are the student's 8, 16, 32 and its distributions (in units of its stride) carry over as they are."""
    logits, reg = flatten_levels(maps, classes, bins)
    t_logits, t_reg = flatten_levels(teacher_maps, classes, bins)
    target = t_logits.sigmoid()
    weight = target.amax(-1)  # [B, A]
    loss_cls = quality_focal(logits, target, beta) / weight.sum().clamp(min=1.0)

    chosen = weight > floor
    w = weight[chosen]
    total = w.sum().clamp(min=1.0)
    r, t = reg[chosen], t_reg[chosen]
    kl = F.kl_div(r.log_softmax(-1), t.log_softmax(-1), reduction="none", log_target=True).sum((-1, -2))
    overlap = giou(distances(r, 1.0), distances(t, 1.0))
    return loss_cls, ((1 - overlap) * w).sum() / total, (kl * w).sum() / total


def task_aligned(maps, targets, strides, classes=80, bins=8, top=10, alpha=1.0, beta=6.0):
    """Box supervision. targets: per picture [n, 6] (x1, y1, x2, y2, score, class) in pixels of the input; scores weigh.

    Cells whose centre lies in the box compete by score^alpha * IoU^beta; the best `top` take the box, with the normalised
    metric as their class target (TOOD). Returns class loss, GIoU loss, distribution focal loss.
    """
    logits, reg = flatten_levels(maps, classes, bins)
    centres, scale = cell_centres(maps, strides)
    n_anchor = centres.shape[0]
    ltrb = distances(reg, 1.0) * scale  # [B, A, 4]
    class_target = torch.zeros_like(logits)
    picked, picked_ltrb, picked_weight = [], [], []
    with torch.no_grad():
        scores = logits.sigmoid()
        for b, boxes in enumerate(targets):
            if len(boxes) == 0:
                continue
            boxes = boxes.to(logits.device)
            want = torch.cat((centres[None] - boxes[:, None, :2], boxes[:, None, 2:4] - centres[None]), -1)  # [n, A, 4]
            reach = want.amax(-1) < (bins - 1) * scale[:, 0]  # the distribution can express it
            inside = (want.amin(-1) > 0) & reach
            iou = giou(ltrb[b][None].expand(len(boxes), -1, -1), want.clamp(min=1e-3)).clamp(min=0)
            cls = boxes[:, 5].long()
            metric = scores[b][:, cls].T ** alpha * iou**beta * inside + 1e-12 * inside
            value, index = metric.topk(min(top, n_anchor), 1)
            chosen = torch.zeros_like(metric).scatter_(1, index, (value > 0).float())
            owner = (iou * chosen).max(0)
            for k in range(len(boxes)):
                mine = (chosen[k] > 0) & ((owner.indices == k) | (owner.values == 0))
                if not mine.any():
                    continue
                best = metric[k][mine].max().clamp(min=1e-12)
                quality = metric[k][mine] / best * iou[k][mine].max().clamp(min=0.05) * boxes[k, 4]
                where = mine.nonzero()[:, 0]
                class_target[b, where, cls[k]] = torch.maximum(class_target[b, where, cls[k]], quality)
                picked.append(b * n_anchor + where)
                picked_ltrb.append(want[k, where] / scale[where])
                picked_weight.append(quality)
    total = class_target.sum().clamp(min=1.0)
    loss_cls = quality_focal(logits, class_target) / total
    if not picked:
        zero = reg.sum() * 0
        return loss_cls, zero, zero
    index = torch.cat(picked)
    want = torch.cat(picked_ltrb).clamp(0, bins - 1 - 1e-3)
    weight = torch.cat(picked_weight)
    r = reg.reshape(-1, 4, bins)[index]
    loss_box = ((1 - giou(distances(r, 1.0), want)) * weight).sum() / total
    low = want.floor().long()
    frac = want - low
    logp = r.log_softmax(-1)
    dfl = -(logp.gather(-1, low[..., None])[..., 0] * (1 - frac) + logp.gather(-1, low[..., None] + 1)[..., 0] * frac)
    return loss_cls, loss_box, (dfl.mean(-1) * weight).sum() / total
