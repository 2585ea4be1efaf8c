import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import {
  LabelCarrier,
  labelsToMask,
  maskToLabels,
  objectIds,
  packFeatures,
  propagateLabels,
} from '../../src/track/index.ts';

interface Case {
  name: string;
  rows: number;
  columns: number;
  patch: number;
  height: number;
  width: number;
  options: { context: number; topk: number; radius: number; temperature: number };
  mask: number[];
  objects: number;
  features: number[][];
  labels: number[][];
  masks: number[][];
}
const cases = JSON.parse(readFileSync(new URL('../golden/propagate.json', import.meta.url), 'utf8')) as Case[];

/** From run lengths: value, length, value, length, ... */
function unpack(runs: readonly number[]): Uint8Array {
  const out: number[] = [];
  for (let i = 0; i < runs.length; i += 2) for (let n = runs[i + 1]!; n > 0; n--) out.push(runs[i]!);
  return Uint8Array.from(out);
}

describe("DINO's formulas as one full matrix in torch", () => {
  for (const g of cases)
    test(g.name, () => {
      const { rows, columns, patch, height, width } = g;
      const mask = { height, width, data: unpack(g.mask) };
      const ids = objectIds(mask);
      expect(ids).toEqual(Array.from({ length: g.objects }, (_, k) => k + 1));
      const frames = g.features.map(f => Float32Array.from(f, v => v / 100));
      const first = maskToLabels(mask, ids, rows, columns);
      const carrier = new LabelCarrier(frames[0]!, first, rows, columns, g.options);
      const labels = [first, ...frames.slice(1).map(f => carrier.next(f))];
      labels.forEach((ours, f) => {
        ours.forEach((v, i) => {
          expect(Math.abs(v - g.labels[f]![i]!)).toBeLessThan(2e-5);
        });
        const theirs = unpack(g.masks[f]!);
        const drawn = labelsToMask(ours, ids, rows, columns, patch, { width, height });
        let differ = 0;
        drawn.forEach((id, i) => {
          if (id !== theirs[i]) differ++;
        });
        expect(differ, `pixels of frame ${f}`).toBe(0);
      });
    });
});

describe('properties', () => {
  const scene = fc.record({
    rows: fc.integer({ min: 1, max: 9 }),
    columns: fc.integer({ min: 1, max: 45 }),
    channels: fc.integer({ min: 1, max: 9 }),
    count: fc.integer({ min: 1, max: 4 }),
    frames: fc.integer({ min: 1, max: 3 }),
    radius: fc.integer({ min: 0, max: 20 }),
    topk: fc.integer({ min: 1, max: 12 }),
    seed: fc.integer(),
  });

  test('equals a search that visits every pair in plain arithmetic', () => {
    fc.assert(
      fc.property(scene, ({ rows, columns, channels, count, frames, radius, topk, seed }) => {
        const random = seededRandom(seed);
        const n = rows * columns;
        const fill = (length: number, from = 0) => Float32Array.from({ length }, () => random() + from);
        const query = packFeatures(fill(n * channels, -0.5), rows, columns);
        const context = Array.from({ length: frames }, () => ({
          features: packFeatures(fill(n * channels, -0.5), rows, columns),
          labels: fill(count * n),
        }));
        const options = { radius, topk, temperature: 0.3 };
        const ours = propagateLabels(query, context, options);
        for (let i = 0; i < n; i++) {
          const found: { cosine: number; frame: number; key: number }[] = [];
          for (let frame = 0; frame < frames; frame++)
            for (let key = 0; key < n; key++) {
              const dy = Math.abs(Math.floor(key / columns) - Math.floor(i / columns));
              const dx = Math.abs((key % columns) - (i % columns));
              if (radius > 0 && Math.max(dx, dy) > radius) continue;
              let cosine = 0;
              for (let c = 0; c < channels; c++)
                cosine += query.queries[i * channels + c]! * context[frame]!.features.queries[key * channels + c]!;
              found.push({ cosine, frame, key });
            }
          found.sort((a, b) => b.cosine - a.cosine);
          const last = found[Math.min(topk, found.length) - 1]!.cosine;
          if (found.some(f => f.cosine !== last && Math.abs(f.cosine - last) < 1e-5)) continue; // rounding decides
          const kept = found.filter(f => f.cosine > last - 1e-5);
          const weights = kept.map(f => Math.exp(f.cosine / 0.3));
          const sum = weights.reduce((a, b) => a + b);
          for (let k = 0; k < count; k++) {
            const wanted =
              kept.reduce((s, f, j) => s + weights[j]! * context[f.frame]!.labels[k * n + f.key]!, 0) / sum;
            expect(Math.abs(ours[k * n + i]! - wanted)).toBeLessThan(1e-4);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('shares of the labels stay shares', () => {
    fc.assert(
      fc.property(scene, ({ rows, columns, channels, radius, topk, seed }) => {
        const random = seededRandom(seed);
        const n = rows * columns;
        const frame = () => Float32Array.from({ length: n * channels }, () => random() - 0.5);
        const mask = { width: columns, height: rows, data: Uint8Array.from({ length: n }, () => 1 + random() * 3) };
        const ids = objectIds(mask);
        const carrier = new LabelCarrier(frame(), maskToLabels(mask, ids, rows, columns), rows, columns, {
          radius,
          topk,
        });
        for (let f = 0; f < 3; f++) {
          const labels = carrier.next(frame());
          for (let i = 0; i < n; i++) {
            let sum = 0;
            for (let k = 0; k <= ids.length; k++) sum += labels[k * n + i]!;
            expect(sum).toBeCloseTo(1, 5);
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  test('a video that stands still keeps its mask, whatever the ids', () => {
    const random = seededRandom(3);
    const [rows, columns] = [6, 8];
    const features = Float32Array.from({ length: rows * columns * 32 }, () => random() - 0.5);
    const mask = { width: 8, height: 6, data: new Uint8Array(48) };
    mask.data.set([7, 7, 0, 200, 200], 17);
    const ids = objectIds(mask);
    expect(ids).toEqual([7, 200]);
    const carrier = new LabelCarrier(features, maskToLabels(mask, ids, rows, columns), rows, columns, { topk: 1 });
    for (let f = 0; f < 10; f++) {
      const labels = carrier.next(features);
      expect(labelsToMask(labels, ids, rows, columns, 1, mask)).toEqual(mask.data);
    }
  });
});

describe('masks', () => {
  const mask = (data: number[]) => ({ width: data.length, height: 1, data: Uint8Array.from(data) });
  test('255 is an object alone and void beside others', () => {
    expect(objectIds(mask([0, 255, 255]))).toEqual([255]);
    expect(objectIds(mask([0, 3, 255, 1]))).toEqual([1, 3]);
  });

  test('a small object gets the patch that holds most of it', () => {
    const small = { width: 64, height: 64, data: new Uint8Array(64 * 64) };
    small.data[16 * 64 + 33] = 5; // patch (1, 2), far from its middle
    const labels = maskToLabels(small, [5], 4, 4);
    expect([...labels.subarray(16)].flatMap((v, i) => (v ? [i] : []))).toEqual([6]);
    expect(labels[6]).toBe(0);
  });

  test('errors name what came', () => {
    expect(() => objectIds(mask([0, 0]), 'first.png')).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: first.png holds no object
        why: every pixel is 0, background
        fix: paint objects with ids from 1 up]
    `);
    expect(() => objectIds({ ...mask([0]), data: Uint16Array.of(300) })).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: the mask holds id 300
        why: ids are 1 to 255
        fix: save the mask as a palette PNG with such ids]
    `);
    expect(() => packFeatures(new Float32Array(7), 2, 2)).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: 7 feature values for 2 x 2 patches
        why: each patch has the same number of channels
        fix: pass [rows * columns, channels]]
    `);
    const frame = packFeatures(new Float32Array(8).fill(1), 2, 2);
    expect(() => propagateLabels(frame, [])).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: labels of no frame
        why: labels come from frames that have them
        fix: pass at least one such frame]
    `);
    const other = { features: packFeatures(new Float32Array(12), 2, 2), labels: new Float32Array(4) };
    expect(() => propagateLabels(frame, [other])).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: a frame of 2 x 2 patches, 3 channels, 4 label values
        why: the others have 2 x 2, 2 and 4
        fix: compute all frames of a video at one size with one network]
    `);
    for (const bad of [{ topk: 0 }, { radius: 1.5 }, { temperature: 0 }, { context: -1 }])
      expect(() => propagateLabels(frame, [{ features: frame, labels: new Float32Array(4) }], bad)).toThrow(/BAD|pass/);
  });
});
