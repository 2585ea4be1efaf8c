import { expect, test } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import { pasteMask } from '../../src/postprocess/index.ts';
import golden from '../golden/postprocess/masks.json' with { type: 'json' };
import { sha256 } from './scene.ts';

test.each(golden)('mask paste is grid_sample: $side into $box', g => {
  const draw = seededRandom(g.seed);
  const mask = new Float32Array(g.side * g.side).map(() => draw());
  const got = pasteMask(mask, g.box as [number, number, number, number], g.height, g.width, g.threshold);
  expect(got.shape).toEqual([g.height, g.width]);
  expect(got.data.reduce((a, b) => a + b, 0)).toBe(g.area);
  expect(sha256(got.data)).toBe(g.sha256);
});

test('a full mask fills the pixels whose centre lies in the box', () => {
  const full = new Float32Array(28 * 28).fill(1);
  const { data } = pasteMask(full, [2, 1, 5, 3], 4, 8);
  expect(Array.from(data)).toEqual([
    ...[0, 0, 0, 0, 0, 0, 0, 0],
    ...[0, 0, 1, 1, 1, 0, 0, 0],
    ...[0, 0, 1, 1, 1, 0, 0, 0],
    ...[0, 0, 0, 0, 0, 0, 0, 0],
  ]);
  expect(pasteMask(full, [5, 3, 2, 1], 4, 8).data.every(v => v === 0)).toBe(true);
});

test('mask paste errors', () => {
  expect(() => pasteMask(new Float32Array(27), [0, 0, 1, 1], 4, 4)).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: mask has 27 numbers
      why: a mask is square
      fix: pass [side, side] probabilities]
  `);
  expect(() => pasteMask(new Float32Array(4), [0, 0, Number.NaN, 1], 4, 4)).toThrow(/box\[2\] is NaN/);
  expect(() => pasteMask(new Float32Array(4), [0, 0, 1, 1], 4, 0)).toThrow(/width is 0/);
});
