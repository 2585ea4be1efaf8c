import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Features, seededRandom, tensor } from '../../src/core/index.ts';
import {
  appearanceDistance,
  blendFeature,
  centredFeatures,
  maskPooledFeatures,
  pooledFeatures,
  squashMap,
} from '../../src/track/index.ts';

/** Features whose channels are the patch's own row and column. */
const grid: Features = tensor(
  ['batch', 'gridY', 'gridX', 'channel'],
  [2, 4, 6, 2],
  Float32Array.from(
    { length: 96 },
    (_, k) => (k >= 48 ? 100 : 0) + (k % 2 === 0 ? Math.floor((k % 48) / 12) : Math.floor((k % 12) / 2)),
  ),
);
const map = squashMap(grid, 96, 64); // patches of 16 pixels

describe('pooling under boxes', () => {
  test('whole patches, parts of patches, and boxes beyond the picture', () => {
    const boxes = [0, 0, 16, 16, 0, 0, 96, 64, 8, 0, 40, 16, -50, -50, 8, 8, 33, 20, 34, 21, 200, 200, 220, 220];
    const pooled = [...pooledFeatures(grid, boxes, map)];
    // row, column
    expect(pooled.slice(0, 2)).toEqual([0, 0]);
    expect(pooled.slice(2, 4)).toEqual([1.5, 2.5]);
    expect(pooled.slice(4, 6)).toEqual([0, 1]); // half of 0, all of 1, half of 2
    expect(pooled.slice(6, 8)).toEqual([0, 0]);
    expect(pooled.slice(8, 10)).toEqual([1, 2]); // within one patch
    expect(pooled.slice(10)).toEqual([3, 5]); // outside: nearest patch
    expect([...pooledFeatures(grid, [16, 16, 32, 32], map, 1)]).toEqual([101, 101]);
    expect(() => pooledFeatures(grid, [], map, 2)).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: pooling asked for picture 2 of the features
        why: the features hold 2
        fix: pass a batch index from 0 to 1]
    `);
  });

  test('equals the mean over finely sampled pixels', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const random = seededRandom(seed);
        const [x, y] = [Math.floor(90 * random()), Math.floor(60 * random())];
        const box = [x, y, x + 1 + Math.floor((96 - x - 1) * random()), y + 1 + Math.floor((64 - y - 1) * random())];
        let [row, col, n] = [0, 0, 0];
        for (let py = box[1]!; py < box[3]!; py++)
          for (let px = box[0]!; px < box[2]!; px++) {
            row += Math.floor(py / 16);
            col += Math.floor(px / 16);
            n++;
          }
        const got = pooledFeatures(grid, box, map);
        expect(got[0]).toBeCloseTo(row / n, 5);
        expect(got[1]).toBeCloseTo(col / n, 5);
      }),
    );
  });
});

test('pooling under masks leaves the background out', () => {
  const size = { width: 96, height: 64 };
  const mask = new Uint8Array(96 * 64);
  for (let y = 16; y < 32; y++) mask.fill(1, y * 96 + 32, y * 96 + 48); // patch (1, 2)
  mask.fill(1, 0, 8); // and outside the box: ignored
  const box = [16, 10, 80, 60];
  expect([...maskPooledFeatures(grid, [mask], box, size, map)]).toEqual([1, 2]);
  expect(maskPooledFeatures(grid, [new Uint8Array(96 * 64)], box, size, map)).toEqual(pooledFeatures(grid, box, map));
  expect(() => maskPooledFeatures(grid, [new Uint8Array(5)], box, size, map)).toThrow(/mask 0 has 5 pixels/);
  expect(() => maskPooledFeatures(grid, [], box, size, map)).toThrow(/0 masks and 1 boxes/);
});

test('distances and running features', () => {
  expect(appearanceDistance([1, 0], [2, 0])).toBe(0);
  expect(appearanceDistance([1, 0], [0, 3])).toBe(1);
  expect(appearanceDistance([1, 0], [-1, 0])).toBe(2);
  expect(appearanceDistance([0, 0], [1, 0])).toBe(1);
  expect([...blendFeature(undefined, [3, 4], 0.9)]).toEqual([0.6, 0.8]);
  const blended = blendFeature(Float64Array.of(1, 0), [0, 5], 0.9);
  expect(Math.hypot(...blended)).toBeCloseTo(1, 12);
  expect(blended[0]! / blended[1]!).toBeCloseTo(9, 12);
});

test('centring takes each picture’s own mean away', () => {
  const centred = centredFeatures(grid);
  for (const batch of [0, 1]) {
    expect([...pooledFeatures(centred, [0, 0, 96, 64], map, batch)].map(v => Math.abs(v) < 1e-5)).toEqual([true, true]);
    expect([...pooledFeatures(centred, [16, 16, 32, 32], map, batch)]).toEqual([-0.5, -1.5]);
  }
});
