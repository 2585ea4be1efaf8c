import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeNpy } from '../../../src/core/index.ts';
import { resizeBilinear } from '../../../src/evaluate/depth/evaluate.ts';
import { alignDepth, depthMetrics, readDepthFile } from '../../../src/evaluate/depth/index.ts';

const text = (s: string) => Buffer.from(s, 'latin1');

/** A zip of entries, packed or stored: what numpy.savez writes. */
function zip(entries: Record<string, Uint8Array>, packed: boolean): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of Object.entries(entries)) {
    const body = packed ? deflateRawSync(bytes) : Buffer.from(bytes);
    const head = Buffer.alloc(30);
    head.writeUInt32LE(0x04034b50, 0);
    head.writeUInt16LE(name.length, 26);
    const row = Buffer.alloc(46);
    row.writeUInt32LE(0x02014b50, 0);
    row.writeUInt16LE(packed ? 8 : 0, 10);
    row.writeUInt32LE(body.length, 20);
    row.writeUInt32LE(bytes.length, 24);
    row.writeUInt16LE(name.length, 28);
    row.writeUInt32LE(offset, 42);
    directory.push(row, text(name));
    parts.push(head, text(name), body);
    offset += 30 + name.length + body.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(entries).length, 10);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

const npy = (shape: number[], values: number[]) => writeNpy({ shape, data: Float32Array.from(values) });

describe('readDepthFile', () => {
  test.each([[[2, 3]], [[1, 2, 3]], [[1, 1, 2, 3]], [[2, 3, 1]]])('npy of shape %j is one plane', shape => {
    const got = readDepthFile(npy(shape, [1, 2, 3, 4, 5, 6]), 'a.npy');
    expect([got.height, got.width, ...got.data]).toEqual([2, 3, 1, 2, 3, 4, 5, 6]);
  });

  test.each([true, false])('npz, packed: %s', packed => {
    const bytes = zip({ 'other.npy': npy([1], [9]), 'disparity.npy': npy([1, 2], [3, 4]) }, packed);
    expect([...readDepthFile(bytes, 'a.npz').data]).toEqual([3, 4]);
  });

  test('plain and binary pgm', () => {
    expect([...readDepthFile(text('P2 # c\n2 1 # d\n300\n7 300'), 'a.pgm').data]).toEqual([7, 300]);
    expect([...readDepthFile(text('P5\n2 1\n255\n\x07\xff'), 'a.pgm').data]).toEqual([7, 255]);
    expect([...readDepthFile(text('P5 1 1 65535 \x01\x02'), 'a.pgm').data]).toEqual([258]);
  });

  test.each([
    ['a.txt', text('1'), 'a.txt is no depth map'],
    ['a.npy', npy([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]), 'shape (2, 2, 2)'],
    ['a.npz', zip({ 'a.npy': npy([1], [1]), 'b.npy': npy([1], [1]) }, false), 'holds 2 arrays'],
    ['a.npz', zip({ 'a.npy': npy([1], [1]) }, false).subarray(0, 60), 'no zip directory'],
    ['a.pfm', text('PF\n1 1\n-1\n000000000000'), 'colour PFM'],
    ['a.pfm', text('Pf\n2 2\n-1\n0000'), 'fewer than 2 x 2'],
    ['a.pfm', text('Pf\n2'), 'header is cut short'],
    ['a.pgm', text('P5\n2 2\n255\nab'), 'fewer than 2 x 2'],
    ['a.pgm', text('P5\n99999999 99999999\n255\nab'), 'its header says'],
    ['a.pgm', text('P2 1 1 9 x'), 'no number in its range'],
    ['a.png', text('P5'), 'does not begin as a PNG'],
  ])('refuses a broken %s: %#', (file, bytes, message) => {
    expect(() => readDepthFile(bytes, file)).toThrow(message);
    expect(() => readDepthFile(bytes, file)).toThrow(file);
  });
});

describe('alignDepth', () => {
  const depths = fc.array(fc.double({ min: 0.5, max: 20, noNaN: true }), { minLength: 3, maxLength: 30 });
  test('undoes any scale, and any scale and shift of inverse depth', () => {
    fc.assert(
      fc.property(
        depths,
        fc.double({ min: 0.1, max: 50, noNaN: true }),
        fc.double({ min: -5, max: 5, noNaN: true }),
        (d, a, b) => {
          const truth = Float64Array.from(d);
          const error = (v: Float64Array, inverse: boolean, how: 'scale' | 'disparity') =>
            depthMetrics(truth, alignDepth(truth, v, inverse, how))!.abs_rel;
          expect(
            error(
              truth.map(v => v * a),
              false,
              'scale',
            ),
          ).toBeLessThan(1e-9);
          expect(
            error(
              truth.map(v => a / v + b),
              true,
              'disparity',
            ),
          ).toBeLessThan(1e-6);
        },
      ),
    );
  });

  test('aligned inverse depth is never below half the smallest true one', () => {
    const truth = Float64Array.of(1, 1, 1, 10);
    const aligned = alignDepth(truth, Float64Array.of(1, 1, 1, -30), true, 'disparity');
    expect(Math.max(...aligned)).toBeLessThanOrEqual(20);
    const steep = alignDepth(Float64Array.of(1, 1.1, 5, 5), Float64Array.of(9, 8, 1, -9), true, 'disparity');
    expect(Math.max(...steep)).toBe(10);
  });
});

test('resizeBilinear keeps a linear ramp and a constant', () => {
  const ramp = { width: 8, height: 2, data: Float64Array.from({ length: 16 }, (_, k) => k % 8) };
  const half = resizeBilinear(ramp, 4, 2);
  expect([...half.data.subarray(0, 4)]).toEqual([0.5, 2.5, 4.5, 6.5]);
  const flat = resizeBilinear({ width: 3, height: 3, data: new Float64Array(9).fill(2) }, 7, 5);
  expect(new Set(flat.data)).toEqual(new Set([2]));
});
