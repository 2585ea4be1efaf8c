import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { PNG } from 'pngjs';
import { describe, expect, test } from 'vitest';
import { readValuePng } from '../../../src/evaluate/png/index.ts';

const chunk = (type: string, body: Uint8Array) => {
  const out = Buffer.alloc(12 + body.length); // the checksum is not looked at
  out.writeUInt32BE(body.length, 0);
  out.write(type, 4, 'latin1');
  out.set(body, 8);
  return out;
};
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const header = (width: number, height: number, bits: number, colour: number, interlace = 0) => {
  const b = Buffer.alloc(13);
  b.writeUInt32BE(width, 0);
  b.writeUInt32BE(height, 4);
  b.set([bits, colour, 0, 0, interlace], 8);
  return chunk('IHDR', b);
};
const END = chunk('IEND', new Uint8Array(0));
const png = (...chunks: Buffer[]) => Buffer.concat([SIGNATURE, ...chunks, END]);

describe('readValuePng', () => {
  test('reads what pngjs writes, 16 bits, with each row filter', () => {
    const picture = fc
      .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 9 }))
      .chain(([w, h]) =>
        fc.tuple(
          fc.constant(w),
          fc.constant(h),
          fc.array(fc.nat(65535), { minLength: w * h, maxLength: w * h }),
          fc.constantFrom(0, 1, 2, 3, 4),
        ),
      );
    fc.assert(
      fc.property(picture, ([width, height, values, filterType]) => {
        const data = Uint16Array.from(values) as unknown as Buffer;
        const bytes = PNG.sync.write({ width, height, data } as PNG, {
          bitDepth: 16,
          colorType: 0,
          inputColorType: 0,
          inputHasAlpha: false,
          filterType,
        });
        const got = readValuePng(bytes, 'a.png');
        expect([got.width, got.height, got.bitDepth, got.kind]).toEqual([width, height, 16, 'grey']);
        expect([...got.data]).toEqual(values);
      }),
    );
  });

  test.each([
    [1, [0b10100000, 0b01000000], [1, 0, 1, 0, 1, 0]],
    [2, [0b11100100, 0b00011011], [3, 2, 1, 0, 1, 2]],
    [4, [0x1f, 0x20, 0x3e, 0x40], [1, 15, 2, 3, 14, 4]],
    [8, [7, 8, 9, 200, 255, 0], [7, 8, 9, 200, 255, 0]],
  ])('palette indices of %i bits are not looked up', (bits, packed, want) => {
    const perRow = packed.length / 2;
    const raw = Buffer.from([0, ...packed.slice(0, perRow), 0, ...packed.slice(perRow)]);
    const palette = chunk('PLTE', Buffer.alloc(3 * 2 ** bits));
    const got = readValuePng(png(header(3, 2, bits, 3), palette, chunk('IDAT', deflateSync(raw))), 'm.png');
    expect(got.kind).toBe('palette');
    expect([...got.data].slice(0, 6)).toEqual(want);
  });

  test('data in several chunks, and text', () => {
    const z = deflateSync(Buffer.from([0, 5]));
    const text = chunk('tEXt', Buffer.from('min\0 0.25', 'latin1'));
    const got = readValuePng(
      png(header(1, 1, 8, 0), text, chunk('IDAT', z.subarray(0, 3)), chunk('IDAT', z.subarray(3))),
      'm.png',
    );
    expect([...got.data]).toEqual([5]);
    expect(got.text).toEqual({ min: ' 0.25' });
  });

  const good = png(header(2, 2, 8, 0), chunk('IDAT', deflateSync(Buffer.from([0, 1, 2, 0, 3, 4]))));
  test.each([
    ['an empty file', Buffer.alloc(0), 'the file is empty'],
    ['another format', Buffer.from('P5 1 1 255 x'), 'does not begin as a PNG'],
    ['a cut file', good.subarray(0, good.length - 13), 'it is cut short'],
    ['colours', png(header(1, 1, 8, 2), chunk('IDAT', deflateSync(Buffer.from([0, 1, 2, 3])))), 'PNG with RGB colours'],
    ['alpha', png(header(1, 1, 8, 4)), 'grey with alpha'],
    ['interlacing', png(header(1, 1, 8, 0, 1)), 'interlaced'],
    ['a giant size', png(header(4e9, 4e9, 8, 0)), 'its header says'],
    ['too little data', png(header(9, 9, 8, 0), chunk('IDAT', deflateSync(Buffer.from([0, 1])))), 'fewer pixels'],
    ['damaged data', png(header(1, 1, 8, 0), chunk('IDAT', Buffer.from([1, 2, 3]))), 'cannot be unpacked'],
    ['an unknown filter', png(header(1, 1, 8, 0), chunk('IDAT', deflateSync(Buffer.from([9, 1])))), 'filter 9'],
  ])('refuses %s', (_name, bytes, message) => {
    expect(() => readValuePng(bytes, 'm.png')).toThrow(message);
    expect(() => readValuePng(bytes, 'm.png')).toThrow('m.png');
  });
});
