import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { BACKBONE_NAMES, BACKBONES, expectedTensors } from '../../src/backbone/index.ts';
import type { ExpectedTensor } from '../../src/checkpoint/index.ts';
import { inspectCommand } from '../../src/cli/commands/inspect.ts';
import { main } from '../../src/cli/main.ts';
import { DenseError } from '../../src/core/index.ts';
import { type Inspection, inspectCheckpoint } from '../../src/pipelines/index.ts';

const GOLDEN = fileURLToPath(new URL('../golden/checkpoints/', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'inspect-'));
afterAll(() => rmSync(scratch, { recursive: true }));
afterEach(() => void vi.restoreAllMocks());

/** Runs the command and returns what it writes to standard output. */
async function run(...args: string[]): Promise<string> {
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation(chunk => {
    text += String(chunk);
    return true;
  });
  await inspectCommand().exitOverride().parseAsync(args, { from: 'user' });
  return text;
}

/** A safetensors file of the right size whose data is a hole: only the index is ever read. */
function sparse(name: string, tensors: readonly ExpectedTensor[], rename = (n: string) => n): string {
  let at = 0;
  const header: Record<string, unknown> = {};
  for (const { name: tensor, shape } of tensors) {
    const end = at + 4 * shape.reduce((p, d) => p * d, 1);
    header[rename(tensor)] = { dtype: 'F32', shape, data_offsets: [at, end] };
    at = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const path = join(scratch, name);
  writeFileSync(path, Buffer.concat([length, json]));
  truncateSync(path, 8 + json.length + at);
  return path;
}

describe('the registry row a file fits', () => {
  test.each(BACKBONE_NAMES)('%s, from its shapes alone', async name => {
    const path = sparse(`${name}.safetensors`, expectedTensors(BACKBONES[name]));
    const { fit, kind, vision } = await inspectCheckpoint(path);
    expect(kind).toBe('vision');
    expect(fit).toMatchObject({ row: name, exact: true, differences: [], missing: [], extra: [], wrongShape: [] });
    expect(vision).toMatchObject({ width: BACKBONES[name].width, layers: BACKBONES[name].layers });
    rmSync(path);
  });

  test('a giant of 7 GB is inspected without its weight in memory', async () => {
    const path = sparse('giant.safetensors', expectedTensors(BACKBONES['pe-spatial-g14']), n => `visual.${n}`);
    const before = process.memoryUsage().rss;
    const { bytes, parameters, fit } = await inspectCheckpoint(path);
    expect(bytes).toBeGreaterThan(7e9);
    expect(parameters).toBeGreaterThan(1.8e9);
    expect(fit).toMatchObject({ row: 'pe-spatial-g14', exact: true });
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });

  test('nearly: what differs is named', async () => {
    const tensors = expectedTensors(BACKBONES['pe-spatial-t16']);
    const lost = 'transformer.resblocks.7.mlp.c_fc.bias';
    const missing = sparse('missing.safetensors', tensors.filter(t => t.name !== lost)); // biome-ignore format: one row
    expect((await inspectCheckpoint(missing)).fit).toMatchObject({
      row: 'pe-spatial-t16',
      exact: false,
      missing: [lost],
    });
    expect(await run(missing)).toContain(`no row exactly; nearest is pe-spatial-t16: missing ${lost}`);

    const extra = sparse('extra.safetensors', [...tensors, { name: 'nose.weight', shape: [3] }]);
    expect(await run(extra)).toContain('nearest is pe-spatial-t16: extra nose.weight');

    const norm = 'transformer.resblocks.3.ln_1.weight';
    const wrong = sparse('wrong.safetensors', tensors.map(t => (t.name === norm ? { ...t, shape: [191] } : t))); // biome-ignore format: one row
    expect(await run(wrong)).toContain(`nearest is pe-spatial-t16: ${norm} is [191] (there [192])`);

    const small = sparse('small.safetensors', expectedTensors({ ...BACKBONES['pe-spatial-t16'], imageSize: 384 }));
    expect(await run(small)).toContain('nearest is pe-spatial-t16: image_size 384 (there 512)\n');
  });

  test('a tower that lacks a tensor every tower has', async () => {
    const tensors = expectedTensors(BACKBONES['pe-core-s16']).filter(t => t.name !== 'positional_embedding');
    const inspection = await inspectCheckpoint(sparse('no-positions.safetensors', tensors));
    expect(inspection.problem).toContain('tensor positional_embedding is missing');
    expect(inspection.fit).toMatchObject({ row: 'pe-core-s16', missing: ['positional_embedding'] });
  });

  test('--arch demands a row; the error names the tensor and exits with 3', async () => {
    const path = sparse('s16.safetensors', expectedTensors(BACKBONES['pe-spatial-s16']));
    expect(await run(path, '--arch', 'PE-Spatial-S16-512')).toContain('fits     PE-Spatial-S16-512');
    const error = await run(path, '--arch', 'pe-spatial-t16').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DenseError);
    expect((error as DenseError).exitCode).toBe(3);
    expect((error as DenseError).message).toMatch(
      /tensor conv1\.weight .* \[384, 3, 16, 16\]\n.*needs \[192, 3, 16, 16\]/,
    );
    await expect(run(path, '--arch', 'nose')).rejects.toMatchObject({ code: 'UNKNOWN_MODEL' });
  });
});

describe('what is printed', () => {
  test('for people', async () => {
    const text = await run(`${GOLDEN}aliased.pt`);
    expect(text.replaceAll(GOLDEN, '')).toMatchInlineSnapshot(`
      "file     aliased.pt
      format   PyTorch zip, 1,957 bytes
      kind     unknown: no known set of names
      tensors  5, 17 parameters
      problem  aliased.pt holds no Perception Encoder vision tower: neither conv1.weight (Meta's name) nor patch_embed.proj.weight (timm's) is in it; it begins with rope.cos, blocks.0.rope.cos, blocks.1.rope.cos

      tensor             type  shape   bytes
      rope.cos           f32   [4, 3]     48
      blocks.0.rope.cos  f32   [4, 3]     48  same bytes as rope.cos
      blocks.1.rope.cos  f32   [4, 3]     48  same bytes as rope.cos
      row                f32   [3]        12  same bytes as rope.cos
      other              f32   [5]        20

      type  tensors  elements  bytes
      f32         5        17     68
      4 names share bytes in 1 place; they are counted once
      "
    `);
  });

  test('twenty tensors, or all of them', async () => {
    const short = await run(`${GOLDEN}meta.pt`);
    expect(short).toContain('... and 27 more (--all lists them)');
    expect(short).not.toContain('attn_pool.mlp.c_proj.bias');
    vi.restoreAllMocks();
    const long = await run(`${GOLDEN}meta.pt`, '--all');
    expect(long).toContain('attn_pool.mlp.c_proj.bias');
    expect(long).not.toContain('more (--all');
  });

  test('--json: everything', async () => {
    const inspection = JSON.parse(await run(`${GOLDEN}module_visual.pt`, '--json')) as Inspection;
    expect(inspection).toMatchObject({ format: 'pytorch', kind: 'clip', wrapper: 'state_dict', naming: 'meta' });
    expect(inspection.tensors.length).toBe(49);
    expect(inspection.tensors[0]).toEqual({
      name: 'module.visual.class_embedding',
      dtype: 'f32',
      shape: [8],
      bytes: 32,
      offset: expect.any(Number),
      contiguous: true,
    });
    expect(inspection.ignored.map(({ name }) => name)).toContain('module.token_embedding.weight');
  });

  test('totals per dtype; strided tensors are marked', async () => {
    const { totals, parameters } = await inspectCheckpoint(`${GOLDEN}dtypes.safetensors`);
    expect(totals.map(t => t.dtype).sort()).toEqual([
      'bf16',
      'bool',
      'f16',
      'f32',
      'f64',
      'i16',
      'i32',
      'i64',
      'i8',
      'u8',
    ]);
    expect(totals.find(t => t.dtype === 'i64')).toEqual({ dtype: 'i64', tensors: 2, elements: 9, bytes: 72 });
    expect(parameters).toBe(4 * 6);
    const { tensors } = await inspectCheckpoint(`${GOLDEN}strided.pt`);
    expect(tensors.filter(t => !t.contiguous).map(t => t.name)).toEqual([
      'transposed',
      'columns',
      'every_second_row',
      'expanded',
      'permuted',
    ]);
  });

  test('escape sequences in names do not reach the terminal', async () => {
    const path = sparse('escape.safetensors', [{ name: '\u001b[2Jevil', shape: [1] }]);
    const text = await run(path);
    expect(text).toContain('?[2Jevil');
    expect(text).not.toContain('\u001b');
  });
});

test('a file that is no checkpoint: three lines on standard error, exit code 3', async () => {
  let errors = '';
  vi.spyOn(process.stderr, 'write').mockImplementation(chunk => {
    errors += String(chunk);
    return true;
  });
  const data = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
  expect(await main(['inspect', `${GOLDEN}half.json`])).toBe(3);
  expect(data).not.toHaveBeenCalled();
  expect(errors.replaceAll(GOLDEN, '')).toMatchInlineSnapshot(`
    "error: half.json is neither a PyTorch zip nor a safetensors file
      why: it is text in JSON
      fix: name the weights file, not its description
    "
  `);
});
