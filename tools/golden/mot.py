"""Goldens of the tracking metrics: TrackEval (first oracle) and motmetrics (IDF1, MOTA) on seeded random sequences.

Run: python tools/golden/mot.py --trackeval DIR
  DIR: a checkout of github.com/JonathonLuiten/TrackEval at 12c8791b303e0a0b50f753af204249e622d0281a
Needs numpy, scipy, motmetrics (see requirements.txt). TrackEval uses names numpy has removed; they are put back here.
Writes test/golden/mot.json. With --compare GT RESULT [BENCHMARK] it prints TrackEval's figures of two files instead.
"""
import argparse
import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

for name, kind in {'float': float, 'int': int}.items():
    if not hasattr(np, name):
        setattr(np, name, kind)
if not hasattr(np, 'asfarray'):
    np.asfarray = lambda a: np.asarray(a, dtype=float)

FLAT = {  # our name -> (metric, TrackEval's field)
    'MOTA': ('CLEAR', 'MOTA'), 'MOTP': ('CLEAR', 'MOTP'), 'IDSW': ('CLEAR', 'IDSW'), 'FP': ('CLEAR', 'CLR_FP'),
    'FN': ('CLEAR', 'CLR_FN'), 'MT': ('CLEAR', 'MT'), 'ML': ('CLEAR', 'ML'), 'PT': ('CLEAR', 'PT'),
    'Frag': ('CLEAR', 'Frag'), 'Rcll': ('CLEAR', 'CLR_Re'), 'Prcn': ('CLEAR', 'CLR_Pr'), 'IDF1': ('Identity', 'IDF1'),
    'IDP': ('Identity', 'IDP'), 'IDR': ('Identity', 'IDR'), 'IDTP': ('Identity', 'IDTP'), 'IDFN': ('Identity', 'IDFN'),
    'IDFP': ('Identity', 'IDFP'), 'Dets': ('Count', 'Dets'), 'GT_Dets': ('Count', 'GT_Dets'), 'IDs': ('Count', 'IDs'),
    'GT_IDs': ('Count', 'GT_IDs'),
}
CURVES = ['HOTA', 'DetA', 'AssA', 'LocA', 'DetRe', 'DetPr', 'AssRe', 'AssPr']


def track_eval(trackeval, sequences, benchmark):
    """sequences: name -> (gt text, result text). Returns name -> figures, with COMBINED."""
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        lengths = {}
        for name, (gt, result) in sequences.items():
            (tmp / 'gt' / name / 'gt').mkdir(parents=True)
            (tmp / 'gt' / name / 'gt' / 'gt.txt').write_text(gt)
            (tmp / 'trackers' / 't' / 'data').mkdir(parents=True, exist_ok=True)
            (tmp / 'trackers' / 't' / 'data' / f'{name}.txt').write_text(result)
            lengths[name] = max([int(float(r.replace(',', ' ').split()[0])) for r in (gt + '\n' + result).splitlines() if r.strip()] or [1])
        with contextlib.redirect_stdout(io.StringIO()):
            dataset = trackeval.datasets.MotChallenge2DBox({
                'GT_FOLDER': str(tmp / 'gt'), 'TRACKERS_FOLDER': str(tmp / 'trackers'), 'SKIP_SPLIT_FOL': True,
                'BENCHMARK': benchmark.upper(), 'SEQ_INFO': lengths, 'TRACKERS_TO_EVAL': ['t'], 'PRINT_CONFIG': False})
            metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR({'PRINT_CONFIG': False}),
                       trackeval.metrics.Identity({'PRINT_CONFIG': False})]
            evaluator = trackeval.Evaluator({'PRINT_RESULTS': False, 'PRINT_CONFIG': False, 'TIME_PROGRESS': False,
                                             'OUTPUT_SUMMARY': False, 'OUTPUT_DETAILED': False, 'PLOT_CURVES': False,
                                             'LOG_ON_ERROR': None})
            res, message = evaluator.evaluate([dataset], metrics)
    if res['MotChallenge2DBox']['t'] is None:
        raise RuntimeError(str(message))
    out = {}
    for name, by_class in res['MotChallenge2DBox']['t'].items():
        r = by_class['pedestrian']
        figures = {ours: float(r[m][f]) for ours, (m, f) in FLAT.items()}
        figures.update({f: float(np.mean(r['HOTA'][f])) for f in CURVES})
        figures['curves'] = {f: [float(v) for v in r['HOTA'][f]] for f in CURVES}
        out['COMBINED' if name == 'COMBINED_SEQ' else name] = figures
    return out


def mot_metrics(gt, result):
    import motmetrics as mm
    def load(text, flag):
        rows = [[float(v) for v in line.replace(',', ' ').split()] for line in text.splitlines() if line.strip()]
        return [r for r in rows if not flag or int(r[6]) != 0]
    g, r = load(gt, True), load(result, False)
    acc = mm.MOTAccumulator(auto_id=False)
    for f in sorted({row[0] for row in g} | {row[0] for row in r}):
        a = [row for row in g if row[0] == f]
        b = [row for row in r if row[0] == f]
        acc.update([row[1] for row in a], [row[1] for row in b],
                   mm.distances.iou_matrix([row[2:6] for row in a], [row[2:6] for row in b], max_iou=0.5), frameid=int(f))
    s = mm.metrics.create().compute(acc, metrics=['mota', 'idf1'], name='x')
    return {'MOTA': float(s['mota'].iloc[0]), 'IDF1': float(s['idf1'].iloc[0])}


def simulate(rng, objects, frames, size, classes=False, coarse=False, miss=0.1, false=0.5, switch=0.03, scramble=False):
    """Objects walking through a picture, and a tracker that misses, drifts, invents and mixes up."""
    position = rng.random((objects, 2)) * size
    speed = rng.normal(0, size / 100, (objects, 2))
    box = np.stack([rng.uniform(20, 40, objects), rng.uniform(50, 90, objects)], 1)
    first = rng.integers(1, max(2, frames // 2), objects)
    last = np.minimum(frames, first + rng.integers(2, frames + 1, objects))
    kind = rng.choice([1, 1, 1, 2, 3, 6, 7, 8, 12, 13], objects) if classes else np.ones(objects, int)
    track = np.arange(1, objects + 1) * 3
    fresh = 3 * objects + 1
    gt, result = [], []
    number = (lambda v: f'{round(float(v))}') if coarse else (lambda v: f'{float(v):.2f}')
    for f in range(1, frames + 1):
        position += speed
        for k in np.flatnonzero(rng.random(objects) < switch):
            if rng.random() < 0.5:
                track[k], fresh = fresh, fresh + 1
            else:
                other = rng.integers(objects)
                track[k], track[other] = track[other], track[k]
        for k in range(objects):
            if not first[k] <= f <= last[k]:
                continue
            x, y = position[k]
            if coarse:  # on a grid, so that boxes coincide and assignments tie
                x, y = 10 * round(x / 10), 10 * round(y / 10)
            w, h = (30, 60) if coarse else box[k]
            flag = 0 if rng.random() < 0.08 else 1
            gt.append(','.join([str(f), str(k + 1), number(x), number(y), number(w), number(h), str(flag), str(kind[k]), f'{rng.random():.3f}']))
            if rng.random() < miss:
                continue
            d = rng.choice([-10, 0, 0, 10], 4) * np.array([1, 1, 0, 0]) if coarse else rng.normal(0, 5, 4)
            result.append(','.join([str(f), str(track[k]), number(x + d[0]), number(y + d[1]), number(w + d[2]), number(h + d[3]), f'{rng.random():.3f}', '-1', '-1', '-1']))
        for _ in range(rng.poisson(false)):
            x, y = rng.random(2) * size
            result.append(','.join([str(f), str(fresh), number(x), number(y), number(rng.uniform(20, 40)), number(rng.uniform(50, 90)), '0.5', '-1', '-1', '-1']))
            fresh += 1
    if scramble:
        rng.shuffle(gt)
        rng.shuffle(result)
    return '\n'.join(gt) + '\n', '\n'.join(result) + ('\n' if result else '')


def cases(rng):
    yield 'walk', 'mot15', {'a': simulate(rng, 6, 30, 400), 'b': simulate(rng, 9, 20, 300, scramble=True)}
    yield 'ties', 'mot15', {f's{k}': simulate(rng, 8, 12, 120, coarse=True, switch=0.15) for k in range(4)}
    yield 'one result per frame', 'mot15', {'narrow': simulate(rng, 9, 25, 60, miss=0.9, false=0.1)}
    yield 'crowd', 'mot15', {'dense': simulate(rng, 45, 6, 150, switch=0.2)}
    yield 'distractors', 'mot17', {'a': simulate(rng, 12, 15, 250, classes=True), 'b': simulate(rng, 10, 12, 120, classes=True, coarse=True)}
    yield 'distractors', 'mot20', {'a': simulate(rng, 14, 15, 200, classes=True)}
    gt, result = simulate(rng, 4, 8, 200)
    yield 'empty sides', 'mot15', {'no result': (gt, ''), 'no truth': ('', result), 'both': (gt, result)}
    yield 'itself', 'mot15', {'same': (gt, gt)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--trackeval', required=True)
    parser.add_argument('--compare', nargs='+')
    parser.add_argument('--seed', type=int, default=20240602)
    parser.add_argument('--big', type=int, help='also write N bigger random sets as JSON to standard output')
    args = parser.parse_args()
    sys.path.insert(0, args.trackeval)
    import trackeval
    if args.compare:
        gt, result = Path(args.compare[0]).read_text(), Path(args.compare[1]).read_text()
        figures = track_eval(trackeval, {'s': (gt, result)}, args.compare[2] if len(args.compare) > 2 else 'mot15')['COMBINED']
        del figures['curves']
        print(json.dumps({'trackeval': figures, 'motmetrics': mot_metrics(gt, result)}, indent=1))
        return
    rng = np.random.default_rng(args.seed)
    if args.big:
        out = []
        for k in range(args.big):
            coarse, classes = bool(k % 2), bool(k % 3 == 0)
            size = int(rng.integers(80, 500))
            sequences = {'s': simulate(rng, int(rng.integers(2, 60)), int(rng.integers(2, 40)), size, classes=classes, coarse=coarse, switch=float(rng.random() / 4), miss=float(rng.random() / 2))}
            benchmark = ['mot17', 'mot20'][k // 3 % 2] if classes else 'mot15'
            out.append({'name': f'big {k}', 'benchmark': benchmark, 'sequences': {n: {'gt': g, 'result': r} for n, (g, r) in sequences.items()}, 'figures': track_eval(trackeval, sequences, benchmark)})
        json.dump(out, sys.stdout)
        return
    out = []
    for name, benchmark, sequences in cases(rng):
        entry = {'name': name, 'benchmark': benchmark,
                 'sequences': {n: {'gt': g, 'result': r} for n, (g, r) in sequences.items()},
                 'figures': track_eval(trackeval, sequences, benchmark)}
        if benchmark == 'mot15' and name in ('walk', 'crowd'):
            entry['motmetrics'] = {n: mot_metrics(g, r) for n, (g, r) in sequences.items()}
            if name == 'crowd':  # the two originals match crossing boxes by different rules: TrackEval wins
                for figures in entry['motmetrics'].values():
                    del figures['MOTA']
        out.append(entry)
    path = Path(__file__).resolve().parents[2] / 'test/golden/mot.json'
    path.write_text(json.dumps(out, separators=(',', ':')) + '\n')
    print(len(out), 'cases,', path.stat().st_size, 'bytes')


main()
