import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DenseError, seededRandom } from '../../src/core/index.ts';
import { EXTERNAL_HEADS, type ExternalHead } from '../../src/model/index.ts';
import { decodeExternal, type NamedOutputs } from '../../src/postprocess/index.ts';

interface Golden {
  readonly height: number;
  readonly width: number;
  readonly classes: number;
  readonly cases: Readonly<
    Record<
      string,
      {
        readonly head: { readonly kind: ExternalHead['kind'] };
        readonly outputs: Readonly<Record<string, readonly [seed: number, low: number, high: number, dims: number[]]>>;
        readonly score: number;
        readonly want: readonly (readonly [number, number, number, number, number, number])[];
      }
    >
  >;
}
// written by tools/golden/own_detectors.py
const golden = JSON.parse(readFileSync(new URL('../golden/own-detectors.json', import.meta.url), 'utf8')) as Golden;
const { height, width, classes } = golden;

const headOf = (head: { readonly kind: ExternalHead['kind'] }) =>
  EXTERNAL_HEADS[head.kind].parse({ labels: 'any', ...head }) as ExternalHead;
const tensorOf = (dims: readonly number[], values: ArrayLike<number>) => ({ dims, data: Float32Array.from(values) });

function seeded([seed, low, high, dims]: readonly [number, number, number, number[]]) {
  const random = seededRandom(seed);
  const n = dims.reduce((a, b) => a * b);
  return tensorOf(
    dims,
    Array.from({ length: n }, () => low + (high - low) * random()),
  );
}
const decode = (
  outputs: NamedOutputs,
  head: ExternalHead,
  more: { pictures?: number; score?: number; max?: number } = {},
) => decodeExternal(outputs, head, { height, width, classes, pictures: 1, score: 0.5, max: 1000, ...more });

describe('candidates equal those of NumPy', () => {
  test.each(Object.entries(golden.cases))('%s', (_, { head, outputs, score, want }) => {
    const tensors = Object.fromEntries(Object.entries(outputs).map(([name, spec]) => [name, seeded(spec)]));
    const [found] = decode(tensors, headOf(head), { score });
    expect(want.length).toBeGreaterThan(5);
    expect(found.length).toBe(want.length);
    want.forEach(([x1, y1, x2, y2, s, c], k) => {
      expect(found.classes[k]).toBe(c);
      expect(found.scores[k]).toBeCloseTo(s, 5);
      [x1, y1, x2, y2].forEach((v, e) => {
        expect(found.boxes[4 * k + e]).toBeCloseTo(v, 3);
      });
    });
  });

  test('and two pictures of one batch give what each gives alone', () => {
    const { head, outputs, score } = golden.cases['yolox decoded, columns, logits'];
    const [seed, low, high, dims] = outputs.o;
    const one = seeded([seed, low, high, dims]);
    const two = seeded([seed + 100, low, high, dims]);
    const both = tensorOf([2, ...dims.slice(1)], [...one.data, ...two.data]);
    const found = decode({ o: both }, headOf(head), { score, pictures: 2 });
    expect(found).toEqual([one, two].flatMap(o => decode({ o }, headOf(head), { score })));
    expect(found[1].length).toBeGreaterThan(0);
  });
});

describe('any numbers', () => {
  test('give scores above the threshold, best first, at most as many as wanted', () => {
    const head = headOf({ kind: 'detr', scores: 's', boxes: 'b', activation: 'sigmoid' } as never);
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -9, max: 9, noNaN: true }), { minLength: 3, maxLength: 60 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.integer({ min: 1, max: 9 }),
        (logits, score, max) => {
          const n = Math.floor(logits.length / classes);
          const s = tensorOf([1, n, classes], logits.slice(0, n * classes));
          const b = tensorOf([1, n, 4], new Float32Array(4 * n));
          const [found] = decode({ s, b }, head, { score, max });
          const above = Array.from(s.data, x => 1 / (1 + Math.exp(-x))).filter(p => p >= score);
          const edge = Array.from(s.data, x => 1 / (1 + Math.exp(-x))).some(p => Math.abs(p - score) < 1e-6);
          if (!edge) expect(found.length).toBe(Math.min(max, above.length));
          const sorted = above.sort((p, q) => q - p);
          if (!edge)
            found.scores.forEach((p, k) => {
              expect(p).toBeCloseTo(sorted[k], 6);
            });
        },
      ),
    );
  });
});

describe('boxes with suppression inside', () => {
  const rows = [
    [0, 0, 0.9, 1, 2, 11, 12],
    [1, 2, 0.8, 3, 4, 13, 14],
    [0, 1, 0.7, 5, 6, 15, 16],
    [0, -1, 0.6, 0, 0, 0, 0], // padding
    [0, 1, 0.1, 5, 6, 15, 16],
  ];
  const columns = ['batch', 'class', 'score', 'x1', 'y1', 'x2', 'y2'];
  test('rows of several pictures, told apart by a column', () => {
    const head = headOf({ kind: 'boxes', boxes: 'b', columns } as never);
    const [first, second] = decode({ b: tensorOf([5, 7], rows.flat()) }, head, { pictures: 2 });
    expect(Array.from(first.boxes)).toEqual([1, 2, 11, 12, 5, 6, 15, 16]);
    expect(Array.from(first.classes)).toEqual([0, 1]);
    expect(Array.from(second.classes)).toEqual([2]);
    for (const dims of [
      [1, 5, 7],
      [1, 1, 5, 7], // as detection outputs of OpenVINO are
    ])
      expect(decode({ b: tensorOf(dims, rows.flat()) }, head, { pictures: 2 })).toEqual([first, second]);
  });
  test('rows of several pictures, told apart by a count', () => {
    const head = headOf({ kind: 'boxes', boxes: 'b', columns: columns.slice(1), count: 'n' } as never);
    const b = tensorOf(
      [5, 6],
      rows.flatMap(r => r.slice(1)),
    );
    const found = decode({ b, n: tensorOf([2], [2, 3]) }, head, { pictures: 2 });
    expect(found.map(f => Array.from(f.classes))).toEqual([[0, 2], [1]]);
  });
  test('boxes, scores and classes beside each other, padded, classes from 1, shares, cx cy w h', () => {
    const head = headOf({
      kind: 'boxes',
      boxes: 'b',
      scores: 's',
      classes: 'c',
      count: 'n',
      columns: ['cx', 'cy', 'w', 'h'],
      boxUnit: 'share',
      firstClass: 1,
    } as never);
    const outputs = {
      b: tensorOf([1, 3, 4], [0.5, 0.5, 1, 1, 0.5, 0.5, 0.5, 0.25, 0, 0, 0, 0]),
      s: tensorOf([1, 3], [0.6, 0.9, 0.99]),
      c: tensorOf([1, 3], [1, 3, 0]),
      n: tensorOf([1, 1], [2]),
    };
    const [found] = decode(outputs, head);
    expect(Array.from(found.classes)).toEqual([2, 0]);
    expect(Array.from(found.boxes)).toEqual([16, 36, 48, 60, 0, 0, 64, 96]);
  });
  test('without anything that tells pictures apart, two are refused', () => {
    const head = headOf({ kind: 'boxes', boxes: 'b', columns: columns.slice(1) } as never);
    expect(() =>
      decode(
        {
          b: tensorOf(
            [5, 6],
            rows.flatMap(r => r.slice(1)),
          ),
        },
        head,
        { pictures: 2 },
      ),
    ).toThrow(/nothing says which row belongs to which picture/);
  });
});

describe('what does not fit is refused with words', () => {
  const refusal = (outputs: NamedOutputs, head: object) => {
    try {
      decode(outputs, headOf(head as never));
      return 'accepted';
    } catch (error) {
      if (!(error instanceof DenseError)) throw error;
      return `${error.code}: ${error.message}`;
    }
  };
  test('other classes', () =>
    expect(
      refusal({ o: seeded([1, 0, 1, [1, 126, 85]]) }, { kind: 'yolox', output: 'o', strides: [8, 16, 32] }),
    ).toMatchInlineSnapshot(`
      "BAD_MODEL: output "o" has 85 numbers per anchor
        why: 4 box numbers, an objectness and 3 classes make 8
        fix: correct labels, layout or the other keys of heads.detection in model.json"
    `));
  test('other strides', () =>
    expect(
      refusal({ o: seeded([1, 0, 1, [1, 126, 8]]) }, { kind: 'yolox', output: 'o', strides: [8, 16] }),
    ).toMatchInlineSnapshot(`
      "BAD_MODEL: output "o" has 126 anchors
        why: strides 8, 16 over 64 x 96 make 120
        fix: correct heads.detection.strides or input.size in model.json"
    `));
  test('a missing output', () =>
    expect(
      refusal({ o: seeded([1, 0, 1, [1, 126, 8]]) }, { kind: 'dfl', joined: ['p'], strides: [8], bins: 2 }),
    ).toMatchInlineSnapshot(`
      "BAD_MODEL: there is no output "p"
        why: the network gives o
        fix: correct the names in heads.detection of model.json"
    `));
  test('a class that has no label', () =>
    expect(
      refusal(
        { b: tensorOf([1, 1, 4], [1, 1, 2, 2]), s: tensorOf([1, 1], [0.9]), c: tensorOf([1, 1], [17]) },
        { kind: 'detr', boxes: 'b', scores: 's', classes: 'c' },
      ),
    ).toMatchInlineSnapshot(`
      "BAD_MODEL: output "c" names class 17
        why: the labels are 3 and the first has number 0
        fix: correct labels or firstClass in heads.detection of model.json"
    `));
  test('numbers that are none', () =>
    expect(
      refusal(
        { b: tensorOf([1, 1, 4], [1, 1, 2, 2]), s: tensorOf([1, 1, 3], [0.9, Number.NaN, 0]) },
        { kind: 'detr', boxes: 'b', scores: 's' },
      ),
    ).toMatch(/^BAD_INPUT: scores/));
});
