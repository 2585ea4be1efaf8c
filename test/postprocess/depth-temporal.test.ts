import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DepthMap, type RgbImage, rgbImage, seededNormal, seededRandom } from '../../src/core/index.ts';
import { alignRelative, DepthSmoother, FlickerMeter } from '../../src/postprocess/index.ts';

const [W, H] = [48, 32];
const values = (at: (x: number, y: number) => number) =>
  Float32Array.from({ length: W * H }, (_, i) => at(i % W, Math.floor(i / W)));
const relative = (v: Float32Array): DepthMap => ({ kind: 'relative', width: W, height: H, values: v });
const scene = (x: number, y: number) => 1 + 0.05 * y + (x > 12 && x < 24 && y > 8 && y < 24 ? 1.5 : 0);
/** Texture that stays, with a square of another colour at `left`. */
const picture = (left?: number): RgbImage => {
  const random = seededRandom(5);
  const image = rgbImage(
    H,
    W,
    Uint8Array.from({ length: 3 * W * H }, () => 60 + 60 * random()),
  );
  if (left !== undefined)
    for (let y = 10; y < 22; y++) image.data.fill(240, 3 * (y * W + left), 3 * (y * W + left + 12));
  return image;
};

describe('alignRelative', () => {
  test('finds scale and shift though a third of the picture moved', () => {
    const numbers = fc.tuple(fc.double({ min: 0.3, max: 3, noNaN: true }), fc.double({ min: -5, max: 5, noNaN: true }));
    fc.assert(
      fc.property(numbers, ([scale, shift]) => {
        const target = values(scene);
        const from = values((x, y) => (scene(x, y) - shift) / scale).map((v, i) => (i % W < W / 3 ? v + 2 / scale : v));
        const found = alignRelative(from, target);
        expect(found.scale).toBeCloseTo(scale, 3);
        expect(found.shift).toBeCloseTo(shift, 2);
        expect(found.agreement).toBeGreaterThan(0.6);
      }),
      { numRuns: 30 },
    );
  });
  test('noise does not flatten it: a chain of frames keeps its spread', () => {
    const noise = seededNormal(3);
    const truth = values(scene);
    let running = truth;
    for (let frame = 0; frame < 60; frame++) {
      const seen = truth.map(v => v + 0.2 * noise());
      const { scale, shift } = alignRelative(seen, running);
      running = seen.map(v => scale * v + shift);
    }
    const spread = (v: Float32Array) =>
      v.slice().sort()[Math.floor(0.9 * v.length)] - v.slice().sort()[Math.floor(0.1 * v.length)];
    expect(spread(running) / spread(truth)).toBeGreaterThan(0.85);
    expect(spread(running) / spread(truth)).toBeLessThan(1.4);
  });
  test('nothing to go by is no line', () => {
    const flat = values(() => 1);
    expect(alignRelative(flat, values(scene))).toEqual({ scale: 1, shift: 0, agreement: 0 });
    expect(alignRelative(flat.fill(Number.NaN), values(scene)).agreement).toBe(0);
  });
});

/** Runs a video through the smoother and gives its last map and the flicker before and after. */
function run(frames: number, frame: (t: number) => { map: DepthMap; image: RgbImage }, strength?: number) {
  const smoother = new DepthSmoother({ strength });
  const [before, after] = [new FlickerMeter(), new FlickerMeter()];
  let cuts = 0;
  let last: DepthMap | undefined;
  for (let t = 0; t < frames; t++) {
    const { map, image } = frame(t);
    before.add(map, image);
    const made = smoother.next(map, image);
    after.add(made.map, image);
    if (made.cut && t > 0) cuts++;
    last = made.map;
  }
  return { before: before.percent!, after: after.percent!, cuts, last: last! };
}

describe('smoothing', () => {
  test('a still scene whose scale and shift flicker, with noise, comes to rest', () => {
    const random = seededRandom(1);
    const noise = seededNormal(2);
    const still = picture();
    const { before, after, cuts } = run(30, () => {
      const [scale, shift] = [0.8 + 0.4 * random(), random() - 0.5];
      return { map: relative(values(scene).map(v => scale * (v + 0.02 * noise()) + shift)), image: still };
    });
    expect(cuts).toBe(0);
    expect(before).toBeGreaterThan(10);
    expect(after).toBeLessThan(0.1 * before);
  });
  test('an object that moves leaves no ghost', () => {
    const at = (t: number) => 4 + t;
    const truth = (t: number) =>
      values((x, y) => (x >= at(t) && x < at(t) + 12 && y >= 10 && y < 22 ? 5 : 1 + 0.05 * y));
    const { last, cuts } = run(20, t => ({ map: relative(truth(t)), image: picture(at(t)) }));
    expect(cuts).toBe(0);
    const off = last.values.map((v, i) => Math.abs(v - truth(19)[i]));
    expect(off.filter(v => v > 0.4).length).toBe(0);
  });
  test("does not creep: 300 frames later the numbers are still the network's own", () => {
    const noise = seededNormal(9);
    const still = picture();
    const { last } = run(300, () => ({ map: relative(values(scene).map(v => v + 0.1 * noise())), image: still }));
    const mean = (v: Float32Array) => v.reduce((a, b) => a + b, 0) / v.length;
    expect(mean(last.values)).toBeCloseTo(mean(values(scene)), 0);
    expect(Math.max(...last.values) - Math.min(...last.values)).toBeGreaterThan(2);
  });
  test('a cut begins anew, untouched', () => {
    const random = seededRandom(8);
    const other = values(() => 10 * random());
    const { cuts, last } = run(8, t =>
      t < 5 ? { map: relative(values(scene)), image: picture() } : { map: relative(other), image: picture(20) },
    );
    expect(cuts).toBe(1);
    expect([...last.values]).toEqual([...other]);
  });
  test('metres are never rescaled, holes stay', () => {
    const metres = values(scene);
    metres[7] = 0;
    const { last } = run(6, t => ({
      map: { kind: 'metric', width: W, height: H, values: metres.map(v => v * (t % 2 ? 1.02 : 1)) },
      image: picture(),
    }));
    expect(last.values[7]).toBe(0);
    for (const [i, v] of last.values.entries()) expect(v >= metres[i] - 1e-5 && v <= 1.0201 * metres[i]).toBe(true);
  });
});

describe('flicker', () => {
  test('is the mean change in percent of the spread, where the picture stands still', () => {
    const meter = new FlickerMeter();
    const ramp = values(x => x / (W - 1));
    meter.add(relative(ramp), picture());
    expect(meter.percent).toBeUndefined();
    meter.add(relative(ramp.map(v => v + 0.09)), picture());
    const spread = 0.9; // 5th to 95th percentile of an even ramp, to a column
    expect(meter.percent).toBeGreaterThan((100 * 0.09) / (spread + 0.05));
    expect(meter.percent).toBeLessThan((100 * 0.09) / (spread - 0.05));
  });
  test('does not count what moved', () => {
    const meter = new FlickerMeter();
    for (let t = 0; t < 4; t++)
      meter.add(
        relative(values((x, y) => (x >= 2 + 12 * t - 1 && x < 15 + 12 * t && y > 8 && y < 23 ? 5 : 0.01 * x))),
        picture(2 + 12 * t),
      );
    const still = new FlickerMeter();
    for (let t = 0; t < 2; t++) still.add(relative(values(x => 0.01 * x)), picture());
    expect(still.percent).toBe(0);
    expect(meter.percent).toBeLessThan(30);
  });
});
