import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countMot, motFigures, parseMotText } from '../../../src/evaluate/mot/index.ts';

const read = (text: string) => parseMotText(Buffer.from(text), 'res.txt');

describe('parseMotText', () => {
  test('reads every number as JavaScript does', () => {
    const value = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer({ min: -1e6, max: 1e6 }).map(n => n / 1000),
      fc.integer(),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value, value, value), { minLength: 1, maxLength: 20 }), rows => {
        const t = read(rows.map((r, k) => `${k + 1},7,${r.join(',')},0.5,-1,-1,-1`).join('\n'));
        expect(t.length).toBe(rows.length);
        expect([...t.boxes].map(v => v + 0)).toEqual(rows.flat().map(v => v + 0));
      }),
    );
  });

  test('takes blanks, semicolons, CRLF, blank lines, trailing separators and a byte order mark', () => {
    const t = read('\uFEFF1, 2, 10 ,20,30.5,40,1,1,0.3,\r\n\r\n2 3 1 2 3 4\n\n3;4;-1;+2;.5;4.;0\n4\t5\t1\t2\t3\t4');
    expect([...t.frame]).toEqual([1, 2, 3, 4]);
    expect([...t.id]).toEqual([2, 3, 4, 5]);
    expect([...t.boxes.subarray(8, 12)]).toEqual([-1, 2, 0.5, 4]);
    expect([...t.score]).toEqual([1, 1, 0, 1]);
    expect([...t.line]).toEqual([1, 3, 5, 6]);
    expect(t.columns).toBe(6);
  });

  test('an empty file has no rows', () => {
    expect(read('').length).toBe(0);
    expect(read('\n\n').length).toBe(0);
  });

  test.each([
    ['1,2,3,4', 'res.txt, line 1: has 4 columns'],
    ['1,1,0,0,5,5\n2,1,0,zero,5,5', 'res.txt, line 2: column 4 (y) is "zero"'],
    ['1,1,0,0,nan,5', 'column 5 (width) is "nan"'],
    ['1,1,0,0,1e999,5', 'column 5 (width) is "1e999"'],
    ['1,1,0,,5,5', 'column 4 (y) is ""'],
    ['0,1,0,0,5,5', 'frame is 0'],
    ['1.5,1,0,0,5,5', 'frame is 1.5'],
    ['1,1.5,0,0,5,5', 'id is 1.5'],
    ['1,1,0,0,5,5\n\n\n1,x,0,0,5,5', 'res.txt, line 4: column 2 (id) is "x"'],
    ['{"frame": 1}', 'column 1 (frame) is "{"frame":"'],
  ])('%j: %s', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  test('the whole message', () => {
    expect(() => read('1,1,0,0,5,5\n2,1,0,zero,5,5')).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: res.txt, line 2: column 4 (y) is "zero"
        why: a finite number was expected
        fix: write frame,id,x,y,width,height,score,-1,-1,-1 on each line]
    `);
  });
});

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
