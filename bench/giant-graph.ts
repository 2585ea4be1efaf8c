/**
 * Building the graph of the largest tower (PE-Core-G14, 1.88 billion parameters) over its checkpoint.
 *
 * Makes a sparse safetensors file of the right names, shapes and size (7.5 GB that take no disk), then, in a fresh process,
 * opens it, checks it, builds the graph with its weights pointing into the file, and prints times and the peak of resident
 * memory. Fails when the limits (5 s, 500 MB) are not kept. `--run` also opens a session in the low-memory way and runs one picture.
 *
 *   node --import tsx bench/giant-graph.ts [--run] [--arch pe-core-g14]
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  addBackbone,
  Backbone,
  checkpointWeights,
  expectedTensors,
  findBackbone,
  parameterCount,
} from '../src/backbone/index.ts';
import { openCheckpoint } from '../src/checkpoint/index.ts';
import { sizeOf, tensor } from '../src/core/index.ts';
import { GraphBuilder } from '../src/onnx/index.ts';

const SECONDS = 5;
const MEGABYTES = 500;

const { values } = parseArgs({
  options: { run: { type: 'boolean' }, arch: { type: 'string', default: 'pe-core-g14' }, measure: { type: 'string' } },
});
const arch = values.arch;
const config = findBackbone(arch);

async function writeSparse(path: string): Promise<void> {
  const header: Record<string, object> = {};
  let at = 0;
  for (const { name, shape } of expectedTensors(config)) {
    const bytes = 4 * sizeOf(shape);
    header[`visual.${name}`] = { dtype: 'F32', shape, data_offsets: [at, at + bytes] };
    at += bytes;
  }
  let text = JSON.stringify(header);
  text = text.padEnd(Math.ceil((text.length + 8) / 64) * 64 - 8);
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(text.length));
  const file = await open(path, 'w');
  await file.writeFile(Buffer.concat([head, Buffer.from(text)]));
  await file.truncate(8 + text.length + at);
  await file.close();
}

const peakMegabytes = () => process.resourceUsage().maxRSS / 1024;

async function measure(path: string): Promise<void> {
  const before = peakMegabytes();
  const started = performance.now();
  const checkpoint = await openCheckpoint(path);
  const opened = performance.now();
  const weights = await checkpointWeights(checkpoint, config, arch);
  const b = new GraphBuilder();
  const image = b.input('image', 'float32', ['batch', 3, config.imageSize, config.imageSize]);
  const tower = addBackbone(b, image, config, weights, { taps: [config.layers], embedding: config.pool !== 'none' });
  b.output('features', tower.taps.get(config.layers)!);
  if (tower.embedding) b.output('embedding', tower.embedding);
  const graph = b.build();
  const built = performance.now();
  const seconds = (built - started) / 1000;
  const peak = peakMegabytes();
  console.log(
    `${arch}: ${(parameterCount(config) / 1e9).toFixed(3)} billion parameters, file ${(checkpoint.bytes / 1e9).toFixed(2)} GB`,
  );
  console.log(
    `open ${(opened - started).toFixed(0)} ms, check and build ${(built - opened).toFixed(0)} ms, graph ${(graph.bytes.length / 1024).toFixed(0)} KiB`,
  );
  console.log(`peak resident memory ${peak.toFixed(0)} MB (${before.toFixed(0)} MB before the first read)`);
  if (seconds > SECONDS || peak > MEGABYTES) {
    console.error(`limits are ${SECONDS} s and ${MEGABYTES} MB`);
    process.exitCode = 1;
  }
  if (!values.run) return;
  const ready = performance.now();
  const { imageSize } = config;
  const backbone = await Backbone.open(checkpoint, config, { taps: [config.layers], lowMemory: true });
  const opened2 = performance.now();
  await backbone.run(
    tensor(
      ['batch', 'channel', 'height', 'width'] as const,
      [1, 3, imageSize, imageSize],
      new Float32Array(3 * imageSize ** 2),
    ),
  );
  const ran = performance.now();
  console.log(
    `session ${(opened2 - ready).toFixed(0)} ms, one picture ${(ran - opened2).toFixed(0)} ms, low-memory; peak with mapped file pages ${peakMegabytes().toFixed(0)} MB`,
  );
  await backbone.close();
}

if (values.measure) await measure(values.measure);
else {
  const folder = await mkdtemp(join(tmpdir(), 'pe-dense-giant-'));
  try {
    const path = join(folder, `${arch}.safetensors`);
    await writeSparse(path);
    const { size, blocks } = await stat(path);
    console.log(`sparse file: ${(size / 1e9).toFixed(2)} GB, ${((blocks * 512) / 1e6).toFixed(1)} MB on disk`);
    const args = [
      '--import',
      'tsx',
      fileURLToPath(import.meta.url),
      '--measure',
      path,
      '--arch',
      arch,
      ...(values.run ? ['--run'] : []),
    ];
    process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
