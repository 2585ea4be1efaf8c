import fc from 'fast-check';
import { expect, test } from 'vitest';
import { detections, selectDetections } from '../../src/core/index.ts';
import { type SoftKind, softNms, type WbfScore, weightedBoxFusion } from '../../src/postprocess/index.ts';
import soft from '../golden/postprocess/soft.json' with { type: 'json' };
import wbf from '../golden/postprocess/wbf.json' with { type: 'json' };
import { type SceneKind, scene, sha256 } from './scene.ts';

/** Input index of each result: scenes hold no two equal boxes of one class, the lattice's duplicates excepted. */
function indicesIn(all: Float32Array, classes: Int32Array, some: Float32Array, someClasses: Int32Array): number[] {
  const key = (b: Float32Array, c: Int32Array, i: number) => `${b.subarray(4 * i, 4 * i + 4).join()}/${c[i]}`;
  const at = new Map<string, number>();
  for (let i = classes.length - 1; i >= 0; i--) at.set(key(all, classes, i), i);
  return Array.from(someClasses, (_, i) => at.get(key(some, someClasses, i))!);
}

test.each(
  soft.map(g => [`${g.soft} ${g.kind} ${g.n} floor ${g.floor} power ${g.power} agnostic ${g.agnostic}`, g] as const),
)('soft-NMS is the paper: %s', (_, g) => {
  const d = scene(g.kind as SceneKind, g.n, g.seed, g.classCount);
  const { iou, sigma, power, floor, agnostic } = g;
  const got = softNms(d, { kind: g.soft as SoftKind, iou, sigma, power, floor, agnostic });
  const kept = indicesIn(d.boxes, d.classes, got.boxes, got.classes);
  if (g.sha256) {
    expect(got.length).toBe(g.count);
    expect(sha256(Int32Array.from(kept))).toBe(g.sha256);
    expect(got.scores.reduce((a, b) => a + b, 0)).toBeCloseTo(g.scoreSum!, 3);
    return;
  }
  const expected = selectDetections(d, g.kept!);
  expect(got.boxes).toEqual(expected.boxes);
  expect(got.classes).toEqual(expected.classes);
  got.scores.forEach((s, i) => {
    expect(s).toBeCloseTo(g.scores![i], 6);
  });
});

test('soft-NMS never raises a score, keeps the best box of each class as it is, and returns best first', () => {
  fc.assert(
    fc.property(fc.constantFrom('linear', 'gaussian', 'power'), fc.nat(1000), (kind, seed) => {
      const d = scene('clustered', 150, seed, 3);
      const got = softNms(d, { kind: kind as SoftKind, iou: 0.4, floor: 0 });
      const kept = indicesIn(d.boxes, d.classes, got.boxes, got.classes);
      for (let k = 0; k < got.length; k++) {
        expect(got.scores[k]).toBeLessThanOrEqual(d.scores[kept[k]]);
        if (k > 0) expect(got.scores[k]).toBeLessThanOrEqual(got.scores[k - 1]);
      }
      for (const c of new Set(d.classes)) {
        const best = Math.max(...d.scores.filter((_, i) => d.classes[i] === c));
        expect(got.scores[got.classes.indexOf(c)]).toBe(Math.fround(best));
      }
    }),
    { numRuns: 30, seed: 9 },
  );
});

test('soft-NMS errors', () => {
  const d = scene('scattered', 3, 1, 1);
  expect(() => softNms(d, { kind: 'hard' as never })).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: kind is hard
      why: no such soft-NMS
      fix: use one of linear, gaussian, power]
  `);
  expect(() => softNms(d, { kind: 'gaussian', sigma: 0 })).toThrow(/sigma is 0/);
  expect(() => softNms(d, { kind: 'linear', floor: -1 })).toThrow(/floor is -1/);
  expect(() => softNms(detections(d.boxes, Float32Array.of(1, 0, -0.5), d.classes), { kind: 'linear' })).toThrow(
    /scores is -0.5/,
  );
});

test.each(wbf.map(g => [`${g.rule} ${g.kind} weights ${g.weights} overflow ${g.allowsOverflow}`, g] as const))(
  'weighted boxes fusion is ensemble-boxes: %s',
  (_, g) => {
    const kind = g.kind as SceneKind;
    const [a, b] = [scene(kind, 60, 21, 4), scene(kind, 60, 22, 4)];
    const third = detections(
      a.boxes.map(v => v + 1.5),
      scene(kind, 60, 23, 4).scores,
      a.classes,
    );
    const { iou, skip, weights, allowsOverflow } = g;
    const got = weightedBoxFusion([a, b, third], { iou, skip, weights, allowsOverflow, score: g.rule as WbfScore });
    expect(got.length).toBe(g.scores.length);
    expect(Array.from(got.classes)).toEqual(g.classes);
    got.scores.forEach((s, i) => {
      expect(s).toBeCloseTo(g.scores[i], 5);
    });
    got.boxes.forEach((v, i) => {
      expect(Math.abs(v - g.boxes[i >> 2][i & 3])).toBeLessThan(2e-3);
    });
  },
);

test('weighted boxes fusion: agreement of all models keeps the box and the mean score', () => {
  const a = detections(Float32Array.of(10, 10, 50, 50), Float32Array.of(0.9), Int32Array.of(2));
  const b = detections(Float32Array.of(12, 10, 52, 50), Float32Array.of(0.3), Int32Array.of(2));
  const got = weightedBoxFusion([a, b]);
  expect(Array.from(got.boxes)).toEqual([10.5, 10, 50.5, 50]);
  expect(got.scores[0]).toBeCloseTo(0.6, 6);
  expect(weightedBoxFusion([a, b], { score: 'max' }).scores[0]).toBeCloseTo(0.9, 6);
  const alone = weightedBoxFusion([a, detections(new Float32Array(0), new Float32Array(0), new Int32Array(0))]);
  expect(alone.scores[0]).toBeCloseTo(0.45, 6); // one of two models saw it
  const other = detections(b.boxes, b.scores, Int32Array.of(3));
  expect(weightedBoxFusion([a, other]).length).toBe(2);
  expect(Array.from(weightedBoxFusion([a, other], { agnostic: true }).classes)).toEqual([2]);
});

test('weighted boxes fusion: edge cases and errors', () => {
  const zero = detections(Float32Array.of(0, 0, 9, 9, 1, 0, 10, 9, 5, 5, 2, 2), new Float32Array(3), new Int32Array(3));
  const got = weightedBoxFusion([zero]); // scores of 0 have no weighted mean: the first box stays; inverted: left out
  expect(Array.from(got.boxes)).toEqual([0, 0, 9, 9]);
  expect(weightedBoxFusion([]).length).toBe(0);
  expect(() => weightedBoxFusion([zero], { weights: [1, 2] })).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: weights is [1, 2] for 1 lists of detections
      why: each list has one positive weight
      fix: pass one number above 0 per list, or leave weights out]
  `);
  expect(() => weightedBoxFusion([zero], { score: 'median' as never })).toThrow(/score is median/);
});
