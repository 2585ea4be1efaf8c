import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { writeSafetensors } from '../../src/checkpoint/index.ts';
import { modelsCommand } from '../../src/cli/commands/models.ts';
import { DenseError } from '../../src/core/index.ts';
import { writeModelJson } from '../../src/model/index.ts';

const cache = mkdtempSync(join(tmpdir(), 'models-'));
const directory = join(cache, 'pe-dense', 'models', 'tiny');

beforeAll(async () => {
  vi.stubEnv('XDG_CACHE_HOME', cache);
  mkdirSync(directory, { recursive: true });
  await writeSafetensors(join(directory, 'w.safetensors'), [
    { name: 'conv1.weight', dtype: 'f16', shape: [2], data: new Float32Array([1, 2]) },
    { name: 'head.out.0.weight', dtype: 'f16', shape: [3, 2], data: new Float32Array(6) },
    { name: 'train.mix', dtype: 'f16', shape: [4], data: new Float32Array(4) },
  ]);
  await writeModelJson(directory, {
    format: 1,
    name: 'tiny',
    version: '1.2.3',
    license: 'Apache-2.0',
    origin: 'random numbers',
    data: 'none',
    backbone: { arch: 'pe-spatial-t16', rope: 'meta', taps: [12] },
    input: { size: [64, 64], multipleOf: 16, resize: 'squash', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], color: 'rgb' }, // biome-ignore format: one row
    heads: { detection: { kind: 'anchor-free', strides: [16], bins: 8, labels: 'coco80' } },
    files: { weights: { path: 'w.safetensors', dtype: 'fp16' } },
    metrics: [{ set: 'noise', AP: 0.001, command: 'pe-dense evaluate coco' }],
  });
});
afterEach(() => void vi.restoreAllMocks());
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true });
});

async function run(...args: string[]): Promise<string> {
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation(chunk => {
    text += String(chunk);
    return true;
  });
  await modelsCommand().exitOverride().parseAsync(args, { from: 'user' });
  return text;
}

test('models: a pulled model is listed with its size; --json tells the same', async () => {
  const table = await run();
  const row = table.split('\n').find(line => line.startsWith('tiny '))!;
  const bytes = readFileSync(join(directory, 'w.safetensors')).length;
  expect(row.split(/ {2,}/).map(cell => cell.trim())).toEqual(['tiny', '1.2.3', 'detection', 'pe-spatial-t16', String(bytes), 'Apache-2.0', 'cache']); // biome-ignore format: one row
  vi.restoreAllMocks();
  const list = JSON.parse(await run('--json')) as { name: string }[];
  expect(list.find(({ name }) => name === 'tiny')).toEqual({
    name: 'tiny',
    directory,
    origin: 'cache',
    version: '1.2.3',
    license: 'Apache-2.0',
    arch: 'pe-spatial-t16',
    heads: ['detection'],
    bytes,
  });
});

test('models show: for people and as JSON', async () => {
  const text = await run('show', 'tiny');
  expect(text).toContain('tiny 1.2.3');
  expect(text).toContain('random numbers');
  expect(text).toContain('anchor-free: strides 16, bins 8, labels coco80');
  expect(text).toMatch(/classes +80: person, bicycle, car, .*, 72 more/);
  expect(text).toMatch(/parameters +8: backbone 2, detection 6$/m);
  expect(text).toContain('noise: AP 0.001  (pe-dense evaluate coco)');
  vi.restoreAllMocks();
  expect(JSON.parse(await run('show', 'tiny', '--json'))).toMatchObject({ name: 'tiny', files: { weights: { path: 'w.safetensors' } } }); // biome-ignore format: one row
});

test('models verify: whole, then damaged', async () => {
  expect(await run('verify', directory)).toMatch(/tiny 1\.2\.3 is whole\n[\s\S]*[0-9a-f]{64}/);
  vi.restoreAllMocks();
  const path = join(directory, 'w.safetensors');
  const whole = readFileSync(path);
  writeFileSync(path, whole.subarray(0, whole.length - 1));
  const error = await run('verify', directory).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(DenseError);
  expect(error).toMatchObject({ code: 'BAD_MODEL', exitCode: 3 });
  vi.restoreAllMocks();
  writeFileSync(join(directory, 'model.json'), '{}');
  expect(await run()).toContain('broken: ');
});

test('an unknown name', async () => {
  await expect(run('show', 'tinny')).rejects.toMatchObject({ code: 'UNKNOWN_MODEL', exitCode: 3 });
});
