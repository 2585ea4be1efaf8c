"""Goldens of src/track/lapjv.ts and assignment.ts: lap.lapjv on seeded matrices full of equal costs.

  python tools/golden/lapjv.py test/golden/track/lapjv.json      (packages: numpy, lap==0.5.13)
"""
import json
import sys

import lap
import numpy as np

rng = np.random.default_rng(9)
dense, limited = [], []
for k in range(60):
    rows, cols = rng.integers(1, 9, 2)
    top = [2, 4, 10, 1000][k % 4]
    cost = -rng.integers(0, top, (rows, cols)).astype(float)
    cost[rng.random(cost.shape) < 0.4] = 0
    _, x, _ = lap.lapjv(cost, extend_cost=True)
    dense.append({'rows': int(rows), 'cols': int(cols), 'cost': cost.astype(int).ravel().tolist(), 'x': x.tolist()})
for k in range(40):
    rows, cols = rng.integers(1, 9, 2)
    cost = rng.permutation(int(rows * cols)).reshape(rows, cols) + rng.integers(0, 1000, (rows, cols)) / 1024 # no two sums alike
    limit = float(rng.integers(1, rows * cols + 1)) * 0.6 + 0.0001
    _, x, _ = lap.lapjv(cost, extend_cost=True, cost_limit=limit)
    limited.append({'rows': int(rows), 'cols': int(cols), 'cost': cost.ravel().tolist(), 'limit': limit, 'x': x.tolist()})
with open(sys.argv[1], 'w') as file:
    file.write(json.dumps({'dense': dense, 'limited': limited}, separators=(',', ':')) + '\n')
