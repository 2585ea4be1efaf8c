/**
 * Objects and depth of one picture: one shared backbone pass (Perceiver) against two runs (Detector, DepthEstimator). The
 * two ways take turns, so that a busy machine slows both alike. A model without a depth head gets a random one of the
 * widths that tools/train uses: numbers do not change the time.
 *
 *   node --import tsx bench/perceive.ts [--model dense-t16] [--size 224] [--threads 1] [--runs 30]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadArch } from '../src/backbone/index.ts';
import { openCheckpoint, readTensor, type TensorToWrite, writeSafetensors } from '../src/checkpoint/index.ts';
import { rgbImage, seededNormal } from '../src/core/index.ts';
import { backboneOf, type Model, openModel, writeModelJson } from '../src/model/index.ts';
import { DepthEstimator, Detector, Perceiver } from '../src/pipelines/index.ts';
import { dptTensors } from '../test/detect/dpt-tensors.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'dense-t16' },
    size: { type: 'string' },
    threads: { type: 'string' },
    runs: { type: 'string', default: '30' },
  },
});

/** The model with a random depth head, in a folder of its own. */
async function withDepth(model: Model, folder: string): Promise<string> {
  const { arch } = backboneOf(model.json);
  const { width, layers } = await loadArch(arch);
  const taps = [1, 2, 3, 4].map(i => Math.round((i * layers) / 4));
  const random = seededNormal(3);
  const tensors: TensorToWrite[] = [];
  const checkpoint = await openCheckpoint(model.files.get('weights')!.path);
  for (const [name, { shape }] of checkpoint.tensors)
    if (!/^(train|depth)\./.test(name))
      tensors.push({ name, dtype: 'f16', shape: [...shape], data: await readTensor(checkpoint, name) });
  const widths = {
    width,
    taps,
    features: 64,
    channels: [32, 48, 96, 96],
    hidden: 16,
    separable: [0, 1],
    outputs: 1,
  } as const;
  for (const { name, shape } of dptTensors(widths)) {
    const scale = 1 / Math.sqrt(shape.slice(1).reduce((p, d) => p * d, 1));
    const data = Float32Array.from({ length: shape.reduce((p, d) => p * d, 1) }, () => scale * random());
    tensors.push({ name, dtype: 'f16', shape, data });
  }
  await writeSafetensors(join(folder, 'weights.safetensors'), tensors);
  const { files: _, backbone, heads, ...rest } = model.json;
  const used = backboneOf(model.json).taps;
  await writeModelJson(folder, {
    ...rest,
    backbone: { ...backbone!, taps: [...new Set([...used, ...taps])].sort((a, b) => a - b) },
    heads: { detection: { ...heads.detection!, taps: used }, depth: { kind: 'dpt', output: 'relative', taps } },
    files: { weights: { path: 'weights.safetensors', dtype: 'fp16' } },
  } as Parameters<typeof writeModelJson>[1]);
  return folder;
}

/** Runs `work`, and tells milliseconds passed and milliseconds of processor. */
async function timed(work: () => Promise<unknown>): Promise<[number, number]> {
  const cpu = process.cpuUsage();
  const from = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return [performance.now() - from, (user + system) / 1000];
}

const median = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const folder = mkdtempSync(join(tmpdir(), 'pe-dense-bench-'));
try {
  const opened = await openModel(values.model);
  const model = opened.json.heads.depth ? values.model : await withDepth(opened, folder);
  const options = {
    ...(values.size && { size: Number(values.size) }),
    ...(values.threads && { threads: Number(values.threads) }),
  };
  const image = rgbImage(
    480,
    640,
    Uint8Array.from({ length: 480 * 640 * 3 }, (_, i) => (i * 37) % 251),
  );
  const detector = await Detector.load(model, options);
  const estimator = await DepthEstimator.load(model, options);
  const perceiver = await Perceiver.load(model, options);
  const apart = async () => {
    await detector.detect(image);
    await estimator.estimate(image, { size: 'network' });
  };
  const shared = () => perceiver.perceive(image, { depth: { size: 'network' } });
  const times = { apart: [] as [number, number][], shared: [] as [number, number][] };
  for (let i = 0; i < 3; i++) await apart().then(shared); // warm up
  for (let i = 0; i < Number(values.runs); i++) {
    times.apart.push(await timed(apart));
    times.shared.push(await timed(shared));
  }
  const { width, height } = perceiver.inputSize;
  const own = opened.json.heads.depth ? 'its own depth head' : 'a random depth head';
  console.log(`${values.model} with ${own}, ${width} x ${height}, ${values.runs} turns, medians`);
  const row = (name: string, list: [number, number][]) =>
    console.log(
      `${name}: ${median(list.map(t => t[0])).toFixed(1)} ms, processor ${median(list.map(t => t[1])).toFixed(1)} ms`,
    );
  row('detect, then depth', times.apart);
  row('perceive          ', times.shared);
  const ratio = (k: 0 | 1) => (median(times.apart.map(t => t[k])) / median(times.shared.map(t => t[k]))).toFixed(2);
  console.log(`the shared pass is ${ratio(0)} times as fast, and takes ${ratio(1)} times less processor time`);
  await Promise.all([detector.close(), estimator.close(), perceiver.close()]);
} finally {
  rmSync(folder, { recursive: true });
}
