import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { float16FromFloat32, float32FromBfloat16, float32FromFloat16 } from '../../src/checkpoint/index.ts';
import { GOLDEN } from './craft.ts';

// NumPy's and torch's own conversions (tools/golden/checkpoints.py)
const g = JSON.parse(readFileSync(`${GOLDEN}half.json`, 'utf8')) as Record<string, string>;
const sha256 = (values: Float32Array) => createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex');
const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex')).buffer;
const every = Uint16Array.from({ length: 65536 }, (_, i) => i);

test('all 65,536 halves widen as in NumPy', () => {
  expect(sha256(float32FromFloat16(every))).toBe(g.sha256_of_all_halves_as_float32);
});

test('all 65,536 bfloat16 widen as in torch', () => {
  expect(sha256(float32FromBfloat16(every))).toBe(g.sha256_of_all_bfloat16_as_float32);
});

test('float32 rounds to half as in NumPy: ties, subnormals, overflow, NaN payloads', () => {
  const from = new Float32Array(bytesOf(g.float32_bits_hex!));
  expect(from.length).toBeGreaterThan(4000);
  expect(float16FromFloat32(from)).toEqual(new Uint16Array(bytesOf(g.float16_bits_hex!)));
});

test('every half survives the way to float32 and back', () => {
  expect(float16FromFloat32(float32FromFloat16(every))).toEqual(every);
});
