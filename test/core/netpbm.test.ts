import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPfm, writePfm } from '../../src/core/index.ts';

test('a PFM comes back bit for bit, infinities and NaN too', () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }));
  fc.assert(
    fc.property(
      sizes.chain(([w, h]) => fc.tuple(fc.constant(w), fc.float32Array({ minLength: w * h, maxLength: w * h }))),
      ([width, values]) => {
        const height = values.length / width;
        const back = readPfm(writePfm(width, height, values), 'it.pfm');
        expect([back.width, back.height]).toEqual([width, height]);
        expect(Float32Array.from(back.data)).toEqual(values);
      },
    ),
  );
});

test('the bottom row comes first, little-endian', () => {
  const bytes = Buffer.from(writePfm(2, 2, Float32Array.of(1, 2, 3, 4)));
  const head = 'Pf\n2 2\n-1.0\n';
  expect(bytes.subarray(0, head.length).toString('latin1')).toBe(head);
  expect([0, 1, 2, 3].map(i => bytes.readFloatLE(head.length + 4 * i))).toEqual([3, 4, 1, 2]);
});

test('size and values must agree', () => {
  expect(() => writePfm(2, 2, new Float32Array(3))).toThrow(/PFM of 2 x 2[\s\S]*got 3 values/);
});
