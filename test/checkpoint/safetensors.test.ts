import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import {
  float16FromFloat32,
  openCheckpoint,
  readTensor,
  readTensorBytes,
  type TensorToWrite,
  writeSafetensors,
} from '../../src/checkpoint/index.ts';
import { errorOf, openBytes } from './craft.ts';

const scratch = mkdtempSync(join(tmpdir(), 'safetensors-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function craft(header: unknown, data = 16): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(data)]);
}

describe('headers that are refused', () => {
  const f32 = (shape: number[], begin: number, end: number) => ({ dtype: 'F32', shape, data_offsets: [begin, end] });
  test.each([
    ['not JSON', craft('{"a": '), /not JSON/],
    ['no tensors', craft({ __metadata__: {} }, 0), /it holds no tensors/],
    [
      'beyond the file',
      craft({ w: f32([5], 0, 20) }),
      /tensor w .*\n.*ends at byte \d+ and the file at \d+: it is truncated/,
    ],
    [
      'wrong length',
      craft({ w: f32([3], 0, 16) }),
      /tensor w .*\n.*shape \[3\] of f32 takes 12 bytes, and its range holds 16/,
    ],
    [
      'overlapping',
      craft({ a: f32([3], 0, 12), b: f32([2], 8, 16) }),
      /tensor b .*\n.*overlaps the tensor before it by 4/,
    ],
    [
      'with a gap',
      craft({ a: f32([1], 0, 4), b: f32([2], 8, 16) }),
      /tensor b .*\n.*4 bytes before it belong to no tensor/,
    ],
    ['with a tail', craft({ a: f32([3], 0, 12) }), /4 bytes at its end belong to no tensor/],
    [
      'unknown dtype',
      craft({ w: { dtype: 'F8_E4M3', shape: [16], data_offsets: [0, 16] } }),
      /tensor w .*\n.*"F8_E4M3"/,
    ],
    ['inherited dtype', craft({ w: { dtype: 'constructor', shape: [16], data_offsets: [0, 16] } }), /"constructor"/],
    ['negative size', craft({ w: f32([-4], 0, 16) }), /tensor w .*\n.*not a list of sizes/],
    ['overflowing size', craft({ w: f32([2 ** 40, 2 ** 40], 0, 16) }), /tensor w .*\n.*not a list of sizes/],
    ['no offsets', craft({ w: { dtype: 'F32', shape: [4] } }), /tensor w .*\n.*lacks dtype, shape or data_offsets/],
    ['three offsets', craft({ w: { dtype: 'F32', shape: [4], data_offsets: [0, 16, 3] } }), /not a range/],
    [
      'one name twice',
      craft('{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}, "\\u0077" : {}}'),
      /lists tensor w twice/,
    ],
    ['metadata of numbers', craft({ __metadata__: { a: 1 }, w: f32([4], 0, 16) }), /__metadata__/],
    ['a header longer than the file', craft('{"w"'.padEnd(64)).subarray(0, 40), /it is truncated/],
  ])('%s', async (_, bytes, text) => {
    const error = await errorOf(openBytes(bytes));
    expect(error).toMatch(/^BAD_CHECKPOINT/);
    expect(error).toMatch(text);
  });

  test('a header of 4 GB is not read', async () => {
    const bytes = craft({});
    bytes.writeUInt32LE(0xffffffff, 0);
    expect(await errorOf(openBytes(bytes))).toContain('claims 4294967295 bytes, and the format allows 100000000');
  });
});

describe('writeSafetensors', () => {
  const path = join(scratch, 'written.safetensors');
  const tensors: TensorToWrite[] = [
    { name: '0', dtype: 'f16', shape: [3], data: new Float32Array([1, 1.0004, 70000]) },
    { name: 'half bits', dtype: 'f16', shape: [1, 2], data: new Uint16Array([0x3c00, 0xc000]) },
    { name: '__proto__', dtype: 'f32', shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) },
    { name: 'ids', dtype: 'i64', shape: [2], data: new BigInt64Array([-1n, 2n ** 40n]) },
    { name: 'scalar', dtype: 'f32', shape: [], data: new Float32Array([7]) },
    { name: 'empty', dtype: 'f32', shape: [0, 4], data: new Float32Array(0) },
  ];

  test('what is written is read back; data starts at a multiple of 64 and every element at one of its size', async () => {
    await writeSafetensors(path, tensors, { note: 'läßt' });
    const checkpoint = await openCheckpoint(path);
    expect(checkpoint.metadata).toEqual({ note: 'läßt' });
    expect([...checkpoint.tensors.keys()].sort()).toEqual(tensors.map(t => t.name).sort());
    expect([...checkpoint.tensors.values()][0]!.offset % 64).toBe(0);
    for (const t of tensors) {
      const stored = checkpoint.tensors.get(t.name)!;
      expect(stored).toMatchObject({ dtype: t.dtype, shape: t.shape });
      expect(stored.offset % (t.dtype === 'i64' ? 8 : t.dtype === 'f32' ? 4 : 2)).toBe(0);
    }
    expect([...(await readTensor(checkpoint, '0'))]).toEqual([1, 1, Number.POSITIVE_INFINITY]);
    expect([...(await readTensor(checkpoint, 'half bits'))]).toEqual([1, -2]);
    expect([...(await readTensor(checkpoint, '__proto__'))]).toEqual([1, 2, 3, 4]);
    expect(new BigInt64Array((await readTensorBytes(checkpoint, 'ids')).buffer)).toEqual(
      new BigInt64Array([-1n, 2n ** 40n]),
    );
    expect([...(await readTensor(checkpoint, 'scalar'))]).toEqual([7]);
    expect((await readTensor(checkpoint, 'empty')).length).toBe(0);
  });

  test('a failed write leaves the old file and no temporary one', async () => {
    await writeSafetensors(path, tensors);
    const before = readFileSync(path);
    expect(await errorOf(writeSafetensors(join(scratch, 'no', 'such', 'folder'), tensors))).toContain('RUNTIME');
    const bad = { name: 'w', dtype: 'f32', shape: [3], data: new Float32Array(2) } as const;
    expect(await errorOf(writeSafetensors(path, [bad]))).toContain('tensor w of shape [3] got 2 values');
    expect(await errorOf(writeSafetensors(path, [tensors[0]!, tensors[0]!]))).toContain('two tensors are named 0');
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(scratch)).toEqual(['written.safetensors']);
  });

  test('any list of tensors survives the round trip', async () => {
    const arbitrary = fc.uniqueArray(
      fc.record({ name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), values: fc.float32Array({ maxLength: 9 }), half: fc.boolean() }), // biome-ignore format: one row
      { selector: t => t.name, minLength: 1, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(arbitrary, async list => {
        await writeSafetensors(path, list.map(({ name, values, half }) => ({ name, dtype: half ? 'f16' : 'f32', shape: [values.length], data: values }))); // biome-ignore format: one row
        const checkpoint = await openCheckpoint(path);
        expect(checkpoint.tensors.size).toBe(list.length);
        for (const { name, values, half } of list) {
          const read = await readTensor(checkpoint, name);
          if (half) expect(float16FromFloat32(read)).toEqual(float16FromFloat32(values));
          else expect(new Uint32Array(read.buffer)).toEqual(new Uint32Array(values.buffer));
        }
      }),
      { numRuns: 60 },
    );
  });
});
