/**
 * The large towers against timm, by hand: weights and outputs come from
 *   python tools/golden/timm_backbones.py --big FOLDER pe-spatial-l14 pe-core-g14 ...
 * and this prints, per output, the largest difference in standard deviations, with times and memory.
 *
 *   node --import tsx bench/big-parity.ts FOLDER NAME [--low-memory]
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Backbone } from '../src/backbone/index.ts';
import { tensor } from '../src/core/index.ts';
import { samplePlaces, uniform } from '../test/backbone/hashed.ts';

interface Sample {
  size: number;
  std: number;
  values: number[];
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { 'low-memory': { type: 'boolean' } } });
const [folder, name] = positionals;
const golden = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as {
  height: number;
  width: number;
  taps: Record<string, Sample>;
  normed: Sample;
  embedding?: Sample;
};
const { height, width } = golden;
const taps = Object.keys(golden.taps).map(Number);
const started = performance.now();
const backbone = await Backbone.open(join(folder, `${name}.safetensors`), name, {
  size: { height, width },
  taps,
  normed: true,
  embedding: golden.embedding !== undefined,
  lowMemory: values['low-memory'] ?? false,
});
const opened = performance.now();
const image = uniform('input', 3 * height * width);
const out = await backbone.run(tensor(['batch', 'channel', 'height', 'width'] as const, [1, 3, height, width], image));
const ran = performance.now();
await backbone.close();

let worst = 0;
function compare(label: string, data: Float32Array, want: Sample): void {
  const places = samplePlaces(label, want.values.length, want.size);
  const error = Math.max(...places.map((at, i) => Math.abs(data[at] - want.values[i]))) / want.std;
  worst = Math.max(worst, data.length === want.size ? error : Number.POSITIVE_INFINITY);
  console.log(`${label}: ${error.toExponential(1)}`);
}
for (const i of taps) compare(`layer_${i}`, out.taps.get(i)!.data, golden.taps[i]);
compare('normed', out.normed!.data, golden.normed);
if (golden.embedding) compare('embedding', out.embedding!.data, golden.embedding);
const peak = process.resourceUsage().maxRSS / 1024;
console.log(
  `${name}: open ${((opened - started) / 1000).toFixed(1)} s, run ${((ran - opened) / 1000).toFixed(1)} s, peak ${peak.toFixed(0)} MB`,
);
process.exitCode = worst < 1e-4 ? 0 : 1;
