import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rgbImage } from '../../src/core/index.ts';
import { orient, orientationOf, turnOf } from '../../src/video/rotate.ts';

const bytes = (a: number, b: number, c: number, d: number) =>
  new Uint8Array(Int32Array.from([a, b, 0, c, d, 0, 0, 0, 1 << 14].map((v, i) => (i < 6 ? v * 65536 : v))).buffer);
const picture = (rows: readonly (readonly number[])[]) =>
  rgbImage(rows.length, rows[0].length, Uint8Array.from(rows.flat().flatMap(v => [v, v, v])));
const rowsOf = (image: ReturnType<typeof picture>) =>
  Array.from({ length: image.shape[0] }, (_, y) =>
    Array.from({ length: image.shape[1] }, (_, x) => image.data[3 * (y * image.shape[1] + x)]),
  );

describe('display matrices', () => {
  const p = picture([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  // x' = a x + c y, y' = b x + d y; y grows downwards
  test.each([
    [
      'upright',
      [1, 0, 0, 1],
      0,
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
    [
      'a quarter clockwise',
      [0, 1, -1, 0],
      90,
      [
        [4, 1],
        [5, 2],
        [6, 3],
      ],
    ],
    [
      'upside down',
      [-1, 0, 0, -1],
      180,
      [
        [6, 5, 4],
        [3, 2, 1],
      ],
    ],
    [
      'a quarter back',
      [0, -1, 1, 0],
      270,
      [
        [3, 6],
        [2, 5],
        [1, 4],
      ],
    ],
    [
      'mirrored',
      [-1, 0, 0, 1],
      180,
      [
        [3, 2, 1],
        [6, 5, 4],
      ],
    ],
    [
      'transposed',
      [0, 1, 1, 0],
      90,
      [
        [1, 4],
        [2, 5],
        [3, 6],
      ],
    ],
  ] as const)('%s', (_, [a, b, c, d], turn, rows) => {
    const orientation = orientationOf(bytes(a, b, c, d));
    expect([turnOf(orientation), rowsOf(orient(p, orientation))]).toEqual([turn, rows]);
  });
  test('four quarters are none, for any picture', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 5 }), rows => {
        const image = picture(rows.map(r => [...r]));
        const quarter = orientationOf(bytes(0, 1, -1, 0));
        let turned = image;
        for (let i = 0; i < 4; i++) turned = orient(turned, quarter);
        expect(rowsOf(turned)).toEqual(rowsOf(image));
      }),
    );
  });
  test('a slanted matrix and none at all count as upright', () => {
    const slanted = new Uint8Array(Int32Array.from([46341, 46341, 0, -46341, 46341, 0, 0, 0, 1]).buffer);
    expect(turnOf(orientationOf(slanted))).toBe(0);
    expect(turnOf(orientationOf(null))).toBe(0);
  });
});
