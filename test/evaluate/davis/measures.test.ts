import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countNear, diskRows } from '../../../src/evaluate/davis/boundary.ts';
import {
  boundaryAccuracy,
  DavisSequence,
  davisObjects,
  davisStatistics,
  type LabelMap,
  regionSimilarity,
} from '../../../src/evaluate/davis/index.ts';

const map = (width: number, height: number, values: number[]): LabelMap => ({
  width,
  height,
  data: Uint8Array.from(values),
});
const size = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }));
const pair = size.chain(([w, h]) => {
  const cells = fc.array(fc.nat(2), { minLength: w * h, maxLength: w * h });
  return fc.tuple(cells, cells).map(([a, b]) => [map(w, h, a), map(w, h, b)] as const);
});

describe('measures', () => {
  test('stay in 0..1, do not care which side is the truth, and are 1 for equal masks', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        for (const measure of [regionSimilarity, boundaryAccuracy]) {
          const value = measure(a, b, 1, false);
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
          expect(measure(b, a, 1, false)).toBe(value);
          expect(measure(a, a, 2, false)).toBe(1);
        }
      }),
    );
  });

  test('countNear finds the pixels within the disk, as a search over all pairs does', () => {
    const points = fc.uniqueArray(fc.nat(20 * 15 - 1), { maxLength: 30 }).map(p => Int32Array.from(p).sort());
    fc.assert(
      fc.property(points, points, fc.nat(6), (pixels, centres, radius) => {
        const near = [...pixels].filter(p =>
          [...centres].some(c => {
            const dx = (p % 20) - (c % 20);
            const dy = Math.floor(p / 20) - Math.floor(c / 20);
            return dx * dx + dy * dy <= radius * radius;
          }),
        ).length;
        expect(countNear(pixels, centres, 20, 15, diskRows(radius))).toBe(near);
      }),
    );
  });

  test('decay compares the first quarter with the last', () => {
    const s = davisStatistics([1, 1, 0.75, 0.5, 0.25, 0.25, 0, 0]);
    expect(s.mean).toBeCloseTo(0.46875, 12);
    expect(s.recall).toBe(3 / 8);
    // official bins of 8 frames: 0..2 and 5..7
    expect(s.decay).toBeCloseTo(2.75 / 3 - 0.25 / 3, 12);
  });
});

describe('objects', () => {
  test('a mask of 0 and 255 is one object, ids are many', () => {
    expect(davisObjects(map(2, 1, [0, 255]))).toEqual({ kind: 'single', count: 1 });
    expect(davisObjects(map(3, 1, [0, 2, 255]))).toEqual({ kind: 'multi', count: 2 });
    expect(davisObjects(map(2, 1, [0, 255]), 'multi')).toEqual({ kind: 'multi', count: 0 });
  });

  test('results of another size and unknown ids are refused', () => {
    const sequence = new DavisSequence('multi', 1);
    const gt = map(2, 1, [0, 1]);
    expect(() => sequence.add(gt, map(1, 2, [0, 1]), 'p/1.png')).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: p/1.png is 1 x 2
        why: the ground truth is 2 x 1
        fix: resize the masks to the size of the annotations (nearest neighbour)]
    `);
    expect(() => sequence.add(gt, map(2, 1, [0, 2]), 'p/1.png')).toThrow('p/1.png holds object 2');
    expect(() => sequence.add(gt, map(2, 1, [0, 255]), 'p/1.png')).toThrow('--year 2016');
  });
});
