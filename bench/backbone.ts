/**
 * One vision tower on this machine: median time of a pass and processor time per pass, with the fast and the portable
 * operators, from random weights (identical weights would be packed once and lie).
 *
 *   node --import tsx bench/backbone.ts [--arch pe-spatial-t16] [--size 384] [--threads 1] [--runs 10]
 */
import { parseArgs } from 'node:util';
import { Backbone, findBackbone, weightsFrom } from '../src/backbone/index.ts';
import { tensor } from '../src/core/index.ts';
import { hashedWeights, uniform } from '../test/backbone/hashed.ts';

const { values } = parseArgs({
  options: {
    arch: { type: 'string', default: 'pe-spatial-t16' },
    size: { type: 'string', default: '384' },
    threads: { type: 'string' },
    runs: { type: 'string', default: '10' },
  },
});
const config = findBackbone(values.arch);
const size = Number(values.size);
const runs = Number(values.runs);
const weights = weightsFrom(hashedWeights(config), values.arch);
const image = tensor(
  ['batch', 'channel', 'height', 'width'] as const,
  [1, 3, size, size],
  uniform('input', 3 * size * size),
);
for (const lowering of ['fast', 'portable'] as const) {
  const backbone = await Backbone.fromWeights(weights, config, {
    size: { height: size, width: size },
    taps: [config.layers],
    lowering,
    ...(values.threads ? { threads: Number(values.threads) } : {}),
  });
  for (let i = 0; i < 3; i++) await backbone.run(image);
  const cpu = process.cpuUsage();
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const from = performance.now();
    await backbone.run(image);
    times.push(performance.now() - from);
  }
  const { user, system } = process.cpuUsage(cpu);
  times.sort((a, b) => a - b);
  const median = times[Math.floor(runs / 2)].toFixed(0);
  const used = ((user + system) / 1000 / runs).toFixed(0);
  console.log(`${values.arch} at ${size}, ${lowering}: median ${median} ms, processor ${used} ms per pass`);
  await backbone.close();
}
