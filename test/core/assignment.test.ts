import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assignRows, linearSumAssignment } from '../../src/core/index.ts';

interface Case {
  kind: string;
  shape: [number, number];
  cost: (number | 'inf')[];
  rows: number[];
  cols: number[];
}
const golden = JSON.parse(readFileSync(new URL('../golden/assignment.json', import.meta.url), 'utf8')) as Case[];

const total = (cost: Float64Array, cols: number, pairs: { rows: Int32Array; cols: Int32Array }) =>
  pairs.rows.reduce((sum, i, k) => sum + cost[i * cols + pairs.cols[k]!]!, 0);

/** Cheapest total by trying every placement of the shorter side. */
function bruteForce(cost: Float64Array, rows: number, cols: number): number {
  const at = (i: number, j: number) => (rows <= cols ? cost[i * cols + j]! : cost[j * cols + i]!);
  const [n, m] = rows <= cols ? [rows, cols] : [cols, rows];
  const used = new Array<boolean>(m).fill(false);
  const go = (i: number): number => {
    if (i === n) return 0;
    let best = Infinity;
    for (let j = 0; j < m; j++) {
      if (used[j]) continue;
      used[j] = true;
      best = Math.min(best, at(i, j) + go(i + 1));
      used[j] = false;
    }
    return best;
  };
  return go(0);
}

describe('linearSumAssignment', () => {
  // golden: tools/golden/assignment.py (scipy.optimize.linear_sum_assignment)
  test.each(golden.map((g, k) => [k, g.kind, g.shape.join('x'), g] as const))(
    'case %i (%s, %s) gives the pairs of scipy, ties included',
    (_k, _kind, _shape, g) => {
      const cost = Float64Array.from(g.cost, c => (c === 'inf' ? Infinity : c));
      const got = linearSumAssignment(cost, g.shape[0], g.shape[1]);
      expect([...got.rows]).toEqual(g.rows);
      expect([...got.cols]).toEqual(g.cols);
    },
  );

  test('is the cheapest of all placements', () => {
    const problem = fc
      .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 6 }))
      .chain(([r, c]) =>
        fc.tuple(
          fc.constant(r),
          fc.constant(c),
          fc.array(fc.integer({ min: -9, max: 9 }), { minLength: r * c, maxLength: r * c }),
        ),
      );
    fc.assert(
      fc.property(problem, ([r, c, values]) => {
        const cost = Float64Array.from(values);
        const got = linearSumAssignment(cost, r, c);
        expect(got.rows.length).toBe(Math.min(r, c));
        expect(new Set(got.rows).size).toBe(got.rows.length);
        expect(new Set(got.cols).size).toBe(got.cols.length);
        expect(total(cost, c, got)).toBe(bruteForce(cost, r, c));
      }),
    );
  });

  test('takes empty sides', () => {
    expect(linearSumAssignment(new Float64Array(0), 0, 4)).toEqual({
      rows: new Int32Array(0),
      cols: new Int32Array(0),
    });
    expect(linearSumAssignment(new Float64Array(0), 3, 0).rows.length).toBe(0);
  });

  test('assignRows works in longer buffers and marks free rows', () => {
    const cost = Float64Array.of(5, 1, 9, 777, 777);
    const col = new Int32Array(5).fill(7);
    expect(assignRows(cost, 3, 1, col)).toBe(1);
    expect([...col]).toEqual([-1, 0, -1, 7, 7]);
  });

  test('refuses what has no order, naming the place', () => {
    expect(() => linearSumAssignment(Float64Array.of(0, 1, Number.NaN, 2), 2, 2)).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: assignment cost at row 1, column 0 is NaN
        why: costs are ordered numbers; only +Infinity is allowed, for a forbidden pair
        fix: replace NaN and -Infinity before the call]
    `);
    expect(() => linearSumAssignment(Float64Array.of(0, -Infinity), 1, 2)).toThrow(/row 0, column 1 is -Infinity/);
    expect(() => linearSumAssignment(Float64Array.of(0), 2, 2)).toThrow(/2 rows to 2 columns got 1 costs/);
    expect(() => linearSumAssignment(Float64Array.of(1, Infinity, 1, Infinity), 2, 2)).toThrow(
      /no complete assignment/,
    );
  });
});
