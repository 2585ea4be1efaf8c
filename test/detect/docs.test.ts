import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { encodeJpeg } from '../../src/image/index.ts';
import { runCli } from '../cli/harness.ts';
import { av } from '../video/helpers.ts';
import { scene } from './fake.ts';
import { writeTinyModel } from './tiny-model.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const blocks = (page: string, language: string) =>
  [
    ...readFileSync(join(ROOT, 'docs', page), 'utf8').matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm')),
  ].map(m => m[1]);
const examples = ['api.md', 'drawing.md'].flatMap(page => blocks(page, 'ts'));
const commands = ['detect.md', 'drawing.md'].flatMap(page => blocks(page, 'sh')).flatMap(b => b.trim().split('\n'));

let desk: string;
let modules: string;
const before = { cwd: process.cwd(), cache: process.env.XDG_CACHE_HOME };

beforeAll(async () => {
  desk = mkdtempSync(join(tmpdir(), 'pe-dense-docs-'));
  // stands in where the bundled dense-t16 is not there
  await writeTinyModel(join(desk, 'cache/pe-dense/models/dense-t16'));
  await writeTinyModel(join(desk, 'my-model'), {}, { depth: 'relative' });
  process.env.XDG_CACHE_HOME = join(desk, 'cache');
  mkdirSync(join(desk, 'photos/summer'), { recursive: true });
  cpSync(join(ROOT, 'examples/000000423617.jpg'), join(desk, 'street.jpg'));
  cpSync(join(ROOT, 'examples/000000565778.jpg'), join(desk, 'photos/summer/train.jpg'));
  cpSync(join(ROOT, 'examples/car-detection.mp4'), join(desk, 'traffic.mp4'));
  for (const name of ['logo.png', 'photos/a.jpg'])
    writeFileSync(join(desk, name), await encodeJpeg(scene(120, 90, [[0, 20, 20, 80, 70]])));
  modules = join(ROOT, 'out', `docs-${process.pid}`);
  mkdirSync(modules, { recursive: true });
  examples.forEach((code, i) => {
    writeFileSync(join(modules, `example-${i}.ts`), code.replaceAll("'pe-dense'", "'../../src/index.ts'"));
  });
  process.chdir(desk);
});
afterAll(() => {
  process.chdir(before.cwd);
  if (before.cache === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = before.cache;
  rmSync(desk, { recursive: true });
  rmSync(modules, { recursive: true });
});

describe('docs/api.md, docs/drawing.md', { timeout: 240_000 }, () => {
  const runnable = examples.map((code, i) => [i, code] as const).filter(([, code]) => av || !code.includes('.mp4'));
  test.each(runnable)('example %i runs and prints', async i => {
    const lines: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((...parts) => void lines.push(parts.join(' ')));
    try {
      await import(/* @vite-ignore */ pathToFileURL(join(modules, `example-${i}.ts`)).href);
    } finally {
      log.mockRestore();
    }
    expect(lines.length).toBeGreaterThan(0);
  });
  test('examples are well typed', () => {
    const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT);
    const program = ts.createProgram(
      examples.map((_, i) => join(modules, `example-${i}.ts`)),
      { ...options, noUnusedLocals: false, lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'] },
    );
    const wrong = ts.getPreEmitDiagnostics(program).filter(d => d.file?.fileName.includes('example-'));
    expect(wrong.map(d => `${d.file?.fileName}: ${ts.flattenDiagnosticMessageText(d.messageText, '\n')}`)).toEqual([]);
  });
});

describe('docs/detect.md, docs/drawing.md', { timeout: 240_000 }, () => {
  test('has examples', () => expect(commands.length).toBeGreaterThan(10));
  test.each(commands)('%s', async command => {
    const [program, ...args] = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(m => m[1] ?? m[2]);
    expect(program).toBe('pe-dense');
    const { code, stderr } = await runCli(args);
    expect(code, stderr).toBe(0);
  });
});
