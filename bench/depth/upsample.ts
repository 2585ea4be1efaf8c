/**
 * How well depth at a network's size is brought to the picture's: on pictures with dense true disparity, a small, blurred
 * map is made from the truth and brought back. `npx tsx bench/depth/upsample.ts FOLDER...`, each folder with im2.png and
 * disp2.pgm (Middlebury 2003). Prints, per method, the mean error and the share of pixels off by more than a tenth, in
 * percent of the map's spread, for all pixels and for those near edges of the truth.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DepthMap, type RgbImage, readPgm } from '../../src/core/index.ts';
import { decodeImage } from '../../src/image/index.ts';
import { upsampleDepth } from '../../src/postprocess/index.ts';

const NEAR_EDGE = 6; // pixels

interface Scene {
  readonly image: RgbImage;
  readonly truth: DepthMap;
  readonly known: Uint8Array;
  readonly edge: Uint8Array;
  readonly spread: number;
}

async function load(folder: string): Promise<Scene> {
  const image = await decodeImage(join(folder, 'im2.png'));
  const { width, height, data } = readPgm(readFileSync(join(folder, 'disp2.pgm')), 'disp2.pgm');
  const known = Uint8Array.from(data, v => (v > 0 ? 1 : 0));
  const values = Float32Array.from(data);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      // holes get the smaller (farther) of the known values left and right, as occluded parts are
      const i = y * width + x;
      if (data[i] > 0) continue;
      let [l, r] = [x, x];
      while (l >= 0 && !data[y * width + l]) l--;
      while (r < width && !data[y * width + r]) r++;
      const sides = [l >= 0 ? data[y * width + l] : Infinity, r < width ? data[y * width + r] : Infinity];
      values[i] = Math.min(...sides);
    }
  const sorted = values.slice().sort();
  const spread = sorted[Math.floor(0.95 * sorted.length)] - sorted[Math.floor(0.05 * sorted.length)];
  const jump = new Uint8Array(width * height);
  for (let y = 1; y < height; y++)
    for (let x = 1; x < width; x++) {
      const i = y * width + x;
      const most = Math.max(Math.abs(values[i] - values[i - 1]), Math.abs(values[i] - values[i - width]));
      if (most > 0.1 * spread) jump[i] = 1;
    }
  const edge = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (jump[y * width + x])
        for (let v = Math.max(0, y - NEAR_EDGE); v <= Math.min(height - 1, y + NEAR_EDGE); v++)
          edge.fill(1, v * width + Math.max(0, x - NEAR_EDGE), v * width + Math.min(width, x + NEAR_EDGE + 1));
  return { image, truth: { kind: 'relative', width, height, values }, known, edge, spread };
}

/** Block means, then a Gaussian blur of `sigma` cells. */
function small({ truth }: Scene, factor: number, sigma: number): DepthMap {
  const width = Math.round(truth.width / factor);
  const height = Math.round(truth.height / factor);
  const values = new Float32Array(width * height);
  const counts = new Uint32Array(width * height);
  for (let y = 0; y < truth.height; y++)
    for (let x = 0; x < truth.width; x++) {
      const at = Math.floor((y * height) / truth.height) * width + Math.floor((x * width) / truth.width);
      values[at] += truth.values[y * truth.width + x];
      counts[at]++;
    }
  for (let i = 0; i < values.length; i++) values[i] /= counts[i];
  const radius = Math.ceil(3 * sigma);
  const blur = (from: Float32Array, dx: number, dy: number) =>
    from.map((_, i) => {
      let [sum, weight] = [0, 0];
      for (let d = -radius; d <= radius; d++) {
        const x = Math.min(width - 1, Math.max(0, (i % width) + d * dx));
        const y = Math.min(height - 1, Math.max(0, Math.floor(i / width) + d * dy));
        const w = sigma > 0 ? Math.exp(-(d * d) / (2 * sigma * sigma)) : 1;
        sum += w * from[y * width + x];
        weight += w;
      }
      return sum / weight;
    });
  return { kind: 'relative', width, height, values: blur(blur(values, 1, 0), 0, 1) };
}

function interpolate(map: DepthMap, width: number, height: number, nearest: boolean): DepthMap {
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const fx = Math.min(map.width - 1, Math.max(0, ((x + 0.5) * map.width) / width - 0.5));
      const fy = Math.min(map.height - 1, Math.max(0, ((y + 0.5) * map.height) / height - 0.5));
      const at = (c: number, r: number) =>
        map.values[Math.min(map.height - 1, r) * map.width + Math.min(map.width - 1, c)];
      const [c, r] = nearest ? [Math.round(fx), Math.round(fy)] : [Math.floor(fx), Math.floor(fy)];
      const [a, b] = nearest ? [0, 0] : [fx - c, fy - r];
      values[y * width + x] =
        (1 - b) * ((1 - a) * at(c, r) + a * at(c + 1, r)) + b * ((1 - a) * at(c, r + 1) + a * at(c + 1, r + 1));
    }
  return { kind: map.kind, width, height, values };
}

function errors({ truth, known, edge, spread }: Scene, made: DepthMap): number[] {
  const sums = [0, 0, 0, 0];
  const counts = [0, 0];
  for (let i = 0; i < known.length; i++) {
    if (!known[i]) continue;
    const off = Math.abs(made.values[i] - truth.values[i]) / spread;
    for (const group of edge[i] ? [0, 1] : [0]) {
      counts[group]++;
      sums[2 * group] += off;
      sums[2 * group + 1] += off > 0.1 ? 1 : 0;
    }
  }
  return sums.map((sum, i) => (100 * sum) / counts[i >> 1]);
}

const scenes = await Promise.all(process.argv.slice(2).map(load));
console.log('factor blur  method                      all: error  >10 %   near edges: error  >10 %');
for (const [factor, sigma] of [
  [4, 0],
  [4, 1.5],
  [8, 1],
]) {
  const methods: [string, (low: DepthMap, scene: Scene) => Promise<DepthMap>][] = [
    ['nearest', async (low, s) => interpolate(low, s.truth.width, s.truth.height, true)],
    ['bilinear', async (low, s) => interpolate(low, s.truth.width, s.truth.height, false)],
    ...[0, 2, 3, 4].flatMap(edgeRadius =>
      [8, 16, 24].map(
        colorSigma =>
          [
            `ours, edges ${edgeRadius}, colour ${colorSigma}`,
            (low: DepthMap, s: Scene) => upsampleDepth(low, s.image, { edgeRadius, colorSigma }),
          ] as [string, (low: DepthMap, scene: Scene) => Promise<DepthMap>],
      ),
    ),
  ];
  for (const [name, method] of methods) {
    const figures = await Promise.all(scenes.map(async s => errors(s, await method(small(s, factor, sigma), s))));
    const mean = [0, 1, 2, 3].map(k => figures.reduce((sum, f) => sum + f[k], 0) / figures.length);
    const cell = (k: number) => mean[k].toFixed(2).padStart(8);
    console.log(
      `${String(factor).padStart(6)} ${String(sigma).padStart(4)}  ${name.padEnd(26)} ${cell(0)} ${cell(1)} ${cell(2)} ${cell(3)}`,
    );
  }
}
