import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../cli/harness.ts';
import { writeTinyModel } from '../detect/tiny-model.ts';
import { av } from '../video/helpers.ts';
import { sceneDetections, sceneTruth, writeScene } from './helpers.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/track.md'), 'utf8');
const commands = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(m => m[1].trim().split('\n'));

let desk: string;
const before = { cwd: process.cwd(), cache: process.env.XDG_CACHE_HOME };

beforeAll(async () => {
  desk = mkdtempSync(join(tmpdir(), 'pe-dense-track-docs-'));
  await writeTinyModel(join(desk, 'cache/pe-dense/models/dense-t16')); // stands in where the bundled one is not there
  process.env.XDG_CACHE_HOME = join(desk, 'cache');
  await writeScene(join(desk, 'SEQ/img1'), 8);
  await writeScene(join(desk, 'frames'), 8);
  for (const [place, text] of [
    ['det', sceneDetections(8)],
    ['gt', sceneTruth(8)],
  ]) {
    mkdirSync(join(desk, 'SEQ', place));
    writeFileSync(join(desk, 'SEQ', place, `${place}.txt`), text);
  }
  cpSync(join(ROOT, 'examples/car-detection.mp4'), join(desk, 'traffic.mp4'));
  process.chdir(desk);
});
afterAll(() => {
  process.chdir(before.cwd);
  if (before.cache === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = before.cache;
  rmSync(desk, { recursive: true });
});

describe('docs/track.md', { timeout: 240_000 }, () => {
  test('has commands', () => {
    expect(commands.length).toBeGreaterThan(10);
  });
  // a video on standard input is tested as a process (resume.test.ts)
  const runnable = commands.filter(line => !line.includes('<') && (av || !line.includes('.mp4')));
  test.each(runnable)('%s', async line => {
    // whole videos would take minutes: the test reads their first frames
    const words = line.split(' ').slice(1);
    if (words[1] === 'traffic.mp4' && !words.includes('--end')) words.push('--end', '6');
    const { code, stderr } = await runCli([...words, ...(words[0] === 'track' ? ['--threads', '2'] : [])]);
    expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
  });
  test('wrote what it says', () => {
    const names = ['tracked/frames.tracks.txt', 'SEQ.txt', 'result.txt', 'counted/traffic.tracks.json'];
    for (const name of av ? names : names.slice(0, 3)) expect([name, existsSync(name)]).toEqual([name, true]);
    if (av) for (const name of ['drawn.mp4', 'tracked/traffic.tracks.mp4']) expect(existsSync(name)).toBe(true);
  });
  test('names every option the command has', async () => {
    const { stdout } = await runCli(['track', '--help']);
    const own = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(m => m[1]);
    const elsewhere = [
      '--help',
      '--quiet',
      '--verbose',
      '--model',
      '--device',
      '--threads',
      '--size',
      '--batch',
      '--max',
      '--iou',
    ];
    for (const flag of own.filter(f => !elsewhere.includes(f))) expect(page).toContain(flag);
  });
});
