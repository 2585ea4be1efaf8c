"""Goldens of src/track/similarity.ts: cv2.estimateAffinePartial2D on seeded point pairs.

  python tools/golden/similarity.py test/golden/track/similarity.json      (packages: numpy, opencv-python-headless)
Outliers lie far outside the threshold, so every sound estimator ends with the same inliers.
"""
import json
import sys

import cv2
import numpy as np

rng = np.random.default_rng(21)
cases = []
for outliers in (0.0, 0.1, 0.4, 0.6):
    n = 80
    a, s = rng.normal(0, 0.1), 1 + rng.normal(0, 0.05)
    warp = np.array([[s * np.cos(a), -s * np.sin(a), rng.normal(0, 20)], [s * np.sin(a), s * np.cos(a), rng.normal(0, 20)]])
    points = np.round(rng.uniform(0, 640, (n, 2)), 3)
    moved = points @ warp[:, :2].T + warp[:, 2] + rng.normal(0, 0.3, (n, 2))
    bad = rng.random(n) < outliers
    moved[bad] += rng.choice([-1, 1], (bad.sum(), 2)) * rng.uniform(15, 120, (bad.sum(), 2))
    moved = np.round(moved, 3)
    estimate, inliers = cv2.estimateAffinePartial2D(points, moved, method=cv2.RANSAC, refineIters=100)
    cases.append({'from': points.ravel().tolist(), 'to': moved.ravel().tolist(), 'warp': estimate.ravel().tolist(), 'inliers': int(inliers.sum())})
with open(sys.argv[1], 'w') as file:
    file.write(json.dumps(cases, separators=(',', ':')) + '\n')
