import { describe, expect, test } from 'vitest';
import { type Features, seededNormal, tensor } from '../../src/core/index.ts';
import { matchPictures, matchPoints } from '../../src/pipelines/index.ts';

/** A smooth random field with many channels: waves of random direction, sampled on a grid moved by (dx, dy) patches. */
function field(rows: number, columns: number, dx: number, dy: number, channels = 48): Features {
  const normal = seededNormal(3);
  const waves = Array.from({ length: channels }, () => [
    normal() * 0.7,
    normal() * 0.7,
    normal() * 3,
    1 + 0.3 * normal(),
  ]);
  const data = new Float32Array(rows * columns * channels);
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++)
      waves.forEach(([fx, fy, phase, scale], c) => {
        data[(y * columns + x) * channels + c] = 2 + scale * Math.sin(fx * (x + dx) + fy * (y + dy) + phase);
      });
  return tensor(['batch', 'gridY', 'gridX', 'channel'] as const, [1, rows, columns, channels], data);
}

const size = { width: 240, height: 200 }; // 12 x 10 patches of 20 pixels

describe('matchPoints', () => {
  test.each([
    [0, 0],
    [2, -1],
    [0.5, 0.25],
    [1.3, 0.7],
    [-0.8, 1.4],
  ])('finds a shift of %f, %f patches to 0.15 patches', (dx, dy) => {
    const a = field(10, 12, 0, 0);
    const b = field(10, 12, dx, dy); // what is at x in A is at x - dx in B
    const points = [
      [90, 100],
      [121, 87],
      [133, 111],
    ] as const;
    for (const m of matchPoints(points, a, b, size, size)) {
      expect(Math.abs(m.b[0] - (m.a[0] - 20 * dx))).toBeLessThan(3);
      expect(Math.abs(m.b[1] - (m.a[1] - 20 * dy))).toBeLessThan(3);
      expect(m.mutual).toBe(true);
      expect(m.score).toBeGreaterThan(0.9);
      expect(m.score).toBeLessThanOrEqual(1);
    }
  });

  test('pictures of other sizes and grids keep their own pixels', () => {
    const a = field(10, 12, 0, 0);
    const b = field(14, 20, -3, -2);
    const [m] = matchPoints([[100, 100]], a, b, size, { width: 2000, height: 700 });
    // patch 4.5, 4.5 of A is patch 7.5, 6.5 of B, whose patches are 100 x 50 pixels
    expect(m.a).toEqual([100, 100]);
    expect(Math.abs(m.b[0] - 800)).toBeLessThan(10);
    expect(Math.abs(m.b[1] - 350)).toBeLessThan(5);
  });

  test('what is not in B is not mutual', () => {
    const a = field(10, 12, 0, 0);
    const b = field(10, 12, 7, 0); // A's left half has left the picture
    const [gone, there] = matchPoints(
      [
        [30, 100],
        [190, 100],
      ],
      a,
      b,
      size,
      size,
    );
    expect(gone.mutual).toBe(false);
    expect(there.mutual).toBe(true);
    expect(gone.score).toBeLessThan(there.score);
  });

  test('points outside are refused', () => {
    const a = field(4, 4, 0, 0);
    expect(() => matchPoints([[241, 10]], a, a, size, size)).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: point 241,10
        why: picture A is 240 x 200 pixels
        fix: give points inside it, from the top left corner]
    `);
    expect(() => matchPoints([[1, 1]], a, field(4, 4, 0, 0, 8), size, size)).toThrow(/one network/);
  });
});

describe('matchPictures', () => {
  test('finds mutual matches, all right, spread out, away from the edge', () => {
    const found = matchPictures(field(10, 12, 0, 0), field(10, 12, 1.5, 0), size, size, 12);
    expect(found.length).toBe(12);
    for (const m of found) {
      expect(m.mutual).toBe(true);
      expect(Math.hypot(m.b[0] - (m.a[0] - 30), m.b[1] - m.a[1])).toBeLessThan(4);
      expect(m.a[0]).toBeGreaterThan(20);
      for (const other of found)
        if (other !== m) expect(Math.hypot(m.a[0] - other.a[0], m.a[1] - other.a[1])).toBeGreaterThanOrEqual(40);
    }
  });
});
