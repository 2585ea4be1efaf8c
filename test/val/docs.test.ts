import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convertDataset } from '../../src/pipelines/index.ts';
import { runCli } from '../cli/harness.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/val.md'), 'utf8');
const commands = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(m => m[1]!.trim().split('\n'));
const before = { cwd: process.cwd(), cache: process.env.PE_DENSE_CACHE };
let desk = '';

beforeAll(async () => {
  desk = mkdtempSync(join(tmpdir(), 'val-docs-'));
  process.env.PE_DENSE_CACHE = join(desk, 'cache');
  mkdirSync(join(desk, 'photos'));
  cpSync(join(ROOT, 'test/golden/val/instances.json'), join(desk, 'instances.json'));
  for (const { file_name } of JSON.parse(readFileSync(join(desk, 'instances.json'), 'utf8')).images)
    cpSync(join(ROOT, 'examples', file_name), join(desk, 'photos', file_name));
  await convertDataset({
    sources: [{ annotations: join(desk, 'instances.json'), images: join(desk, 'photos'), split: 'val' }],
    format: 'yolo',
    out: join(desk, 'pets'),
    lossy: true,
    pictures: 'copy',
  });
  process.chdir(desk);
});
afterAll(() => {
  process.chdir(before.cwd);
  if (before.cache === undefined) delete process.env.PE_DENSE_CACHE;
  else process.env.PE_DENSE_CACHE = before.cache;
  rmSync(desk, { recursive: true });
});

describe('docs/val.md', { timeout: 240_000 }, () => {
  const detection = commands.filter(command => !command.includes('--task depth')); // the bundled model may have no depth head
  test('has examples', () => expect(detection.length).toBeGreaterThan(5));
  test.each(detection)('%s', async command => {
    const [program, ...args] = command.split(' ');
    expect(program).toBe('pe-dense');
    const { code, stderr } = await runCli([...args, '--threads', '1']);
    expect(code, stderr).toBe(0);
  });
});

describe('the command', { timeout: 120_000 }, () => {
  test('a broken picture: its error, the figures of the rest, exit code 4', async () => {
    mkdirSync('some');
    for (const name of ['000000423617.jpg', '000000565778.jpg']) cpSync(join('photos', name), join('some', name));
    const { code, stdout, stderr } = await runCli('val --gt instances.json --images some --json'.split(' '));
    expect(code).toBe(4);
    expect(JSON.parse(stdout).run).toMatchObject({ images: 2, failed: expect.arrayContaining(['000000184324.jpg']) });
    expect(stderr).toMatch(/error: cannot read picture some\/000000184324\.jpg\n {2}why: there is no such file/);
    expect(stderr).toContain('4 of 6 pictures failed');
  });
  test.each([
    ['val --images photos', 2, /--gt/],
    ['val --gt instances.json --images nowhere', 2, /the pictures of instances.json are not there/],
    ['val --gt instances.json --images photos --model none', 3, /none/],
    ['val --gt instances.json --images photos --align scale', 2, /--align with --task detect/],
    ['val --gt instances.json --images photos --overlap 0.1', 2, /--overlap without --slice/],
    ['val --gt instances.json --images photos --slice-metric iou', 2, /--slice-metric without --slice/],
    ['val --gt instances.json --images photos --map a', 2, /theirs=model's/],
    ['val --gt d --images photos --task depth --score 0.1', 2, /--score with --task depth/],
    ['val --gt instances.json --images photos --max 1.5', 2, /--max got 1.5/],
  ])('%s: exit code %i', async (line, code, text) => {
    const out = await runCli(line.split(' '));
    expect([out.code, out.stdout]).toEqual([code, '']);
    expect(out.stderr).toMatch(text);
  });
});
