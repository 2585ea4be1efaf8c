import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DepthMap, type RgbImage, rgbImage } from '../../src/core/index.ts';
import {
  COLOR_MAPS,
  colorBar,
  colorizeDepth,
  colorRange,
  colorTable,
  drawContours,
  pinhole,
  roundTicks,
  sideBySide,
} from '../../src/render/index.ts';
import colormaps from '../golden/depth-exports/colormaps.json' with { type: 'json' };

const relative = (width: number, height: number, at: (x: number, y: number) => number): DepthMap => ({
  kind: 'relative',
  width,
  height,
  values: Float32Array.from({ length: width * height }, (_, i) => at(i % width, Math.floor(i / width))),
});
const pixel = (image: RgbImage, x: number, y: number) => [
  ...image.data.slice(3 * (y * image.shape[1] + x)).slice(0, 3),
];

describe('colours', () => {
  test.each(['turbo', 'viridis', 'inferno'] as const)("%s is OpenCV's", name => {
    expect([...colorTable(name)]).toEqual(colormaps[name].flat());
  });
  test('grey runs from black to white', () => {
    expect([0, 128, 255].map(i => [...colorTable('grey').subarray(3 * i, 3 * i + 3)])).toEqual([
      [0, 0, 0],
      [128, 128, 128],
      [255, 255, 255],
    ]);
  });
  test('what is near has the upper end in both kinds; holes are black', () => {
    const top = [...colorTable('inferno').subarray(-3)];
    const end = [...colorTable('inferno').subarray(0, 3)];
    const values = Float32Array.of(1, 2, 3, Number.NaN);
    const range = { min: 1, max: 3 };
    const inverse = colorizeDepth({ kind: 'relative', width: 4, height: 1, values }, { colorMap: 'inferno', range });
    expect([pixel(inverse, 0, 0), pixel(inverse, 2, 0), pixel(inverse, 3, 0)]).toEqual([end, top, [0, 0, 0]]);
    const metres = Float32Array.of(1, 2, 3, 0);
    const metric = colorizeDepth(
      { kind: 'metric', width: 4, height: 1, values: metres },
      { colorMap: 'inferno', range },
    );
    expect([pixel(metric, 0, 0), pixel(metric, 2, 0), pixel(metric, 3, 0)]).toEqual([top, end, [0, 0, 0]]);
  });
  test('a few outliers do not use up the colours', () => {
    const map = relative(100, 100, (x, y) => (x === 50 && y === 50 ? 1e6 : x / 100));
    expect(colorRange(map).max).toBeLessThan(1);
  });
  test('a constant map, and one of holes, have a colour too', () => {
    for (const value of [0, 5, Number.NaN]) expect(colorizeDepth(relative(3, 2, () => value)).data).toHaveLength(18);
  });
  test('refuse an unknown table', () => {
    expect(() => colorTable('jet' as never)).toThrow(/color map "jet"[\s\S]*turbo, viridis, inferno, grey/);
  });
});

describe('colour bar', () => {
  test('round ticks lie inside and are a step of 1, 2 or 5 apart', () => {
    const ranges = fc.tuple(
      fc.double({ min: -1e3, max: 1e3, noNaN: true }),
      fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
    );
    fc.assert(
      fc.property(ranges, fc.integer({ min: 2, max: 9 }), ([min, span], count) => {
        const ticks = roundTicks(min, min + span, count);
        expect(ticks.length).toBeLessThanOrEqual(count + 1);
        const slack = span * 1e-6;
        for (const tick of ticks) expect(tick >= min - slack && tick <= min + span + slack).toBe(true);
        for (let i = 1; i < ticks.length; i++) {
          const step = ticks[i] - ticks[i - 1];
          const lead = step / 10 ** Math.floor(Math.log10(step) + 1e-6);
          expect([1, 2, 5, 10].some(m => Math.abs(lead - m) < 1e-3)).toBe(true);
        }
      }),
    );
  });
  test.each(COLOR_MAPS)('%s: near on top, as high as asked', colorMap => {
    for (const kind of ['relative', 'metric'] as const) {
      const bar = colorBar(300, { kind, range: { min: 1, max: 5 }, colorMap });
      expect(bar.shape[0]).toBe(300);
      const table = colorTable(colorMap);
      const column = Array.from({ length: 300 }, (_, y) => pixel(bar, 8, y).join());
      const first = column.indexOf([...table.subarray(-3)].join());
      const last = column.lastIndexOf([...table.subarray(0, 3)].join());
      expect(first).toBeGreaterThanOrEqual(0);
      expect(last).toBeGreaterThan(first + 200);
    }
  });
  test('fits tiny pictures and equal ends', () => {
    for (const height of [1, 5, 40])
      expect(colorBar(height, { kind: 'metric', range: { min: 2, max: 2 } }).shape[0]).toBe(height);
  });
});

test('panels stand side by side, a white gap between', () => {
  const plain = (value: number) => rgbImage(2, 3, new Uint8Array(18).fill(value));
  const { width, row } = sideBySide(
    [plain(10), { width: 1, row: (y, out, at = 0) => out.fill(50 + y, at, at + 3) }],
    2,
  );
  expect(width).toBe(6);
  const out = new Uint8Array(18);
  row(1, out);
  expect([...out]).toEqual([...Array(9).fill(10), ...Array(6).fill(255), 51, 51, 51]);
});

describe('contours', () => {
  const grey = (w: number, h: number) => rgbImage(h, w, new Uint8Array(3 * w * h).fill(128));
  test('of a ramp are straight lines where the levels lie, in their colours', () => {
    const map = relative(200, 60, x => x + 0.5);
    const drawn = drawContours(grey(200, 60), map, { levels: 2, range: { min: 0, max: 200 }, lineWidth: 3 });
    const changed = Array.from({ length: 200 }, (_, x) => pixel(drawn, x, 30).some(v => v !== 128));
    const columns = changed.flatMap((c, x) => (c ? [x] : []));
    for (const x of columns) expect(Math.min(Math.abs(x + 0.5 - 50), Math.abs(x + 0.5 - 150))).toBeLessThan(4);
    const table = colorTable('turbo');
    expect(pixel(drawn, 50, 30)).toEqual([...table.subarray(3 * 64, 3 * 64 + 3)]);
    expect(pixel(drawn, 150, 30)).toEqual([...table.subarray(3 * 191, 3 * 191 + 3)]);
  });
  test('a flat map has none, and the picture itself stays as it is', () => {
    const image = grey(40, 30);
    expect(
      drawContours(
        image,
        relative(40, 30, () => 1),
      ).data,
    ).toEqual(image.data);
    drawContours(
      image,
      relative(40, 30, x => x),
    );
    expect(image.data.every(v => v === 128)).toBe(true);
  });
  test('refuse a picture of another size', () => {
    expect(() =>
      drawContours(
        grey(4, 4),
        relative(5, 4, () => 1),
      ),
    ).toThrow(/picture of 4 x 4 with a depth map of 5 x 4/);
  });
});

test('a camera of 90 degrees sees as far to the side as ahead', () => {
  expect(pinhole(640, 480, 90).fx).toBeCloseTo(320, 9);
  for (const fov of [0, 180, Number.NaN]) expect(() => pinhole(640, 480, fov)).toThrow(/fov is/);
});
