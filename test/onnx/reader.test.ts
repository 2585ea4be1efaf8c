import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DenseError } from '../../src/core/index.ts';
import { GraphBuilder, readModel } from '../../src/onnx/index.ts';
import { fields, Message } from '../../src/onnx/proto.ts';

const golden = (name: string) => readFileSync(new URL(`../golden/onnx/${name}`, import.meta.url));

// golden: tools/golden/onnx_model.py (the reference onnx package)
test('readModel reads what the onnx package wrote', () => {
  const { weights, ...rest } = readModel(golden('reference.onnx'));
  const want = JSON.parse(golden('reference.json').toString());
  expect({ ...rest, weights: weights.map(({ bytes, ...w }) => w) }).toEqual(want);
  expect(weights.map(w => w.bytes)).toEqual([48, 12, 10, 0]); // the int64 -1 is a ten-byte varint
});

test('readModel reads what GraphBuilder wrote', () => {
  const b = new GraphBuilder({ name: 'mine', lowering: 'portable', opset: 18 });
  const x = b.input('x', 'float32', ['batch', 4]);
  b.output('y', b.linear(x, b.weight('w', { shape: [3, 4], data: new Float32Array(12) })));
  const m = readModel(b.build({ metadata: { license: 'Apache-2.0' } }).bytes);
  expect(m).toMatchObject({ graphName: 'mine', opsets: { '': 18 }, metadata: { license: 'Apache-2.0' } });
  expect(m.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: ['batch', 4] }]);
  expect(m.outputs).toEqual([{ name: 'y', dtype: 'float32', shape: ['batch', 3] }]);
  expect(m.nodes.map(n => n.type)).toEqual(['Gemm', 'Identity']);
  expect(m.weights).toEqual([{ name: 'w', dtype: 'float32', shape: [3, 4], bytes: 48 }]);
});

test('any 64-bit integer and any string come back from a message', () => {
  fc.assert(
    fc.property(
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
      fc.string({ unit: 'binary' }),
      fc.integer({ min: 1, max: 4000 }),
      (n, s, field) => {
        const bytes = new Message().int(field, n).message(field, new Message().string(1, s)).finish();
        const [a, b] = [...fields(bytes)];
        expect([a!.field, BigInt.asIntN(64, a!.int)]).toEqual([field, n]);
        expect(new TextDecoder('utf-8', { ignoreBOM: true }).decode([...fields(b!.bytes)][0]!.bytes)).toBe(
          Buffer.from(s).toString(),
        );
      },
    ),
  );
});

test('damaged bytes end in BAD_CHECKPOINT, never in another error', () => {
  const whole = golden('reference.onnx');
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
      const bytes = Uint8Array.from(whole.subarray(0, length));
      if (at < length) bytes[at] = byte;
      try {
        readModel(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(DenseError);
        expect((error as DenseError).code).toBe('BAD_CHECKPOINT');
      }
    }),
    { numRuns: 500 },
  );
});
