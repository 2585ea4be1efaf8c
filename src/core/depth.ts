import { fail } from './errors.ts';

/** What the numbers of a depth map mean; every output says it. */
export const DEPTH_KINDS = ['relative', 'metric'] as const;
export type DepthKind = (typeof DEPTH_KINDS)[number];

/**
 * Depth of a picture, a number per pixel.
 * - `relative`: inverse depth up to an unknown scale and shift, larger is nearer; unitless, never metres
 * - `metric`: metres along the optical axis, larger is farther; 0 where nothing is known
 */
export interface DepthMap {
  readonly kind: DepthKind;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** `width * height` numbers, row by row from the top left. */
  readonly values: Float32Array;
}

/**
 * Makes a depth map and checks that size and values agree.
 * @throws {DenseError} BAD_INPUT for an unknown kind, a size that is no whole number, or a wrong number of values
 */
export function depthMap(kind: DepthKind, width: number, height: number, values: Float32Array): DepthMap {
  const map = { kind, width, height, values };
  checkDepthMap(map, 'the depth map');
  return map;
}

/**
 * Checks a depth map that comes from elsewhere.
 * @param name what errors call it
 * @throws {DenseError} BAD_INPUT as {@link depthMap}
 */
export function checkDepthMap(map: DepthMap, name: string): void {
  const { kind, width, height, values } = map;
  if (!DEPTH_KINDS.includes(kind))
    fail('BAD_INPUT', `${name} is of kind ${JSON.stringify(kind)}`, 'there is no such kind', 'use relative or metric');
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0))
    fail('BAD_INPUT', `${name} is ${width} x ${height} pixels`, 'a side is a whole number of at least 1', 'correct it');
  if (!(values instanceof Float32Array) || values.length !== width * height)
    fail(
      'BAD_INPUT',
      `${name} of ${width} x ${height} pixels has ${values instanceof Float32Array ? `${values.length} values` : 'no Float32Array of values'}`,
      `it takes ${width * height} float32 numbers, row by row`,
      'pass one number per pixel',
    );
}

/** Whether a value says something: a relative one is finite, metres are above 0 too (0 is a hole). */
export function isDepth(kind: DepthKind, value: number): boolean {
  return Number.isFinite(value) && (kind === 'relative' || value > 0);
}

/** Smallest and largest value that says something ({@link isDepth}); both 0 when there is none. */
export function depthRange({ kind, values }: DepthMap): { readonly min: number; readonly max: number } {
  let min = Infinity;
  let max = -Infinity;
  for (const v of values)
    if (isDepth(kind, v)) {
      if (v < min) min = v;
      if (v > max) max = v;
    }
  return min <= max ? { min, max } : { min: 0, max: 0 };
}
