/**
 * Frames per second of our trackers, beside the authors' Python in the same run.
 *
 *   npx tsx bench/track/run.ts
 *   npx tsx bench/track/run.ts --python PYTHON --bytetrack DIR --ocsort DIR --botsort DIR
 *
 * The second form needs the originals' checkouts (see tools/golden/trackers.py). Tracking only: no network, no pictures;
 * BoT-SORT without camera motion and appearance on both sides. Ours: the median frame after one warm-up pass, and the
 * slowest frame. Python: the best of its passes (one pass at 1,000 objects).
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
  { objects: 1000, frames: 60, repeats: 1 },
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
  tracker: string;
  objects: number;
  fps: number;
  rows: number;
  worstMs?: number;
}

function ours(): Timing[] {
  const out: Timing[] = [];
  for (const { objects, frames, repeats } of SIZES) {
    const scene = crowd(objects, frames, 7);
    for (const [tracker, make] of Object.entries(TRACKERS)) {
      let times: number[] = [];
      let rows = 0;
      for (let pass = 0; pass <= Math.max(repeats, 2); pass++) {
        const t = make();
        rows = 0;
        times = scene.map(frame => {
          const begin = performance.now();
          rows += t.update(frame).length;
          return performance.now() - begin;
        });
      }
      const total = times.reduce((a, b) => a + b, 0);
      out.push({ tracker, objects, fps: (1000 * frames) / total, rows, worstMs: Math.max(...times) });
    }
  }
  return out;
}

function theirs(): Timing[] {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'track-bench-'));
  try {
    const file = path.join(folder, 'scenes.json');
    writeFileSync(
      file,
      JSON.stringify(
        SIZES.map(({ objects, frames, repeats }) => ({
          objects,
          repeats,
          detections: crowd(objects, frames, 7).map(d =>
            Array.from(d.scores, (s, i) => [...d.boxes.subarray(4 * i, 4 * i + 4), s]).flat(),
          ),
        })),
      ),
    );
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
      .map(
        line => JSON.parse(line) as { tracker: string; objects: number; frames: number; seconds: number; rows: number },
      )
      .map(r => ({ tracker: r.tracker, objects: r.objects, fps: r.frames / r.seconds, rows: r.rows }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const python = values.bytetrack ? theirs() : [];
console.log(`${os.cpus()[0]?.model}, ${os.cpus().length} cores, Node ${process.version}`);
console.log(
  'tracker   objects   ours frames/s   slowest ms   Python frames/s   ratio   reported tracks (ours, Python)',
);
for (const t of ours()) {
  const p = python.find(q => q.tracker === t.tracker && q.objects === t.objects);
  const cell = (v: string | undefined, n: number) => (v ?? '-').padStart(n);
  console.log(
    t.tracker.padEnd(9) +
      cell(String(t.objects), 8) +
      cell(t.fps.toFixed(0), 16) +
      cell(t.worstMs?.toFixed(1), 13) +
      cell(p?.fps.toFixed(1), 18) +
      cell(p && (t.fps / p.fps).toFixed(1), 8) +
      cell(`${t.rows}, ${p?.rows ?? '-'}`, 20),
  );
}
