import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMotText } from '../../src/core/index.ts';

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
    expect(read('# frame,id,x,y,w,h\n # note').length).toBe(0);
  });

  test('takes text as well as bytes', () => {
    expect(parseMotText('2,1,10,20,30,40', 'a.txt')).toEqual(parseMotText(Buffer.from('2,1,10,20,30,40'), 'a.txt'));
  });

  test('skips lines that begin with # and still counts them', () => {
    const t = read('# frame,id,x,y,w,h\n1,2,3,4,5,6\n  #,1\n2,2,3,4,5,6');
    expect([[...t.frame], [...t.line], t.columns]).toEqual([[1, 2], [2, 4], 6]);
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
