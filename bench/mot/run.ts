/**
 * Speed of the tracking metrics beside the original, one run, same files:
 *
 *   npx tsx bench/mot/run.ts --trackeval DIR [--python .venv/bin/python] [--rounds 3]
 *
 * DIR is a checkout of github.com/JonathonLuiten/TrackEval. Each program runs in a fresh process per round, one after
 * the other; the median is printed. Our `metrics` includes the IoU of all boxes, the original's does not.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generate, SCENES, type Scene } from './generate.ts';

interface Timing {
  metrics: number;
  total: number;
  rssMb: number;
  figures: Record<string, number>;
}

const { values } = parseArgs({
  options: {
    trackeval: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    rounds: { type: 'string', default: '3' },
  },
});
if (!values.trackeval) throw new Error('--trackeval DIR is needed: a checkout of github.com/JonathonLuiten/TrackEval');
const here = import.meta.dirname;
const median = (v: number[]) => [...v].sort((a, b) => a - b)[Math.floor(v.length / 2)]!;
const child = (command: string, args: string[]) =>
  JSON.parse(execFileSync(command, args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString()) as Timing;

function write(scene: Scene, folder: string): number {
  let boxes = 0;
  mkdirSync(join(folder, 'pred'), { recursive: true });
  for (let s = 1; s <= scene.sequences; s++) {
    const { gt, result } = generate(scene, s);
    mkdirSync(join(folder, 'gt', `seq${s}`, 'gt'), { recursive: true });
    writeFileSync(join(folder, 'gt', `seq${s}`, 'gt', 'gt.txt'), gt);
    writeFileSync(join(folder, 'pred', `seq${s}.txt`), result);
    boxes += gt.split('\n').length + result.split('\n').length - 2;
  }
  return boxes;
}

console.log(`node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, median of ${values.rounds} rounds`);
for (const scene of SCENES) {
  const folder = mkdtempSync(join(tmpdir(), 'bench-mot-'));
  try {
    const boxes = write(scene, folder);
    const paths = [join(folder, 'gt'), join(folder, 'pred')];
    const ours: Timing[] = [];
    const theirs: Timing[] = [];
    for (let r = 0; r < Number(values.rounds); r++) {
      theirs.push(child(values.python, [join(here, 'original.py'), values.trackeval, ...paths]));
      ours.push(child(process.execPath, ['--import', 'tsx', join(here, 'ours.ts'), ...paths]));
    }
    for (const [name, value] of Object.entries(theirs[0]!.figures))
      if (Math.abs(ours[0]!.figures[name]! - value) > 1e-10)
        throw new Error(`${name} differs: ${ours[0]!.figures[name]} for ${value}`);
    console.log(`\n${scene.name}: ${scene.sequences} x ${scene.frames} frames, ${boxes} boxes; figures equal to 1e-10`);
    for (const key of ['metrics', 'total'] as const) {
      const a = median(theirs.map(t => t[key]));
      const b = median(ours.map(t => t[key]));
      console.log(`  ${key.padEnd(8)} TrackEval ${a.toFixed(2)} s   ours ${b.toFixed(3)} s   ${(a / b).toFixed(1)}x`);
    }
    console.log(
      `  peak RSS TrackEval ${median(theirs.map(t => t.rssMb)).toFixed(0)} MB   ours ${median(ours.map(t => t.rssMb)).toFixed(0)} MB`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
