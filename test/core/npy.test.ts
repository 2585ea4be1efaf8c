import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DenseError, readNpy, writeNpy } from '../../src/core/index.ts';

interface Case {
  name: string;
  file: string;
  shape: number[];
  values: string[];
}
// golden: tools/golden/npy.py (NumPy)
const cases = JSON.parse(readFileSync(new URL('../golden/npy.json', import.meta.url), 'utf8')) as Case[];

test.each(cases)('reads $name as NumPy wrote it', ({ name, file, shape, values }) => {
  const array = readNpy(Buffer.from(file, 'base64'));
  expect(array.shape).toEqual(shape);
  const numbers = values.map(v => (v === 'True' ? 1 : v === 'False' ? 0 : Number(v)));
  expect([...array.data].map(Number)).toEqual(numbers);
  if (/^[fiu]\d$/.test(name)) {
    // what we write is byte for byte what NumPy wrote
    expect(Buffer.from(writeNpy(array)).toString('base64')).toBe(file);
  }
});

test('any array comes back', () => {
  fc.assert(
    fc.property(fc.float32Array({ minLength: 0, maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (values, rows) => {
      const data = values.slice(0, Math.floor(values.length / rows) * rows);
      const back = readNpy(writeNpy({ shape: [rows, data.length / rows], data }));
      expect(back.data).toEqual(data);
      expect(back.shape).toEqual([rows, data.length / rows]);
    }),
  );
});

test('damage is BAD_INPUT with the file named', () => {
  const whole = writeNpy({ shape: [2, 3], data: new Float32Array(6) });
  expect(() => readNpy(whole.subarray(0, whole.length - 1), 'x.npy')).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: cannot read x.npy
      why: shape (2, 3) of <f4 needs 24 bytes, it has 23
      fix: write it with numpy.save(path, array) from an array of plain numbers]
  `);
  expect(() => readNpy(Buffer.from('PK\x03\x04 not an array'))).toThrow(/does not begin/);
  expect(() => writeNpy({ shape: [2], data: new Float32Array(3) })).toThrow(/got 3 values/);
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
      const bytes = Uint8Array.from(whole.subarray(0, length));
      if (at < length) bytes[at] = byte;
      try {
        readNpy(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(DenseError);
      }
    }),
  );
});
