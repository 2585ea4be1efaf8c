import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage, encodePng } from '../../src/image/index.ts';
import type { CocoResult } from '../../src/pipelines/index.ts';
import { scene } from '../detect/fake.ts';
import { writeTinyModel } from '../detect/tiny-model.ts';

const SLOW = 240_000; // ms: each test starts node several times
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BIN = join(ROOT, 'bin/pe-dense.mjs');
let folder: string;
let model: string;
let picture: Buffer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pe-dense-process-'));
  model = join(folder, 'tiny');
  await writeTinyModel(model);
  mkdirSync(join(folder, 'photos'));
  picture = Buffer.from(await encodePng(scene(300, 200, [[0, 16, 16, 160, 160]])));
  for (let i = 0; i < 40; i++) writeFileSync(join(folder, 'photos', `${i}.png`), picture);
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (entry: string, args: string[], input?: Buffer) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], { input, encoding: 'utf8' });
  return { status, stdout, stderr };
};
const detect = (...args: string[]) => ['detect', ...args, '--model', model, '--threads', '1'];

describe('the program as a process', { timeout: SLOW }, () => {
  test('starts from the sources, reads a picture from standard input, and ends by itself', () => {
    const { status, stdout, stderr } = run(BIN, detect('-', '--json', '--score', '0.01'), picture);
    expect([status, stderr]).toEqual([0, '']);
    const rows = JSON.parse(stdout) as CocoResult[];
    expect(rows.length).toBeGreaterThan(0);
    expect(rows[0]).toMatchObject({ image_id: 1, file_name: 'stdin' });
  });
  test('standard input that is no picture, or nothing: 2', () => {
    expect(run(BIN, detect('-'), Buffer.from('text'))).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(/^error: cannot read picture from standard input\n/),
    });
    expect(run(BIN, detect('-'), Buffer.alloc(0)).stderr).toMatch(/it is empty/);
  });
  test('an unknown model: 3; a device that is not here: 2, with those that are', () => {
    expect(run(BIN, ['detect', join(folder, 'photos/1.png'), '--model', 'no-such'])).toMatchObject({
      status: 3,
      stdout: '',
    });
    const { status, stderr } = run(
      BIN,
      detect(join(folder, 'photos/1.png'), '--device', process.platform === 'darwin' ? 'dml' : 'coreml'),
    );
    expect(status).toBe(2);
    expect(stderr).toMatch(/use one of: .*cpu/);
  });
  test('a reader that closes early is no error, also in the middle of a run', async () => {
    // the bundled model: its runs are long enough to be met in the middle
    const args = ['detect', join(ROOT, 'examples'), '--json', '--slice', '160'];
    const child = spawn(process.execPath, [BIN, ...args]);
    let stderr = '';
    child.stderr.on('data', chunk => (stderr += chunk));
    child.stdout.once('data', () => child.stdout.destroy());
    const ended = await new Promise(resolve => child.on('close', (code, signal) => resolve([code, signal])));
    expect(ended).toEqual([0, null]);
    expect(stderr).not.toMatch(/EPIPE|error|terminate|what\(\)/i);
  });
  test('a second Ctrl-C ends it at once, by the signal', async () => {
    const child = spawn(process.execPath, [BIN, ...detect(join(folder, 'photos'), '--json', '--slice', '32')]);
    child.stdout.once('data', () => {
      child.kill('SIGINT');
      setTimeout(() => child.kill('SIGINT'), 5);
    });
    const ended = await new Promise(resolve => child.on('close', (code, signal) => resolve([code, signal])));
    // the first may have done it already
    expect([
      [null, 'SIGINT'],
      [130, null],
    ]).toContainEqual(ended);
  });
  test('Ctrl-C: 130, and what is written is whole', async () => {
    const out = join(folder, 'interrupted');
    const args = detect(join(folder, 'photos'), '--out', out, '--format', 'coco,csv', '--json', '--slice', '32');
    const child = spawn(process.execPath, [BIN, ...args]);
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (stdout === '') child.kill('SIGINT'); // once: the second would end it at once
      stdout += chunk;
    });
    const code = await new Promise(resolve => child.on('close', resolve));
    expect(code).toBe(130);
    expect(Array.isArray(JSON.parse(stdout))).toBe(true);
    const files = readdirSync(out);
    expect(files.filter(f => f.endsWith('.tmp'))).toEqual([]);
    const pictures = files.filter(f => f.endsWith('.boxes.png'));
    expect(pictures.length).toBeGreaterThan(0);
    expect(pictures.length).toBeLessThan(40);
    for (const file of pictures) expect((await decodeImage(join(out, file))).shape).toEqual([200, 300, 3]);
    for (const file of files.filter(f => f.endsWith('.json'))) JSON.parse(readFileSync(join(out, file), 'utf8'));
    expect(readFileSync(join(out, 'detections.csv'), 'utf8').endsWith('\n')).toBe(true);
  });
});

describe('the built program', { timeout: SLOW }, () => {
  test('compiles, and gives what the sources give', () => {
    const dist = join(ROOT, 'out', `test-build-${process.pid}`);
    try {
      const built = spawnSync(process.execPath, [join(ROOT, 'tools/build.mjs'), '--out', dist], { encoding: 'utf8' });
      expect(built.stdout + built.stderr).toBe('');
      expect(existsSync(join(dist, '.complete'))).toBe(true);
      const start = `import { main } from ${JSON.stringify(join(dist, 'cli/main.js'))}; process.exitCode = await main(process.argv.slice(1));`;
      const args = detect(join(folder, 'photos/1.png'), '--json', '--score', '0.01');
      const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', start, ...args], {
        encoding: 'utf8',
      });
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toBe(run(BIN, args).stdout);
      expect((JSON.parse(stdout) as CocoResult[]).length).toBeGreaterThan(0);
    } finally {
      rmSync(dist, { recursive: true, force: true });
    }
  });
});
