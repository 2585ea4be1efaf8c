/**
 * Which block's features carry masks best? J&F of `propagate` on a DAVIS folder for every block of a tower, all blocks
 * from one pass of the network:
 *   npx tsx tools/layers/jf-by-layer.ts --davis DIR [--model NAME | --checkpoint FILE [--arch NAME]]
 *     [--split FILE] [--layers 1,2,...] [--size 480] [--out MASKS] [--chart FILE.svg] [--title TEXT]
 * Prints a Markdown table. Masks go to MASKS/layer_<n>/<sequence>/, the figures come from `evaluate davis`. Run again
 * with the same MASKS it goes on where it was stopped.
 */
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { tensor } from '../../src/core/index.ts';
import { readValuePng } from '../../src/evaluate/index.ts';
import { encodePalettePng } from '../../src/image/index.ts';
import { evaluateDavis, findDavis, findTower, MaskPropagator, type MaskedVideo } from '../../src/pipelines/index.ts';
import { barChart } from '../../src/render/charts/index.ts';

const { values: flags } = parseArgs({
  options: {
    davis: { type: 'string' },
    model: { type: 'string' },
    checkpoint: { type: 'string' },
    arch: { type: 'string' },
    split: { type: 'string' },
    layers: { type: 'string' },
    size: { type: 'string', default: '480' },
    out: { type: 'string', default: 'layers-masks' },
    chart: { type: 'string' },
    title: { type: 'string' },
  },
});
if (flags.davis === undefined) throw new Error('--davis DIR is missing: a folder with JPEGImages and Annotations');

const { davis, model, checkpoint, arch, out } = flags;
const source = { model, checkpoint, arch };
const { name, config } = await findTower(source);
const layers = flags.layers?.split(',').map(Number) ?? Array.from({ length: config.layers }, (_, i) => i + 1);
const videos = await findDavis(davis, flags.split, '');
const propagator = await MaskPropagator.load({ ...source, layers, size: Number(flags.size) });
for (const video of videos) await carry(video);
await propagator.close();

const gt = join(davis, 'Annotations', '480p');
const sequences = videos.map(v => v.name);
const rows: { layer: number; all: number; j: number; f: number; each: number[] }[] = [];
for (const layer of layers) {
  const report = await evaluateDavis({ gt, pred: join(out, `layer_${layer}`), sequences });
  const each = sequences.map(s => report.per_sequence[s]!['J&F-Mean']);
  rows.push({ layer, all: report['J&F-Mean'], j: report['J-Mean'], f: report['F-Mean'], each });
}
const best = rows.reduce((a, b) => (b.all > a.all ? b : a));
const points = (v: number) => (100 * v).toFixed(1);
console.log(`| block | J&F | J | F | ${sequences.join(' | ')} |`);
console.log(`|${'---|'.repeat(4 + sequences.length)}`);
for (const r of rows) {
  const cells = [r.layer, ...[r.all, r.j, r.f, ...r.each].map(points)];
  console.log(`| ${cells.map(c => (r === best ? `**${c}**` : c)).join(' | ')} |`);
}
if (flags.chart !== undefined) {
  const svg = barChart({
    title: flags.title ?? `J&F by block, ${name}`,
    subtitle: `${sequences.join(', ')}; short side ${flags.size} px`,
    bars: rows.map(r => ({ label: `block ${r.layer}`, value: 100 * r.all, color: r === best ? '#d1495b' : undefined })),
    axis: 'J&F, percent',
    max: 100,
    format: v => v.toFixed(1),
  });
  await mkdir(dirname(flags.chart), { recursive: true });
  await writeFile(flags.chart, svg);
}

async function carry(video: MaskedVideo): Promise<void> {
  const stems = await video.stems();
  const last = stems.at(-1)!;
  const there = await Promise.all(
    layers.map(layer => access(join(out, `layer_${layer}`, video.name, `${last}.png`)).then(() => true, () => false)),
  );
  if (there.every(Boolean)) return;
  const mask = readValuePng(await readFile(video.mask), video.mask);
  const started = performance.now();
  async function* pictures() {
    for await (const { source } of video.read()) yield source;
  }
  const names = (index: number) => `${video.name}/${stems[index]}`;
  for await (const { index, masks } of propagator.carry(pictures(), mask, { names })) {
    for (const [layer, data] of masks) {
      const folder = join(out, `layer_${layer}`, video.name);
      await mkdir(folder, { recursive: true });
      const image = tensor(['height', 'width'] as const, [mask.height, mask.width], data);
      await writeFile(join(folder, `${stems[index]}.png`), encodePalettePng(image));
    }
    const seconds = (performance.now() - started) / 1000;
    if (index % 10 === 0) console.error(`${video.name}: ${index + 1} of ${stems.length}, ${seconds.toFixed(0)} s`);
  }
}
