import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boxIou } from '../../src/core/index.ts';
import { nms } from '../../src/postprocess/index.ts';
import golden from '../golden/postprocess/nms.json' with { type: 'json' };
import { type SceneKind, scene, sha256 } from './scene.ts';

describe('nms keeps what torchvision keeps', () => {
  for (const kind of ['scattered', 'clustered', 'lattice', 'mixed'])
    test(kind, () => {
      const cases = golden.filter(g => g.kind === kind);
      expect(cases.length).toBe(48);
      for (const g of cases) {
        const d = scene(g.kind as SceneKind, g.n, g.seed, g.classCount);
        const kept = nms(d.boxes, d.scores, g.agnostic ? null : d.classes, g.iou);
        const name = `${g.n} boxes, iou ${g.iou}, agnostic ${g.agnostic}`;
        if (g.kept) expect(kept, name).toEqual(g.kept);
        else {
          expect(kept.length, name).toBe(g.count);
          expect(sha256(Int32Array.from(kept)), name).toBe(g.sha256);
        }
      }
    });
});

const rows = fc.array(
  fc.tuple(
    fc.integer({ min: -20, max: 20 }),
    fc.integer({ min: -20, max: 20 }),
    fc.integer({ min: -3, max: 25 }), // negative: inverted
    fc.integer({ min: -3, max: 25 }),
    fc.integer({ min: 0, max: 5 }),
    fc.integer({ min: -1, max: 1 }),
  ),
  { maxLength: 120 },
);

function pack(list: [number, number, number, number, number, number][]) {
  return {
    boxes: Float32Array.from(list.flatMap(([x, y, w, h]) => [x, y, x + w, y + h])),
    scores: Float32Array.from(list, r => r[4] / 5),
    classes: Int32Array.from(list, r => r[5]),
  };
}

/** The definition, pair by pair, in input-order-stable rank order. */
function plainNms(boxes: Float32Array, scores: Float32Array, classes: Int32Array | null, iou: number): number[] {
  const kept: number[] = [];
  const order = Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || a - b);
  for (const j of order)
    if (!kept.some(k => (!classes || classes[k] === classes[j]) && Math.fround(boxIou(boxes, k, boxes, j)) > iou))
      kept.push(j);
  return kept;
}

test('nms is the definition: ties, duplicates, inverted boxes, negative classes', () => {
  fc.assert(
    fc.property(rows, fc.constantFrom(0, 0.25, 0.5, 0.6, 0.75, 1), fc.boolean(), (list, iou, agnostic) => {
      const { boxes, scores, classes } = pack(list as never);
      const by = agnostic ? null : classes;
      expect(nms(boxes, scores, by, iou)).toEqual(plainNms(boxes, scores, by, iou));
    }),
    { numRuns: 300, seed: 3 },
  );
});

test('kept boxes of one class never overlap more than the threshold, and suppressing again changes nothing', () => {
  const d = scene('clustered', 800, 5, 3);
  const kept = nms(d.boxes, d.scores, d.classes, 0.55);
  for (const a of kept)
    for (const b of kept)
      if (a < b && d.classes[a] === d.classes[b])
        expect(boxIou(d.boxes, a, d.boxes, b)).toBeLessThanOrEqual(0.55 + 1e-6);
  const again = nms(
    Float32Array.from(kept.flatMap(i => Array.from(d.boxes.subarray(4 * i, 4 * i + 4)))),
    Float32Array.from(kept, i => d.scores[i]),
    Int32Array.from(kept, i => d.classes[i]),
    0.55,
  );
  expect(again).toEqual(kept.map((_, k) => k));
});

test('equal boxes with equal scores: the first of the input is kept', () => {
  const boxes = Float32Array.from([0, 0, 9, 9, 0, 0, 9, 9, 50, 50, 60, 60, 0, 0, 9, 9]);
  expect(nms(boxes, Float32Array.of(0.5, 0.5, 0.5, 0.5), null, 0.5)).toEqual([0, 2]);
});

test('class ids may be any 32-bit integers, and scores any finite numbers', () => {
  const boxes = Float32Array.from([0, 0, 9, 9, 0, 0, 9, 9, 0, 0, 9, 9, 0, 0, 9, 9]);
  const classes = Int32Array.of(2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 1, 4096);
  expect(nms(boxes, Float32Array.of(-3, -0, -1, 0), classes, 0.5)).toEqual([1, 3, 2]);
});

test('one huge group at one place, and empty input', () => {
  const n = 5000;
  const boxes = new Float32Array(4 * n).map((_, i) => (i % 4 < 2 ? 10 : 20));
  expect(nms(boxes, new Float32Array(n).fill(0.5), null, 0.5)).toEqual([0]);
  expect(nms(new Float32Array(0), new Float32Array(0), new Int32Array(0), 0.5)).toEqual([]);
  const flat = new Float32Array(4 * n).fill(7); // no area anywhere: nothing overlaps
  expect(nms(flat, new Float32Array(n), null, 0).length).toBe(n);
});

test('errors say what, why and how to fix', () => {
  const boxes = Float32Array.of(0, 0, 1, 1);
  const one = Float32Array.of(0.5);
  expect(() => nms(boxes, Float32Array.of(0.5, 0.5), null, 0.5)).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: boxes has 4 numbers for 2 scores
      why: boxes is [n, 4] and scores is [n], so 8 numbers were expected
      fix: pass four numbers (x1, y1, x2, y2) per score]
  `);
  expect(() => nms(boxes, one, Int32Array.of(1, 2), 0.5)).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: classes has 2 entries for 1 scores
      why: every box has one score and one class
      fix: pass as many classes as scores, or null for class-agnostic suppression]
  `);
  expect(() => nms(Float32Array.of(0, 0, Number.NaN, 1), one, null, 0.5)).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: boxes[2] is NaN
      why: overlaps and ranks of NaN or infinite numbers are undefined
      fix: drop these entries, or look for an overflow (fp16) or a wrong normalisation in the model]
  `);
  expect(() => nms(boxes, Float32Array.of(Number.POSITIVE_INFINITY), null, 0.5)).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: scores[0] is Infinity
      why: overlaps and ranks of NaN or infinite numbers are undefined
      fix: drop these entries, or look for an overflow (fp16) or a wrong normalisation in the model]
  `);
  expect(() => nms(boxes, one, null, 1.5)).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: iou is 1.5
      why: iou must be from 0 to 1
      fix: pass a number in that range]
  `);
  expect(() => nms(boxes, one, null, Number.NaN)).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: iou is NaN
      why: iou must be from 0 to 1
      fix: pass a number in that range]
  `);
});
