import { DTYPE_BYTES, type StoredDtype } from './types.ts';

/** Strides of a row-major tensor, in elements. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= Math.max(1, shape[i]!);
  }
  return strides;
}

/** Row-major without gaps; strides of axes of length 1 do not matter, an empty tensor always is. */
export function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.includes(0)) return true;
  const expected = rowMajorStrides(shape);
  return shape.every((length, i) => length === 1 || strides[i] === expected[i]);
}

/** Elements from the first to the last one touched, both included; 0 for an empty tensor. */
export function spanOf(shape: readonly number[], strides: readonly number[]): number {
  if (shape.includes(0)) return 0;
  return shape.reduce((last, length, i) => last + (length - 1) * strides[i]!, 1);
}

/** Whether a list is a shape: whole numbers from 0, at most 64 axes, the product exactly representable. */
export function isShape(values: readonly unknown[]): values is number[] {
  let product = 1;
  for (const value of values) {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) return false;
    product *= Math.max(1, value);
  }
  return values.length <= 64 && Number.isSafeInteger(product);
}

/** `[192, 3, 16, 16]` */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** Bytes of `elements` elements. */
export function bytesOf(dtype: StoredDtype, elements: number): number {
  return DTYPE_BYTES[dtype] * elements;
}
