/**
 * Hard NMS beside torchvision's on one CPU thread, same boxes, same run, same machine:
 *   npx tsx bench/nms.ts            (PYTHON names an interpreter with torchvision; default .venv/bin/python)
 * CPU time of the process, ours with compiler and garbage collector threads included: other programs do not count.
 * Prints a table; exits 1 if the kept boxes differ above 1000 boxes, where both sides suppress class by class.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Detections } from '../src/core/index.ts';
import { nms } from '../src/postprocess/index.ts';
import { type SceneKind, scene, sha256 } from '../test/postprocess/scene.ts';

const IOU = 0.5;
interface Case {
  readonly kind: SceneKind;
  readonly n: number;
  readonly agnostic: boolean;
  readonly input: Detections;
  readonly file: string;
}
interface Result {
  readonly ms: number[];
  readonly kept: number;
  readonly sha256: string;
}

const folder = mkdtempSync(join(tmpdir(), 'nms-bench-'));
try {
  const cases = makeCases(folder);
  const theirs = runTorchvision(cases);
  const ours = cases.map(runOurs);
  print(cases, ours, theirs.results, theirs.versions);
} finally {
  rmSync(folder, { recursive: true });
}

function makeCases(into: string): Case[] {
  const cases: Case[] = [];
  for (const kind of ['scattered', 'clustered'] as const)
    for (const n of [900, 10_000, 100_000]) {
      const input = scene(kind, n, 7, 80);
      const file = join(into, `${kind}-${n}.bin`);
      const bytes = (a: Float32Array | Int32Array) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
      writeFileSync(file, Buffer.concat([bytes(input.boxes), bytes(input.scores), bytes(input.classes)]));
      for (const agnostic of [false, true]) cases.push({ kind, n, agnostic, input, file });
    }
  return cases;
}

function runTorchvision(cases: readonly Case[]): { versions: string; results: Result[] } {
  const python = process.env.PYTHON ?? (existsSync('.venv/bin/python') ? '.venv/bin/python' : 'python3');
  const script = fileURLToPath(new URL('nms.py', import.meta.url));
  const input = JSON.stringify(cases.map(({ file, n, agnostic }) => ({ file, n, agnostic, iou: IOU })));
  const run = spawnSync(python, [script], { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'inherit'] });
  if (run.status !== 0) throw new Error(`${python} failed: set PYTHON to an interpreter with torch and torchvision`);
  return JSON.parse(run.stdout);
}

function runOurs({ input, agnostic }: Case): Result {
  const ms: number[] = [];
  let kept: number[] = [];
  for (let total = 0; ms.length < 3 || (total < 1000 && ms.length < 50); total += ms.at(-1)!) {
    const start = process.cpuUsage();
    kept = nms(input.boxes, input.scores, agnostic ? null : input.classes, IOU);
    const { user, system } = process.cpuUsage(start);
    ms.push((user + system) / 1000);
  }
  return { ms, kept: kept.length, sha256: sha256(Int32Array.from(kept).sort()) };
}

function print(cases: readonly Case[], ours: readonly Result[], theirs: readonly Result[], versions: string): void {
  console.log(
    `${cpus()[0].model}, one thread; Node ${process.version}; ${versions}; IoU ${IOU}; CPU time, fastest of the runs`,
  );
  console.log('| boxes | scene | classes | kept | torchvision ms | ours ms | faster | same boxes |');
  console.log('|---:|---|---:|---:|---:|---:|---:|---|');
  cases.forEach((c, i) => {
    const [a, b] = [Math.min(...theirs[i].ms), Math.min(...ours[i].ms)];
    const same = theirs[i].sha256 === ours[i].sha256;
    if (!same && (c.n > 1000 || c.agnostic)) process.exitCode = 1;
    const cells = [c.n, c.kind, c.agnostic ? 'all as one' : 80, ours[i].kept];
    console.log(
      `| ${[...cells, a.toFixed(2), b.toFixed(2), `${(a / b).toFixed(1)}x`, same ? 'yes' : 'no'].join(' | ')} |`,
    );
  });
}
