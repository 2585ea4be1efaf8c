import { describe, expect, test } from 'vitest';
import { openSource } from '../../src/checkpoint/open.ts';
import { readBytes } from '../../src/checkpoint/read.ts';
import { type ByteSource, bytesSource } from '../../src/checkpoint/source.ts';
import { craftCheckpoint, craftPickle, craftTensor, craftZip, errorOf, openBytes } from './craft.ts';

const pickle = craftPickle({ w: craftTensor({}) });
const data = Buffer.from(new Float32Array([1, 2, 3, 4]).buffer);

async function valuesOf(source: ByteSource): Promise<number[]> {
  const { tensors } = await openSource(source);
  return [...new Float32Array((await readBytes(source, source.size, tensors.get('w')!)).buffer)];
}

describe('valid zips', () => {
  test.each([
    ['plain', craftCheckpoint(pickle)],
    ['64-bit fields', craftCheckpoint(pickle, undefined, { zip64: true })],
    ['padded local headers', craftCheckpoint(pickle, [{ name: 'm/data/0', data, padding: 61 }])],
    ['a comment that looks like an end record', craftCheckpoint(pickle, undefined, { comment: 'PK\x05\x06 and more' })],
    ['byteorder little', craftCheckpoint(pickle, [{ name: 'm/data/0', data }, { name: 'm/byteorder', data: Buffer.from('little') }])], // biome-ignore format: one row
  ])('%s', async (_, bytes) => {
    expect(await valuesOf(bytesSource(bytes, 'crafted'))).toEqual([1, 2, 3, 4]);
  });

  test('data beyond 4 GB is found through 64-bit offsets', async () => {
    // a file of 5 GB that exists only as its written parts: records, then a hole, then storage, directory and end
    const hole = 5 * 2 ** 30;
    const small = craftZip([{ name: 'm/data.pkl', data: pickle }]);
    const first = small.subarray(0, 30 + 10 + pickle.length);
    const far = craftZip(
      [
        { name: 'm/data/0', data, claims: { headerOffset: hole } },
        { name: 'm/data.pkl', data: Buffer.alloc(0), claims: { headerOffset: 0, size: pickle.length } },
      ],
      { zip64: true },
    );
    const end64 = far.length - 22 - 20 - 56;
    far.writeBigUInt64LE(far.readBigUInt64LE(end64 + 48) + BigInt(hole), end64 + 48);
    far.writeBigUInt64LE(far.readBigUInt64LE(end64 + 56 + 8) + BigInt(hole), end64 + 56 + 8);
    const sparse: ByteSource = {
      path: 'sparse',
      size: hole + far.length,
      read: async (offset, length) => {
        const out = new Uint8Array(length);
        for (const [at, part] of [[0, first], [hole, far]] as const) // biome-ignore format: pairs
          for (let i = 0; i < length; i++) {
            const from = offset + i - at;
            if (from >= 0 && from < part.length) out[i] = part[from]!;
          }
        return out;
      },
    };
    const { tensors } = await openSource(sparse);
    expect(tensors.get('w')!.offset).toBe(hole + 30 + 8);
    expect(await valuesOf(sparse)).toEqual([1, 2, 3, 4]);
  });
});

describe('zips that are refused', () => {
  const storage = { name: 'm/data/0', data };
  test.each([
    ['no data.pkl', craftZip([{ name: 'a.txt', data }]), /a zip, but not a PyTorch checkpoint\n.*no data\.pkl/],
    ['two data.pkl', craftZip([{ name: 'a/data.pkl', data: pickle }, { name: 'b/data.pkl', data: pickle }]), /several data\.pkl/], // biome-ignore format: one row
    ['a record listed twice', craftCheckpoint(pickle, [storage, storage]), /record m\/data\/0 is listed twice/],
    ['a compressed record', craftCheckpoint(pickle, [{ ...storage, claims: { method: 8 } }]), /record m\/data\/0 of crafted is compressed\n.*\n.*torch\.save/], // biome-ignore format: one row
    ['an encrypted record', craftCheckpoint(pickle, [{ ...storage, claims: { flags: 1 } }]), /m\/data\/0 of crafted is encrypted/], // biome-ignore format: one row
    ['a record longer than the file', craftCheckpoint(pickle, [{ ...storage, claims: { size: 1e9 } }]), /runs into the directory/], // biome-ignore format: one row
    ['a record outside the file', craftCheckpoint(pickle, [{ ...storage, claims: { headerOffset: 1e9 } }]), /truncated or damaged/], // biome-ignore format: one row
    ['a header that is not there', craftCheckpoint(pickle, [{ ...storage, claims: { headerOffset: 3 } }]), /does not start where it should/], // biome-ignore format: one row
    ['two names for one record', craftCheckpoint(pickle, [{ ...storage, claims: { localName: 'm/data/1' } }]), /disagree on the name m\/data\/0/], // biome-ignore format: one row
    ['big endian numbers', craftCheckpoint(pickle, [storage, { name: 'm/byteorder', data: Buffer.from('big') }]), /byte order "big"\n.*\n.*little endian/], // biome-ignore format: one row
    ['a huge description', craftZip([{ name: 'm/data.pkl', data: Buffer.alloc((1 << 26) + 1) }]), /record m\/data\.pkl .* has 67108865 bytes/], // biome-ignore format: one row
  ])('%s', async (_, bytes, text) => {
    expect(await errorOf(openBytes(bytes))).toMatch(text);
  });

  test('storages that overlap', async () => {
    const both = craftPickle({ a: craftTensor({}), b: craftTensor({ key: '1', elements: 2, shape: [2] }) });
    // the second record's header lies inside the first one's data
    const inner = craftZip([{ name: 'm/data/1', data: data.subarray(0, 8) }]).subarray(0, 30 + 8 + 8);
    const headerOffset = 30 + 10 + both.length + 30 + 8;
    const bytes = craftCheckpoint(
      craftPickle({ a: craftTensor({ elements: 11 }), b: craftTensor({ key: '1', elements: 2, shape: [2] }) }),
      [
        // biome-ignore format: one row
        { name: 'm/data/0', data: inner },
        { name: 'm/data/1', data: data.subarray(0, 8), claims: { headerOffset } },
      ],
    );
    expect(await errorOf(openBytes(bytes))).toContain('records data/0 and data/1 of crafted overlap');
  });

  test('every truncation is an error that says so', async () => {
    const whole = craftCheckpoint(pickle);
    for (let length = 0; length < whole.length; length++)
      expect(await errorOf(openBytes(whole.subarray(0, length)))).toMatch(/truncated|damaged|empty|neither/);
  });

  test('a directory that claims a million records costs nothing', async () => {
    const bytes = craftCheckpoint(pickle, undefined, { zip64: true });
    bytes.writeBigUInt64LE(2n ** 40n, bytes.length - 22 - 20 - 56 + 32);
    expect(await errorOf(openBytes(bytes))).toMatch(/claims 1099511627776 records/);
  });
});
