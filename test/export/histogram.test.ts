import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededNormal } from '../../src/core/index.ts';
import { activationScale } from '../../src/onnx/index.ts';
import { RangeHistogram } from '../../src/pipelines/export/histogram.ts';

const normal = (n: number, seed: number, scale = 1) => {
  const next = seededNormal(seed);
  return Float32Array.from({ length: n }, () => scale * next());
};

test('a percentile lies where sorting puts it, to a bin', () => {
  const histogram = new RangeHistogram();
  const parts = [normal(5000, 1, 0.1), normal(5000, 2, 3), normal(5001, 3)]; // the second widens the bins
  for (const part of parts) histogram.add(part);
  const sorted = Float32Array.from(parts.flatMap(part => [...part])).sort();
  for (const percentile of [99.9, 99, 90]) {
    const out = Math.floor((sorted.length * (100 - percentile)) / 100);
    const { low, high } = histogram.range(percentile);
    const bin = 2 ** Math.ceil(Math.log2(Math.max(-sorted[0]!, sorted.at(-1)!) / 4096)) * 2;
    expect(Math.abs(low - sorted[out]!)).toBeLessThanOrEqual(bin);
    expect(Math.abs(high - sorted[sorted.length - 1 - out]!)).toBeLessThanOrEqual(bin);
  }
  expect(histogram.range(100)).toEqual({ low: sorted[0], high: sorted.at(-1) });
});

test('a range lies inside the values, in whatever order they come', () => {
  const value = fc.float({ min: -1e6, max: 1e6, noNaN: true });
  const batches = fc.array(fc.array(value, { minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(batches, fc.double({ min: 50.1, max: 100, noNaN: true }), (lists, percentile) => {
      const histogram = new RangeHistogram();
      for (const list of lists) histogram.add(Float32Array.from(list));
      const all = lists.flat();
      const { low, high } = histogram.range(percentile);
      expect(low).toBeGreaterThanOrEqual(Math.min(...all));
      expect(high).toBeLessThanOrEqual(Math.max(...all));
      expect(low).toBeLessThanOrEqual(high);
    }),
    { numRuns: 200 },
  );
});

test('zero is exact in eight bits, and both ends are reached', () => {
  fc.assert(
    fc.property(
      fc.float({ min: -100, max: 100, noNaN: true }),
      fc.float({ min: 0, max: 100, noNaN: true }),
      (low, span) => {
        const { scale, zero } = activationScale({ low, high: low + span });
        expect(Number.isInteger(zero) && zero >= 0 && zero <= 255).toBe(true);
        expect(scale).toBeGreaterThan(0);
        const [from, to] = [(0 - zero) * scale, (255 - zero) * scale];
        const slack = scale * 0.51 + 1e-6;
        expect(from).toBeLessThanOrEqual(Math.min(low, 0) + slack);
        expect(to).toBeGreaterThanOrEqual(Math.max(low + span, 0) - slack);
      },
    ),
  );
});

test('a number that is not finite is refused', () => {
  expect(() => new RangeHistogram().add(Float32Array.of(1, Number.NaN))).toThrow(/not finite/);
});
