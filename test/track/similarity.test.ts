import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import { estimateSimilarity } from '../../src/track/similarity.ts';

const golden = JSON.parse(readFileSync(new URL('../golden/track/similarity.json', import.meta.url), 'utf8')) as {
  from: number[];
  to: number[];
  warp: number[];
  inliers: number;
}[];

test('agrees with cv2.estimateAffinePartial2D', () => {
  for (const { from, to, warp, inliers } of golden) {
    const ours = estimateSimilarity(from, to)!;
    expect(ours.inlierCount).toBe(inliers);
    // cv2 refines by Levenberg-Marquardt, ours is the closed form: 1e-3 px over the picture
    ours.warp.forEach((v, i) => {
      expect(Math.abs(v - warp[i]!)).toBeLessThan(i % 3 === 2 ? 1e-3 : 1e-5);
    });
  }
});

test('recovers any similarity exactly from clean points', () => {
  const value = (min: number, max: number) => fc.double({ min, max, noNaN: true });
  fc.assert(
    fc.property(
      value(-3, 3),
      value(0.5, 2),
      value(-99, 99),
      value(-99, 99),
      fc.integer(),
      (angle, scale, tx, ty, seed) => {
        const random = seededRandom(seed);
        const [a, b] = [scale * Math.cos(angle), scale * Math.sin(angle)];
        const from = Array.from({ length: 20 }, () => 500 * random());
        const to = from.map((_, k) => {
          const [x, y] = [from[k & ~1]!, from[k | 1]!];
          return k % 2 === 0 ? a * x - b * y + tx : b * x + a * y + ty;
        });
        const { warp, inlierCount } = estimateSimilarity(from, to)!;
        expect(inlierCount).toBe(10);
        [a, -b, tx, b, a, ty].forEach((v, i) => {
          expect(warp[i]).toBeCloseTo(v, 6);
        });
      },
    ),
  );
});

test('says nothing about too few points, or points on one spot', () => {
  expect(estimateSimilarity([1, 2], [3, 4])).toBeUndefined();
  expect(estimateSimilarity([1, 2, 1, 2, 1, 2], [3, 4, 5, 6, 7, 8])).toBeUndefined();
});

test('lists of different length are refused', () => {
  expect(() => estimateSimilarity([1, 2, 3, 4], [1, 2])).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: estimateSimilarity got 4 and 2 numbers
      why: both lists hold x and y of the same points
      fix: pass two arrays [n, 2] of equal length]
  `);
});
