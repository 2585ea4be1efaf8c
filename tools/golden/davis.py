"""Goldens of video object segmentation: davis2017-evaluation on small seeded random masks.

Run: python tools/golden/davis.py --davis2017 DIR
  DIR: a checkout of github.com/davisvideochallenge/davis2017-evaluation at ac7c43fca936f9722837b7fbd337d284ba37004b
Needs numpy, scipy, opencv-python-headless, scikit-image, pillow, tqdm (see requirements.txt).
Writes test/golden/davis/: GT/SEQ/*.png and PRED/SEQ/*.png (made here, palette PNGs) and figures.json.
With --compare ROOT RESULTS [SEQ...] it prints the original's figures of a DAVIS folder (0/255 masks as one object).
"""
import argparse
import contextlib
import io
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image


def blob(rng, h, w, cy, cx, size):
    """A wobbly disk."""
    y, x = np.mgrid[:h, :w]
    angle = np.arctan2(y - cy, x - cx)
    radius = size * (1 + 0.25 * np.sin(3 * angle + rng.random() * 6) + 0.1 * np.sin(7 * angle + rng.random() * 6))
    return np.hypot(y - cy, x - cx) < radius


def scene(rng, frames, h, w, objects):
    centre = rng.random((objects, 2)) * [h, w]
    speed = rng.normal(0, 2, (objects, 2))
    size = rng.uniform(0.08, 0.3, objects) * min(h, w)
    gt = np.zeros((frames, h, w), np.uint8)
    pred = np.zeros((frames, h, w), np.uint8)
    for f in range(frames):
        centre += speed
        for k in range(objects):
            if f == 0 or rng.random() > 0.05:
                gt[f][blob(rng, h, w, *centre[k], size[k])] = k + 1
            drift = rng.normal(0, 1 + 4 * f / frames, 2)
            if rng.random() > 0.1:
                pred[f][blob(rng, h, w, *(centre[k] + drift), size[k] * rng.uniform(0.8, 1.2))] = k + 1
    for k in range(objects):  # each object is in the first frame
        gt[0][(3 * k) % h, :3] = k + 1
    return gt, pred


def save(path, mask, palette=True):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(mask)
    if palette:
        image.putpalette([v for k in range(256) for v in (k * 37 % 256, k * 91 % 256, k * 53 % 256)])
    image.save(path, optimize=True)


def original(davis2017, gt_root, pred, sequences, single=()):
    """Figures of the original. Masks of `single` sequences are turned into 0/1 first, as it knows no DAVIS 2016."""
    with tempfile.TemporaryDirectory() as tmp:
        root = Path(tmp)
        (root / 'ImageSets/2017').mkdir(parents=True)
        (root / 'ImageSets/2017/val.txt').write_text('\n'.join(sequences))
        for seq in sequences:
            (root / 'JPEGImages/480p' / seq).mkdir(parents=True)
            for f in sorted((gt_root / seq).glob('*.png')):
                (root / 'JPEGImages/480p' / seq / f'{f.stem}.jpg').touch()
                for source, target in ((f, root / 'Annotations/480p' / seq), (pred / seq / f.name, root / 'results' / seq)):
                    target.mkdir(parents=True, exist_ok=True)
                    if not source.exists():
                        continue
                    if seq in single:
                        save(target / f.name, (np.array(Image.open(source)) > 0).astype(np.uint8))
                    else:
                        shutil.copy(source, target)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            res = davis2017.evaluation.DAVISEvaluation(str(root), 'semi-supervised', 'val').evaluate(str(root / 'results'))
    names = list(res['J']['M_per_object'])
    objects = {}
    for i, name in enumerate(names):
        objects[name] = {f'{m}-{long}': float(res[m][short][i]) for m in 'JF' for long, short in (('Mean', 'M'), ('Recall', 'R'), ('Decay', 'D'))}
    total = {f'{m}-{long}': float(np.mean(res[m][short])) for m in 'JF' for long, short in (('Mean', 'M'), ('Recall', 'R'), ('Decay', 'D'))}
    total['J&F-Mean'] = (total['J-Mean'] + total['F-Mean']) / 2
    return {'total': total, 'per_object': objects}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--davis2017', required=True)
    parser.add_argument('--compare', nargs='+')
    args = parser.parse_args()
    sys.path.insert(0, args.davis2017)
    import davis2017.evaluation
    if args.compare:
        gt = Path(args.compare[0])
        names = args.compare[2:] or sorted(p.name for p in gt.iterdir())
        single = [n for n in names if set(np.unique(np.array(Image.open(min((gt / n).glob('*.png')))))) <= {0, 255}]
        print(json.dumps(original(davis2017, gt, Path(args.compare[1]), names, single), indent=1))
        return
    rng = np.random.default_rng(20240603)
    out = Path(__file__).resolve().parents[2] / 'test/golden/davis'
    shutil.rmtree(out, ignore_errors=True)
    sets = {'two': (9, 60, 90, 2), 'many': (14, 48, 64, 4), 'wide': (7, 40, 300, 1), 'cow': (8, 50, 70, 1)}
    for name, (frames, h, w, objects) in sets.items():
        gt, pred = scene(rng, frames, h, w, objects)
        for f in range(frames):
            if name == 'cow':  # DAVIS 2016: 0 and 255, grey
                save(out / 'gt' / name / f'{f:05d}.png', gt[f] * 255, palette=False)
                save(out / 'pred' / name / f'{f:05d}.png', pred[f] * 255, palette=False)
                continue
            if name == 'many' and f > 0:  # void pixels of the ground truth belong to nothing
                gt[f][:4, -6:] = 255
            save(out / 'gt' / name / f'{f:05d}.png', gt[f])
            if 0 < f < frames - 1:
                save(out / 'pred' / name / f'{f:05d}.png', pred[f])
    figures = original(davis2017, out / 'gt', out / 'pred', list(sets), ['cow'])
    (out / 'figures.json').write_text(json.dumps(figures, indent=1) + '\n')
    print(sum(p.stat().st_size for p in out.rglob('*') if p.is_file()), 'bytes')


main()
