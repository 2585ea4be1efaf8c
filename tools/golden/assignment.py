"""Goldens of linearSumAssignment: scipy.optimize.linear_sum_assignment on seeded matrices full of ties.

Run: python tools/golden/assignment.py   (needs numpy, scipy; see requirements.txt)
Writes test/golden/assignment.json.
"""
import json
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

rng = np.random.default_rng(20240601)
cases = []


def add(kind, cost):
    cost = np.asarray(cost, dtype=np.float64)
    rows, cols = linear_sum_assignment(cost)
    flat = [float(v) if np.isfinite(v) else 'inf' for v in cost.ravel()]
    cases.append({'kind': kind, 'shape': list(cost.shape), 'cost': flat, 'rows': rows.tolist(), 'cols': cols.tolist()})


for r, c in [(1, 1), (1, 5), (5, 1), (3, 3), (4, 7), (7, 4), (9, 9)]:
    add('constant', np.zeros((r, c)))
    add('small integers', rng.integers(0, 3, (r, c)))
    add('integers', rng.integers(-20, 20, (r, c)))
    add('uniform', np.round(rng.random((r, c)), 6))
for r, c in [(12, 12), (15, 9), (8, 20)]:  # like IoU matrices: mostly zero
    iou = np.round(rng.random((r, c)), 2) * (rng.random((r, c)) < 0.25)
    add('sparse', -iou)
    add('clear', -(iou + 1000 * (rng.random((r, c)) < 0.08)))
for r, c in [(5, 5), (4, 8), (8, 4)]:
    cost = rng.integers(0, 5, (r, c)).astype(float)
    mask = rng.random((r, c)) < 0.3
    mask[np.arange(min(r, c)), np.arange(min(r, c))] = False  # the diagonal keeps it feasible
    cost[mask] = np.inf
    add('forbidden pairs', cost)

out = Path(__file__).resolve().parents[2] / 'test/golden/assignment.json'
out.write_text(json.dumps(cases, separators=(',', ':')) + '\n')
print(len(cases), 'cases,', out.stat().st_size, 'bytes')
