import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anchorCount, decodeAnchors, decodeCenterSize, decodeDeltas, decodeDfl } from '../../src/postprocess/index.ts';
import { argsortDescending, topK } from '../../src/postprocess/order.ts';
import golden from '../golden/postprocess/decode.json' with { type: 'json' };

function near(got: Float32Array, expected: readonly number[], relative = 1e-5) {
  expect(got.length).toBe(expected.length);
  got.forEach((v, i) => {
    expect(Math.abs(v - expected[i])).toBeLessThanOrEqual(relative * Math.max(1, Math.abs(expected[i])));
  });
}

test('deltas decode as torchvision BoxCoder does', () => {
  const cases = golden.filter(g => g.what === 'deltas');
  expect(cases.length).toBe(2);
  for (const g of cases)
    near(
      decodeDeltas(
        Float32Array.from(g.deltas!),
        Float32Array.from(g.boxes!),
        g.weights as [number, number, number, number],
      ),
      g.decoded!,
    );
  expect(() => decodeDeltas(new Float32Array(6), new Float32Array(4))).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: deltas has 6 numbers for 1 boxes
      why: every reference box has 4 deltas per class
      fix: pass deltas [n, k, 4] and boxes [n, 4]]
  `);
});

test('distribution logits decode to their softmax expectation', () => {
  const g = golden.find(c => c.what === 'dfl')!;
  near(decodeDfl(Float32Array.from(g.logits!), g.bins!), g.decoded!);
  expect(() => decodeDfl(new Float32Array(10), 8)).toThrow(/10 numbers for 8 bins/);
});

test('centre and size decode to xyxy pixels', () => {
  const g = golden.find(c => c.what === 'centerSize')!;
  near(decodeCenterSize(Float32Array.from(g.boxes!), g.width!, g.height!), g.decoded!);
});

const inputs = golden.find(c => c.what === 'anchorInputs')!;
const levels = { strides: inputs.strides!, width: inputs.width!, height: inputs.height! };
const logits = Float32Array.from(inputs.logits!);
const ltrb = Float32Array.from(inputs.ltrb!);

describe('anchor-free decoding', () => {
  const cases = golden.filter(g => g.what === 'anchors');
  test.each(cases.map(g => [`${g.unit} multiLabel ${g.multiLabel} max ${g.max}`, g] as const))('%s', (_, g) => {
    const options = { score: g.score!, max: g.max!, multiLabel: g.multiLabel!, unit: g.unit as 'pixel' | 'stride' };
    const probabilities = logits.map(v => 1 / (1 + Math.exp(-v)));
    for (const got of [
      decodeAnchors(logits, ltrb, levels, { ...options, logits: true }),
      decodeAnchors(probabilities, ltrb, levels, options),
    ]) {
      expect(Array.from(got.classes)).toEqual(g.classes);
      near(got.scores, g.scores as number[], 1e-6);
      near(got.boxes, g.boxes as number[]);
    }
  });

  test('the default head: 320 px, strides 8 to 64', () => {
    expect(anchorCount({ strides: [8, 16, 32, 64], width: 320, height: 320 })).toBe(1600 + 400 + 100 + 25);
    expect(anchorCount({ strides: [64], width: 352, height: 320 })).toBe(6 * 5);
  });

  test('errors name the anchors expected', () => {
    expect(() => decodeAnchors(logits, ltrb.subarray(4), levels, { score: 0.5 })).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: got 117 scores and 152 distances for 39 anchors
        why: strides 16, 32 over 96x70 make 39 anchors, each with one score per class and 4 distances
        fix: check the strides and the size of the model input (not of the picture)]
    `);
    const broken = logits.slice();
    broken[4] = Number.NaN;
    expect(() => decodeAnchors(broken, ltrb, levels, { score: 0.5 })).toThrow(/scores\[\d+\] is NaN/);
    expect(() => decodeAnchors(broken, ltrb, levels, { score: 0.5, multiLabel: false })).toThrow(/is NaN/);
    expect(() => decodeAnchors(logits, ltrb, levels, { score: 2 })).toThrow(/score is 2/);
  });
});

test('ranking: best first, ties by input order, the cut included', () => {
  const floats = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { maxLength: 200 });
  const coarse = fc.array(
    fc.integer({ min: -3, max: 3 }).map(v => v / 2),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(fc.oneof(floats, coarse), fc.nat(220), (list, k) => {
      const scores = Float32Array.from(list);
      const sorted = Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || a - b);
      expect(Array.from(argsortDescending(scores))).toEqual(sorted);
      expect(Array.from(topK(scores, k))).toEqual(sorted.slice(0, k));
    }),
    { numRuns: 400, seed: 1 },
  );
});
