import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { detections, LABEL_SETS, noDetections, type RgbImage, rgbImage, seededRandom } from '../../src/core/index.ts';
import {
  classColor,
  drawDetections,
  drawingSizes,
  drawLine,
  fillOutline,
  fillRect,
  luminance,
  type Point,
  placeLabels,
  rasterizeText,
  textColorOn,
  textWidth,
} from '../../src/render/index.ts';

const grey = (height: number, width: number, value = 128) =>
  rgbImage(height, width, new Uint8Array(height * width * 3).fill(value));
const pixel = (image: RgbImage, x: number, y: number) => {
  const at = 3 * (y * image.shape[1] + x);
  return Array.from(image.data.subarray(at, at + 3));
};
const sum = (data: ArrayLike<number>) => Array.from(data).reduce((a, b) => a + b, 0);

describe('fillOutline', () => {
  test('coverage adds up to the area of the outline, whatever the triangle', () => {
    const corner = fc.tuple(fc.double({ min: 0, max: 20, noNaN: true }), fc.double({ min: 0, max: 20, noNaN: true }));
    fc.assert(
      fc.property(corner, corner, corner, (a, b, c) => {
        const area = Math.abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2;
        expect(sum(fillOutline([[a, b, c]], 20, 20).data)).toBeCloseTo(area, 2);
      }),
    );
  });
  test('a rectangle between pixels covers each by its share; a hole is left out', () => {
    const square = (l: number, t: number, r: number, b: number): Point[] => [
      [l, t],
      [r, t],
      [r, b],
      [l, b],
    ];
    const { data } = fillOutline([square(0.5, 0.25, 2, 1)], 3, 2);
    expect(Array.from(data)).toEqual([0.375, 0.75, 0, 0, 0, 0]);
    const ring = fillOutline([square(0, 0, 6, 6), square(2, 2, 4, 4).reverse()], 6, 6);
    expect(sum(ring.data)).toBeCloseTo(32, 4);
  });
  test('what lies outside is cut off', () => {
    const { data } = fillOutline(
      [
        [
          [-5, -5],
          [50, -5],
          [50, 50],
          [-5, 50],
        ],
      ],
      4,
      4,
    );
    expect(Array.from(data)).toEqual(new Array(16).fill(1));
  });
});

describe('text', () => {
  test('every printable Latin-1 character but the spaces leaves ink, and no two look alike', () => {
    const seen = new Map<string, string>();
    for (let code = 0x21; code < 0x100; code++) {
      if ((code >= 0x7f && code <= 0xa0) || code === 0xad) continue;
      const mask = rasterizeText(String.fromCodePoint(code), 40);
      expect(sum(mask.data), `character ${code}`).toBeGreaterThan(5);
      const look = `${mask.width}:${mask.data.join()}`;
      expect(seen.get(look), String.fromCodePoint(code)).toBeUndefined();
      seen.set(look, String.fromCodePoint(code));
    }
    expect(sum(rasterizeText(' ', 40).data)).toBe(0);
  });
  test('ink grows with the square of the size, width with the size', () => {
    const ink = (size: number) => sum(rasterizeText('person 0.87', size).data);
    expect(ink(64) / ink(16)).toBeCloseTo(16, 1);
    expect(textWidth('person 0.87', 64)).toBeCloseTo(4 * textWidth('person 0.87', 16), 6);
  });
  test('characters we lack show as ?', () => {
    expect(rasterizeText('猫', 20)).toEqual(rasterizeText('?', 20));
  });
});

describe('colours', () => {
  test('of the 80 classes are all different, and text on each has the contrast WCAG asks for (4.5)', () => {
    const colors = LABEL_SETS.coco80.names.map((_, i) => classColor(i));
    expect(new Set(colors.map(String)).size).toBe(80);
    for (const color of colors) {
      const [low, high] = [luminance(color), luminance(textColorOn(color))].sort((a, b) => a - b) as [number, number];
      expect((high + 0.05) / (low + 0.05)).toBeGreaterThanOrEqual(4.5);
    }
  });
  test('never change between versions: people learn them', () => {
    expect([0, 1, 2, 79].map(i => classColor(i))).toMatchInlineSnapshot(`
      [
        [
          251,
          129,
          122,
        ],
        [
          23,
          158,
          110,
        ],
        [
          206,
          182,
          252,
        ],
        [
          164,
          129,
          24,
        ],
      ]
    `);
  });
});

describe('labels', () => {
  test('always lie inside the picture, whatever the boxes', () => {
    const at = fc.integer({ min: -50, max: 350 });
    const request = fc.record({
      box: fc.tuple(at, at, at, at),
      width: fc.integer({ min: 5, max: 300 }),
      height: fc.integer({ min: 5, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 30 }), requests => {
        for (const { x, y, width, height } of placeLabels(requests, 300, 200)) {
          expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
          expect(x + width).toBeLessThanOrEqual(300);
          expect(y + height).toBeLessThanOrEqual(200);
        }
      }),
    );
  });
  test('of objects on top of each other do not cover each other while there is room', () => {
    const requests = Array.from({ length: 6 }, () => ({ box: [50, 60, 250, 300] as const, width: 80, height: 16 }));
    const places = placeLabels(requests, 400, 400);
    places.forEach((a, i) => {
      for (const b of places.slice(i + 1))
        expect(Math.abs(a.x - b.x) >= 80 || Math.abs(a.y - b.y) >= 16, JSON.stringify([a, b])).toBe(true);
    });
  });
  test('prefer the place above the box, and go inside at the top of the picture', () => {
    const [above] = placeLabels([{ box: [40, 60, 100, 90], width: 30, height: 12 }], 200, 200);
    expect(above).toEqual({ x: 40, y: 48, width: 30, height: 12 });
    const [inside] = placeLabels([{ box: [40, 3, 100, 90], width: 30, height: 12 }], 200, 200);
    expect(inside).toEqual({ x: 40, y: 3, width: 30, height: 12 });
  });
});

describe('drawDetections', () => {
  const one = detections(Float32Array.of(20, 30, 80, 90), Float32Array.of(0.9), Int32Array.of(2));
  test('draws a frame in the colour of the class and leaves the inside and the original alone', () => {
    const image = grey(120, 160);
    const out = drawDetections(image, one, { names: LABEL_SETS.coco80.names, lineWidth: 2 });
    for (const [x, y] of [
      [20, 50],
      [79, 50],
      [50, 89],
      [21, 88],
    ] as const)
      expect(pixel(out, x, y)).toEqual(classColor(2));
    expect(pixel(out, 50, 60)).toEqual([128, 128, 128]);
    expect(pixel(out, 120, 60)).toEqual([128, 128, 128]);
    expect(new Set(image.data)).toEqual(new Set([128]));
  });
  test('the label carries text in black or white on the class colour, above the box', () => {
    const out = drawDetections(grey(120, 160), one, { names: LABEL_SETS.coco80.names, fontSize: 12 });
    const chip = new Set<string>();
    for (let y = 18; y < 28; y++) for (let x = 22; x < 60; x++) chip.add(String(pixel(out, x, y)));
    expect(chip).toContain(String(classColor(2)));
    const ink = textColorOn(classColor(2))[0];
    expect([...chip].some(c => Math.abs(Number(c.split(',')[0]) - ink) < 60)).toBe(true);
    const bare = drawDetections(grey(120, 160), one, { names: LABEL_SETS.coco80.names, hideLabels: true });
    for (let y = 0; y < 27; y++) expect(pixel(bare, 30, y)).toEqual([128, 128, 128]);
  });
  test('nothing found, nothing drawn', () => {
    expect(drawDetections(grey(9, 9), noDetections(), { names: [] }).data).toEqual(grey(9, 9).data);
  });
  test('never throws or writes outside, whatever the boxes and the picture', () => {
    const side = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(side, side, fc.integer({ min: 0, max: 9999 }), (h, w, seed) => {
        const random = seededRandom(seed);
        const n = 5;
        const boxes = Float32Array.from({ length: 4 * n }, () => random() * 100 - 20);
        const found = detections(boxes, new Float32Array(n).fill(0.5), new Int32Array(n).fill(3));
        const out = drawDetections(grey(h, w), found, { names: LABEL_SETS.coco80.names });
        expect(out.shape).toEqual([h, w, 3]);
      }),
      { numRuns: 50 },
    );
  });
  test('lines and letters grow with the picture', () => {
    expect(drawingSizes(200, 300).fontSize).toBe(11);
    expect(drawingSizes(3000, 4000).fontSize).toBeGreaterThan(70);
    expect(drawingSizes(3000, 4000).lineWidth).toBeGreaterThan(10);
  });
});

test('shapes: part of a pixel is a part of the colour; a slanted line has the area of its length and width', () => {
  const image = grey(4, 4, 0);
  fillRect(image, 1.5, 1, 3, 2, [200, 100, 0]);
  expect([pixel(image, 1, 1), pixel(image, 2, 1), pixel(image, 3, 1)]).toEqual([
    [100, 50, 0],
    [200, 100, 0],
    [0, 0, 0],
  ]);
  const canvas = grey(60, 60, 0);
  drawLine(canvas, 10, 10, 40, 50, 4, [255, 255, 255]);
  expect(sum(canvas.data) / 3 / 255).toBeCloseTo((50 + 4) * 4, 0);
});
