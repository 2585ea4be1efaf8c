/**
 * Frames per second of our trackers, beside the authors' Python in the same run.
 *
 *   npx tsx bench/track/run.ts
 *   npx tsx bench/track/run.ts --python PYTHON --bytetrack DIR --ocsort DIR --botsort DIR
 *
 * The second form needs the originals' checkouts (see tools/golden/trackers.py). Tracking only: no network, no pictures;
 * BoT-SORT without camera motion and appearance on both sides. Each number is the best of several passes over the same
 * scene (ours after a warm-up pass). `wall` is what a clock saw; `cpu` counts processor time only, which is what
 * remains comparable on a machine that is busy with other things. The ratio is of the cpu numbers.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { BotSort, ByteTrack, OcSort, type Tracker } from '../../src/track/index.ts';
import { crowd } from './scenes.ts';

const SIZES = [
  { objects: 10, frames: 200, repeats: 3 },
  { objects: 100, frames: 100, repeats: 3 },
  { objects: 1000, frames: 40, repeats: 1 },
];
const TRACKERS: Record<string, () => Tracker> = {
  byte: () => new ByteTrack(),
  ocsort: () => new OcSort(),
  botsort: () => new BotSort(),
};

const { values } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    bytetrack: { type: 'string' },
    ocsort: { type: 'string' },
    botsort: { type: 'string' },
  },
});

interface Timing {
  readonly tracker: string;
  readonly objects: number;
  readonly wall: number;
  readonly cpu: number;
  readonly rows: number;
}

function ours(): Timing[] {
  const out: Timing[] = [];
  for (const { objects, frames, repeats } of SIZES) {
    const scene = crowd(objects, frames, 7);
    for (const [tracker, make] of Object.entries(TRACKERS)) {
      let [wall, cpu, rows] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0];
      for (let pass = 0; pass < 2 * repeats + 4; pass++) {
        const t = make();
        const begin = performance.now();
        const used = process.cpuUsage();
        rows = 0;
        for (const frame of scene) rows += t.update(frame).length;
        const { user, system } = process.cpuUsage(used);
        if (pass === 0) continue;
        wall = Math.min(wall, (performance.now() - begin) / 1000);
        cpu = Math.min(cpu, (user + system) / 1e6);
      }
      out.push({ tracker, objects, wall: frames / wall, cpu: frames / cpu, rows });
    }
  }
  return out;
}

/** One line of tools/golden/trackers.py --bench. */
interface PythonTiming {
  readonly tracker: string;
  readonly objects: number;
  readonly frames: number;
  readonly seconds: number;
  readonly cpu_seconds: number;
  readonly rows: number;
}

function theirs(): Timing[] {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'track-bench-'));
  try {
    const file = path.join(folder, 'scenes.json');
    const scenes = SIZES.map(({ objects, frames, repeats }) => ({
      objects,
      repeats,
      detections: crowd(objects, frames, 7).map(d =>
        Array.from(d.scores, (s, i) => [...d.boxes.subarray(4 * i, 4 * i + 4), s]).flat(),
      ),
    }));
    writeFileSync(file, JSON.stringify(scenes));
    const script = path.join(import.meta.dirname, '../../tools/golden/trackers.py');
    const dirs = ['bytetrack', 'ocsort', 'botsort'].flatMap(k => [`--${k}`, values[k as 'ocsort'] ?? '']);
    const run = spawnSync(values.python, [script, ...dirs, '--bench', file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (run.status !== 0) throw new Error(`${values.python} ended with ${run.status ?? run.error}`);
    return run.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as PythonTiming)
      .map(r => ({ ...r, wall: r.frames / r.seconds, cpu: r.frames / r.cpu_seconds }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const python = values.bytetrack ? theirs() : [];
console.log(
  `${os.cpus()[0]?.model}, ${os.cpus().length} cores, Node ${process.version}, load ${os.loadavg()[0]?.toFixed(1)}`,
);
console.log('frames/s:             ours           Python              tracks reported');
console.log('tracker   objects     wall     cpu     wall     cpu   ratio   ours, Python');
for (const t of ours()) {
  const p = python.find(q => q.tracker === t.tracker && q.objects === t.objects);
  const cell = (v: number | undefined, width: number, digits = 0) => (v?.toFixed(digits) ?? '-').padStart(width);
  console.log(
    t.tracker.padEnd(9) +
      cell(t.objects, 8) +
      cell(t.wall, 9) +
      cell(t.cpu, 8) +
      cell(p?.wall, 9, 1) +
      cell(p?.cpu, 8, 1) +
      cell(p && t.cpu / p.cpu, 8, 1) +
      `   ${t.rows}, ${p?.rows ?? '-'}`,
  );
}
