import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMotText } from '../../../src/core/index.ts';
import { countMot, motFigures } from '../../../src/evaluate/mot/index.ts';

const read = (text: string) => parseMotText(Buffer.from(text), 'res.txt');

describe('countMot', () => {
  const gt = '1,1,0,0,10,10,1,1,1\n2,1,0,0,10,10,1,1,1\n';
  const count = (a: string, b: string, options = {}) => countMot(read(a), read(b), options);

  test.each([
    ['an id twice in one frame', gt, '1,5,0,0,1,1\n1,5,3,3,1,1', {}, 'line 2: id 5 is already in frame 1 (line 1)'],
    ['detections instead of tracks', gt, '1,-1,0,0,1,1\n1,-1,3,3,1,1', {}, '-1 marks detections, not tracks'],
    ['a frame beyond the end', gt, '9,5,0,0,1,1', { frames: 2 }, 'line 1: frame 9'],
    ['an unknown class', '1,1,0,0,1,1,1,14,1', '', { benchmark: 'mot17' }, 'line 1: class 14'],
    ['no class', '1,1,0,0,1,1,1', '', { benchmark: 'mot17' }, 'needs the flag (7th) and the class (8th)'],
    ['a result of another class', gt, '1,1,0,0,1,1,0.5,3', { benchmark: 'mot20' }, 'line 1: class 3'],
  ])('refuses %s', (_name, a, b, options, message) => {
    expect(() => count(a, b, options)).toThrow(message);
  });

  test('a huge frame number costs nothing', () => {
    const f = motFigures(count('2000000000,1,0,0,10,10,1', '2000000000,1,0,0,10,10,1'));
    expect(f.MOTA).toBe(1);
    expect(f.HOTA).toBe(1);
  });

  test('boxes without area match nothing', () => {
    const f = motFigures(count('1,1,5,5,-3,-3,1\n1,2,5,5,0,9,1', '1,1,5,5,-3,-3,1\n1,2,5,5,0,9,1'));
    expect(f.FP).toBe(2);
    expect(f.FN).toBe(2);
  });

  test('ground truth with flag 0 is left out, and what lies on it is a false positive in mot15', () => {
    const f = motFigures(count('1,1,0,0,10,10,0\n1,2,50,0,10,10,1', '1,1,0,0,10,10\n1,2,50,0,10,10'));
    expect([f.GT_Dets, f.FP, f.FN]).toEqual([1, 1, 0]);
  });
});

describe('properties', () => {
  const rows = fc.uniqueArray(
    fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 5 }), fc.nat(40), fc.nat(40)),
    { selector: ([f, id]) => `${f} ${id}`, maxLength: 25 },
  );
  const text = (r: [number, number, number, number][]) =>
    r.map(([f, id, x, y]) => `${f},${id},${x},${y},20,20,1`).join('\n');
  const figures = (a: string, b: string) => motFigures(countMot(read(a), read(b)));

  test('neither the order of lines nor the names of ids matter, fractions stay in 0..1', () => {
    fc.assert(
      fc.property(rows, rows, (a, b) => {
        const one = figures(text(a), text(b));
        const renamed = b.map(([f, id, x, y]) => [f, 1000 - 7 * id, x, y] as [number, number, number, number]);
        // lines of one frame keep their order: where two assignments tie, it decides
        const shuffled = [...renamed].sort((p, q) => q[0] - p[0]);
        expect(figures(text(a), text(shuffled))).toEqual(one);
        for (const key of ['HOTA', 'DetA', 'AssA', 'LocA', 'IDF1', 'IDP', 'IDR', 'Rcll', 'Prcn', 'MOTP'] as const) {
          expect(one[key]).toBeGreaterThanOrEqual(0);
          expect(one[key]).toBeLessThanOrEqual(1);
        }
        expect(one.FN + one.GT_Dets * one.Rcll - one.GT_Dets).toBeCloseTo(0, 9);
      }),
    );
  });

  test('a result equal to the truth is perfect', () => {
    fc.assert(
      fc.property(
        rows.filter(r => r.length > 0),
        a => {
          const f = figures(text(a), text(a));
          expect([f.IDSW, f.FP, f.FN, f.IDFP]).toEqual([0, 0, 0, 0]);
          expect(f.MOTA).toBe(1);
          expect(f.IDF1).toBe(1);
        },
      ),
    );
  });
});
