/**
 * How well `match` finds places whose truth is known: the pictures of examples/ against themselves under seeded perspective
 * maps. Errors are in patches of picture B.
 *
 *   node --import tsx bench/match.ts [--model NAME | --checkpoint FILE [--arch NAME]] [--size 512] [--layer last]
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type RgbImage, rgbImage, seededRandom } from '../src/core/index.ts';
import { decodeImage } from '../src/image/index.ts';
import { type Correspondence, FeatureExtractor, matchPictures, matchPoints } from '../src/pipelines/index.ts';

type Map3 = readonly number[]; // 3 x 3, row by row: A's pixels to B's

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    checkpoint: { type: 'string' },
    arch: { type: 'string' },
    size: { type: 'string', default: '512' },
    layer: { type: 'string', default: 'last' },
  },
});

function apply(m: Map3, x: number, y: number): [number, number] {
  const z = m[6] * x + m[7] * y + m[8];
  return [(m[0] * x + m[1] * y + m[2]) / z, (m[3] * x + m[4] * y + m[5]) / z];
}

function inverse([a, b, c, d, e, f, g, h, i]: Map3): Map3 {
  return [
    e * i - f * h,
    c * h - b * i,
    b * f - c * e,
    f * g - d * i,
    a * i - c * g,
    c * d - a * f,
    d * h - e * g,
    b * g - a * h,
    a * e - b * d,
  ];
}

/** Rotation up to 12 degrees, scale 0.85 to 1.3, shift up to a tenth, a little perspective; about the centre. */
function randomMap(width: number, height: number, random: () => number): Map3 {
  const between = (low: number, high: number) => low + (high - low) * random();
  const angle = (between(-12, 12) * Math.PI) / 180;
  const scale = between(0.85, 1.3);
  const [c, s] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  const [cx, cy] = [width / 2, height / 2];
  const [tx, ty] = [between(-0.1, 0.1) * width, between(-0.1, 0.1) * height];
  return [
    c,
    -s,
    cx - c * cx + s * cy + tx,
    s,
    c,
    cy - s * cx - c * cy + ty,
    between(-1.5e-4, 1.5e-4),
    between(-1.5e-4, 1.5e-4),
    1,
  ];
}

/** B's pixels by bilinear interpolation of A, mirrored outside. */
function warp(image: RgbImage, map: Map3): RgbImage {
  const [height, width] = image.shape;
  const back = inverse(map);
  const out = new Uint8Array(image.data.length);
  const mirror = (v: number, n: number) => {
    const w = ((v % (2 * n)) + 2 * n) % (2 * n);
    return Math.min(w < n ? w : 2 * n - 1 - w, n - 1);
  };
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [sx, sy] = apply(back, x + 0.5, y + 0.5);
      const [x0, y0] = [Math.floor(sx - 0.5), Math.floor(sy - 0.5)];
      const [tx, ty] = [sx - 0.5 - x0, sy - 0.5 - y0];
      for (let c = 0; c < 3; c++) {
        const at = (dx: number, dy: number) =>
          image.data[3 * (mirror(y0 + dy, height) * width + mirror(x0 + dx, width)) + c];
        const top = at(0, 0) * (1 - tx) + at(1, 0) * tx;
        const bottom = at(0, 1) * (1 - tx) + at(1, 1) * tx;
        out[3 * (y * width + x) + c] = Math.round(top * (1 - ty) + bottom * ty);
      }
    }
  return rgbImage(height, width, out);
}

const layer = values.layer === 'last' ? 'last' : Number(values.layer);
const { model, checkpoint, arch } = values;
const extractor = await FeatureExtractor.load({ model, checkpoint, arch, size: Number(values.size), layers: [layer] });
const [rows, columns] = extractor.grid;
const random = seededRandom(1);
const found: number[] = [];
const raster: { error: number; patchError: number; mutual: boolean }[] = [];
const folder = new URL('../examples/', import.meta.url);
const names = readdirSync(folder).filter(name => name.endsWith('.jpg'));
for (const name of names) {
  const a = await decodeImage(fileURLToPath(new URL(name, folder)));
  const [height, width] = a.shape;
  const size = { height, width };
  for (let k = 0; k < 2; k++) {
    const map = randomMap(width, height, random);
    const tokens = (await extractor.run(extractor.prepare([a, warp(a, map)]))).layers.get(layer)!;
    const [fa, fb] = [extractor.toGrid(layer, tokens, 0), extractor.toGrid(layer, tokens, 1)];
    const patches = ([x, y]: readonly [number, number], [u, v]: readonly [number, number]) =>
      Math.hypot(((x - u) / width) * columns, ((y - v) / height) * rows);
    const errorOf = (m: Correspondence) => patches(m.b, apply(map, ...m.a));
    found.push(...matchPictures(fa, fb, size, size, 30).map(errorOf));
    const points: [number, number][] = [];
    for (let y = 1.2; y < rows - 1; y += 2.37)
      for (let x = 1.2; x < columns - 1; x += 2.37) {
        const p: [number, number] = [(x / columns) * width, (y / rows) * height];
        const [u, v] = apply(map, ...p);
        if (u > width / columns && v > height / rows && u < width * (1 - 1 / columns) && v < height * (1 - 1 / rows))
          points.push(p);
      }
    for (const m of matchPoints(points, fa, fb, size, size)) {
      const centre = (value: number, n: number, length: number) =>
        ((Math.floor((value / length) * n) + 0.5) / n) * length;
      const patch = [centre(m.b[0], columns, width), centre(m.b[1], rows, height)] as const;
      raster.push({ error: errorOf(m), patchError: patches(patch, apply(map, ...m.a)), mutual: m.mutual });
    }
  }
}
await extractor.close();

const mean = (list: readonly number[]) => list.reduce((s, v) => s + v, 0) / list.length;
const within = (list: readonly number[], limit: number) =>
  `${(100 * mean(list.map(e => Number(e < limit)))).toFixed(0)} %`;
console.log(`${extractor.name}, ${names.length * 2} pairs, ${columns} x ${rows} patches, layer ${layer}`);
console.log(`found without points: ${found.length}; within 1 patch ${within(found, 1)}, within 2 ${within(found, 2)}`);
for (const [label, list] of [
  ['all', raster],
  ['mutual', raster.filter(r => r.mutual)],
] as const)
  console.log(
    `points on a raster, ${label}: ${list.length}; within 1 patch ${within(
      list.map(r => r.error),
      1,
    )}, within 2 ${within(
      list.map(r => r.error),
      2,
    )}`,
  );
const right = raster.filter(r => r.error < 1.2);
console.log(
  `of the right ones: error refined ${mean(right.map(r => r.error)).toFixed(3)} patches, at the centre of its patch ${mean(right.map(r => r.patchError)).toFixed(3)}`,
);
