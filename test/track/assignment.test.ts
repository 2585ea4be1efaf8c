import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { linearSumAssignment, seededRandom } from '../../src/core/index.ts';
import { assignWithLimit } from '../../src/track/assignment.ts';
import { lapjv } from '../../src/track/lapjv.ts';
import { densePairs, overlaps, type SparsePairs } from '../../src/track/overlaps.ts';

interface Case {
  rows: number;
  cols: number;
  cost: number[];
  limit: number;
  x: number[];
}
const golden = JSON.parse(readFileSync(new URL('../golden/track/lapjv.json', import.meta.url), 'utf8')) as {
  dense: Case[];
  limited: Case[];
};

const none = (rows: number, cols: number): SparsePairs => ({
  rows,
  cols,
  start: new Int32Array(rows + 1),
  col: new Int32Array(0),
  value: new Float64Array(0),
});
const full = (rows: number, cols: number, cost: ArrayLike<number>): SparsePairs => ({
  ...densePairs(none(rows, cols), 0),
  value: Float64Array.from(cost),
});

test('lapjv breaks ties as the lap package does', () => {
  for (const { rows, cols, cost, x } of golden.dense) {
    const n = Math.max(rows, cols);
    const square = new Float64Array(n * n);
    for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) square[i * n + j] = cost[i * cols + j]!;
    const ours = Array.from(lapjv(square, n).subarray(0, rows), j => (j < cols ? j : -1));
    expect(ours).toEqual(x);
  }
});

test('assignWithLimit matches lap.lapjv with cost_limit', () => {
  for (const { rows, cols, cost, limit, x } of golden.limited)
    expect(Array.from(assignWithLimit(full(rows, cols, cost), limit).colOfRow)).toEqual(x);
});

describe('assignWithLimit', () => {
  const problems = fc
    .tuple(
      fc.integer({ min: 0, max: 12 }),
      fc.integer({ min: 0, max: 12 }),
      fc.integer(),
      fc.double({ min: 0, max: 1, noNaN: true }),
    )
    .map(([rows, cols, seed, limit]) => {
      const random = seededRandom(seed);
      return { rows, cols, limit, cost: Float64Array.from({ length: rows * cols }, () => random()) };
    });

  test('is as cheap as the padded dense problem', () => {
    fc.assert(
      fc.property(problems, ({ rows, cols, limit, cost }) => {
        const { colOfRow, rowOfCol } = assignWithLimit(full(rows, cols, cost), limit);
        let ours = 0;
        colOfRow.forEach((j, i) => {
          if (j < 0) return;
          expect(rowOfCol[j]).toBe(i);
          expect(cost[i * cols + j]!).toBeLessThanOrEqual(limit);
          ours += cost[i * cols + j]! - limit;
        });
        const padded = cost.map(c => Math.min(c - limit, 0));
        const best = linearSumAssignment(padded, rows, cols);
        let want = 0;
        best.rows.forEach((i, k) => {
          want += padded[i * cols + best.cols[k]!]!;
        });
        expect(ours).toBeCloseTo(want, 9);
      }),
    );
  });

  test('a missing pair and a pair above the limit are the same', () => {
    const cost = [0.1, 0.9, 0.2, 0.95];
    expect(assignWithLimit(full(2, 2, cost), 0.5)).toEqual(
      assignWithLimit(
        { rows: 2, cols: 2, start: Int32Array.of(0, 1, 2), col: Int32Array.of(0, 0), value: Float64Array.of(0.1, 0.2) },
        0.5,
      ),
    );
  });
});

describe('overlaps', () => {
  test('finds every overlapping pair, with the value of a plain loop', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 0, max: 30 }),
        fc.integer({ min: 0, max: 30 }),
        fc.constantFrom(0, 1),
        (seed, n, m, pixel) => {
          const random = seededRandom(seed);
          const boxes = (k: number) =>
            Array.from({ length: k }, () => {
              const [x, y] = [random() * 200, random() * 200];
              return [x, y, x + random() ** 3 * 150, y + random() ** 3 * 150];
            });
          const [a, b] = [boxes(n), boxes(m)];
          const want: number[][] = [];
          a.forEach((p, i) => {
            b.forEach((q, j) => {
              const w = Math.min(p[2]!, q[2]!) - Math.max(p[0]!, q[0]!) + pixel;
              const h = Math.min(p[3]!, q[3]!) - Math.max(p[1]!, q[1]!) + pixel;
              if (w <= 0 || h <= 0) return;
              const area = (r: number[]) => (r[2]! - r[0]! + pixel) * (r[3]! - r[1]! + pixel);
              want.push([i, j, (w * h) / (area(p) + area(q) - w * h)]);
            });
          });
          const got = overlaps(a, b, pixel as 0 | 1);
          const rows: number[][] = [];
          for (let i = 0; i < got.rows; i++)
            for (let k = got.start[i]!; k < got.start[i + 1]!; k++) rows.push([i, got.col[k]!, got.value[k]!]);
          expect(rows).toEqual(want);
        },
      ),
    );
  });
});
