import { fail } from './errors.ts';

/** Typed arrays a tensor may hold. */
export type TensorData = Float32Array | Float64Array | Uint8Array | Uint16Array | Int32Array | BigInt64Array;

/**
 * A dense row-major array whose axes have names. Last axis varies fastest.
 * Names are types: a function that wants `['height', 'width']` does not accept `['width', 'height']`.
 */
export interface Tensor<A extends readonly string[], T extends TensorData = Float32Array> {
  readonly axes: A;
  readonly shape: { readonly [K in keyof A]: number };
  readonly data: T;
}

/** 8-bit sRGB picture, 0..255, after EXIF rotation; pixel (0, 0) is the top left one. */
export type RgbImage = Tensor<readonly ['height', 'width', 'rgb'], Uint8Array>;
/** What a network eats: normalised planes. */
export type ImageBatch = Tensor<readonly ['batch', 'channel', 'height', 'width']>;
/** Patch features on their grid, class token removed. */
export type Features = Tensor<readonly ['batch', 'gridY', 'gridX', 'channel']>;

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

/**
 * Makes a tensor and checks that data and shape agree.
 * @throws {DenseError} BAD_INPUT when `data.length` is not the product of `shape`
 */
export function tensor<const A extends readonly string[], T extends TensorData>(
  axes: A,
  shape: { readonly [K in keyof A]: number },
  data: T,
): Tensor<A, T> {
  const dims = shape as unknown as readonly number[];
  if (sizeOf(dims) !== data.length)
    fail(
      'BAD_INPUT',
      `tensor [${axes.join(', ')}] of shape [${dims.join(', ')}] got ${data.length} values`,
      `the shape asks for ${sizeOf(dims)}`,
      'pass data of the right length',
    );
  return { axes, shape, data };
}

/** An 8-bit RGB picture from interleaved bytes. */
export function rgbImage(height: number, width: number, data: Uint8Array): RgbImage {
  return tensor(['height', 'width', 'rgb'] as const, [height, width, 3], data);
}
