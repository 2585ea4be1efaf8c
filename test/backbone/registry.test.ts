import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addBackbone,
  BACKBONE_NAMES,
  BACKBONES,
  type BackboneConfig,
  checkpointWeights,
  expectedTensors,
  findBackbone,
  loadArch,
  parameterCount,
  parseBackboneConfig,
  patchGrid,
  ropePositions,
  ropeTable,
  weightsFrom,
  withTimmPositions,
} from '../../src/backbone/index.ts';
import { openCheckpoint, writeSafetensors } from '../../src/checkpoint/index.ts';
import { GraphBuilder, readModel } from '../../src/onnx/index.ts';
import { hashedWeights } from './hashed.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pe-dense-registry-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('registry', () => {
  test('rows hold together', () => {
    for (const name of BACKBONE_NAMES) {
      const row: BackboneConfig = BACKBONES[name];
      expect(row.width % row.heads).toBe(0);
      expect((row.width / row.heads) % 4).toBe(0);
      expect(row.ropeGrid).toBe(row.imageSize / row.patch);
      expect(row.weights!.license).toBe('Apache-2.0');
    }
  });

  // timm 1.0.31: parameters of create_model(name), Core with its projection as the head, without the head's bias
  test.each([
    ['pe-spatial-t16', 5_683_200],
    ['pe-spatial-s16', 21_983_232],
    ['pe-spatial-b16', 86_433_792],
    ['pe-spatial-l14', 303_964_160],
    ['pe-spatial-g14', 1_851_887_104],
    ['pe-core-t16', 6_140_544],
    ['pe-core-s16', 23_782_656],
    ['pe-core-b16', 93_672_960],
    ['pe-core-l14', 317_151_232],
    ['pe-core-g14', 1_882_032_640],
    ['pe-lang-l14', 291_415_040],
    ['pe-lang-g14', 1_740_922_624],
  ] as const)('%s has %i parameters', (name, count) => {
    expect(parameterCount(findBackbone(name))).toBe(count);
  });

  test('names of released weights and any case are understood; others list what there is', () => {
    expect(findBackbone('PE-Spatial-T16-512')).toBe(BACKBONES['pe-spatial-t16']);
    expect(findBackbone('PE-CORE-B16')).toBe(BACKBONES['pe-core-b16']);
    expect(() => findBackbone('pe-spatial-x16')).toThrow(/pe-spatial-t16, pe-spatial-s16/);
  });
});

describe('architecture files', () => {
  const least = { width: 64, layers: 2, heads: 2, patch_size: 16 };

  test("absent fields take Meta's defaults", () => {
    expect(parseBackboneConfig(least)).toEqual({
      width: 64,
      layers: 2,
      heads: 2,
      mlpWidth: 256,
      patch: 16,
      imageSize: 224,
      classToken: false,
      lnPre: true,
      lnPost: true,
      lnEps: 1e-5,
      layerScale: false,
      pool: 'attn',
      poolHeads: 8,
      outputDim: null,
      rope: 'meta',
      ropeTheta: 10000,
      ropeGrid: 14,
      positions: 'bilinear',
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      antialias: false,
    });
    expect(parseBackboneConfig({ vision: { ...least, rope: 'timm' } })).toMatchObject({
      rope: 'timm',
      positions: 'bicubic',
    });
    expect(parseBackboneConfig({ ...least, width: 1536, heads: 16, mlp_ratio: 8960 / 1536 }).mlpWidth).toBe(8960);
  });

  test('mistakes are named', () => {
    expect(() => parseBackboneConfig({ ...least, use_cls: true })).toThrow(/field "use_cls"/);
    expect(() => parseBackboneConfig({ ...least, layers: 0 })).toThrow(/at least 1/);
    expect(() => parseBackboneConfig({ ...least, width: '64' })).toThrow(/field "width" is "64"/);
    expect(() => parseBackboneConfig({ ...least, heads: 3 })).toThrow(/channels per head/);
    expect(() => parseBackboneConfig({ ...least, pool_type: 'max' })).toThrow(/attn, tok, avg, none/);
    expect(() => parseBackboneConfig({ layers: 2, heads: 2, patch_size: 16 })).toThrow(/field "width" is missing/);
    expect(() => parseBackboneConfig([])).toThrow(/not a JSON object/);
    expect(() => parseBackboneConfig({ ...least, pool_type: 'tok' })).toThrow(/no class token/);
    expect(() => parseBackboneConfig({ ...least, rope: '__proto__' })).toThrow(/not known/);
  });

  test('a file is read, a broken one is named', async () => {
    const path = join(folder, 'arch.json');
    await writeFile(path, JSON.stringify(least));
    expect((await loadArch(path, { rope: 'timm' })).rope).toBe('timm');
    await writeFile(path, '{');
    await expect(loadArch(path)).rejects.toMatchObject({ code: 'BAD_INPUT' });
    await expect(loadArch(join(folder, 'none.json'))).rejects.toThrow(/none.json/);
  });
});

describe('rotary positions', () => {
  test('the three rules as their sources compute them', () => {
    const t16 = findBackbone('pe-spatial-t16');
    expect([...ropePositions(t16, 3)]).toEqual([1, 2, 3]);
    expect([...ropePositions(withTimmPositions(t16), 64)].slice(0, 3)).toEqual([0.5, 1, 1.5]);
    expect([...ropePositions(withTimmPositions(t16), 32)]).toEqual([...ropePositions(t16, 32)]);
    const g14 = findBackbone('pe-spatial-g14');
    expect([...ropePositions(g14, 3)]).toEqual([0, 1, 2]);
    expect([...ropePositions({ ...g14, rope: 'vitdet' }, 64)].slice(0, 3)).toEqual([1, 1.5, 2]);
    expect([...ropePositions({ ...g14, rope: 'vitdet', ropeGrid: 16 }, 24)][1]).toBeCloseTo(1 + 16 / 24, 12);
  });

  test('the class token does not turn; x turns the first half of a head, y the second', () => {
    const { cos, sin, pairs, tokens } = ropeTable(findBackbone('pe-spatial-t16'), 2, 3);
    expect([tokens, pairs]).toEqual([7, 32]);
    expect([...cos.subarray(0, pairs)].every(v => v === 1) && [...sin.subarray(0, pairs)].every(v => v === 0)).toBe(
      true,
    );
    const at = (1 + 1 * 3 + 2) * pairs; // row 1, column 2: x = 3, y = 2
    expect(sin[at]).toBeCloseTo(Math.sin(3), 6);
    expect(sin[at + 16]).toBeCloseTo(Math.sin(2), 6);
    expect(sin[at + 1]).toBeCloseTo(Math.sin(3 * 10000 ** (-1 / 16)), 6);
  });
});

describe('the graph', () => {
  const tiny = parseBackboneConfig({
    width: 32,
    layers: 2,
    heads: 2,
    patch_size: 8,
    image_size: 32,
    use_ln_post: false,
    pool_type: 'none',
  });

  test('sizes that are no multiple of the patch are told with the nearest that is', () => {
    expect(patchGrid(tiny, 16, 40)).toEqual([2, 5]);
    expect(() => patchGrid(tiny, 16, 41)).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: size 41 x 16
        why: width and height must be multiples of the patch, 8 pixels
        fix: use 40 x 16]
    `);
  });

  test('blocks behind the last tap are not built', () => {
    const b = new GraphBuilder();
    const image = b.input('image', 'float32', ['batch', 3, 32, 32]);
    const tower = addBackbone(b, image, tiny, weightsFrom(hashedWeights(tiny), 'hashed'), {
      taps: [1],
      prefix: 'net.',
    });
    b.output('layer_1', tower.taps.get(1)!);
    const names = readModel(b.build().bytes).weights.map(w => w.name);
    expect(names).toContain('net.transformer.resblocks.0.ln_1.weight');
    expect(names.some(n => n.includes('resblocks.1'))).toBe(false);
    expect(() => addBackbone(b, image, tiny, weightsFrom(new Map(), 'x'), { taps: [3] })).toThrow(/2 blocks/);
    expect(() => addBackbone(b, image, tiny, weightsFrom(new Map(), 'x'), { embedding: true })).toThrow(
      /no pooling head/,
    );
    expect(() => addBackbone(b, image, tiny, weightsFrom(new Map(), 'an empty file'), { taps: [1] })).toThrow(
      /an empty file/,
    );
  });

  test('weights point into the file, except what must change', async () => {
    const path = join(folder, 'tiny.safetensors');
    const tensors = [...hashedWeights(tiny)].map(([name, { shape, data }]) => ({
      name,
      shape,
      data,
      dtype: 'f32' as const,
    }));
    await writeSafetensors(path, tensors);
    const checkpoint = await openCheckpoint(path);
    const weights = await checkpointWeights(checkpoint, tiny, 'tiny');
    const b = new GraphBuilder();
    const tower = addBackbone(b, b.input('image', 'float32', ['batch', 3, 48, 32]), tiny, weights, { taps: [2] });
    b.output('layer_2', tower.taps.get(2)!);
    const { weights: stored } = readModel(b.build({ weights: 'external' }).bytes);
    const inside = expectedTensors(tiny).filter(t => stored.some(w => w.name === t.name && !w.external));
    expect(inside).toEqual([]);
    const conv = stored.find(w => w.name === 'conv1.weight')!;
    expect(conv.external).toMatchObject({ location: 'tiny.safetensors', length: 4 * 32 * 3 * 64 });
    await expect(checkpointWeights(checkpoint, { ...tiny, layers: 3 }, 'three')).rejects.toMatchObject({
      code: 'BAD_CHECKPOINT',
    });
  });
});
