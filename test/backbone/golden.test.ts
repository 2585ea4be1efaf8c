import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Backbone, loadArch } from '../../src/backbone/index.ts';
import { openCheckpoint, readTensor, writeSafetensors } from '../../src/checkpoint/index.ts';
import { tensor } from '../../src/core/index.ts';
import { golden, goldenSizes, relativeError } from './parity.ts';

const LIMIT = 1e-4; // times the reference's standard deviation
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pe-dense-golden-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const path = (name: string, file: string) => fileURLToPath(new URL(`../golden/pe/${name}/${file}`, import.meta.url));

// golden: tools/golden/pe.py (official VisionTransformer)
const CASES = [
  ['spatial-tiny', 'weights.pt'],
  ['spatial-tiny', 'weights.safetensors'],
  ['spatial-giant-like', 'weights.pt'],
  ['lang-tiny', 'weights.safetensors'],
  ['core-tiny', 'weights.pt'],
  ['core-tiny', 'rewritten.safetensors'],
] as const;

describe.each(CASES)('%s from %s', (name, file) => {
  test.each(['fast', 'portable'] as const)('equals the official code, %s operators', async lowering => {
    const config = await loadArch(path(name, 'config.json'));
    const io = await openCheckpoint(path(name, 'io.safetensors'));
    let weights = path(name, file);
    if (file === 'rewritten.safetensors') {
      const original = await openCheckpoint(path(name, 'weights.pt'));
      weights = join(folder, file);
      const copies = [...original.tensors.values()].map(async t => ({
        name: t.name,
        shape: t.shape,
        dtype: 'f32' as const,
        data: await readTensor(original, t.name),
      }));
      await writeSafetensors(weights, await Promise.all(copies));
    }
    const taps = Array.from({ length: config.layers }, (_, i) => i + 1);
    const embeds = config.pool !== 'none';
    const all = goldenSizes(io);
    expect(all.length).toBeGreaterThan(1);
    const native = (s: { height: number; width: number }) =>
      s.height === config.imageSize && s.width === config.imageSize;
    const sizes = lowering === 'fast' ? all : all.filter(s => !native(s)).slice(0, 1);
    for (const { height, width, key } of sizes) {
      const backbone = await Backbone.open(weights, config, {
        size: { height, width },
        taps,
        normed: true,
        embedding: embeds,
        lowering,
        threads: 1,
      });
      const input = (await golden(io, `${key}.input`))!;
      const batch = tensor(
        ['batch', 'channel', 'height', 'width'] as const,
        input.shape as [2, 3, number, number],
        input.data,
      );
      const out = await backbone.run(batch);
      for (const i of taps) {
        const want = (await golden(io, `${key}.after_block_${i}`))!;
        expect(out.taps.get(i)!.shape).toEqual(want.shape);
        expect(relativeError(out.taps.get(i)!.data, want.data), `${key} after block ${i}`).toBeLessThan(LIMIT);
      }
      const norm = await golden(io, `${key}.features_norm`);
      if (norm) {
        expect(out.normed!.shape).toEqual(norm.shape);
        expect(relativeError(out.normed!.data, norm.data), `${key} normed`).toBeLessThan(LIMIT);
      } else {
        const last = out.taps.get(config.layers)!;
        const drop = config.classToken ? 1 : 0;
        expect(out.normed!.shape).toEqual([last.shape[0], last.shape[1] - drop, last.shape[2]]);
        const row = last.shape[1] * last.shape[2];
        expect(out.normed!.data.subarray(0, row - drop * last.shape[2])).toEqual(
          last.data.subarray(drop * last.shape[2], row),
        );
      }
      if (embeds) {
        const want = (await golden(io, `${key}.image_embedding`))!;
        expect(out.embedding!.shape).toEqual(want.shape);
        expect(relativeError(out.embedding!.data, want.data), `${key} embedding`).toBeLessThan(LIMIT);
      }
      // one picture alone gives what it gave in the batch
      const alone = await backbone.run(
        tensor(
          ['batch', 'channel', 'height', 'width'] as const,
          [1, 3, height, width],
          input.data.slice(0, 3 * height * width),
        ),
      );
      const first = out.taps.get(1)!.data.subarray(0, out.taps.get(1)!.data.length / 2);
      expect(relativeError(alone.taps.get(1)!.data, first)).toBeLessThan(1e-5);
      await backbone.close();
    }
  });
});

test('the golden configurations are Meta rows in small', async () => {
  const source = JSON.parse(await readFile(path('core-tiny', 'config.json'), 'utf8'));
  expect(await loadArch(path('core-tiny', 'config.json'))).toMatchObject({
    lnPost: true,
    poolHeads: 8,
    rope: 'meta',
    layerScale: false,
  });
  expect(source.vision.width).toBe(128);
});
