import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FINDINGS } from '../../src/data/index.ts';
import { runCli } from '../cli/harness.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/data.md'), 'utf8');
const commands = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(m => m[1]!.trim().split('\n'));
const before = process.cwd();
let desk = '';

beforeAll(() => {
  desk = mkdtempSync(join(tmpdir(), 'data-docs-'));
  const golden = (name: string) => join(ROOT, 'test/golden/datasets', name);
  for (const name of ['instances', 'train', 'val']) cpSync(golden('coco.json'), join(desk, `${name}.json`));
  for (const folder of ['photos', 'train', 'val', 'pets/images/val', 'pets/images/train'])
    cpSync(golden('images'), join(desk, folder), { recursive: true });
  mkdirSync(join(desk, 'pets/labels'));
  for (const split of ['train', 'val']) cpSync(golden('labels'), join(desk, 'pets/labels', split), { recursive: true });
  const { names } = JSON.parse(readFileSync(golden('expected.json'), 'utf8')) as { names: string[] };
  const yaml = `train: images/train\nval: images/val\nnames: ${JSON.stringify(names)}\n`;
  writeFileSync(join(desk, 'pets/data.yaml'), yaml);
  process.chdir(desk);
});
afterAll(() => {
  process.chdir(before);
  rmSync(desk, { recursive: true });
});

describe('docs/data.md', { timeout: 120_000 }, () => {
  test('has examples, and names every finding', () => {
    expect(commands.length).toBeGreaterThan(7);
    for (const kind of Object.keys(FINDINGS)) expect(page).toContain(`\`${kind}\``);
  });
  test.each(commands)('%s', async command => {
    const [program, ...args] = command.split(' ');
    expect(program).toBe('pe-dense');
    const { code, stdout, stderr } = await runCli(args);
    // the two splits hold the same pictures: --strict has something to say
    expect(code, stderr).toBe(args.includes('--strict') ? 1 : 0);
    const out = args[args.indexOf('--out') + 1];
    if (args.includes('--out')) expect(existsSync(join(desk, out!))).toBe(true);
    else expect(stdout).toMatch(args.includes('--json') ? /"kind": "leak"/ : /errors, \d+ warnings/);
  });
});
