import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  type Checkpoint,
  describeVision,
  openCheckpoint,
  recognise,
  resolveKeys,
  type StoredTensor,
} from '../../src/checkpoint/index.ts';
import { isContiguous, rowMajorStrides } from '../../src/checkpoint/layout.ts';
import { GOLDEN } from './craft.ts';

// names and shapes of the official detectors, built from their configs (tools/golden/checkpoints.py --keys)
const detectors = JSON.parse(readFileSync(`${GOLDEN}detectors.json`, 'utf8')) as Record<
  string,
  { blocks: number; total: number; tensors: [string, number[]][] }
>;

function checkpointOf(rows: readonly (readonly [string, readonly number[]])[]): Checkpoint {
  const tensors = rows.map(([name, shape]): StoredTensor => {
    const strides = rowMajorStrides(shape);
    return { name, dtype: 'f32', shape, strides, contiguous: isContiguous(shape, strides), offset: 0, length: 0 };
  });
  return {
    path: 'made.pth',
    format: 'pytorch',
    bytes: 0,
    metadata: {},
    tensors: new Map(tensors.map(t => [t.name, t])),
  };
}

function detector(name: string): Checkpoint {
  const { blocks, total, tensors } = detectors[name]!;
  const rows = tensors.flatMap(([key, shape]) =>
    key.includes('resblocks.0.')
      ? Array.from({ length: blocks }, (_, i) => [key.replace('resblocks.0.', `resblocks.${i}.`), shape] as const)
      : [[key, shape] as const],
  );
  expect(rows.length).toBe(total);
  return checkpointOf(rows);
}

test.each([
  ['maskrcnn_PEspatial_coco', 'mask-rcnn', 80, 'mask_rcnn_PEspatial_G_coco36ep', true, 512],
  ['maskrcnn_PEcore_coco', 'mask-rcnn', 80, 'mask_rcnn_PEcore_G_coco75ep', false, 512],
  ['maskrcnn_PEspatial_lvis', 'mask-rcnn', 1203, 'mask_rcnn_PEspatial_G_lvis75ep', true, 512],
  ['deta', 'deta', 91, undefined, true, 384],
] as const)('the official %s', (name, kind, classes, release, layerScale, size) => {
  const checkpoint = detector(name);
  const found = recognise(checkpoint);
  expect(found).toMatchObject({ kind, classes });
  expect(found.release).toBe(release);
  const vision = describeVision(checkpoint, resolveKeys(checkpoint, found.prefix));
  expect(vision).toEqual({
    width: 1536,
    layers: 50,
    heads: 16, // from the stored rotary tables, 96 columns
    patch_size: 16,
    image_size: size,
    use_cls_token: false,
    use_ln_post: false,
    pool_type: 'none',
    layer_scale: layerScale,
    mlp_ratio: 8960 / 1536,
    output_dim: null,
  });
});

test.each([
  ['meta.pt', 'vision', 'Meta names'],
  ['timm.safetensors', 'vision', 'timm names'],
  ['module_visual.pt', 'clip', 'vision and text'],
  ['nested.pt', 'unknown', 'unknown'],
])('%s', async (file, kind, title) => {
  const found = recognise(await openCheckpoint(`${GOLDEN}${file}`));
  expect(found.kind).toBe(kind);
  expect(found.title).toContain(title);
});

test('our own model: a backbone and heads; a timm projection named head. is not one', () => {
  const backbone = [['conv1.weight', [8, 3, 4, 4]], ['ln_pre.weight', [8]], ['transformer.resblocks.0.ln_1.weight', [8]]] as const; // biome-ignore format: one row
  expect(recognise(checkpointOf([...backbone, ['head.stems.0.weight', [8, 8]]]))).toMatchObject({
    kind: 'dense',
    prefix: '',
  });
  expect(recognise(checkpointOf([...backbone, ['head.weight', [8, 8]], ['head.bias', [8]]])).kind).toBe('vision');
  const model = checkpointOf([...backbone, ['head.stems.0.weight', [8, 8]]]);
  const resolved = resolveKeys(model, '');
  expect(resolved.sources.size).toBe(3);
  expect(resolved.ignored.map(({ name }) => name)).toEqual(['head.stems.0.weight']);
});
