import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openCheckpoint, readTensor, readTensorBytes } from '../../src/checkpoint/index.ts';
import { errorOf, GOLDEN, golden, openBytes } from './craft.ts';

// written by tools/golden/checkpoints.py: torch.save and safetensors, values as torch reads them
interface Case {
  readonly tensors: Record<string, { dtype: string; shape: number[]; contiguous: boolean; float32_base64: string }>;
  readonly wrapper?: string;
  readonly skipped?: string[];
  readonly storages?: number;
}
const cases = JSON.parse(readFileSync(`${GOLDEN}cases.json`, 'utf8')) as Record<string, Case>;
const DTYPES: Record<string, string> = {
  float64: 'f64',
  float32: 'f32',
  float16: 'f16',
  bfloat16: 'bf16',
  int64: 'i64',
  int32: 'i32',
  int16: 'i16',
  int8: 'i8',
  uint8: 'u8',
  bool: 'bool',
};
const scratch = mkdtempSync(join(tmpdir(), 'checkpoint-'));
afterAll(() => rmSync(scratch, { recursive: true }));

describe.each(Object.entries(cases))('%s', (file, wanted) => {
  test('every tensor reads as torch reads it, bit for bit', async () => {
    const checkpoint = await openCheckpoint(`${GOLDEN}${file}`);
    expect(checkpoint.bytes).toBe(golden(file).length);
    if (checkpoint.format === 'pytorch') expect([...checkpoint.tensors.keys()]).toEqual(Object.keys(wanted.tensors));
    else expect([...checkpoint.tensors.keys()].sort()).toEqual(Object.keys(wanted.tensors).sort());
    for (const [name, { dtype, shape, contiguous, float32_base64 }] of Object.entries(wanted.tensors)) {
      const tensor = checkpoint.tensors.get(name)!;
      expect.soft(tensor, name).toMatchObject({ name, dtype: DTYPES[dtype], shape });
      if (checkpoint.format === 'pytorch') expect.soft(tensor.contiguous, name).toBe(contiguous);
      const values = await readTensor(checkpoint, name);
      expect.soft(Buffer.from(values.buffer).toString('base64'), name).toBe(float32_base64);
    }
  });

  test('wrapper and skipped values are reported', async () => {
    const checkpoint = await openCheckpoint(`${GOLDEN}${file}`);
    expect(checkpoint.wrapper).toBe(wanted.wrapper);
    if (wanted.skipped) expect([...checkpoint.skipped!].sort()).toEqual([...wanted.skipped].sort());
  });
});

test('tensor data is where the index says: contiguous bytes are the file itself', async () => {
  const checkpoint = await openCheckpoint(`${GOLDEN}meta.pt`);
  const file = golden('meta.pt');
  for (const tensor of checkpoint.tensors.values()) {
    expect(tensor.offset % 64).toBe(0); // torch aligns, so the bytes can be mapped in place
    const bytes = await readTensorBytes(checkpoint, tensor.name);
    expect(Buffer.from(bytes).equals(file.subarray(tensor.offset, tensor.offset + tensor.length))).toBe(true);
  }
});

test('names that share a storage point to the same bytes', async () => {
  const { tensors } = await openCheckpoint(`${GOLDEN}aliased.pt`);
  const at = (name: string) => tensors.get(name)!.offset;
  expect(at('blocks.0.rope.cos')).toBe(at('rope.cos'));
  expect(at('blocks.1.rope.cos')).toBe(at('rope.cos'));
  expect(at('row')).toBe(at('rope.cos') + 2 * 3 * 4);
  expect(new Set([...tensors.keys()].map(at)).size).toBe(3);
});

test('a symbolic link is resolved to the real file', async () => {
  const link = join(scratch, 'link.pt');
  symlinkSync(`${GOLDEN}nested.pt`, link);
  expect((await openCheckpoint(link)).path).toBe(`${GOLDEN}nested.pt`);
});

test('safetensors metadata is kept', async () => {
  expect((await openCheckpoint(`${GOLDEN}dtypes.safetensors`)).metadata).toEqual({ format: 'pt', note: 'läßt' });
});

describe('what torch writes and we refuse', () => {
  test.each([
    ['legacy.pt', /format before torch 1\.6.*\n.*torch\.save\(torch\.load/],
    ['whole_module.pt', /names torch\.nn\.modules\.linear\.Linear at byte \d+\n.*\n.*state_dict\(\)/],
    ['bare_tensor.pt', /holds no dict of tensors\n.*one tensor without a name/],
    ['torchscript.pt', /is a TorchScript program/],
    ['compressed.pt', /record \w+\/data\/0 .* is compressed\n.*\n.*zip -0/],
    ['uint16.pt', /tensor w in .* cannot be read\n.*its elements are uint16/],
    ['complex.pt', /tensor w in .* cannot be read\n.*its elements are complex64/],
  ])('%s', async (file, text) => {
    expect(await errorOf(openCheckpoint(`${GOLDEN}${file}`))).toMatch(text);
  });
});

describe('files that are no checkpoint', () => {
  test.each([
    ['nothing', Buffer.alloc(0), /it is empty/],
    ['a Git LFS pointer', Buffer.from('version https://git-lfs.github.com/spec/v1\n'), /git lfs pull/],
    ['a web page', Buffer.from('<!DOCTYPE html><html></html>'), /web page/],
    ['a bare pickle', Buffer.from([0x80, 4, 0x4e, 0x2e]), /bare Python pickle/],
    ['noise', Buffer.from('0123456789abcdef'), /begins with bytes 3031323334353637/],
  ])('%s', async (_, bytes, text) => {
    expect(await errorOf(openBytes(bytes))).toMatch(text);
  });

  test('a missing file and a folder', async () => {
    expect(await errorOf(openCheckpoint('/nowhere/m.pt'))).toMatchInlineSnapshot(`
      "BAD_CHECKPOINT: no checkpoint at /nowhere/m.pt
        why: the file does not exist
        fix: check the path"
    `);
    expect(await errorOf(openCheckpoint(scratch))).toMatch(/is not a file\n.*a folder/);
  });

  test('a tensor that is not there', async () => {
    const checkpoint = await openCheckpoint(`${GOLDEN}nested.pt`);
    expect(await errorOf(readTensor(checkpoint, 'nose'))).toMatch(/there is no tensor nose in .*nested\.pt/);
  });
});
