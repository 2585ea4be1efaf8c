/**
 * Time of the similarity search of one frame of DAVIS at 480p (52 x 30 patches, the first frame and 7 previous), the
 * local window beside a full N x N, all in this process and run:
 *   npx tsx bench/propagate/run.ts [--channels 192] [--repeat 3]
 * CPU time of the process (median), compiler and garbage collector included: other programs do not count. Rows:
 *   local, SIMD       what `propagate` does: radius 12, our WebAssembly kernel, then top-5 and labels
 *   full, SIMD        the same code with radius 0: every pair, then top-5 and labels
 *   full, ORT MatMul  every cosine by onnxruntime's matrix product alone; no window, top-5 or labels yet
 *   local, plain      the window's cosines in plain TypeScript loops alone
 * Exits 1 unless local and masked full search give the same labels.
 */
import { parseArgs } from 'node:util';
import { seededNormal } from '../../src/core/index.ts';
import { GraphBuilder, Session } from '../../src/onnx/index.ts';
import { type FrameFeatures, type LabelledFrame, packFeatures, propagateLabels } from '../../src/track/index.ts';

const { values } = parseArgs({
  options: { channels: { type: 'string', default: '192' }, repeat: { type: 'string', default: '3' } },
});
const CHANNELS = Number(values.channels);
const REPEAT = Number(values.repeat);
const [ROWS, COLUMNS, FRAMES, RADIUS, LABELS] = [30, 52, 8, 12, 3];
const N = ROWS * COLUMNS;

const random = seededNormal(5);
const base = Float32Array.from({ length: N * CHANNELS }, random);
const frame = () =>
  packFeatures(
    base.map(v => v + random()),
    ROWS,
    COLUMNS,
  );
const query = frame();
const context: LabelledFrame[] = Array.from({ length: FRAMES }, () => ({
  features: frame(),
  labels: Float32Array.from({ length: LABELS * N }, () => Math.abs(random())),
}));

const session = await matmulSession();
const rows: [string, number, number][] = [
  ['local, SIMD', ...(await cost(() => propagateLabels(query, context)))],
  ['full, SIMD', ...(await cost(() => propagateLabels(query, context, { radius: 0 })))],
  ['full, ORT MatMul', ...(await cost(fullCosines))],
  ['local, plain', ...(await cost(() => plainCosines(query, context)))],
];
await session.close();
check();
console.log(
  `${COLUMNS} x ${ROWS} patches, ${CHANNELS} channels, ${FRAMES} frames of context, ${REPEAT} runs, node ${process.version}`,
);
console.log('| search | CPU ms | wall ms |\n|---|---|---|');
for (const [name, cpu, wall] of rows) console.log(`| ${name} | ${cpu.toFixed(0)} | ${wall.toFixed(0)} |`);

async function cost(work: () => unknown): Promise<[cpu: number, wall: number]> {
  await work(); // compiled
  const cpu: number[] = [];
  const wall: number[] = [];
  for (let i = 0; i < REPEAT; i++) {
    const before = process.cpuUsage();
    const started = performance.now();
    await work();
    wall.push(performance.now() - started);
    const { user, system } = process.cpuUsage(before);
    cpu.push((user + system) / 1000);
  }
  const median = (a: number[]) => a.sort((x, y) => x - y)[a.length >> 1]!;
  return [median(cpu), median(wall)];
}

async function matmulSession(): Promise<Session> {
  const b = new GraphBuilder();
  const q = b.input('q', 'float32', [N, CHANNELS]);
  const k = b.input('k', 'float32', [CHANNELS, N]);
  b.output('cosines', b.matmul(q, k));
  return Session.open(b.build());
}

async function fullCosines(): Promise<void> {
  for (const { features } of context)
    await session.run({
      q: { dims: [N, CHANNELS], data: query.queries },
      k: { dims: [CHANNELS, N], data: features.queries }, // as if transposed: the product costs the same
    });
}

function plainCosines(q: FrameFeatures, frames: readonly LabelledFrame[]): number {
  let most = 0;
  for (const { features } of frames)
    for (let y = 0; y < ROWS; y++)
      for (let x = 0; x < COLUMNS; x++)
        for (let ky = Math.max(0, y - RADIUS); ky <= Math.min(ROWS - 1, y + RADIUS); ky++)
          for (let kx = Math.max(0, x - RADIUS); kx <= Math.min(COLUMNS - 1, x + RADIUS); kx++) {
            const a = (y * COLUMNS + x) * CHANNELS;
            const b = (ky * COLUMNS + kx) * CHANNELS;
            let sum = 0;
            for (let c = 0; c < CHANNELS; c++) sum += q.queries[a + c]! * features.queries[b + c]!;
            if (sum > most) most = sum;
          }
  return most;
}

/** The local search against every pair with the window as a mask, in float64, for some patches. */
function check(): void {
  const ours = propagateLabels(query, context);
  for (const i of [0, 51, 777, 800, N - 1]) {
    const found: { cosine: number; label: number }[] = [];
    for (const { features, labels } of context)
      for (let j = 0; j < N; j++) {
        const dy = Math.abs(Math.floor(i / COLUMNS) - Math.floor(j / COLUMNS));
        if (Math.max(dy, Math.abs((i % COLUMNS) - (j % COLUMNS))) > RADIUS) continue;
        let cosine = 0;
        for (let c = 0; c < CHANNELS; c++)
          cosine += query.queries[i * CHANNELS + c]! * features.queries[j * CHANNELS + c]!;
        found.push({ cosine, label: labels[N + j]! });
      }
    const top = found.sort((a, b) => b.cosine - a.cosine).slice(0, 5);
    const weights = top.map(t => Math.exp(t.cosine / 0.1));
    const wanted = top.reduce((s, t, k) => s + weights[k]! * t.label, 0) / weights.reduce((a, b) => a + b);
    if (Math.abs(wanted - ours[N + i]!) > 1e-4) throw new Error(`patch ${i}: ${ours[N + i]} instead of ${wanted}`);
  }
}
