import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rgbImage, seededRandom } from '../../src/core/index.ts';
import {
  boxesToImage,
  cropImage,
  decodeGrey16Png,
  encodeGrey16Png,
  imageToBatch,
  resizeBilinear,
} from '../../src/image/index.ts';

const HALF = [0.5, 0.5, 0.5] as const;
function noise(height: number, width: number, seed = 1) {
  const random = seededRandom(seed);
  return rgbImage(
    height,
    width,
    Uint8Array.from({ length: height * width * 3 }, () => random() * 256),
  );
}

describe('imageToBatch', () => {
  test('squash: planes are the normalised resize', () => {
    const image = noise(30, 50);
    const mean = [0.1, 0.2, 0.3] as const;
    const std = [0.5, 0.25, 2] as const;
    const { batch, transforms } = imageToBatch([noise(9, 9), image], {
      height: 16,
      width: 24,
      mean,
      std,
      antialias: true,
    });
    expect(batch.shape).toEqual([2, 3, 16, 24]);
    const resized = resizeBilinear(image, 16, 24, { antialias: true });
    for (let c = 0; c < 3; c++)
      for (let p = 0; p < 16 * 24; p++)
        expect(batch.data[(3 + c) * 16 * 24 + p]).toBeCloseTo((resized.data[3 * p + c]! / 255 - mean[c]!) / std[c]!, 4);
    expect(transforms[1]).toMatchObject({ scaleX: 24 / 50, scaleY: 16 / 30, offsetX: 0, offsetY: 0 });
  });
  test('bgr: planes and their numbers in the other order', () => {
    const red = rgbImage(1, 1, Uint8Array.of(255, 51, 0));
    const mean = [0, 0.1, 0.5] as const;
    const { batch } = imageToBatch([red], { height: 1, width: 1, mean, std: [1, 1, 0.25], color: 'bgr' });
    expect(Array.from(batch.data, v => Math.round(v * 1e4) / 1e4)).toEqual([0, 0.1, 2]);
  });
  test('letterbox: the picture is centred, the rest is the mean colour', () => {
    const white = rgbImage(10, 20, new Uint8Array(600).fill(255));
    const { batch, transforms } = imageToBatch([white], {
      height: 32,
      width: 32,
      mean: HALF,
      std: HALF,
      resize: 'letterbox',
    });
    expect(transforms[0]).toMatchObject({ scaleX: 1.6, scaleY: 1.6, offsetX: 0, offsetY: 8 });
    for (let y = 0; y < 32; y++) expect(batch.data[y * 32 + 5]).toBeCloseTo(y >= 8 && y < 24 ? 1 : 0, 6);
  });
  test('letterbox in the corner, rounded down, on a colour of 0..255', () => {
    const black = rgbImage(99, 200, new Uint8Array(99 * 200 * 3));
    const { batch, transforms } = imageToBatch([black], {
      height: 64,
      width: 64,
      mean: [0, 0, 0],
      std: [1, 1, 1],
      resize: 'letterbox',
      align: 'corner',
      rounding: 'down', // 31.68 rows
      pad: [255, 51, 0],
      color: 'bgr',
    });
    expect(transforms[0]).toMatchObject({ scaleX: 0.32, scaleY: 31 / 99, offsetX: 0, offsetY: 0 });
    const free = [0, 0.2, 1]; // blue first
    for (let c = 0; c < 3; c++)
      for (let y = 0; y < 64; y++) expect(batch.data[(c * 64 + y) * 64 + 9]).toBeCloseTo(y < 31 ? 0 : free[c]!, 6);
  });
  test('boxes come back to where they were, whatever the sizes', () => {
    const side = fc.integer({ min: 1, max: 300 });
    fc.assert(
      fc.property(
        side,
        side,
        fc.constantFrom('squash', 'letterbox'),
        fc.integer({ min: 0, max: 999 }),
        (h, w, resize, seed) => {
          const image = rgbImage(h, w, new Uint8Array(h * w * 3));
          const { transforms } = imageToBatch([image], { height: 64, width: 96, mean: HALF, std: HALF, resize });
          const t = transforms[0]!;
          const random = seededRandom(seed);
          const box = [random() * w, random() * h, random() * w, random() * h];
          const inModel = Float32Array.from(box, (v, i) =>
            i % 2 === 0 ? v * t.scaleX + t.offsetX : v * t.scaleY + t.offsetY,
          );
          for (const v of inModel) expect(v).toBeGreaterThanOrEqual(0);
          const back = boxesToImage(inModel, t);
          for (let i = 0; i < 4; i++) expect(back[i]).toBeCloseTo(box[i]!, 1);
        },
      ),
      { numRuns: 100 },
    );
  });
  test('boxes outside are clipped to the picture', () => {
    const { transforms } = imageToBatch([noise(10, 20)], { height: 32, width: 32, mean: HALF, std: HALF });
    expect(Array.from(boxesToImage(Float32Array.of(-5, -5, 99, 99), transforms[0]!))).toEqual([0, 0, 20, 10]);
  });
});

test('crop copies a rectangle and refuses one that sticks out', () => {
  const image = noise(8, 6);
  const crop = cropImage(image, 2, 3, 3, 4);
  expect(crop.shape).toEqual([4, 3, 3]);
  expect(crop.data[0]).toBe(image.data[(3 * 6 + 2) * 3]);
  expect(crop.data.at(-1)).toBe(image.data[(6 * 6 + 4) * 3 + 2]);
  expect(() => cropImage(image, 4, 0, 3, 3)).toThrow(/does not lie inside/);
});

describe('16-bit grey PNG', () => {
  test('is read back exactly, with its text', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer(),
        (height, width, seed) => {
          const random = seededRandom(seed);
          const data = Uint16Array.from({ length: height * width }, () => random() * 65536);
          const png = encodeGrey16Png(
            { axes: ['height', 'width'], shape: [height, width], data },
            { min: '0.5', max: 'é' },
          );
          const back = decodeGrey16Png(png);
          expect(back.shape).toEqual([height, width]);
          expect(back.data).toEqual(data);
          expect(back.bitDepth).toBe(16);
          expect(back.text).toEqual({ min: '0.5', max: 'é' });
        },
      ),
      { numRuns: 50 },
    );
  });
  test('a view into a larger array is written from its own start', () => {
    const all = Uint16Array.from([9, 9, 1, 2, 3, 4]);
    const png = encodeGrey16Png({ axes: ['height', 'width'], shape: [2, 2], data: all.subarray(2) });
    expect(Array.from(decodeGrey16Png(png).data)).toEqual([1, 2, 3, 4]);
  });
  test('what is no PNG is refused', () => {
    expect(() => decodeGrey16Png(Uint8Array.of(1, 2, 3), 'gt.png')).toThrow(/cannot read gt.png/);
  });
});
