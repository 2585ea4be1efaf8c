import { describe, expect, test } from 'vitest';
import {
  assertFits,
  type Checkpoint,
  describeVision,
  type ExpectedTensor,
  fitArchitecture,
  KEY_MAP,
  openCheckpoint,
  readResolved,
  readTensor,
  resolveKeys,
  type StoredTensor,
} from '../../src/checkpoint/index.ts';
import { rowMajorStrides } from '../../src/checkpoint/layout.ts';
import { errorOf, GOLDEN } from './craft.ts';

const meta = await openCheckpoint(`${GOLDEN}meta.pt`);
const expected: ExpectedTensor[] = [...meta.tensors.values()].map(({ name, shape }) => ({ name, shape }));

/** A checkpoint with other tensors: renamed, reshaped, dropped or added. */
function changed(edit: (tensors: Map<string, StoredTensor>) => void): Checkpoint {
  const tensors = new Map(meta.tensors);
  edit(tensors);
  return { ...meta, path: 'changed.pt', tensors };
}

describe('resolveKeys', () => {
  // the timm files were converted by timm's own _convert_pe (tools/golden/checkpoints.py)
  test.each(['meta.pt', 'module_visual.pt', 'timm.pt', 'timm.safetensors'])('%s gives Meta values', async file => {
    const checkpoint = await openCheckpoint(`${GOLDEN}${file}`);
    const resolved = resolveKeys(checkpoint);
    expect(resolved.naming).toBe(file.startsWith('timm') ? 'timm' : 'meta');
    expect([...resolved.sources.keys()].sort()).toEqual([...meta.tensors.keys()].sort());
    for (const [name, { shape }] of meta.tensors) {
      expect.soft(resolved.sources.get(name)!.shape, name).toEqual(shape);
      expect.soft(await readResolved(checkpoint, resolved, name), name).toEqual(await readTensor(meta, name));
    }
    expect(fitArchitecture(resolved, expected)).toMatchObject({ fits: true, missing: [], extra: [], wrongShape: [] });
  });

  test('every row of the map occurs in the timm file', async () => {
    const { sources } = resolveKeys(await openCheckpoint(`${GOLDEN}timm.pt`));
    const used = [...sources.keys()].map(name => name.replace(/\.\d+\./, '.{i}.'));
    for (const { meta: template } of KEY_MAP) {
      const names = template.includes('{p}') ? ['weight', 'bias'].map(p => template.replace('{p}', p)) : [template];
      for (const name of names) expect.soft(used).toContain(name);
    }
  });

  test('the text tower and module. are left behind', async () => {
    const resolved = resolveKeys(await openCheckpoint(`${GOLDEN}module_visual.pt`));
    expect(resolved.prefix).toBe('visual.');
    expect(resolved.ignored.map(({ name }) => name)).toEqual([
      'module.token_embedding.weight',
      'module.positional_embedding',
    ]);
    expect(resolved.sources.get('conv1.weight')!.name).toBe('module.visual.conv1.weight');
  });

  test('what may be used in place: reshaped yes, joined or transposed no', async () => {
    const { sources, ignored } = resolveKeys(await openCheckpoint(`${GOLDEN}timm.safetensors`));
    expect(sources.get('positional_embedding')).toMatchObject({
      name: 'pos_embed',
      transform: 'reshape',
      inPlace: true,
    });
    expect(sources.get('attn_pool.attn.in_proj_weight')).toMatchObject({
      names: ['attn_pool.q.weight', 'attn_pool.kv.weight'],
      transform: 'concat',
      inPlace: false,
    });
    expect(sources.get('proj')).toMatchObject({ name: 'head.weight', transform: 'transpose', inPlace: false });
    expect(ignored.map(({ name }) => name)).toEqual(['head.bias']);
  });

  test('two stored names for one tensor', async () => {
    const twice = changed(t =>
      t.set('module.conv1.weight', { ...t.get('conv1.weight')!, name: 'module.conv1.weight' }),
    );
    expect(await errorOf((async () => resolveKeys(twice))())).toContain(
      'tensors conv1.weight and module.conv1.weight of changed.pt are one and the same',
    );
  });

  test('another network', async () => {
    const other = await openCheckpoint(`${GOLDEN}aliased.pt`);
    expect(await errorOf((async () => resolveKeys(other))())).toMatch(/holds no Perception Encoder vision tower/);
  });

  test('half of a split tensor', async () => {
    const timm = await openCheckpoint(`${GOLDEN}timm.pt`);
    const tensors = new Map(timm.tensors);
    tensors.delete('attn_pool.kv.bias');
    expect(await errorOf((async () => resolveKeys({ ...timm, tensors }))())).toMatch(
      /tensor attn_pool\.kv\.bias .* is missing/,
    );
  });
});

describe('assertFits names the tensor', () => {
  const refuse = (checkpoint: Checkpoint, wanted = expected) =>
    errorOf((async () => assertFits(checkpoint, resolveKeys(checkpoint), wanted, 'pe-tiny'))());
  const name = 'transformer.resblocks.1.mlp.c_fc.weight';

  test('missing', async () => {
    expect(await refuse(changed(t => t.delete(name)))).toMatchInlineSnapshot(`
      "BAD_CHECKPOINT: tensor transformer.resblocks.1.mlp.c_fc.weight is missing from changed.pt
        why: pe-tiny needs it with shape [20, 8]
        fix: see which architecture the file fits with: pe-dense inspect changed.pt"
    `);
  });

  test('missing under timm names: both names are given', async () => {
    const timm = await openCheckpoint(`${GOLDEN}timm.pt`);
    const tensors = new Map(timm.tensors);
    tensors.delete('blocks.1.mlp.fc1.weight');
    expect(await refuse({ ...timm, tensors })).toContain(`tensor ${name} (timm: blocks.1.mlp.fc1.weight) is missing`);
  });

  test('of another shape', async () => {
    const wider = expected.map(t => (t.name === name ? { ...t, shape: [40, 8] } : t));
    expect(await refuse(meta, wider)).toMatch(/c_fc\.weight of .* has shape \[20, 8\]\n.*needs \[40, 8\]/);
  });

  test('extra', async () => {
    const extra = changed(t => t.set('nose.weight', { ...t.get(name)!, name: 'nose.weight' }));
    expect(await refuse(extra)).toContain('tensor nose.weight of changed.pt has no place in pe-tiny');
    expect(() => assertFits(extra, resolveKeys(extra), expected, 'pe-tiny', { allowExtra: true })).not.toThrow();
  });

  test('of integers', async () => {
    expect(await refuse(changed(t => t.set(name, { ...t.get(name)!, dtype: 'i32' })))).toMatch(/holds i32/);
  });

  test('many: the first and the number of the rest', async () => {
    const shallow = changed(t => {
      for (const key of [...t.keys()]) if (key.includes('resblocks.1.')) t.delete(key);
    });
    expect(await refuse(shallow)).toContain('13 more tensors');
  });

  test('optional ones may be absent', () => {
    const without = changed(t => t.delete('proj'));
    const wanted = expected.map(t => (t.name === 'proj' ? { ...t, optional: true } : t));
    expect(fitArchitecture(resolveKeys(without), wanted).fits).toBe(true);
  });
});

describe('describeVision', () => {
  test.each(['meta.pt', 'timm.pt', 'module_visual.pt'])('%s', async file => {
    const checkpoint = await openCheckpoint(`${GOLDEN}${file}`);
    expect(describeVision(checkpoint, resolveKeys(checkpoint))).toEqual({
      width: 8,
      layers: 2,
      heads: null,
      patch_size: 4,
      image_size: 8,
      use_cls_token: true,
      use_ln_post: true,
      pool_type: 'attn',
      layer_scale: true,
      mlp_ratio: 2.5,
      output_dim: 6,
    });
  });

  const refuse = (edit: (tensors: Map<string, StoredTensor>) => void) => {
    const checkpoint = changed(edit);
    return errorOf((async () => describeVision(checkpoint, resolveKeys(checkpoint)))());
  };
  const reshape = (name: string, shape: number[]) => (t: Map<string, StoredTensor>) =>
    t.set(name, { ...t.get(name)!, shape, strides: rowMajorStrides(shape) });

  test('a grid that is not square, oblong patches, a gap between blocks', async () => {
    expect(await refuse(reshape('positional_embedding', [7, 8]))).toMatch(
      /positional_embedding .* \[7, 8\]\n.*square grid/,
    );
    expect(await refuse(reshape('conv1.weight', [8, 3, 4, 2]))).toMatch(/conv1\.weight .*\n.*square patches/);
    expect(await refuse(reshape('positional_embedding', [5]))).toMatch(/positional_embedding .*\n.*2 axes/);
    const gap = refuse(t => {
      for (const key of [...t.keys()].filter(k => k.includes('resblocks.1.'))) {
        const name = key.replace('.1.', '.2.');
        t.set(name, { ...t.get(key)!, name });
        t.delete(key);
      }
    });
    expect(await gap).toContain('resblocks.1.ln_1.weight is missing');
  });
});
