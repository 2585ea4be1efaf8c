import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CocoRle,
  fromCocoRle,
  type Rle,
  rleArea,
  rleDecode,
  rleEncode,
  rleFromBox,
  rleFromPolygon,
  rleFromSegmentation,
  rleFromString,
  rleIou,
  rleMerge,
  rleToBbox,
  rleToString,
  toCocoRle,
} from '../../../src/evaluate/rle/index.ts';

interface Facts {
  height: number;
  width: number;
  rles: CocoRle[];
  area: number[];
  bbox: number[][];
  union: CocoRle;
  intersection: CocoRle;
  iou: number[][];
}
interface Golden {
  masks: (Facts & { pixels: string[] | null })[];
  polygons: (Facts & { polygons: number[][] })[];
  boxes: (Facts & { boxes: number[][] })[];
}
const golden: Golden = JSON.parse(readFileSync(new URL('../../golden/rle/rle.json', import.meta.url), 'utf8'));

function expectFacts(rles: Rle[], facts: Facts): void {
  expect(rles.map(toCocoRle)).toEqual(facts.rles);
  expect(facts.rles.map(fromCocoRle)).toEqual(rles);
  expect(rles.map(rleArea)).toEqual(facts.area);
  expect(rles.map(rleToBbox)).toEqual(facts.bbox);
  expect(toCocoRle(rleMerge(rles))).toEqual(facts.union);
  expect(toCocoRle(rleMerge(rles, true))).toEqual(facts.intersection);
  const crowd = rles.map((_, i) => i % 2);
  expect([...rleIou(rles, rles, crowd)]).toEqual(facts.iou.flat());
}

describe('bit for bit as pycocotools', () => {
  test.each(golden.masks)('masks of $width x $height', facts => {
    const rles = facts.rles.map(fromCocoRle);
    expectFacts(rles, facts);
    facts.pixels?.forEach((text, i) => {
      const mask = Uint8Array.from(text, Number);
      expect(rleEncode(mask, facts.height, facts.width)).toEqual(rles[i]);
      expect(rleDecode(rles[i]!)).toEqual(mask);
    });
  });
  test.each(golden.polygons)('polygons in $width x $height', facts => {
    expectFacts(
      facts.polygons.map(p => rleFromPolygon(p, facts.height, facts.width)),
      facts,
    );
    expect(toCocoRle(rleFromSegmentation(facts.polygons, facts.height, facts.width))).toEqual(facts.union);
  });
  test.each(golden.boxes)('boxes in $width x $height', facts => {
    expectFacts(
      facts.boxes.map(b => rleFromBox(b, facts.height, facts.width)),
      facts,
    );
  });
});

const mask = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 })).chain(([height, width]) =>
  fc.record({
    height: fc.constant(height),
    width: fc.constant(width),
    a: fc.uint8Array({ min: 0, max: 1, minLength: height * width, maxLength: height * width }),
    b: fc.uint8Array({ min: 0, max: 1, minLength: height * width, maxLength: height * width }),
  }),
);

describe('properties', () => {
  test('encode, text and decode lose nothing', () => {
    fc.assert(
      fc.property(mask, ({ height, width, a }) => {
        const rle = rleEncode(a, height, width);
        expect(rleFromString(rleToString(rle), [height, width])).toEqual(rle);
        expect(rleDecode(rle)).toEqual(a);
      }),
    );
  });
  test('merge, area and IoU agree with the pixels', () => {
    fc.assert(
      fc.property(mask, ({ height, width, a, b }) => {
        const [A, B] = [rleEncode(a, height, width), rleEncode(b, height, width)];
        const or = a.map((v, i) => v | b[i]!);
        const and = a.map((v, i) => v & b[i]!);
        const count = (m: Uint8Array) => m.reduce((s, v) => s + v, 0);
        expect(rleDecode(rleMerge([A, B]))).toEqual(or);
        expect(rleDecode(rleMerge([A, B], true))).toEqual(and);
        expect(rleArea(A)).toBe(count(a));
        expect(rleIou([A], [B], [0])[0]).toBe(count(or) ? count(and) / count(or) : 0);
        expect(rleIou([A], [B], [1])[0]).toBe(count(a) ? count(and) / count(a) : 0);
      }),
    );
  });
  test('runs of large numbers survive the text', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 30 }), { minLength: 1 }), counts => {
        const rle = { height: 1, width: 1, counts: Uint32Array.from(counts) };
        expect(rleFromString(rleToString(rle), [1, 1])).toEqual(rle);
      }),
    );
  });
});

describe('errors', () => {
  test('text that is cut off', () => {
    expect(() => rleFromString('5P', [2, 2])).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: the compressed run lengths "5P" cannot be read
        why: they are cut off or hold characters outside "0".."o"
        fix: write them with pycocotools.mask.encode or rleToString]
    `);
  });
  test('text with foreign characters', () => {
    expect(() => rleFromString('5é', [2, 2])).toThrow('cannot be read');
  });
  test('runs that do not fill the mask', () => {
    expect(() => rleDecode({ height: 2, width: 3, counts: Uint32Array.of(1, 2) })).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: the run lengths of a mask add up to 3
        why: its size 3x2 has 6 pixels
        fix: write the mask again with its true size [height, width]]
    `);
  });
  test('merging runs of different totals ends, with an error', () => {
    const short = { height: 2, width: 2, counts: Uint32Array.of(1, 1) };
    const long = { height: 2, width: 2, counts: Uint32Array.of(0, 4) };
    expect(() => rleMerge([short, long])).toThrow('different sums');
  });
  test('an empty list of polygons', () => {
    expect(() => rleFromSegmentation([], 4, 4)).toThrow('empty list');
  });
  test('a mask of the wrong length', () => {
    expect(() => rleEncode(new Uint8Array(3), 2, 2)).toThrow('3 pixels for a 2x2 mask');
  });
});
