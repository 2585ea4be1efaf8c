import { expect } from 'vitest';
import type { Checkpoint } from '../../src/checkpoint/index.ts';
import { readTensor } from '../../src/checkpoint/index.ts';

/** Max abs difference over the reference's standard deviation. */
export function relativeError(got: ArrayLike<number>, want: ArrayLike<number>): number {
  expect(got.length).toBe(want.length);
  let sum = 0;
  let squares = 0;
  let worst = 0;
  for (let i = 0; i < want.length; i++) {
    sum += want[i]!;
    squares += want[i]! ** 2;
    worst = Math.max(worst, Number.isFinite(got[i]!) ? Math.abs(got[i]! - want[i]!) : Number.POSITIVE_INFINITY);
  }
  const mean = sum / want.length;
  return worst / Math.sqrt(squares / want.length - mean * mean);
}

/** Sizes `HxW` that a golden file holds inputs for. */
export function goldenSizes(io: Checkpoint): { height: number; width: number; key: string }[] {
  return [...io.tensors.keys()]
    .filter(name => name.endsWith('.input'))
    .map(name => {
      const key = name.slice(0, -'.input'.length);
      const [height, width] = key.split('x').map(Number) as [number, number];
      return { height, width, key };
    });
}

/** A tensor of a golden file with its shape, or undefined. */
export async function golden(
  io: Checkpoint,
  name: string,
): Promise<{ data: Float32Array; shape: number[] } | undefined> {
  const stored = io.tensors.get(name);
  return stored && { data: await readTensor(io, name), shape: [...stored.shape] };
}
