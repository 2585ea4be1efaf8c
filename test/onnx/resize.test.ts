import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GraphBuilder, Session } from '../../src/onnx/index.ts';

/** A resize of one axis per entry, with a free batch or a fixed one. */
async function resized(sizes: readonly (readonly [number, number])[], batch: 'batch' | 1) {
  const b = new GraphBuilder({ lowering: 'portable' });
  const feeds: Record<string, { dims: number[]; data: Float32Array }> = {};
  sizes.forEach(([from, to], i) => {
    const x = b.input(`x${i}`, 'float32', [batch, 1, from, 2]);
    b.output(`y${i}`, b.resize(x, to, 2));
    feeds[`x${i}`] = { dims: [1, 1, from, 2], data: Float32Array.from({ length: 2 * from }, (_, k) => Math.sin(k)) };
  });
  const session = await Session.open(b.build());
  const out = await session.run(feeds);
  await session.close();
  return sizes.map((_, i) => out[`y${i}`]!);
}

test('a resize gives every size asked for, also where the scale is no float and the batch is free', async () => {
  const size = fc.integer({ min: 1, max: 300 });
  const sizes = [...fc.sample(fc.tuple(size, size), { numRuns: 100, seed: 5 }), [7, 13], [3, 5], [49, 50]] as const;
  const [free, fixed] = [await resized(sizes, 'batch'), await resized(sizes, 1)];
  sizes.forEach(([from, to], i) => {
    expect(free[i]!.dims, `${from} to ${to}`).toEqual([1, 1, to, 2]);
    free[i]!.data.forEach((v, k) => {
      expect(Math.abs(Number(v) - Number(fixed[i]!.data[k]))).toBeLessThan(1e-3); // sampling points differ in the last bit of a float32
    });
  });
});
