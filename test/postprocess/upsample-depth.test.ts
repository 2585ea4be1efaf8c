import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DepthMap, type RgbImage, rgbImage, seededRandom } from '../../src/core/index.ts';
import { upsampleDepth } from '../../src/postprocess/index.ts';

const noise = (width: number, height: number, seed = 1): RgbImage => {
  const random = seededRandom(seed);
  return rgbImage(
    height,
    width,
    Uint8Array.from({ length: 3 * width * height }, () => 256 * random()),
  );
};
const mapOf = (
  kind: DepthMap['kind'],
  width: number,
  height: number,
  at: (x: number, y: number) => number,
): DepthMap => ({
  kind,
  width,
  height,
  values: Float32Array.from({ length: width * height }, (_, i) => at(i % width, Math.floor(i / width))),
});

describe('upsampleDepth', () => {
  test('a slanted plane stays exact, whatever the picture shows', async () => {
    const [w, h, W, H] = [20, 15, 130, 90];
    const made = await upsampleDepth(
      mapOf('relative', w, h, (x, y) => 3 + 0.5 * x - 0.2 * y),
      noise(W, H),
    );
    expect([made.width, made.height]).toEqual([W, H]);
    const border = 3 * Math.ceil(W / w); // at the borders values are held, not continued beyond those there are
    for (let y = border; y < H - border; y++)
      for (let x = border; x < W - border; x++) {
        const [fx, fy] = [((x + 0.5) * w) / W - 0.5, ((y + 0.5) * h) / H - 0.5];
        expect(made.values[y * W + x]).toBeCloseTo(3 + 0.5 * fx - 0.2 * fy, 4);
      }
  });
  test("edges lie where the picture's do, sharp, though the small map's are blurred and off", async () => {
    const [w, h, W, H] = [32, 24, 256, 192];
    const edge = 117; // pixels; cell 14.6
    const image = rgbImage(H, W, new Uint8Array(3 * W * H));
    for (let i = 0; i < W * H; i++) image.data.fill(i % W < edge ? 40 : 200, 3 * i, 3 * i + 3);
    const blurred = mapOf('relative', w, h, x => 1 + 4 / (1 + Math.exp(-(x - 15.1) / 0.7)));
    const { values } = await upsampleDepth(blurred, image);
    const row = values.subarray(96 * W, 97 * W);
    const truth = (x: number) => (x < edge ? 1 : 5);
    const error = (line: ArrayLike<number>) =>
      Array.from(line, (v, x) => Math.abs(v - truth(x))).reduce((a, b) => a + b, 0);
    const nearest = Array.from({ length: W }, (_, x) => blurred.values[12 * w + Math.floor(x / 8)]);
    expect(error(row)).toBeLessThan(0.6 * error(nearest));
    expect(Math.max(...row.subarray(0, edge))).toBeLessThan(1.1); // nothing of what is in front bleeds over the edge
    expect(row[edge] - row[edge - 1]).toBeGreaterThan(1);
  });
  test('never leaves the range of the small map, and is finite', async () => {
    const maps = fc
      .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
      .chain(([w, h]) =>
        fc.tuple(
          fc.constant(w),
          fc.constant(h),
          fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: w * h, maxLength: w * h }),
          fc.integer({ min: 1, max: 40 }),
          fc.integer({ min: 1, max: 40 }),
        ),
      );
    await fc.assert(
      fc.asyncProperty(maps, async ([width, height, list, W, H]) => {
        const values = Float32Array.from(list);
        const made = await upsampleDepth({ kind: 'relative', width, height, values }, noise(W, H));
        const [least, most] = [Math.min(...values), Math.max(...values)];
        for (const v of made.values) expect(v >= least && v <= most).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
  test('an even surface stays even below any texture', async () => {
    const made = await upsampleDepth(
      mapOf('metric', 8, 8, () => 2.5),
      noise(64, 64),
    );
    for (const v of made.values) expect(v).toBeCloseTo(2.5, 6);
  });
  test('holes stay holes and spread into nothing', async () => {
    const metric = await upsampleDepth(
      mapOf('metric', 16, 4, x => (x < 8 ? 0 : 3)),
      noise(64, 16),
    );
    expect(metric.values[0]).toBe(0);
    for (const v of metric.values) expect(v === 0 || Math.abs(v - 3) < 1e-5).toBe(true);
    expect(metric.values[63]).toBeCloseTo(3, 5);
    const relative = await upsampleDepth(
      mapOf('relative', 16, 4, x => (x < 8 ? Number.NaN : -3)),
      noise(64, 16),
    );
    expect([relative.values[0], relative.values[63]]).toEqual([Number.NaN, -3]);
  });
  test('stops when asked to; refuses what makes no sense', async () => {
    const map = mapOf('relative', 4, 4, x => x);
    const signal = AbortSignal.abort();
    await expect(upsampleDepth(map, noise(8, 8), { signal })).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(upsampleDepth(map, noise(8, 8), { colorSigma: 0 })).rejects.toThrow(/colorSigma is 0/);
    await expect(upsampleDepth(map, noise(8, 8), { edgeRadius: 1.5 })).rejects.toThrow(/edgeRadius is 1.5/);
    await expect(upsampleDepth({ ...map, width: 5 }, noise(8, 8))).rejects.toThrow(/5 x 4/);
  });
});
