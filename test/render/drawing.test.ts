import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Detections, detections, type RgbImage, rgbImage, seededRandom } from '../../src/core/index.ts';
import { parseXml } from '../../src/data/index.ts';
import { cropImage, decodeImage } from '../../src/image/index.ts';
import {
  addHeat,
  BOX_STYLES,
  CONCEAL_KINDS,
  classColor,
  colorTable,
  concealDetections,
  detectionsSvg,
  drawDetections,
  drawHeat,
  drawMasks,
  drawTracks,
  fillRect,
  heatGrid,
  heatValues,
} from '../../src/render/index.ts';
import { expectPicture } from './golden.ts';

const grey = (height: number, width: number, value = 128) =>
  rgbImage(height, width, new Uint8Array(height * width * 3).fill(value));
const noise = (height: number, width: number, seed = 1) => {
  const random = seededRandom(seed);
  return rgbImage(
    height,
    width,
    Uint8Array.from({ length: 3 * height * width }, () => random() * 256),
  );
};
const pixel = (image: RgbImage, x: number, y: number) => {
  const at = 3 * (y * image.shape[1] + x);
  return Array.from(image.data.subarray(at, at + 3));
};
const boxesOf = (...rows: [x1: number, y1: number, x2: number, y2: number, score: number, cls: number][]): Detections =>
  detections(
    Float32Array.from(rows.flatMap(r => r.slice(0, 4))),
    Float32Array.from(rows, r => r[4]),
    Int32Array.from(rows, r => r[5]),
  );
const names = ['person', 'bicycle', 'car'];
/** Sky, houses, a street: flat, so that golden pictures are small. 320 x 213. */
const backdrop = (() => {
  const image = grey(213, 320, 70);
  fillRect(image, 0, 0, 320, 60, [188, 206, 224]);
  [0, 70, 150, 240].forEach((x, k) => {
    fillRect(image, x, 20 + 8 * k, x + 66, 118, [150 - 12 * k, 128, 104 + 10 * k]);
  });
  for (let x = 10; x < 320; x += 48) fillRect(image, x, 176, x + 24, 182, [230, 230, 222]);
  return image;
})();
const scene = boxesOf(
  [473, 256, 531, 418, 0.53, 0],
  [55, 203, 140, 412, 0.52, 0],
  [534, 260, 593, 414, 0.49, 0],
  [277, 240, 345, 278, 0.61, 2],
  [460, 300, 520, 395, 0.4, 1],
);

describe('boxes', () => {
  const half = { ...scene, boxes: scene.boxes.map(v => v / 2) };
  test.each(BOX_STYLES)('%s', async boxStyle => {
    await expectPicture(`boxes-${boxStyle}`, drawDetections(backdrop, half, { names, boxStyle }));
  });
  test('none leaves the picture as it was; corners leave the middle of each side free', () => {
    const one = boxesOf([20, 20, 100, 100, 0.9, 2]);
    const image = grey(120, 120);
    expect(drawDetections(image, one, { names, boxStyle: 'none' }).data).toEqual(image.data);
    const drawn = drawDetections(image, one, { names, boxStyle: 'corners', hideLabels: true, lineWidth: 2 });
    for (const [x, y] of [
      [20, 20],
      [99, 20],
      [20, 99],
      [99, 99],
      [38, 20],
      [20, 38],
    ] as const)
      expect(pixel(drawn, x, y), `${x}, ${y}`).toEqual(classColor(2));
    for (const [x, y] of [
      [60, 20],
      [20, 60],
      [99, 60],
      [60, 99],
    ] as const)
      expect(pixel(drawn, x, y), `${x}, ${y}`).toEqual([128, 128, 128]);
  });
  test('an unknown style is refused by name', () => {
    expect(() =>
      drawDetections(grey(9, 9), boxesOf([1, 1, 5, 5, 1, 0]), { names, boxStyle: 'round' as 'full' }),
    ).toThrow(/box style "round"/);
  });
});

describe('labels at every picture size', () => {
  // a label is read from a row of its plate: its colour at both ends, ink in between
  test.each([160, 640, 6000])('%i px: the best object is named, letters are neither tiny nor huge', width => {
    const scale = width / 640;
    const height = Math.round(425 * scale);
    const found = { ...scene, boxes: scene.boxes.map(v => v * scale) };
    const image = grey(height, width, 10);
    const drawn = drawDetections(image, found, { names });
    const [r, g, b] = classColor(2); // the car, the best
    let [left, top, right, bottom] = [width, height, 0, 0];
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const at = 3 * (y * width + x);
        if (drawn.data[at] !== r || drawn.data[at + 1] !== g || drawn.data[at + 2] !== b) continue;
        if (y >= found.boxes[13] - 1) continue; // its frame
        [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
      }
    const plate = { width: right - left + 1, height: bottom - top + 1 };
    expect(plate.height).toBeGreaterThanOrEqual(12);
    expect(plate.height / height).toBeLessThan(0.13);
    expect(plate.height / height).toBeGreaterThan(0.03);
    expect(plate.width / width).toBeLessThan(0.5);
  });
  test('a crowd on a small picture: labels never hide each other and leave most of the picture free', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 40, max: 200 }), (seed, side) => {
        const random = seededRandom(seed);
        const rows = Array.from({ length: 30 }, () => {
          const [x, y] = [random() * side * 0.9, random() * side * 0.9];
          return [x, y, x + 4 + random() * 20, y + 4 + random() * 20, random(), 0] as const;
        });
        const found = boxesOf(...rows.map(r => [...r] as [number, number, number, number, number, number]));
        const svg = detectionsSvg(found, { names, width: side, height: side });
        const plates = [...svg.matchAll(/<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)" fill="#/g)].map(m =>
          m.slice(1).map(Number),
        );
        expect(plates.length).toBeGreaterThan(0);
        let covered = 0;
        plates.forEach(([x, y, w, h], i) => {
          covered += w * h;
          for (const [x2, y2, w2, h2] of plates.slice(i + 1)) {
            const over = Math.max(0, Math.min(x + w, x2 + w2) - Math.max(x, x2));
            const down = Math.max(0, Math.min(y + h, y2 + h2) - Math.max(y, y2));
            expect(over * down).toBeLessThanOrEqual(0.1 * Math.max(w * h, w2 * h2) + 1e-6);
          }
        });
        if (plates.length > 1) expect(covered).toBeLessThanOrEqual(0.3 * side * side);
      }),
      { numRuns: 40 },
    );
  });
});

describe('concealing', () => {
  test.each(CONCEAL_KINDS)('%s', async kind => {
    const street = await decodeImage('examples/000000184324.jpg');
    const corner = cropImage(street, 440, 230, 180, 190);
    const people = boxesOf([33, 26, 91, 188, 0.53, 0], [94, 30, 153, 184, 0.49, 0], [0, 0, 30, 30, 0.9, 1]);
    await expectPicture(`conceal-${kind}`, concealDetections(corner, people, { kind }, new Set([0])));
  });
  test.each(CONCEAL_KINDS)('%s: detail is gone inside, and outside nothing changes', kind => {
    const image = noise(80, 100);
    const out = concealDetections(image, boxesOf([30, 20, 70, 60, 1, 0], [2, 2, 12, 12, 1, 2]), { kind }, new Set([0]));
    const spread = (of: RgbImage) => {
      const values: number[] = [];
      for (let y = 26; y < 54; y++) for (let x = 36; x < 64; x++) values.push(pixel(of, x, y)[0]);
      const mean = values.reduce((a, b) => a + b) / values.length;
      return Math.sqrt(values.reduce((a, v) => a + (v - mean) ** 2, 0) / values.length);
    };
    expect(spread(out)).toBeLessThan(spread(image) / 4);
    for (let y = 0; y < 80; y++)
      for (let x = 0; x < 100; x++)
        if (x < 28 || x >= 72 || y < 18 || y >= 62) expect(pixel(out, x, y)).toEqual(pixel(image, x, y));
  });
  test('what lies outside a region does not enter it', () => {
    const [a, b] = [grey(60, 60, 200), grey(60, 60, 200)];
    for (let x = 0; x < 60; x++) b.data.fill(0, 3 * x, 3 * x + 3);
    for (const kind of CONCEAL_KINDS) {
      const inside = [a, b].map(of => pixel(concealDetections(of, boxesOf([20, 10, 40, 50, 1, 0]), { kind }), 30, 12));
      expect(inside[0], kind).toEqual(inside[1]);
    }
  });
  test('a gaussian keeps the mean of a flat region and is as wide as it says', () => {
    const flat = concealDetections(grey(50, 50, 77), boxesOf([0, 0, 50, 50, 1, 0]), {});
    expect(new Set(flat.data)).toEqual(new Set([77]));
    const step = grey(101, 101, 0);
    for (let y = 0; y < 101; y++) step.data.fill(255, 3 * (y * 101 + 51), 3 * (y + 1) * 101);
    const blurred = concealDetections(step, boxesOf([0, 0, 101, 101, 1, 0]), { strength: 0.06, margin: 0 });
    const sigma = 0.06 * 101;
    const phi = (z: number) => 0.5 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3)));
    for (const d of [-10, -5, 0, 5, 10])
      expect(Math.abs(pixel(blurred, 51 + d, 50)[0] / 255 - phi((d + 0.5) / sigma))).toBeLessThan(0.03);
  });
  test('boxes of any size and place end', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const random = seededRandom(seed);
        const [x, y] = [random() * 90 - 30, random() * 90 - 30];
        const box = boxesOf([x, y, x + random() * 60, y + random() * 60, 1, 0]);
        for (const kind of CONCEAL_KINDS)
          expect(concealDetections(noise(30, 40), box, { kind }).shape).toEqual([30, 40, 3]);
      }),
      { numRuns: 30 },
    );
  });
  test('nonsense is refused by name', () => {
    const one = boxesOf([1, 1, 5, 5, 1, 0]);
    expect(() => concealDetections(grey(9, 9), one, { strength: 0 })).toThrow(/strength is 0/);
    expect(() => concealDetections(grey(9, 9), one, { margin: 2 })).toThrow(/margin is 2/);
    expect(() => concealDetections(grey(9, 9), one, { kind: 'smear' as 'fill' })).toThrow(/blur kind "smear"/);
  });
});

describe('masks', () => {
  const width = 60;
  const height = 40;
  const ids = new Uint8Array(width * height);
  for (let y = 8; y < 32; y++) for (let x = 10; x < 50; x++) ids[y * width + x] = x < 30 ? 5 : 9;
  test('tint inside, full colour on the outline, nothing elsewhere; the k-th object has the k-th colour', () => {
    const drawn = drawMasks(grey(height, width, 100), ids, [5, 9], { alpha: 0.5, lineWidth: 2 });
    expect(pixel(drawn, 2, 2)).toEqual([100, 100, 100]);
    expect(pixel(drawn, 10, 20)).toEqual(classColor(0));
    expect(pixel(drawn, 11, 20)).toEqual(classColor(0));
    expect(pixel(drawn, 20, 20)).toEqual(classColor(0).map(v => Math.round(100 + (v - 100) * 0.5)));
    expect(pixel(drawn, 29, 20)).toEqual(classColor(0)); // an edge to another object is an edge
    expect(pixel(drawn, 30, 20)).toEqual(classColor(1));
    expect(pixel(drawMasks(grey(height, width, 100), ids, [9]), 20, 20)).toEqual([100, 100, 100]);
  });
  test("the picture's own edge is no outline", () => {
    const all = drawMasks(grey(20, 20, 0), new Uint8Array(400).fill(1), [1], { alpha: 0.5 });
    expect(new Set(Array.from({ length: 20 }, (_, x) => String(pixel(all, x, 0)))).size).toBe(1);
    expect(pixel(all, 0, 0)).toEqual(classColor(0).map(v => Math.round(v * 0.5)));
  });
  test('drawn', async () => {
    const map = new Uint8Array(213 * 320);
    for (const [k, [cx, cy, rx, ry]] of [
      [250, 168, 16, 42],
      [50, 154, 18, 50],
      [275, 168, 16, 42],
    ].entries())
      for (let y = 0; y < 213; y++)
        for (let x = 0; x < 320; x++) if (((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1) map[y * 320 + x] = k + 1;
    await expectPicture('masks', drawMasks(backdrop, map, [1, 2, 3]));
  });
  test('a map of another size is refused', () => {
    expect(() => drawMasks(grey(9, 9), new Uint8Array(80), [1])).toThrow(/a mask of 80 pixels on a picture of 9 x 9/);
  });
});

describe('heat', () => {
  test('one point is a hill of height 1 with the width it was given; points add', () => {
    const map = heatGrid(200, 100);
    addHeat(map, Float32Array.of(90, 40, 110, 60));
    const values = heatValues(map, 8);
    expect(map.columns).toBe(200);
    expect(values[50 * 200 + 100]).toBeCloseTo(1, 6);
    expect(values[50 * 200 + 108]).toBeCloseTo(Math.exp(-0.5), 5);
    expect(values[62 * 200 + 100]).toBeCloseTo(Math.exp(-(12 ** 2) / 128), 5);
    addHeat(map, Float32Array.of(90, 40, 110, 60, 90, 0, 110, 60));
    expect(heatValues(map, 8)[50 * 200 + 100]).toBeCloseTo(2 + Math.exp(-(20 ** 2) / 128), 5);
  });
  test('the sum of all values is the number of points times 2 pi radius squared', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 20 }), (seed, n) => {
        const random = seededRandom(seed);
        const map = heatGrid(300, 200);
        for (let i = 0; i < n; i++) {
          const [x, y] = [60 + random() * 180, 60 + random() * 80];
          addHeat(map, Float32Array.of(x - 5, y - 5, x + 5, y + 5));
        }
        const total = heatValues(map, 10).reduce((a, b) => a + b, 0);
        expect(total / (n * 2 * Math.PI * 100)).toBeCloseTo(1, 2);
      }),
      { numRuns: 10 },
    );
  });
  test('counts where feet are, and leaves out what is outside', () => {
    const map = heatGrid(100, 100);
    addHeat(map, Float32Array.of(10, 20, 30, 60, 40, 90, 60, 110), 'bottom');
    expect(map.counts[60 * 100 + 20]).toBe(1);
    expect(map.counts.reduce((a, b) => a + b)).toBe(1);
  });
  test('a large picture is counted on a coarser grid, at the same place', () => {
    const map = heatGrid(6000, 4000);
    addHeat(map, Float32Array.of(2990, 990, 3010, 1010));
    expect([map.columns, map.rows]).toEqual([480, 320]);
    const values = heatValues(map);
    expect(values.indexOf(values.reduce((a, b) => Math.max(a, b)))).toBe(80 * 480 + 240);
  });
  test('drawn: the hottest place has the last colour, cold places stay grey, the key stands beside', async () => {
    const map = heatGrid(120, 80);
    addHeat(map, Float32Array.of(50, 30, 70, 50));
    const drawn = drawHeat(noise(80, 120), map, { opacity: 1, key: false, radius: 8 });
    const hottest = Array.from(colorTable('turbo').subarray(765));
    pixel(drawn, 60, 40).forEach((v, c) => {
      expect(Math.abs(v - hottest[c])).toBeLessThan(12);
    });
    const [r, g, b] = pixel(drawn, 4, 4);
    expect([g, b]).toEqual([r, r]);
    const places = heatGrid(320, 213);
    addHeat(
      places,
      scene.boxes.map(v => v / 2),
      'bottom',
    );
    const withKey = drawHeat(backdrop, places);
    expect(withKey.shape[1]).toBeGreaterThan(340);
    await expectPicture('heat', withKey);
  });
  test('nothing counted is a grey picture; another size is refused', () => {
    const empty = drawHeat(noise(20, 30), heatGrid(30, 20), { key: false });
    for (let i = 0; i < empty.data.length; i += 3) expect(empty.data[i + 1]).toBe(empty.data[i]);
    expect(() => drawHeat(grey(20, 30), heatGrid(20, 30))).toThrow(/picture of 30 x 20 with a heat map of 20 x 30/);
  });
});

describe('SVG', () => {
  const nasty = ['<b>&"\'', 'a\u0000b\ud800', 'ёлка 猫'];
  const found = boxesOf([10, 10, 60, 80, 0.9, 0], [30, 20, 90, 90, 0.8, 1], [0, 0, 50, 40, 0.7, 2]);
  test('is well-formed whatever the names are, and gives them back', async () => {
    const { default: sharp } = await import('sharp');
    const options = { names: nasty, width: 100, height: 100, title: ']]> --> &', href: 'a&b "c".jpg' };
    const svg = detectionsSvg(found, options);
    const root = parseXml(svg, 'drawing');
    expect(root.name).toBe('svg');
    const texts: string[] = [];
    const walk = (e: typeof root) => {
      if (e.name === 'text' || e.name === 'title') texts.push(e.text);
      e.children.forEach(walk);
    };
    walk(root);
    expect(texts[0]).toBe(']]> --> &');
    expect(texts).toContain('<b>&"\' 0.90');
    expect(texts).toContain('a\ufffdb\ufffd 0.80');
    expect(texts).toContain('ёлка 猫 0.70');
    // libxml2, strict: it refuses what is not XML
    expect((await sharp(Buffer.from(svg)).metadata()).width).toBe(100);
    await expect(sharp(Buffer.from(svg.replace('</g>', ''))).metadata()).rejects.toThrow();
  });
  test.each(['full', 'corners'] as const)('%s looks as the pixels do', async boxStyle => {
    const { default: sharp } = await import('sharp');
    const options = { names, boxStyle, hideLabels: true, lineWidth: 3 };
    const image = grey(100, 100, 90);
    const href = `data:image/png;base64,${(
      await sharp(image.data, { raw: { width: 100, height: 100, channels: 3 } })
        .png()
        .toBuffer()
    ).toString('base64')}`;
    const svg = detectionsSvg(found, { ...options, width: 100, height: 100, href });
    const { data } = await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const drawn = drawDetections(image, found, options).data;
    let far = 0;
    for (let i = 0; i < drawn.length; i++) if (Math.abs(drawn[i] - data[i]) > 40) far++;
    expect(far / drawn.length).toBeLessThan(0.01);
  });
  test('text stays text, in the place pixels have it, and every object has its data', () => {
    const svg = detectionsSvg(scene, { names, width: 640, height: 425 });
    expect(svg.match(/class="object"/g)).toHaveLength(5);
    expect(svg).toMatch(/data-name="car" data-score="0.6100" data-box="277 240 345 278"/);
    expect(svg).toMatch(/<text [^>]*>car 0\.61<\/text>/);
    expect(svg).not.toContain('<image');
    expect(detectionsSvg(scene, { names, width: 640, height: 425, boxStyle: 'none' })).not.toMatch(/<path|<text/);
  });
});

test('zones and lines carry their counts', async () => {
  const tracks = { ...scene, boxes: scene.boxes.map(v => v / 2), ids: [1, 2, 3, 4, 5] };
  const drawn = drawTracks(backdrop, tracks, {
    names,
    boxStyle: 'corners',
    trails: new Map([[4, [200, 150, 180, 140, 155, 130]]]),
    lines: [{ x1: 20, y1: 190, x2: 220, y2: 150, text: 'road: in 3, out 1' }],
    zones: [{ points: [225, 120, 315, 120, 315, 210, 225, 210], text: 'corner: 2 of 7' }],
  });
  await expectPicture('tracks', drawn);
});
test('text on a plate shrinks where the picture is narrower: nothing of it is cut off', () => {
  const plateOf = (text: string, width: number) => {
    const lines = [{ x1: 0, y1: 20, x2: width, y2: 20, text }];
    const drawn = drawTracks(grey(40, width, 100), { ...boxesOf(), ids: [] }, { names, lines });
    const dark = [];
    for (let y = 0; y < 40; y++) for (let x = 0; x < width; x++) if (Math.max(...pixel(drawn, x, y)) < 60) dark.push(x);
    return [Math.min(...dark), Math.max(...dark)];
  };
  const [first, last] = plateOf('MMMMMMMMMMMMMMMMMMMM', 100);
  expect(first).toBeGreaterThan(0);
  expect(last).toBeLessThan(99);
  expect(Math.abs(first - (99 - last))).toBeLessThanOrEqual(2); // as much room at both ends
});
