import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openSource } from '../../src/checkpoint/open.ts';
import { readPickle } from '../../src/checkpoint/pickle.ts';
import { readBytes } from '../../src/checkpoint/read.ts';
import { type ByteSource, bytesSource } from '../../src/checkpoint/source.ts';
import { DenseError } from '../../src/core/index.ts';
import { golden, P } from './craft.ts';

const FILES = ['aliased.pt', 'strided.pt', 'training_2.pt', 'training_5.pt', 'dtypes.safetensors', 'nested.pt'].map(
  golden,
);

/** Opens and reads everything; only our own error may come out, and no read may reach outside the file. */
async function survives(bytes: Uint8Array): Promise<void> {
  const plain = bytesSource(bytes, 'fuzzed');
  let total = 0;
  const watched: ByteSource = {
    ...plain,
    read: (offset, length) => {
      if (offset + length <= bytes.length) total += length; // what is really allocated
      return plain.read(offset, length);
    },
  };
  const started = performance.now();
  try {
    const { tensors } = await openSource(watched);
    // the index alone: directory, pickle, headers; never more than a few times the file
    expect(total).toBeLessThanOrEqual(4 * bytes.length + 4096);
    for (const tensor of tensors.values()) {
      const values = await readBytes(plain, bytes.length, tensor);
      expect(values.length).toBeLessThanOrEqual(8 * (1 << 24));
    }
  } catch (error) {
    if (!(error instanceof DenseError)) throw error;
    expect(error.code).toBe('BAD_CHECKPOINT');
  }
  expect(performance.now() - started).toBeLessThan(5000);
}

const file = fc.integer({ min: 0, max: FILES.length - 1 });

test('every truncation of a valid file ends in our error', async () => {
  for (const bytes of FILES)
    for (let length = 0; length < bytes.length; length += 7)
      await expect(openSource(bytesSource(bytes.subarray(0, length), 'cut'))).rejects.toBeInstanceOf(DenseError);
});

test('flipped, overwritten and moved bytes never crash, hang or ask for much memory', async () => {
  const edit = fc.record({ at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), value: fc.integer({ min: 0, max: 255 }) }); // biome-ignore format: one row
  await fc.assert(
    fc.asyncProperty(file, fc.array(edit, { minLength: 1, maxLength: 12 }), async (which, edits) => {
      const bytes = Uint8Array.from(FILES[which]!);
      for (const { at, value } of edits) bytes[Math.floor(at * bytes.length)] = value;
      await survives(bytes);
    }),
    { numRuns: 1500 },
  );
});

test('edits aimed at the index: the pickle, the directory, the header', async () => {
  const edit = fc.record({ at: fc.nat(1200), value: fc.constantFrom(0, 1, 0x28, 0x2e, 0x52, 0x7f, 0x80, 0xfe, 0xff) });
  await fc.assert(
    fc.asyncProperty(file, fc.boolean(), fc.array(edit, { minLength: 1, maxLength: 6 }), async (which, back, edits) => {
      const bytes = Uint8Array.from(FILES[which]!);
      for (const { at, value } of edits) bytes[back ? Math.max(0, bytes.length - 1 - at) : at % bytes.length] = value;
      await survives(bytes);
    }),
    { numRuns: 1500 },
  );
});

test('random opcodes end in our error or a value', () => {
  const opcode = fc.constantFrom(
    ...Buffer.from(')}](tuRbQseaqhX\x85\x86\x87\x88\x89NKMJGC\x8a\x8c\x93\x94\x95\x8f\x90\x91', 'latin1'),
  );
  const part = fc.oneof(
    opcode.map(byte => Buffer.from([byte])),
    fc.uint8Array({ maxLength: 4 }).map(bytes => Buffer.from(bytes)),
    fc.constantFrom(P.name('collections', 'OrderedDict'), P.name('torch._utils', '_rebuild_tensor_v2'), P.text('storage'), P.name('torch', 'FloatStorage')), // biome-ignore format: one row
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 60 }), parts => {
      try {
        readPickle(Buffer.concat([P.proto, ...parts, P.stop]), 'random');
      } catch (error) {
        if (!(error instanceof DenseError)) throw error;
      }
    }),
    { numRuns: 3000 },
  );
});
