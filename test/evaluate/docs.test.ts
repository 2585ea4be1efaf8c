import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../cli/harness.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/evaluate-coco.md'), 'utf8');
const commands = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(m => m[1]!.trim().split('\n'));
const before = process.cwd();
let desk = '';

beforeAll(async () => {
  desk = mkdtempSync(join(tmpdir(), 'evaluate-docs-'));
  const coco = (name: string) => join(ROOT, 'test/golden/coco', `instances_val2014_${name}.json`);
  cpSync(coco('100'), join(desk, 'instances.json'));
  cpSync(coco('fakebbox100_results'), join(desk, 'results.json'));
  cpSync(coco('fakesegm100_results'), join(desk, 'masks.json'));
  const lvis = JSON.parse(readFileSync(join(ROOT, 'test/golden/lvis/cases.json'), 'utf8'))[0];
  writeFileSync(join(desk, 'lvis.json'), JSON.stringify(lvis.gt));
  writeFileSync(join(desk, 'lvis_results.json'), JSON.stringify(lvis.dt));
  mkdirSync(join(desk, 'photos'));
  const { images } = JSON.parse(readFileSync(join(desk, 'instances.json'), 'utf8'));
  for (const { file_name, width, height } of images)
    await sharp({ create: { width, height, channels: 3, background: '#777' } })
      .jpeg()
      .toFile(join(desk, 'photos', file_name));
  process.chdir(desk);
});
afterAll(() => {
  process.chdir(before);
  rmSync(desk, { recursive: true });
});

describe('docs/evaluate-coco.md', () => {
  test('has examples', () => expect(commands.length).toBeGreaterThan(5));
  test.each(commands)('%s', async command => {
    const [program, ...args] = command.split(' ');
    expect(program).toBe('pe-dense');
    const { code, stderr } = await runCli(args);
    expect(code, stderr).toBe(0);
  });
});
