import { type RgbImage, rgbImage } from '../core/index.ts';
import { drawLine, paintCoverage } from './canvas.ts';
import { classColor, type Rgb } from './color.ts';
import { fillOutline, type Point } from './raster.ts';

/** A pair of places to draw, pixels of each picture. */
export interface DrawnMatch {
  readonly a: readonly [number, number];
  readonly b: readonly [number, number];
  /** Sure ones get a filled mark and a full line, others a ring and a faint line. */
  readonly mutual: boolean;
}

const WHITE: Rgb = [255, 255, 255];

function circle(x: number, y: number, radius: number): Point[] {
  return Array.from({ length: 32 }, (_, i) => {
    const t = (i / 32) * 2 * Math.PI;
    return [x + radius * Math.cos(t), y + radius * Math.sin(t)] as const;
  });
}

function disc(image: RgbImage, x: number, y: number, radius: number, color: Rgb): void {
  const left = Math.floor(x - radius - 1);
  const top = Math.floor(y - radius - 1);
  const side = Math.ceil(2 * radius) + 3;
  paintCoverage(image, fillOutline([circle(x - left, y - top, radius)], side, side), left, top, color);
}

/** Copies a picture into another with its corner at `(left, 0)`, enlarged or shrunk to `height` (nearest pixel centre). */
function place(into: RgbImage, image: RgbImage, left: number, width: number, height: number): void {
  const [fromHeight, fromWidth] = image.shape;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const sy = Math.min(fromHeight - 1, Math.floor(((y + 0.5) * fromHeight) / height));
      const sx = Math.min(fromWidth - 1, Math.floor(((x + 0.5) * fromWidth) / width));
      const from = 3 * (sy * fromWidth + sx);
      into.data.set(image.data.subarray(from, from + 3), 3 * (y * into.shape[1] + left + x));
    }
}

/**
 * Two pictures side by side, at the height of the taller, with a mark at either end of each match and a line between.
 * @param resize makes the pictures equally high; default: nearest pixels
 */
export function drawMatches(
  a: RgbImage,
  b: RgbImage,
  matches: readonly DrawnMatch[],
  resize?: (image: RgbImage, height: number, width: number) => RgbImage,
): RgbImage {
  const height = Math.max(a.shape[0], b.shape[0]);
  const widths = [a, b].map(image => Math.max(1, Math.round((image.shape[1] * height) / image.shape[0])));
  const gap = Math.max(4, Math.round(height / 60));
  const out = rgbImage(
    height,
    widths[0] + gap + widths[1],
    new Uint8Array(height * (widths[0] + gap + widths[1]) * 3).fill(255),
  );
  [a, b].forEach((image, i) => {
    const same = image.shape[0] === height;
    const fitted = same || !resize ? image : resize(image, height, widths[i]);
    place(out, fitted, i === 0 ? 0 : widths[0] + gap, widths[i], height);
  });
  const radius = Math.max(3, height / 90);
  const ends = matches.map(m => ({
    a: [m.a[0] * (height / a.shape[0]), m.a[1] * (height / a.shape[0])] as const,
    b: [m.b[0] * (height / b.shape[0]) + widths[0] + gap, m.b[1] * (height / b.shape[0])] as const,
    mutual: m.mutual,
  }));
  ends.forEach(({ a: p, b: q, mutual }, i) => {
    drawLine(out, p[0], p[1], q[0], q[1], Math.max(1.2, radius / 3), classColor(i), mutual ? 0.75 : 0.35);
  });
  ends.forEach(({ a: p, b: q, mutual }, i) => {
    for (const [x, y] of [p, q]) {
      disc(out, x, y, radius + Math.max(1, radius / 3), WHITE);
      disc(out, x, y, radius, classColor(i));
      if (!mutual) disc(out, x, y, radius * 0.55, WHITE);
    }
  });
  return out;
}
