import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectedTensors, parseBackboneConfig } from '../../src/backbone/index.ts';
import { type TensorToWrite, writeSafetensors } from '../../src/checkpoint/index.ts';
import { seededNormal } from '../../src/core/index.ts';
import { writeModelJson } from '../../src/model/index.ts';
import { dptTensors } from './dpt-tensors.ts';

const VISION = {
  patch_size: 16,
  width: 32,
  layers: 2,
  heads: 2,
  mlp_ratio: 2,
  output_dim: null,
  image_size: 64,
  use_abs_posemb: true,
  use_cls_token: true,
  use_rope2d: true,
  pool_type: 'none',
  use_ln_pre: true,
  use_ln_post: false,
};
const TAPS = [1, 2];
const D = 8;
const BINS = 4;
export const TINY_LABELS = ['cat', 'dog', 'owl'];

const TINY_DPT = { taps: TAPS, features: D, channels: [4, 6, 8, 8], hidden: 6, separable: [0] } as const;

/** What a tiny model has beside its detection head. */
export interface TinyParts {
  /** A DPT head on blocks 1, 1, 2, 2; `metric`: 6 bins. */
  readonly depth?: 'relative' | 'metric';
  /** Changes of the backbone's description, e.g. `{ patch_size: 14 }`. */
  readonly vision?: Partial<typeof VISION>;
  /** Heads in a file of their own. */
  readonly split?: boolean;
  /** Of the weights; default 11. */
  readonly seed?: number;
}

/** Output of the tiny DPT head in model.json, and its channels. */
export const TINY_DEPTH = {
  relative: { kind: 'dpt', output: 'relative', taps: [1, 1, 2, 2] },
  metric: { kind: 'dpt', output: 'metric', taps: [1, 1, 2, 2], bins: 6, near: 0.5, far: 20 },
} as const;

/**
 * Writes a whole model directory with a small network of seeded random weights: a real backbone, head, checkpoint and
 * model.json. What it finds means nothing, but it is always the same.
 */
export async function writeTinyModel(
  directory: string,
  changes: Record<string, unknown> = {},
  parts: TinyParts = {},
): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const arch = join(directory, 'arch.json');
  const vision = { ...VISION, ...parts.vision };
  writeFileSync(arch, JSON.stringify(vision));
  const random = seededNormal(parts.seed ?? 11);
  const tensors: TensorToWrite[] = [];
  const add = (name: string, ...shape: number[]) => {
    const isScale = /(ln_\w+|norms\.\d+)\.weight$/.test(name);
    const fanIn = Math.max(
      1,
      shape.slice(1).reduce((p, d) => p * d, 1),
    );
    const data = Float32Array.from({ length: shape.reduce((p, d) => p * d, 1) }, () =>
      isScale ? 1 : (1.5 * random()) / Math.sqrt(fanIn),
    );
    tensors.push({ name, dtype: 'f16', shape, data });
  };
  for (const { name, shape } of expectedTensors(parseBackboneConfig(vision))) add(name, ...shape);
  const conv = (name: string, out: number, into: number, side: number) => {
    add(`head.${name}.weight`, out, into, side, side);
    add(`head.${name}.bias`, out);
  };
  for (const tap of TAPS) for (const part of ['weight', 'bias']) add(`head.norms.${tap}.${part}`, VISION.width);
  add('head.lateral.weight', D, TAPS.length * VISION.width);
  add('head.lateral.bias', D);
  conv('mix', D, D, 3);
  conv('up', D, D, 2);
  conv('down', D, D, 3);
  for (let level = 0; level < 3; level++) {
    conv(`towers.${level}.0.dw`, D, 1, 5);
    conv(`towers.${level}.0.pw`, D, D, 1);
    conv(`out.${level}`, TINY_LABELS.length + 4 * BINS, D, 1);
  }
  if (parts.depth) {
    const outputs = parts.depth === 'metric' ? TINY_DEPTH.metric.bins : 1;
    for (const { name, shape } of dptTensors({ ...TINY_DPT, width: VISION.width, outputs })) add(name, ...shape);
  }
  const ofHeads = parts.split ? tensors.filter(({ name }) => /^(head|depth)\./.test(name)) : [];
  if (parts.split) await writeSafetensors(join(directory, 'heads.safetensors'), ofHeads);
  const rest = tensors.filter(tensor => !ofHeads.includes(tensor));
  await writeSafetensors(join(directory, 'weights.safetensors'), rest);
  await writeModelJson(directory, {
    format: 1,
    name: 'tiny',
    version: '0.0.1',
    license: 'Apache-2.0',
    origin: 'random numbers',
    data: 'none',
    backbone: { arch, rope: 'meta', taps: TAPS },
    input: {
      size: [64, 64],
      multipleOf: 16,
      resize: 'squash',
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      color: 'rgb',
    },
    heads: {
      detection: {
        kind: 'anchor-free',
        strides: [0.5, 1, 2].map(s => s * vision.patch_size),
        bins: BINS,
        labels: TINY_LABELS,
      },
      ...(parts.depth && { depth: TINY_DEPTH[parts.depth] }),
    },
    nms: { kind: 'hard', iou: 0.5, score: 0.4, max: 20 },
    files: {
      weights: { path: 'weights.safetensors', dtype: 'fp16' },
      ...(parts.split && { heads: { path: 'heads.safetensors', dtype: 'fp16' } }),
    },
    metrics: [],
    ...changes,
  } as Parameters<typeof writeModelJson>[1]);
}
