"""Goldens of src/track/kalman*.ts: the originals' own filters and filterpy, on seeded measurements.

  python tools/golden/kalman.py --bytetrack DIR --ocsort DIR --botsort DIR --out test/golden/track/kalman.json
Checkouts and packages: see trackers.py (filterpy is the oracle of the plain seven-state filter).
"""
import argparse
import importlib.util
import json
from pathlib import Path

import numpy as np
from filterpy.kalman import KalmanFilter as FilterPy


def module(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def eight(filter_, rng, warp=None):
    """Predict and correct for twelve frames; frame 5 is not seen; BoT-SORT's warp comes after each prediction."""
    z = np.array([300.0, 200.0, 0.5 if warp is None else 60.0, 120.0])
    mean, cov = filter_.initiate(z)
    steps = []
    for f in range(12):
        mean, cov = filter_.predict(mean, cov)
        if warp is not None:
            r8 = np.kron(np.eye(4), warp[:, :2])
            mean = r8 @ mean
            mean[:2] += warp[:, 2]
            cov = r8 @ cov @ r8.T
        step = {'z': None}
        if f != 5:
            z = np.round(mean[:4] * (1 + rng.normal(0, 0.01, 4)), 3)
            step = {'z': z.tolist(), 'gating': float(filter_.gating_distance(mean, cov, z[None])[0])}
            mean, cov = filter_.update(mean, cov, z)
        step.update(mean=mean.tolist(), covariance=cov.ravel().tolist())
        steps.append(step)
    return steps


def sort_filter(make, z):
    kf = make(dim_x=7, dim_z=4)
    kf.F = np.eye(7) + np.diag([1, 1, 1], 4)
    kf.H = np.eye(4, 7)
    kf.R[2:, 2:] *= 10.0
    kf.P[4:, 4:] *= 1000.0
    kf.P *= 10.0
    kf.Q[-1, -1] *= 0.01
    kf.Q[4:, 4:] *= 0.01
    kf.x[:4] = np.reshape(z, (4, 1))
    return kf


def seven(make, rng, missing):
    z = np.array([300.0, 200.0, 7200.0, 0.5])
    kf = sort_filter(make, z)
    first, steps = z.tolist(), []
    for f in range(20):
        kf.predict()
        z = None
        if f not in missing:
            z = np.round([300 + 4 * f + rng.normal(), 200 - 2 * f + rng.normal(), 7200 + 30 * f + 50 * rng.normal(), 0.5 + 0.01 * rng.normal()], 4)
        kf.update(None if z is None else z.reshape(4, 1))
        steps.append({'z': None if z is None else z.tolist(), 'mean': kf.x.ravel().tolist(), 'covariance': kf.P.ravel().tolist()})
    return {'first': first, 'steps': steps}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('bytetrack', 'ocsort', 'botsort', 'out'):
        parser.add_argument(f'--{name}', required=True, type=Path)
    args = parser.parse_args()
    byte = module(args.bytetrack / 'yolox/tracker/kalman_filter.py', 'byte_kalman').KalmanFilter
    bot = module(args.botsort / 'tracker/kalman_filter.py', 'bot_kalman').KalmanFilter
    oc = module(args.ocsort / 'trackers/ocsort_tracker/kalmanfilter.py', 'oc_kalman').KalmanFilterNew
    warp = np.array([[0.998, -0.021, 5.5], [0.021, 0.998, -3.25]])
    golden = {
        'xyah': eight(byte(), np.random.default_rng(1)),
        'xywh': eight(bot(), np.random.default_rng(2), np.eye(2, 3)),
        'warp': warp.ravel().tolist(),
        'xywhWarped': eight(bot(), np.random.default_rng(3), warp),
        'filterpy': seven(FilterPy, np.random.default_rng(4), set()),
        'ocsort': seven(oc, np.random.default_rng(5), {0, 1, 5, 6, 7, 12, 15, 16}),
    }
    args.out.write_text(json.dumps(golden, separators=(',', ':')) + '\n')


if __name__ == '__main__':
    main()
