/**
 * Speed of the tracking metrics beside the original, one run, same files:
 *
 *   npx tsx bench/mot/run.ts --trackeval DIR [--python .venv/bin/python] [--rounds 3]
 *
 * DIR is a checkout of github.com/JonathonLuiten/TrackEval. Every round starts both programs anew, one after the other,
 * and the least of each figure is printed. `metrics` is HOTA, CLEAR and identity alone, `total` adds reading, IoU and
 * preprocessing. Times are processor seconds of the whole process, threads included (our compiler's and collector's
 * too), because other work on the machine disturbs them less than wall time. Ours are given twice: `cold`, the first
 * evaluation of a fresh process, and `warm`, the best of the next ones in it.
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
const WARM_TIMES = 5;
const least = (timings: Timing[], key: 'metrics' | 'total') => Math.min(...timings.map(t => t[key]));
const child = (command: string, args: string[]) =>
  execFileSync(command, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    .toString()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Timing);

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

console.log(`node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, least of ${values.rounds} rounds`);
for (const scene of SCENES) {
  const folder = mkdtempSync(join(tmpdir(), 'bench-mot-'));
  try {
    const boxes = write(scene, folder);
    const paths = [join(folder, 'gt'), join(folder, 'pred')];
    const theirs: Timing[] = [];
    const cold: Timing[] = [];
    const warm: Timing[] = [];
    for (let r = 0; r < Number(values.rounds); r++) {
      theirs.push(...child(values.python, [join(here, 'original.py'), values.trackeval, ...paths]));
      const ours = child(process.execPath, [
        '--import',
        'tsx',
        join(here, 'ours.ts'),
        ...paths,
        String(WARM_TIMES + 1),
      ]);
      cold.push(ours[0]!);
      warm.push(...ours.slice(1));
    }
    for (const [name, value] of Object.entries(theirs[0]!.figures))
      if (Math.abs(cold[0]!.figures[name]! - value) > 1e-10)
        throw new Error(`${name} differs: ${cold[0]!.figures[name]} for ${value}`);
    console.log(`\n${scene.name}: ${scene.sequences} x ${scene.frames} frames, ${boxes} boxes; figures equal to 1e-10`);
    for (const key of ['metrics', 'total'] as const) {
      const a = least(theirs, key);
      const ratio = (timings: Timing[]) =>
        `${least(timings, key).toFixed(3)} s (${(a / least(timings, key)).toFixed(1)}x)`;
      console.log(`  ${key.padEnd(8)} TrackEval ${a.toFixed(2)} s   ours cold ${ratio(cold)}, warm ${ratio(warm)}`);
    }
    const rss = (timings: Timing[]) => `${Math.max(...timings.map(t => t.rssMb)).toFixed(0)} MB`;
    console.log(`  peak RSS TrackEval ${rss(theirs)}   ours ${rss(cold)}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
