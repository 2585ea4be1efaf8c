"""Goldens of the depth measures: the papers' formulas in NumPy, on small seeded random maps.

Run: python tools/golden/depth.py   (needs numpy, pillow; see requirements.txt)
Writes test/golden/depth/: gt and pred maps in all formats, and figures.json with the measures per protocol.

Measures: Eigen et al. 2014 (AbsRel, SqRel, RMSE, RMSE log, delta), Saxena et al. 2009 (log10), KITTI (SILog, here
without its factor 100). Alignment: Zhou et al. 2017 (median), Ranftl et al. 2020 (least squares); the aligned inverse
depth is clipped below at half the smallest true inverse depth.
"""
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

CROPS = {'none': None, 'eigen': (0.3324324, 0.91351351, 0.0359477, 0.96405229),
         'garg': (0.40810811, 0.99189189, 0.03594771, 0.96405229), 'nyu': (45 / 480, 471 / 480, 41 / 640, 601 / 640)}


def bilinear(a, h, w):
    """Pixel centres at halves, edges repeated."""
    def taps(n, m):
        at = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
        low = np.floor(at).astype(int)
        return low, np.minimum(low + 1, n - 1), at - low
    y0, y1, fy = taps(a.shape[0], h)
    x0, x1, fx = taps(a.shape[1], w)
    fy, fx = fy[:, None], fx[None]
    return ((1 - fy) * ((1 - fx) * a[np.ix_(y0, x0)] + fx * a[np.ix_(y0, x1)])
            + fy * ((1 - fx) * a[np.ix_(y1, x0)] + fx * a[np.ix_(y1, x1)]))


def fit(x, y):
    if np.ptp(x) == 0:
        return 0.0, y.mean()
    (s, t), *_ = np.linalg.lstsq(np.stack([x, np.ones_like(x)], 1), y, rcond=None)
    return s, t


def measure(gt, pred, inverse, align, lo=1e-3, hi=np.inf, crop='none'):
    pred = bilinear(pred, *gt.shape) if pred.shape != gt.shape else pred
    mask = np.isfinite(gt) & (gt > lo) & (gt < hi)
    if CROPS[crop]:
        h, w = gt.shape
        t, b, l, r = CROPS[crop]
        part = np.zeros_like(mask)
        part[int(t * h):int(b * h), int(l * w):int(r * w)] = True
        mask &= part
    d, v = gt[mask], pred[mask]
    if d.size == 0:
        return None
    known = np.ones(v.shape, bool) if inverse else v > 0
    if align == 'disparity':
        x = v if inverse else 1 / np.maximum(v, 1e-8)
        s, t = fit(x[known], 1 / d[known])
        p = 1 / np.maximum(s * x + t, (1 / d).min() / 2)
    else:
        p = 1 / np.maximum(v, 1e-8) if inverse else v.copy()
        known = p > 0
        if align == 'scale':
            p = p * np.median(d[known]) / np.median(p[known])
        elif align == 'scale-shift':
            s, t = fit(p[known], d[known])
            p = s * p + t
    p = np.where(known, p, 0)
    p = np.clip(p, lo, hi)
    e = np.log(p) - np.log(d)
    ratio = np.maximum(d / p, p / d)
    return {
        'abs_rel': np.mean(np.abs(d - p) / d), 'sq_rel': np.mean((d - p) ** 2 / d), 'rmse': np.sqrt(np.mean((d - p) ** 2)),
        'rmse_log': np.sqrt(np.mean(e ** 2)), 'log10': np.mean(np.abs(np.log10(d) - np.log10(p))),
        'silog': np.sqrt(max(np.mean(e ** 2) - np.mean(e) ** 2, 0)), 'delta1': np.mean(ratio < 1.25),
        'delta2': np.mean(ratio < 1.25 ** 2), 'delta3': np.mean(ratio < 1.25 ** 3),
    }


def surface(rng, h, w, low, high):
    y, x = np.mgrid[:h, :w] / [[[h]], [[w]]]
    z = sum(rng.normal() * np.sin(rng.uniform(1, 7) * x + rng.uniform(1, 7) * y + rng.random() * 6) for _ in range(5))
    z = (z - z.min()) / np.ptp(z)
    return low + (high - low) * z


def write_png16(path, a):
    Image.fromarray(a.astype(np.uint16)).save(path)


def write_pfm(path, a, big=False):
    with open(path, 'wb') as f:
        f.write(f'Pf\n{a.shape[1]} {a.shape[0]}\n{"1.0" if big else "-1.0"}\n'.encode())
        f.write(a[::-1].astype('>f4' if big else '<f4').tobytes())


def write_pgm(path, a, limit):
    with open(path, 'wb') as f:
        f.write(f'P5\n# a comment\n{a.shape[1]} {a.shape[0]}\n{limit}\n'.encode())
        f.write(a.astype('>u2' if limit > 255 else 'u1').tobytes())


def main():
    rng = np.random.default_rng(20240604)
    out = Path(__file__).resolve().parents[2] / 'test/golden/depth'
    shutil.rmtree(out, ignore_errors=True)
    (out / 'gt').mkdir(parents=True)
    (out / 'pred').mkdir()
    (out / 'inverse').mkdir()
    h, w = 30, 40
    maps = {}
    for k, name in enumerate(['000000', '000001', '000002', '000003']):
        mm = np.round(1000 * surface(rng, h, w, 0.6, 9.0))
        mm[rng.random((h, w)) < 0.15] = 0
        write_png16(out / 'gt' / f'{name}.png', mm)
        gt = mm / 1000
        pred = (gt.mean() * 0.3 + surface(rng, h, w, 0.5, 7)) * 0.7
        size = [(h, w), (15, 20), (48, 56), (h, w)][k]
        pred = bilinear(pred, *size).astype(np.float32)
        if k == 0:
            pred[2:4, 5:9] = 0  # holes
            np.save(out / 'pred' / f'{name}.depth.npy', pred)
        elif k == 1:
            write_pfm(out / 'pred' / f'{name}.depth.pfm', pred)
        elif k == 2:
            np.savez_compressed(out / 'pred' / f'{name}.npz', depth=pred, other=np.zeros(3))
        else:
            pred = np.round(1000 * pred.astype(np.float64))
            write_png16(out / 'pred' / f'{name}.depth.png', pred)
            pred = pred / 1000
        inverse = (3.0 / surface(rng, *size, 0.8, 8) - 0.2).astype(np.float32)  # some below 0
        if k == 3:  # as the depth command writes it
            low, high = 0.25, 4.5
            stored = np.round(65535 * (inverse - inverse.min()) / np.ptp(inverse)).astype(np.float64)
            write_png16(out / 'inverse' / f'{name}.depth.png', stored)
            (out / 'inverse' / f'{name}.depth.json').write_text(json.dumps({'kind': 'relative', 'min': low, 'max': high, 'width': w, 'height': h}))
            inverse = low + stored / 65535 * (high - low)
        else:
            np.save(out / 'inverse' / f'{name}.depth.npy', inverse[None] if k == 1 else inverse)
            (out / 'inverse' / f'{name}.depth.json').write_text(json.dumps({'kind': 'relative'}))
        maps[name] = (gt, pred.astype(np.float64), inverse.astype(np.float64))
    disparity = np.round(surface(rng, h, w, 5, 250))
    disparity[:4] = 0
    write_pgm(out / 'disp2.pgm', disparity, 255)
    write_pgm(out / 'wide.pgm', np.round(surface(rng, h, w, 300, 9000)), 65535)
    wide = np.frombuffer((out / 'wide.pgm').read_bytes()[-2 * h * w:], '>u2').reshape(h, w) / 1000
    write_pfm(out / 'im2.pfm', surface(rng, 20, 30, 0.1, 2).astype(np.float32), big=True)
    im2 = np.frombuffer((out / 'im2.pfm').read_bytes()[-4 * 600:], '>f4').reshape(20, 30)[::-1].astype(float)

    figures = []

    def add(which, options, pairs, **how):
        per_image = {name: measure(gt, pred, **how) for name, (gt, pred) in pairs.items()}
        per_image = {n: {k: float(v) for k, v in m.items()} for n, m in per_image.items()}
        mean = {k: float(np.mean([m[k] for m in per_image.values()])) for k in next(iter(per_image.values()))}
        figures.append({'which': which, 'options': options, 'mean': mean, 'per_image': per_image})

    depth = {n: (gt, p) for n, (gt, p, _) in maps.items()}
    inverse = {n: (gt, i) for n, (gt, _, i) in maps.items()}
    for align in ['none', 'scale', 'scale-shift', 'disparity']:
        add('pred', {'align': align}, depth, inverse=False, align=align)
        add('inverse', {'align': align, 'min': 0.5, 'max': 8}, inverse, inverse=True, align=align, lo=0.5, hi=8)
    for crop in ['eigen', 'garg', 'nyu']:
        add('pred', {'crop': crop, 'max': 7}, depth, inverse=False, align='none', hi=7, crop=crop)
    add('inverse', {}, inverse, inverse=True, align='disparity')
    kitti = {n: (gt * 1000 / 256, p * (1000 / 256 if n == '000003' else 1)) for n, (gt, p) in depth.items()}
    add('pred', {'scale': 256}, kitti, inverse=False, align='none')
    rows = np.mgrid[:h, :w][0] / h
    add('baseline', {'baseline': 'gradient'}, {n: (gt, rows) for n, (gt, _) in depth.items()}, inverse=True, align='disparity')
    add('baseline', {'baseline': 'constant'}, {n: (gt, np.ones_like(gt)) for n, (gt, _) in depth.items()}, inverse=True, align='disparity')
    with np.errstate(divide='ignore'):
        true = np.where(disparity > 0, 1 / disparity, np.nan)
    add('pairs', {'gtKind': 'disparity', 'predKind': 'inverse'}, {'disp2.pgm': (true, im2)}, inverse=True, align='disparity')
    add('wide', {'predKind': 'inverse', 'align': 'disparity'}, {'wide.pgm': (wide, im2)}, inverse=True, align='disparity')
    (out / 'figures.json').write_text(json.dumps(figures, indent=1) + '\n')
    print(len(figures), 'cases,', sum(p.stat().st_size for p in out.rglob('*') if p.is_file()), 'bytes')


main()
