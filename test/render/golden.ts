import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect } from 'vitest';
import type { RgbImage } from '../../src/core/index.ts';
import { decodeImage, encodePng } from '../../src/image/index.ts';

/** Mean difference of pictures that a person cannot tell apart, of 255. */
const MEAN = 1;
/** Share of channel values that may differ by more than {@link FAR}: a letter moved by one pixel is more. */
const SHARE = 0.004;
const FAR = 48;

/**
 * Compares a picture with `test/golden/drawing/NAME.png` by distance. A picture that is not there yet is written when
 * DRAW_GOLDENS is set: look at it before committing it.
 */
export async function expectPicture(name: string, drawn: RgbImage): Promise<void> {
  const path = `test/golden/drawing/${name}.png`;
  if (process.env.DRAW_GOLDENS) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, await encodePng(drawn, { level: 9 }));
  }
  expect(existsSync(path), `${path} is there`).toBe(true);
  const golden = await decodeImage(path);
  expect(drawn.shape).toEqual(golden.shape);
  let sum = 0;
  let far = 0;
  for (let i = 0; i < drawn.data.length; i++) {
    const d = Math.abs(drawn.data[i] - golden.data[i]);
    sum += d;
    if (d > FAR) far++;
  }
  expect(sum / drawn.data.length, `${name}: mean difference`).toBeLessThan(MEAN);
  expect(far / drawn.data.length, `${name}: share of values far off`).toBeLessThan(SHARE);
}
