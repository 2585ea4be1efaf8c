import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { depthCommand } from '../../src/cli/commands/depth.ts';
import '../../src/cli/depth-run.ts'; // loaded before the working directory changes: vite finds nothing afterwards
import { rgbImage } from '../../src/core/index.ts';
import { encodePng } from '../../src/image/index.ts';
import { canWriteVideo } from '../../src/video/index.ts';
import { fakeDepth } from '../pipelines/depth/fake.ts';
import { runCli } from './harness.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/depth.md'), 'utf8');
const lines = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(m => m[1].trim().split('\n'));
const video = await canWriteVideo();
const before = process.cwd();
let desk: string;

/** Without a network: the bundled model may have no depth head. */
const run = (args: readonly string[]) =>
  runCli(args, [{ group: 'Test:', make: () => depthCommand(async () => fakeDepth()) }]);

beforeAll(async () => {
  desk = mkdtempSync(join(tmpdir(), 'pe-dense-depth-docs-'));
  const png = await encodePng(
    rgbImage(
      48,
      64,
      new Uint8Array(3 * 48 * 64).map((_, i) => i % 251),
    ),
  );
  for (const folder of ['photos', 'frames']) {
    mkdirSync(join(desk, folder));
    for (const i of [1, 2, 3]) writeFileSync(join(desk, folder, `${i}.png`), png);
  }
  writeFileSync(join(desk, 'room.jpg'), png);
  cpSync(join(ROOT, 'examples/car-detection.mp4'), join(desk, 'street.mp4'));
  process.chdir(desk);
});
afterAll(() => {
  process.chdir(before);
  rmSync(desk, { recursive: true });
});

describe('docs/depth.md', { timeout: 240_000 }, () => {
  test('has commands', () => expect(lines.length).toBeGreaterThan(8));
  test.each(lines.filter(line => video || !line.includes('.mp4')))('%s', async line => {
    const words = line.split(' ').slice(1);
    // a whole video would take minutes: the test reads a few frames of it
    if (words[1] === 'street.mp4') words.push('--start', '1', '--end', '3');
    const { code, stderr } = await run(words);
    expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
  });
  test('wrote what it says', () => {
    for (const name of ['room.depth.png', 'room.ply', 'room.glb', '2.depth.npy', 'room.depth.contours.png'])
      expect([name, existsSync(join('depth', name))]).toEqual([name, true]);
    if (video) expect(existsSync('depth.mp4')).toBe(true);
  });
  test('names every option the command has', async () => {
    const { stdout } = await run(['depth', '--help']);
    const own = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(m => m[1]);
    const elsewhere = ['--help', '--quiet', '--verbose', '--device', '--threads', '--size'];
    for (const flag of own.filter(f => !elsewhere.includes(f))) expect(page).toContain(flag);
  });
});
