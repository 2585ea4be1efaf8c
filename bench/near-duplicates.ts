/**
 * How alike are copies of a picture, and how alike different pictures, to the features `data check` compares? Prints, for
 * several ways to pool, the share of copies found and the pairs of different pictures taken for copies at thresholds.
 *
 *   npx tsx bench/near-duplicates.ts [--limit N] [--copies 0.25] PICTURES...
 */
import { parseArgs } from 'node:util';
import sharp, { type Sharp } from 'sharp';
import type { RgbImage } from '../src/core/index.ts';
import { pooledFeatures } from '../src/data/index.ts';
import { decodeImage, listInputs } from '../src/image/index.ts';
import { FeatureExtractor } from '../src/pipelines/index.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    limit: { type: 'string', default: '400' },
    layer: { type: 'string', default: 'last' },
    copies: { type: 'string', default: '0.25' },
  },
});
const CELLS = [1, 2, 4, 7];
type Edit = (s: Sharp, w: number, h: number) => Sharp;
const EDITS: Record<string, Edit> = {
  'half the size': (s, w) => s.resize(Math.round(w / 2)),
  'JPEG quality 30': s => s.jpeg({ quality: 30 }),
  'brighter by 20 %': s => s.modulate({ brightness: 1.2 }),
  grey: s => s.greyscale(),
  'cropped by 5 % of each side': (s, w, h) => crop(s, w, h, 0.05),
  'cropped by 10 % of each side': (s, w, h) => crop(s, w, h, 0.1),
  mirrored: s => s.flop(),
};
const crop = (s: Sharp, w: number, h: number, share: number) =>
  s.extract({
    left: Math.round(w * share),
    top: Math.round(h * share),
    width: Math.round(w * (1 - 2 * share)),
    height: Math.round(h * (1 - 2 * share)),
  });

const share = Number(values.copies); // copies of some are plenty
const layer = values.layer === 'last' ? 'last' : Number(values.layer);
const extractor = await FeatureExtractor.load({ layers: [layer] });
const [rows, columns] = extractor.grid;
async function embed(image: RgbImage): Promise<Float32Array[]> {
  const { layers } = await extractor.run(extractor.prepare([image]));
  const { data, shape } = extractor.toGrid(layer, layers.get(layer)!);
  return CELLS.map(cells => pooledFeatures(data, rows, columns, shape[3], cells));
}

const { files } = await listInputs(positionals);
const step = Math.max(1, files.length / Number(values.limit));
const chosen = files.filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step));
const originals: Float32Array[][] = [];
const copies = new Map<string, Float32Array[][]>(Object.keys(EDITS).map(name => [name, []]));
for (const [i, { path }] of chosen.entries()) {
  const image = await decodeImage(path);
  const [height, width] = image.shape;
  originals.push(await embed(image));
  if (Math.floor(i * share) === Math.floor((i - 1) * share)) continue;
  for (const [name, edit] of Object.entries(EDITS)) {
    const source = sharp(image.data, { raw: { width, height, channels: 3 } });
    const bytes = await edit(source, width, height)
      .toFormat(name.startsWith('JPEG') ? 'jpeg' : 'png', { quality: 30 })
      .toBuffer();
    copies.get(name)!.push([...(await embed(await decodeImage(bytes))), Float32Array.of(i)]);
  }
}
await extractor.close();

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
CELLS.forEach((cells, k) => {
  const pairs: { value: number; names: string }[] = [];
  for (let a = 0; a < originals.length; a++)
    for (let b = a + 1; b < originals.length; b++) {
      const value = dot(originals[a]![k]!, originals[b]![k]!);
      pairs.push({ value, names: `${chosen[a]!.relative} ${chosen[b]!.relative}` });
    }
  pairs.sort((a, b) => b.value - a.value);
  const different = pairs.map(p => p.value);
  console.log(
    `\n${cells} x ${cells} parts, ${originals.length} pictures, ${different.length} pairs of different pictures`,
  );
  console.log(
    `most alike: ${pairs
      .slice(0, 12)
      .map(p => `\n  ${p.value.toFixed(4)} ${p.names}`)
      .join('')}\nmedian ${different[different.length >> 1]!.toFixed(3)}`,
  );
  const thresholds = [0.9, 0.93, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99];
  console.log(['threshold'.padEnd(30), ...thresholds.map(t => String(t).padStart(6))].join(' '));
  const pairsAt = thresholds.map(t => different.filter(v => v >= t).length);
  console.log(['different pairs taken'.padEnd(30), ...pairsAt.map(n => String(n).padStart(6))].join(' '));
  for (const [name, list] of copies) {
    if (list.length === 0) continue;
    const found = list.map(c => dot(c[k]!, originals[c.at(-1)![0]!]![k]!));
    const shares = thresholds.map(t => ((100 * found.filter(v => v >= t).length) / found.length).toFixed(0));
    console.log([name.padEnd(30), ...shares.map(s => s.padStart(6))].join(' '));
  }
});
