"""Goldens of src/track: the trackers' own authors' code, run on seeded synthetic detections.

Oracles (all MIT), each a checkout at the commit named here, outside this repository:
  ByteTrack  https://github.com/ifzhang/ByteTrack     d1bf0191adff59bc8fcfeaa0b33d3d1642552a99
  OC-SORT    https://github.com/noahcao/OC_SORT       8462e7e729a93ccd3bd995c0a79a890336cb3a0b
  BoT-SORT   https://github.com/NirAharon/BoT-SORT    251985436d6712aaf682aaaf5f71edb4987224bd
Python packages: numpy, scipy, torch, opencv-python-headless, filterpy, lap, cython_bbox (see requirements.txt).

Write the committed goldens:
  python tools/golden/trackers.py --bytetrack DIR --ocsort DIR --botsort DIR --out test/golden/track
Run the originals on a MOTChallenge detection or ground truth file and write their results as MOT text:
  python tools/golden/trackers.py ... --mot FILE --out DIR
Time the originals (one line of JSON per size and tracker, used by bench/track):
  python tools/golden/trackers.py ... --bench FILE.json

What is patched, and why it does not change a result: `np.float` (removed from NumPy; it was `float`), matplotlib and
fast_reid (imported, not needed), BoT-SORT's camera motion and ReID network (their outputs are fed in as data).
Numbers are stored as integers (hundredths of a pixel, thousandths of a score), so files stay small and exact.
"""
import argparse
import json
import sys
import time
import types
from pathlib import Path

import numpy as np

np.float = float  # the originals predate NumPy 1.24


def stub(name, **attributes):
    module = types.ModuleType(name)
    for key, value in attributes.items():
        setattr(module, key, value)
    sys.modules[name] = module
    return module


class FedFeatures:
    """Stands where BoT-SORT's ReID network stood: hands out the features that came with the detections."""

    def __init__(self, *_):
        pass

    def inference(self, img, dets):
        return img['features'].copy()


class FedWarps:
    """Stands where BoT-SORT's camera motion estimate stood."""

    def apply(self, img, dets):
        return np.eye(2, 3) if img['warp'] is None else img['warp']


def load(args):
    """Imports the three originals from their checkouts without running their packages' __init__."""
    stub('matplotlib', pyplot=stub('matplotlib.pyplot'))
    stub('fast_reid', fast_reid_interfece=stub('fast_reid.fast_reid_interfece', FastReIDInterface=FedFeatures))
    stub('yolox').__path__ = [str(Path(args.bytetrack) / 'yolox')]
    stub('tracker').__path__ = [str(Path(args.botsort) / 'tracker')]
    stub('trackers').__path__ = [str(Path(args.ocsort) / 'trackers')]
    from yolox.tracker import basetrack, byte_tracker
    from trackers.ocsort_tracker import ocsort
    from tracker import bot_sort
    return types.SimpleNamespace(byte=byte_tracker, byte_base=basetrack, oc=ocsort, bot=bot_sort)


def run_byte(original, scene, options):
    original.byte_base.BaseTrack._count = 0
    args = types.SimpleNamespace(**{'track_thresh': 0.6, 'track_buffer': 30, 'match_thresh': 0.9, 'mot20': False, **options})
    tracker = original.byte.BYTETracker(args)
    for dets in scene['detections']:
        yield [(t.track_id, *t.tlbr, t.score) for t in tracker.update(dets.copy(), (1, 1), (1, 1))]


def run_ocsort(original, scene, options):
    options = {'det_thresh': 0.6, **options}
    tracker = original.oc.OCSort(**options)
    for dets in scene['detections']:
        # the original reports no score: -1 here
        yield [(int(row[4]), *row[:4], -1) for row in tracker.update(dets.copy(), (1, 1), (1, 1))]


def run_botsort(original, scene, options):
    options = dict(options)
    use_warps = options.pop('warps', False)
    args = types.SimpleNamespace(**{
        'track_high_thresh': 0.6, 'track_low_thresh': 0.1, 'new_track_thresh': 0.7, 'track_buffer': 30,
        'match_thresh': 0.8, 'proximity_thresh': 0.5, 'appearance_thresh': 0.25, 'with_reid': False, 'mot20': False,
        'cmc_method': 'none', 'name': '', 'ablation': False, 'device': 'cpu', 'fast_reid_config': '',
        'fast_reid_weights': '', **options})
    tracker = original.bot.BoTSORT(args)
    tracker.gmc = FedWarps()
    for f, dets in enumerate(scene['detections']):
        frame = {'warp': scene['warps'][f] if use_warps else None, 'features': None}
        if args.with_reid:
            frame['features'] = scene['features'][f][dets[:, 4] > args.track_high_thresh]
        yield [(t.track_id, *t.tlbr, t.score) for t in tracker.update(dets.copy(), frame)]


RUN = {'byte': run_byte, 'ocsort': run_ocsort, 'botsort': run_botsort}


def quantise(dets):
    """Detections as they are stored: hundredths of a pixel, thousandths of a score; returns (integers, float64 of the float32)."""
    scale = np.array([100, 100, 100, 100, 1000.0])
    ints = np.round(np.asarray(dets, dtype=np.float64).reshape(-1, 5) * scale).astype(int)
    return ints, (ints / scale).astype(np.float32).astype(np.float64)


def make_scene(seed, frames, count, width, height, shake=0.0, dim=0, size=(30, 110), speed=6.0):
    """Objects on noisy straight paths that cross: some hidden for a while, some seen badly, some born late, plus false alarms."""
    rng = np.random.default_rng(seed)
    start = rng.uniform([0, 0], [width, height], (count, 2))
    velocity = rng.normal(0, speed, (count, 2))
    extent = np.stack([rng.uniform(size[0], size[0] * 2, count), rng.uniform(size[1], size[1] * 2, count)], 1)
    birth = np.where(rng.random(count) < 0.5, 0, rng.integers(0, frames // 2, count))
    death = np.where(rng.random(count) < 0.6, frames, rng.integers(frames // 2, frames, count))
    hidden_from = rng.integers(5, frames, count)
    hidden_for = rng.integers(2, 14, count)
    looks = rng.normal(0, 1, (count, max(dim, 1)))
    warps, all_dets, all_features = [], [], []
    camera = np.eye(3)
    for f in range(frames):
        step = np.eye(3)
        if shake and f:
            a, s = rng.normal(0, 0.004 * shake), 1 + rng.normal(0, 0.003 * shake)
            step[:2] = [[s * np.cos(a), -s * np.sin(a), rng.normal(0, 12 * shake)], [s * np.sin(a), s * np.cos(a), rng.normal(0, 8 * shake)]]
            step[:2] = np.round(step[:2], 6)
        camera = step @ camera
        warps.append(step[:2].copy())
        dets, feats = [], []
        for k in rng.permutation(count):
            if not birth[k] <= f < death[k]:
                continue
            if hidden_from[k] <= f < hidden_from[k] + hidden_for[k]:
                continue
            near = min(abs(f - hidden_from[k]), abs(f - hidden_from[k] - hidden_for[k]))
            if rng.random() < 0.03:
                continue
            centre = camera[:2, :2] @ (start[k] + velocity[k] * f) + camera[:2, 2]
            wh = extent[k] * (1 + 0.002 * f) * (1 + rng.normal(0, 0.02, 2))
            centre = centre + rng.normal(0, 0.02, 2) * wh
            score = rng.uniform(0.65, 0.98) if near > 2 and rng.random() > 0.08 else rng.uniform(0.12, 0.72)
            dets.append([*(centre - wh / 2), *(centre + wh / 2), score])
            feats.append(looks[k] + rng.normal(0, 0.35, looks.shape[1]))
        for _ in range(rng.poisson(0.4)):
            c, wh = rng.uniform([0, 0], [width, height]), rng.uniform(20, 120, 2)
            dets.append([*(c - wh / 2), *(c + wh / 2), rng.uniform(0.1, 0.95)])
            feats.append(rng.normal(0, 1, looks.shape[1]))
        all_dets.append(dets)
        all_features.append(np.round(np.asarray(feats).reshape(len(dets), looks.shape[1]), 2))
    stored, exact = zip(*(quantise(d) for d in all_dets))
    scene = {'detections': list(exact), 'stored': list(stored), 'warps': warps, 'features': None}
    if dim:
        scene['features'] = [f.astype(np.float32).astype(np.float64) for f in all_features]
    return scene


def corner_scene(frames):
    """What the random scenes lack: two objects that merge under one detection and part again (duplicates), one so fast that
    its second sight hardly overlaps the first (unconfirmed tracks), one that leaves through the top left corner."""
    rng = np.random.default_rng(1)
    all_dets = []
    for f in range(frames):
        dets = []
        gap = max(0, 90 - 12 * f) if f < 16 else 14 * (f - 15)
        for side in (-1, 1):
            if side == 1 and gap == 0:
                continue
            x = 400 + side * gap / 2 + rng.normal(0, 0.2)
            dets.append([x, 200, x + 60, 320, 0.9 - 0.01 * side])
        if f >= 3:
            x = 100 + (28 if f < 14 else 9) * f
            dets.append([x, 20, x + 50, 120, 0.8])
        x, y = 60 - 7 * f, 40 - 5 * f
        if f < 14:
            dets.append([x, y, x + 40, y + 60, 0.85])
        all_dets.append(dets)
    stored, exact = zip(*(quantise(d) for d in all_dets))
    return {'detections': list(exact), 'stored': list(stored), 'warps': None, 'features': None}


SCENES = {
    'corners': dict(frames=26),
    'crossing': dict(seed=11, frames=90, count=14, width=900, height=500),
    'shake': dict(seed=5, frames=60, count=10, width=900, height=500, shake=1.0, dim=6),
    'crowd': dict(seed=3, frames=20, count=90, width=1400, height=800, size=(25, 60), speed=4.0),
}
RUNS = [
    ('byte', 'corners', {}),
    ('ocsort', 'corners', {'min_hits': 1}),
    ('botsort', 'corners', {}),
    ('byte', 'crossing', {}),
    ('byte', 'crossing', {'track_thresh': 0.5, 'match_thresh': 0.8, 'track_buffer': 6, 'mot20': True}),
    ('byte', 'crowd', {}),
    ('ocsort', 'crossing', {}),
    ('ocsort', 'crossing', {'det_thresh': 0.4, 'use_byte': True, 'max_age': 8, 'min_hits': 1, 'inertia': 0.4}),
    ('ocsort', 'shake', {'use_byte': True}),
    ('ocsort', 'crowd', {}),
    ('botsort', 'crossing', {}),
    ('botsort', 'shake', {'warps': True}),
    ('botsort', 'shake', {'warps': True, 'with_reid': True}),
    ('botsort', 'shake', {'with_reid': True, 'track_buffer': 6, 'appearance_thresh': 0.4}),
    ('botsort', 'crowd', {'mot20': True}),
]


def pack(rows):
    """One frame's tracks, flat integers: id, box in hundredths of a pixel, score in thousandths."""
    return [int(v) for r in rows for v in (r[0], *(round(x * 100) for x in r[1:5]), round(r[5] * 1000))]


def write(path, value):
    Path(path).write_text(json.dumps(value, separators=(',', ':')) + '\n')


def goldens(original, out):
    scenes = {}
    for name, how in SCENES.items():
        scene = corner_scene(**how) if name == 'corners' else make_scene(**how)
        scenes[name] = scene
        stored = {'detections': [d.ravel().tolist() for d in scene['stored']]}
        if how.get('shake'):
            stored['warps'] = [w.ravel().tolist() for w in scene['warps']]
        if scene['features'] is not None:
            stored['featureHundredths'] = [np.round(f * 100).astype(int).ravel().tolist() for f in scene['features']]
            stored['featureDim'] = how['dim']
        write(out / f'scene-{name}.json', stored)
    runs = []
    for tracker, scene, options in RUNS:
        frames = [pack(rows) for rows in RUN[tracker](original, scenes[scene], options)]
        ids = {r for f in frames for r in f[::6]}
        print(f'{tracker:8} {scene:9} {options} tracks {len(ids)}, rows {sum(len(f) for f in frames) // 6}', file=sys.stderr)
        runs.append({'tracker': tracker, 'scene': scene, 'options': options, 'frames': frames})
    write(out / 'trackers.json', runs)


def read_mot(path):
    rows = np.loadtxt(path, delimiter=',', ndmin=2)
    frames = []
    for f in range(1, int(rows[:, 0].max()) + 1):
        r = rows[rows[:, 0] == f]
        box = r[:, 2:6].copy()
        box[:, 2:] += box[:, :2]
        dets = np.concatenate([box, np.where(r[:, 6:7] > 0, np.minimum(r[:, 6:7], 1), 1)], 1)
        frames.append(dets.astype(np.float32).astype(np.float64))
    return {'detections': frames, 'warps': None, 'features': None}


def mot(original, path, out):
    scene = read_mot(path)
    for name, run in RUN.items():
        with open(out / f'{name}.txt', 'w') as file:
            for f, rows in enumerate(run(original, scene, {}), 1):
                for r in rows:
                    file.write(f'{f},{r[0]},{r[1]:.4f},{r[2]:.4f},{r[3] - r[1]:.4f},{r[4] - r[2]:.4f},{r[5]:.4f},-1,-1,-1\n')


def bench(original, path):
    """Times the originals on scenes written by bench/track; prints {tracker, objects, frames, seconds, ...}."""
    for scene in json.loads(Path(path).read_text()):
        dets = [np.asarray(d, dtype=np.float64).reshape(-1, 5) for d in scene['detections']]
        for name, run in RUN.items():
            best, cpu = float('inf'), float('inf')
            for _ in range(scene['repeats']):
                begin, begin_cpu = time.perf_counter(), time.process_time()
                rows = sum(len(r) for r in run(original, {'detections': dets}, {}))
                best, cpu = min(best, time.perf_counter() - begin), min(cpu, time.process_time() - begin_cpu)
            print(json.dumps({'tracker': name, 'objects': scene['objects'], 'frames': len(dets), 'seconds': best, 'cpu_seconds': cpu, 'rows': rows}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('bytetrack', 'ocsort', 'botsort'):
        parser.add_argument(f'--{name}', required=True, help='checkout of the original')
    parser.add_argument('--out', type=Path)
    parser.add_argument('--mot')
    parser.add_argument('--bench')
    args = parser.parse_args()
    original = load(args)
    if args.bench:
        return bench(original, args.bench)
    args.out.mkdir(parents=True, exist_ok=True)
    return mot(original, args.mot, args.out) if args.mot else goldens(original, args.out)


if __name__ == '__main__':
    main()
