import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  Backbone,
  type BackboneConfig,
  findBackbone,
  parseBackboneConfig,
  weightsFrom,
  withTimmPositions,
} from '../../src/backbone/index.ts';
import { openCheckpoint, type TensorToWrite, writeSafetensors } from '../../src/checkpoint/index.ts';
import { timmNamesOf } from '../../src/checkpoint/key-map.ts';
import { tensor } from '../../src/core/index.ts';
import { hashedWeights, samplePlaces, uniform } from './hashed.ts';

interface Sample {
  size: number;
  mean: number;
  std: number;
  values: number[];
}
interface Case {
  arch: string;
  native: boolean;
  height: number;
  width: number;
  taps: Record<string, Sample>;
  normed: Sample;
  embedding?: Sample;
}

// golden: tools/golden/timm_backbones.py
const { cases } = JSON.parse(readFileSync(new URL('../golden/timm-backbones.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};
const LIMIT = 1e-4; // times the output's standard deviation

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pe-dense-timm-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const SMALL = parseBackboneConfig({
  patch_size: 14,
  image_size: 56,
  width: 96,
  layers: 3,
  heads: 4,
  mlp_ratio: 2.5,
  ls_init_value: 0.1,
  use_ln_post: false,
  pool_type: 'none',
});

const configOf = (arch: string): BackboneConfig => (arch.startsWith('pe-') ? findBackbone(arch) : SMALL);

function worst(name: string, data: Float32Array, want: Sample): number {
  expect(data.length, name).toBe(want.size);
  const places = samplePlaces(name, want.values.length, want.size);
  return Math.max(...places.map((at, i) => Math.abs(data[at]! - want.values[i]!))) / want.std;
}

async function errors(backbone: Backbone, c: Case): Promise<number[]> {
  const { height, width } = c;
  const image = tensor(
    ['batch', 'channel', 'height', 'width'] as const,
    [1, 3, height, width],
    uniform('input', 3 * height * width),
  );
  const out = await backbone.run(image);
  await backbone.close();
  return [
    ...Object.entries(c.taps).map(([i, want]) => worst(`layer_${i}`, out.taps.get(Number(i))!.data, want)),
    worst('normed', out.normed!.data, c.normed),
    ...(c.embedding ? [worst('embedding', out.embedding!.data, c.embedding)] : []),
  ];
}

const options = (c: Case) => ({
  size: { height: c.height, width: c.width },
  taps: Object.keys(c.taps).map(Number),
  normed: true,
  embedding: c.embedding !== undefined,
});

/** A checkpoint file of the hashed weights, under Meta's names or timm's. */
async function write(arch: string, naming: 'meta' | 'timm'): Promise<string> {
  const path = join(folder, `${arch}.${naming}.safetensors`);
  const tensors: TensorToWrite[] = [];
  for (const [name, { shape, data }] of hashedWeights(configOf(arch))) {
    const names = naming === 'timm' ? timmNamesOf(name) : [name];
    if (names.length === 2) {
      const third = data.length / 3; // the query's rows, then the keys' and values'
      tensors.push({
        name: names[0]!,
        shape: [shape[0]! / 3, ...shape.slice(1)],
        dtype: 'f32',
        data: data.slice(0, third),
      });
      tensors.push({
        name: names[1]!,
        shape: [(shape[0]! * 2) / 3, ...shape.slice(1)],
        dtype: 'f32',
        data: data.slice(third),
      });
    } else if (naming === 'timm' && name === 'proj') {
      const [rows, columns] = shape as [number, number];
      const turned = Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);
      tensors.push({ name: names[0]!, shape: [columns, rows], dtype: 'f32', data: turned });
    } else {
      const batched = naming === 'timm' && ['positional_embedding', 'class_embedding'].includes(name);
      const lead = batched ? (name === 'class_embedding' ? [1, 1] : [1]) : [];
      tensors.push({ name: names[0]!, shape: [...lead, ...shape], dtype: 'f32', data });
    }
  }
  await writeSafetensors(path, tensors);
  return path;
}

describe('equal to timm at the trained size', () => {
  test.each(cases.filter(c => c.native))('$arch at $width', async c => {
    const config = configOf(c.arch);
    // the larger ones from a file used in place, the small ones from memory
    const backbone =
      config.width > 400
        ? await Backbone.open(await write(c.arch, 'meta'), config, { ...options(c), lowMemory: true })
        : await Backbone.fromWeights(weightsFrom(hashedWeights(config), c.arch), config, options(c));
    for (const e of await errors(backbone, c)) expect(e).toBeLessThan(LIMIT);
  });
});

describe("timm's position rules away from the trained size (dynamic_img_size)", () => {
  test.each(cases.filter(c => !c.native))('$arch at $width x $height', async c => {
    const config = configOf(c.arch);
    const weights = weightsFrom(hashedWeights(config), c.arch);
    const timm = await Backbone.fromWeights(weights, withTimmPositions(config), options(c));
    for (const e of await errors(timm, c)) expect(e).toBeLessThan(LIMIT);
    // Meta's rule is another network here: the golden tells the two apart
    const meta = await Backbone.fromWeights(weights, config, options(c));
    expect(Math.max(...(await errors(meta, c)))).toBeGreaterThan(100 * LIMIT);
  });

  test('a file with timm names gives the same, split and transposed tensors included', async () => {
    const c = cases.find(one => !one.native && one.arch === 'pe-core-t16')!;
    const checkpoint = await openCheckpoint(await write(c.arch, 'timm'));
    expect(checkpoint.tensors.has('attn_pool.kv.weight')).toBe(true);
    const backbone = await Backbone.open(checkpoint, withTimmPositions(findBackbone(c.arch)), options(c));
    for (const e of await errors(backbone, c)) expect(e).toBeLessThan(LIMIT);
  });
});
