import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededNormal } from '../../src/core/index.ts';
import { drawFeatures, principalComponents } from '../../src/render/index.ts';
import { symmetricEigen } from '../../src/render/pca.ts';

/** Rows whose covariance has known axes and variances: the oracle is the construction. */
function spread(n: number, channels: number, deviations: number[], seed: number) {
  const normal = seededNormal(seed);
  // orthonormal axes over channels, and orthonormal centred scores over rows, both by Gram-Schmidt
  const gram = (count: number, length: number, centred: boolean) => {
    const done: Float64Array[] = [];
    while (done.length < count) {
      const v = Float64Array.from({ length }, normal);
      if (centred) {
        const mean = v.reduce((s, x) => s + x, 0) / length;
        for (let i = 0; i < length; i++) v[i] -= mean;
      }
      for (const d of done) {
        const w = v.reduce((s, x, i) => s + x * d[i], 0);
        for (let i = 0; i < length; i++) v[i] -= w * d[i];
      }
      const norm = Math.sqrt(v.reduce((s, x) => s + x * x, 0));
      done.push(v.map(x => x / norm));
    }
    return done;
  };
  const axes = gram(deviations.length, channels, false);
  const scores = gram(deviations.length, n, true);
  const rows = new Float32Array(n * channels);
  for (let r = 0; r < n; r++)
    for (let c = 0; c < channels; c++) {
      let sum = 3; // a mean that must not matter
      deviations.forEach((d, k) => {
        sum += d * Math.sqrt(n) * scores[k][r] * axes[k][c];
      });
      rows[r * channels + c] = sum;
    }
  return { rows, axes };
}

describe('principalComponents', () => {
  test.each([
    [40, 6, [5, 3, 2, 0.5]],
    [200, 64, [4, 3.9, 3.8, 1, 1, 1, 0.2]],
    [12, 300, [9, 2, 1]],
  ])('finds the axes %i rows of %i channels were made with', (n, channels, deviations) => {
    const { rows, axes } = spread(n, channels, deviations, 4);
    const pca = principalComponents(rows, channels, 3);
    for (let k = 0; k < 3; k++) {
      expect(pca.variances[k] / deviations[k] ** 2).toBeCloseTo(1, 4);
      const cosine = axes[k].reduce((s, x, i) => s + x * pca.axes[k][i], 0);
      expect(Math.abs(cosine)).toBeGreaterThan(0.9999);
      const largest = [...pca.axes[k]].reduce((b, x) => (Math.abs(x) > Math.abs(b) ? x : b), 0);
      expect(largest).toBeGreaterThan(0);
    }
  });

  test('axes are orthonormal, variances fall, whatever the rows', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 30 }),
        fc.integer({ min: 3, max: 12 }),
        fc.nat(1e6),
        (n, channels, seed) => {
          const normal = seededNormal(seed);
          const rows = Float32Array.from({ length: n * channels }, normal);
          const { axes, variances } = principalComponents(rows, channels, 3);
          axes.forEach((p, i) => {
            axes.forEach((q, j) => {
              expect(p.reduce((s, x, c) => s + x * q[c], 0)).toBeCloseTo(i === j ? 1 : 0, 6);
            });
          });
          expect(variances[0]).toBeGreaterThanOrEqual(variances[1]);
          expect(variances[1]).toBeGreaterThanOrEqual(variances[2]);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('rows that are all the same have no spread and break nothing', () => {
    const { variances } = principalComponents(new Float32Array(40).fill(2), 4, 3);
    for (const v of variances) expect(v).toBeCloseTo(0, 10);
    expect(() => principalComponents(new Float32Array(8), 4, 3)).toThrow(/3 principal components of 2 rows/);
  });

  test('symmetricEigen solves a matrix with known answer', () => {
    const { values, vectors } = symmetricEigen([
      [2, 1, 0],
      [1, 2, 0],
      [0, 0, 5],
    ]);
    expect(values.map(v => Math.round(v * 1e9) / 1e9)).toEqual([5, 3, 1]);
    expect(Math.abs(vectors[1][0])).toBeCloseTo(Math.SQRT1_2, 9);
  });
});

test('drawFeatures gives equal patches equal colours and different ones different colours', () => {
  // left half, right half, and a stripe at the bottom: three kinds of patch
  const [h, w, c] = [6, 8, 5];
  const kinds = [
    [1, 0, 0, 0.2, 0],
    [0, 1, 0, 0, 0.3],
    [0, 0.2, 1, 0, 0],
  ];
  const patches = new Float32Array(h * w * c);
  const kindOf = (y: number, x: number) => (y === 5 ? 2 : x < 4 ? 0 : 1);
  for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) patches.set(kinds[kindOf(y, x)], (y * w + x) * c);
  patches.set(
    kinds[0].map(v => 50 * v),
    0,
  ); // length does not matter
  const { data, shape } = drawFeatures(patches, h, w);
  expect(shape).toEqual([h, w, 3]);
  const color = (y: number, x: number) => [...data.subarray(3 * (y * w + x), 3 * (y * w + x) + 3)];
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++)
      for (const [ry, rx] of [
        [0, 0],
        [0, 7],
        [5, 3],
      ]) {
        const far = Math.max(...color(y, x).map((v, i) => Math.abs(v - color(ry, rx)[i])));
        if (kindOf(y, x) === kindOf(ry, rx)) expect(far).toBeLessThanOrEqual(1);
        else expect(far).toBeGreaterThan(100);
      }
  const large = drawFeatures(patches, h, w, { height: 60, width: 80 });
  const at = 3 * (5 * 80 + 5); // centre of the first patch
  expect(Math.abs(large.data[at] - data[0])).toBeLessThanOrEqual(30);
});
