import type { Checkpoint } from './types.ts';

/** A kind of file we know by a few keys that no other kind has. */
interface KindRow {
  readonly kind: string;
  /** For people. */
  readonly title: string;
  /** All must be there (after `module.` is dropped); the first row that matches wins. */
  readonly keys: readonly (string | RegExp)[];
  /** Where its vision tower lies; absent: found by `resolveKeys`. */
  readonly prefix?: string;
  /** Tensor whose first axis counts classes, and what to take off (a background class). */
  readonly classes?: { readonly key: string; readonly background: number };
  /** Title by number of classes and LayerScale, where the official release tells files apart by them. */
  readonly releases?: readonly { readonly classes: number; readonly layerScale: boolean; readonly name: string }[];
}

const HEAD = /^head\.(?!weight$|bias$)/;

/** @see facebookresearch/perception_models apps/detection (names of the official detectors) */
const KINDS: readonly KindRow[] = [
  {
    kind: 'mask-rcnn',
    title: 'Mask R-CNN on a Perception Encoder (detectron2 names)',
    keys: ['backbone.net.conv1.weight', 'backbone.simfp_2.0.weight', 'roi_heads.box_predictor.cls_score.weight'],
    prefix: 'backbone.net.',
    classes: { key: 'roi_heads.box_predictor.cls_score.weight', background: 1 },
    releases: [
      { classes: 80, layerScale: true, name: 'mask_rcnn_PEspatial_G_coco36ep' },
      { classes: 80, layerScale: false, name: 'mask_rcnn_PEcore_G_coco75ep' },
      { classes: 1203, layerScale: true, name: 'mask_rcnn_PEspatial_G_lvis75ep' },
      { classes: 1203, layerScale: false, name: 'mask_rcnn_PEcore_G_lvis75ep' },
    ],
  },
  {
    kind: 'deta',
    title: 'DETA on a Perception Encoder',
    keys: ['backbone.0.body.conv1.weight', 'transformer.level_embed', 'transformer.enc_output.weight'],
    prefix: 'backbone.0.body.',
    classes: { key: 'class_embed.0.weight', background: 0 },
  },
  {
    kind: 'dense',
    title: 'pe-dense model: backbone with heads',
    keys: ['backbone.conv1.weight', HEAD],
    prefix: 'backbone.',
  },
  { kind: 'dense', title: 'pe-dense model: backbone with heads', keys: ['conv1.weight', HEAD], prefix: '' },
  {
    kind: 'clip',
    title: 'Perception Encoder CLIP: vision and text towers',
    keys: ['visual.conv1.weight', 'token_embedding.weight'],
  },
  {
    kind: 'vision',
    title: 'Perception Encoder vision tower (Meta names)',
    keys: ['visual.conv1.weight', 'visual.ln_pre.weight'],
  },
  {
    kind: 'vision',
    title: 'Perception Encoder vision tower (Meta names)',
    keys: ['conv1.weight', 'ln_pre.weight', 'transformer.resblocks.0.ln_1.weight'],
  },
  {
    kind: 'vision',
    title: 'Perception Encoder vision tower (timm names)',
    keys: ['patch_embed.proj.weight', 'norm_pre.weight', 'blocks.0.attn.qkv.weight'],
  },
  {
    kind: 'vision',
    title: 'Perception Encoder vision tower (timm names)',
    keys: ['visual.patch_embed.proj.weight', 'visual.norm_pre.weight'],
  },
];

/** What a file is, as far as its keys tell. */
export interface Recognition {
  /** `mask-rcnn`, `deta`, `dense`, `clip`, `vision` or `unknown`. */
  readonly kind: string;
  readonly title: string;
  /** Prefix of the vision tower for `resolveKeys`; absent: let it find out. */
  readonly prefix?: string;
  /** Number of classes of a detector's head. */
  readonly classes?: number;
  /** Name of the official file with these shapes. The shapes fit; whether the values are the official ones is not checked. */
  readonly release?: string;
}

/** Says what a checkpoint is from a few discriminating keys; `unknown` when none fits. */
export function recognise(checkpoint: Checkpoint): Recognition {
  const shapes = new Map<string, readonly number[]>();
  for (const [name, tensor] of checkpoint.tensors) shapes.set(name.replace(/(^|\.)module\./g, '$1'), tensor.shape);
  const names = [...shapes.keys()];
  const has = (key: string | RegExp) =>
    typeof key === 'string' ? shapes.has(key) : names.some(name => key.test(name));
  const row = KINDS.find(({ keys }) => keys.every(has));
  if (row === undefined) return { kind: 'unknown', title: 'unknown: no known set of names' };
  const { kind, title, prefix } = row;
  const rows = row.classes && shapes.get(row.classes.key)?.[0];
  const classes = row.classes && rows !== undefined ? rows - row.classes.background : undefined;
  const layerScale = names.some(name => name.endsWith('.ls_1.gamma'));
  const release = row.releases?.find(r => r.classes === classes && r.layerScale === layerScale)?.name;
  return {
    kind,
    title,
    ...(prefix === undefined ? {} : { prefix }),
    ...(classes === undefined ? {} : { classes }),
    ...(release === undefined ? {} : { release }),
  };
}
