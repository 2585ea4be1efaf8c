import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rgbImage, seededRandom } from '../../src/core/index.ts';
import { resizeBilinear, resizeImage } from '../../src/image/index.ts';

interface Golden {
  height: number;
  width: number;
  picture: string;
  cases: { height: number; width: number; antialias: boolean; pixels: string }[];
}
const golden = JSON.parse(readFileSync(new URL('../golden/resize.json', import.meta.url), 'utf8')) as Golden;
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
const picture = rgbImage(golden.height, golden.width, bytes(golden.picture));

describe('bilinear resize equals torch.nn.functional.interpolate', () => {
  for (const { height, width, antialias, pixels } of golden.cases)
    test(`to ${height} x ${width}${antialias ? ', antialiased' : ''}`, () => {
      const want = new Float32Array(bytes(pixels).buffer);
      const got = resizeBilinear(picture, height, width, { antialias });
      expect(got.shape).toEqual([height, width, 3]);
      expect(got.data.length).toBe(want.length);
      let worst = 0;
      for (let i = 0; i < want.length; i++) worst = Math.max(worst, Math.abs(want[i]! - got.data[i]!));
      expect(worst).toBeLessThan(1e-3); // of 255
    });
});

test('a flat picture stays flat and values stay inside the range, whatever the sizes', () => {
  const side = fc.integer({ min: 1, max: 40 });
  fc.assert(
    fc.property(
      side,
      side,
      side,
      side,
      fc.boolean(),
      fc.integer({ min: 0, max: 1e6 }),
      (h, w, h2, w2, antialias, seed) => {
        const random = seededRandom(seed);
        const noise = rgbImage(
          h,
          w,
          Uint8Array.from({ length: h * w * 3 }, () => Math.floor(random() * 256)),
        );
        const low = Math.min(...noise.data);
        const high = Math.max(...noise.data);
        for (const value of resizeBilinear(noise, h2, w2, { antialias }).data) {
          expect(value).toBeGreaterThanOrEqual(low - 1e-3);
          expect(value).toBeLessThanOrEqual(high + 1e-3);
        }
        const flat = rgbImage(h, w, new Uint8Array(h * w * 3).fill(low));
        expect(new Set(resizeImage(flat, h2, w2, { antialias }).data)).toEqual(new Set([low]));
      },
    ),
    { numRuns: 60 },
  );
});

test('the antialiased resize keeps the mean of a photograph-like picture', () => {
  const big = rgbImage(
    120,
    160,
    Uint8Array.from({ length: 120 * 160 * 3 }, (_, i) => (i * 7919) % 256),
  );
  const mean = (data: ArrayLike<number>) => Array.from(data).reduce((a, b) => a + b, 0) / data.length;
  expect(mean(resizeBilinear(big, 30, 40, { antialias: true }).data)).toBeCloseTo(mean(big.data), 0);
});

test('a size of nothing is refused with words', () => {
  expect(() => resizeBilinear(picture, 0, 10)).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: cannot resize to 0 x 10
      why: height and width are whole and at least 1
      fix: give such sizes]
  `);
});
