/** Blocks on cost: time per picture and stage, and sizes of files. */
import { mkdirSync, statSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { decodeImage } from '../../src/image/index.ts';
import { countParameters, openModel } from '../../src/model/index.ts';
import { DepthEstimator, Detector, exportModel, Perceiver } from '../../src/pipelines/index.ts';
import type { Stage } from '../../src/pipelines/stages.ts';
import { megabytes, table } from './markdown.ts';

const median = (list: readonly number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]!;

interface Way {
  readonly name: string;
  readonly run: () => Promise<unknown>;
  readonly close: () => Promise<void>;
  readonly wall: number[];
  readonly cpu: number[];
}

/** Takes turns, so that whatever else the machine does slows all ways alike. */
async function takeTurns(ways: readonly Way[], runs: number): Promise<void> {
  for (let i = -2; i < runs; i++)
    for (const { run, wall, cpu } of ways) {
      const before = process.cpuUsage();
      const from = performance.now();
      await run();
      if (i < 0) continue; // warm up
      wall.push(performance.now() - from);
      const { user, system } = process.cpuUsage(before);
      cpu.push((user + system) / 1000);
    }
}

/** Times of `detect`, `perceive` and `depth` at one and two threads, and the stages of `detect`. */
export async function speedBlock(model: string, picture: string, runs: number): Promise<string> {
  const { heads } = (await openModel(model)).json;
  const image = await decodeImage(picture);
  const rows: (string | number)[][] = [
    ['threads', '', 'shortest, ms', 'median, ms', 'processor time, ms', 'the same against detect'],
  ];
  const stages: Record<Stage, number[]> = { decode: [], resize: [], network: [], postprocess: [] };
  let size = '';
  for (const threads of [1, 2]) {
    const ways: Way[] = [];
    const add = (name: string, run: Way['run'], close: Way['close']) =>
      ways.push({ name, run, close, wall: [], cpu: [] });
    const detector = await Detector.load(model, { threads });
    size = `${detector.inputSize.width} x ${detector.inputSize.height}`;
    const onStage = (stage: Stage, from: number, to: number) => {
      if (threads === 1) stages[stage].push(to - from);
    };
    add(
      'detect',
      () => detector.detect(image, { onStage }),
      () => detector.close(),
    );
    if (heads.depth) {
      const estimator = await DepthEstimator.load(model, { threads });
      const perceiver = await Perceiver.load(model, { threads });
      add(
        'depth',
        () => estimator.estimate(image, { size: 'network' }),
        () => estimator.close(),
      );
      add(
        'perceive (both)',
        () => perceiver.perceive(image, { depth: { size: 'network' } }),
        () => perceiver.close(),
      );
    }
    await takeTurns(ways, runs);
    for (const { name, wall, cpu, close } of ways) {
      // processor time: other work on the machine lengthens it much less than the clock's
      const ratio = (median(cpu) / median(ways[0]!.cpu)).toFixed(2);
      rows.push([threads, name, ...[Math.min(...wall), median(wall), median(cpu)].map(t => t.toFixed(0)), ratio]);
      await close();
    }
  }
  for (let i = 0; i < runs; i++) {
    const from = performance.now();
    await decodeImage(picture);
    stages.decode.push(performance.now() - from);
  }
  const cpu = cpus()[0]?.model.trim() ?? 'unknown processor';
  const [height, width] = image.shape;
  const shortest = Object.values(stages).map(list => Math.min(...list));
  const whole = shortest.reduce((sum, t) => sum + t, 0);
  return [
    `One picture of ${width} x ${height} already decoded, input ${size}, onnxruntime-node on ${cpus().length} cores of ${cpu}; ` +
      `${runs} runs each, which took turns. Load average while measuring: ${loadavg()[0]!.toFixed(1)}${loadavg()[0]! > cpus().length ? ', so the machine was **busy**: read the shortest and the last column, the medians are too long' : ''}.`,
    '',
    table(rows),
    '',
    'Stages of `detect`, one thread, shortest:',
    '',
    table([Object.keys(stages), shortest.map(t => `${t.toFixed(1)} ms (${((100 * t) / whole).toFixed(0)} %)`)]),
  ].join('\n');
}

/** What the files weigh, and the number of parameters. */
export async function filesBlock(model: string, scratch: string): Promise<string> {
  const opened = await openModel(model);
  const { json } = opened;
  const weights = opened.files.get('weights')!;
  const counts = (await countParameters(opened))!;
  const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const millions = (n: number) => `${(n / 1e6).toFixed(2)} M`;
  const rows: (string | number)[][] = [['file', 'MB']];
  for (const [variant, { dtype, bytes }] of opened.files)
    rows.push([`\`${json.files[variant]!.path}\` (${dtype})`, megabytes(bytes)]);
  for (const dtype of ['fp32', 'fp16', 'int8'] as const) {
    const out = join(scratch, dtype);
    mkdirSync(out, { recursive: true });
    const { files } = await exportModel({ model, out, dtype });
    const bytes = files.reduce((sum, { path }) => sum + statSync(path).size, 0);
    rows.push([`\`pe-dense export --dtype ${dtype}\``, megabytes(bytes)]);
  }
  return [
    `Version ${json.version}, weights sha256 \`${weights.sha256.slice(0, 16)}...\`. ${millions(total)} parameters: ` +
      `${Object.entries(counts)
        .map(([part, n]) => `${part} ${millions(n)}`)
        .join(', ')}.`,
    '',
    table(rows),
  ].join('\n');
}
