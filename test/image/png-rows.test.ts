import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { encodePngRows } from '../../src/image/index.ts';

/** Rows that differ from each other and within. */
const paint = (y: number, out: Uint8Array) => {
  for (let i = 0; i < out.length; i++) out[i] = (i * 7 + y * 13) & 255;
};

describe('encodePngRows', () => {
  test('of many bands: the pixels, and no warning of listeners that pile up', async () => {
    const warnings: string[] = [];
    const note = (warning: Error) => warnings.push(warning.message);
    process.on('warning', note);
    const pieces: Uint8Array[] = [];
    for await (const piece of encodePngRows('rgb8', 4096, 1100, paint, { level: 0 })) pieces.push(piece);
    await new Promise(resolve => setImmediate(resolve));
    process.off('warning', note);
    expect(warnings).toEqual([]);
    const { data, info } = await sharp(Buffer.concat(pieces)).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([4096, 1100, 3]);
    const row = new Uint8Array(3 * 4096);
    for (const y of [0, 84, 85, 600, 1099]) {
      paint(y, row);
      expect(Buffer.compare(data.subarray(y * row.length, (y + 1) * row.length), row), `row ${y}`).toBe(0);
    }
  });
  test('a reader that leaves early ends it, and a row that fails is thrown', async () => {
    let asked = 0;
    const counted = (y: number, out: Uint8Array) => {
      asked++;
      paint(y, out);
    };
    for await (const _ of encodePngRows('rgb8', 4096, 20_000, counted, { level: 0 })) if (asked > 0) break;
    expect(asked).toBeLessThan(2000);
    const broken = (y: number) => {
      if (y === 500) throw new Error('no such row');
    };
    const all = async () => {
      for await (const _ of encodePngRows('grey16', 4096, 1000, broken));
    };
    await expect(all()).rejects.toThrow('no such row');
  });
});
