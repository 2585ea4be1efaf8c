import { describe, expect, test } from 'vitest';
import { checkDepthMap, DenseError, type DepthKind, depthMap, depthRange } from '../../src/core/index.ts';

const refusal = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    if (error instanceof DenseError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
};

describe('depth maps', () => {
  test('hold a number per pixel', () => {
    const values = Float32Array.of(1, 2, 3, 4, 5, 6);
    expect(depthMap('metric', 3, 2, values)).toEqual({ kind: 'metric', width: 3, height: 2, values });
  });

  test.each([
    ['relative', 3, 2, new Float32Array(5), /3 x 2 pixels has 5 values/],
    ['relative', 3, 2, [1, 2, 3, 4, 5, 6], /no Float32Array of values/],
    ['relative', 0, 2, new Float32Array(0), /0 x 2 pixels/],
    ['relative', 1.5, 2, new Float32Array(3), /1.5 x 2 pixels/],
    ['inverse', 1, 1, new Float32Array(1), /kind "inverse"/],
  ])('%s, %d x %d that does not fit is named', (kind, width, height, values, message) => {
    const map = { kind: kind as DepthKind, width, height, values: values as Float32Array };
    expect(refusal(() => checkDepthMap(map, 'pred.npy'))).toMatch(message);
    expect(refusal(() => checkDepthMap(map, 'pred.npy'))).toMatch(/^BAD_INPUT: pred\.npy/);
  });

  test('the range leaves out what is no number', () => {
    const values = Float32Array.of(NaN, 4, -2, Infinity);
    expect(depthRange(depthMap('relative', 2, 2, values))).toEqual({ min: -2, max: 4 });
    expect(depthRange(depthMap('relative', 1, 1, Float32Array.of(NaN)))).toEqual({ min: 0, max: 0 });
  });
});
