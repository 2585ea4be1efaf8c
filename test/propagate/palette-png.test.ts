import fc from 'fast-check';
import { PNG } from 'pngjs';
import { expect, test } from 'vitest';
import { tensor } from '../../src/core/index.ts';
import { readValuePng } from '../../src/evaluate/index.ts';
import { DAVIS_PALETTE, encodePalettePng } from '../../src/image/index.ts';

const index = (height: number, width: number, data: Uint8Array) =>
  tensor(['height', 'width'] as const, [height, width], data);

test('numbers and palette come back, and another decoder sees the colours', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }).chain(width =>
        fc.tuple(
          fc.constant(width),
          fc
            .integer({ min: 1, max: 20 })
            .chain(height => fc.uint8Array({ minLength: width * height, maxLength: width * height })),
        ),
      ),
      ([width, data]) => {
        const bytes = encodePalettePng(index(data.length / width, width, data));
        const back = readValuePng(bytes, 'x.png');
        expect(back).toMatchObject({ width, height: data.length / width, kind: 'palette', bitDepth: 8 });
        expect(back.data).toEqual(data);
        expect(back.palette).toEqual(DAVIS_PALETTE);
        const rgba = PNG.sync.read(Buffer.from(bytes)).data;
        data.forEach((v, i) => {
          expect([...rgba.subarray(4 * i, 4 * i + 3)]).toEqual([...DAVIS_PALETTE.subarray(3 * v, 3 * v + 3)]);
        });
      },
    ),
    { numRuns: 40 },
  );
});

test("the palette is DAVIS's", () => {
  const colour = (i: number) => [...DAVIS_PALETTE.subarray(3 * i, 3 * i + 3)];
  expect(Array.from({ length: 23 }, (_, i) => colour(i).join(' '))).toEqual([
    '0 0 0',
    '128 0 0',
    '0 128 0',
    '128 128 0',
    '0 0 128',
    '128 0 128',
    '0 128 128',
    '128 128 128',
    '64 0 0',
    '191 0 0',
    '64 128 0',
    '191 128 0',
    '64 0 128',
    '191 0 128',
    '64 128 128',
    '191 128 128',
    '0 64 0',
    '128 64 0',
    '0 191 0',
    '128 191 0',
    '0 64 128',
    '128 64 128',
    '22 22 22',
  ]); // prettier-ignore
  expect(colour(255)).toEqual([255, 255, 255]);
});

test('a palette without a colour that is used is refused', () => {
  expect(() =>
    encodePalettePng(index(1, 2, Uint8Array.of(0, 2)), new Uint8Array(6)),
  ).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: a palette of 2 colours
      why: the picture uses index 2; a PNG holds at most 256 colours
      fix: pass three bytes per colour, enough for every index]
  `);
});
