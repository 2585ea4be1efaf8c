import { type RgbImage, rgbImage } from '../core/index.ts';
import type { Rgb } from './color.ts';
import { type Coverage, fillOutline } from './raster.ts';

/** Drawing changes the picture it is given: draw on a copy. */
export function copyImage(image: RgbImage): RgbImage {
  return rgbImage(image.shape[0], image.shape[1], new Uint8Array(image.data));
}

function blend(data: Uint8Array, at: number, color: Rgb, alpha: number): void {
  for (let c = 0; c < 3; c++) data[at + c] = Math.round(data[at + c]! + (color[c]! - data[at + c]!) * alpha);
}

/**
 * Fills a rectangle; edges between pixels are blended by the share they cover.
 * @param alpha 0..1
 */
export function fillRect(image: RgbImage, x1: number, y1: number, x2: number, y2: number, color: Rgb, alpha = 1): void {
  const [height, width] = image.shape;
  const left = Math.max(0, Math.floor(x1));
  const right = Math.min(width, Math.ceil(x2));
  const bottom = Math.min(height, Math.ceil(y2));
  for (let y = Math.max(0, Math.floor(y1)); y < bottom; y++) {
    const inRow = Math.min(y + 1, y2) - Math.max(y, y1);
    for (let x = left; x < right; x++) {
      const share = inRow * (Math.min(x + 1, x2) - Math.max(x, x1));
      if (share > 0) blend(image.data, 3 * (y * width + x), color, share * alpha);
    }
  }
}

/** Draws a rectangle's frame, `lineWidth` pixels wide, lying inside the rectangle. */
export function strokeRect(
  image: RgbImage,
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  lineWidth: number,
  color: Rgb,
  alpha = 1,
): void {
  const w = Math.min(lineWidth, (x2 - x1) / 2, (y2 - y1) / 2);
  if (!(w > 0)) return;
  fillRect(image, x1, y1, x2, y1 + w, color, alpha);
  fillRect(image, x1, y2 - w, x2, y2, color, alpha);
  fillRect(image, x1, y1 + w, x1 + w, y2 - w, color, alpha);
  fillRect(image, x2 - w, y1 + w, x2, y2 - w, color, alpha);
}

/** Draws a straight, anti-aliased line with square ends. */
export function drawLine(
  image: RgbImage,
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  lineWidth: number,
  color: Rgb,
  alpha = 1,
): void {
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const dx = ((x2 - x1) / length) * (lineWidth / 2);
  const dy = ((y2 - y1) / length) * (lineWidth / 2);
  const left = Math.floor(Math.min(x1, x2) - lineWidth);
  const top = Math.floor(Math.min(y1, y2) - lineWidth);
  const corners: [number, number][] = [
    [x1 - dx - dy, y1 - dy + dx],
    [x1 - dx + dy, y1 - dy - dx],
    [x2 + dx + dy, y2 + dy - dx],
    [x2 + dx - dy, y2 + dy + dx],
  ];
  const contour = corners.map(([x, y]) => [x - left, y - top] as const);
  const width = Math.ceil(Math.abs(x2 - x1) + 2 * lineWidth) + 2;
  const height = Math.ceil(Math.abs(y2 - y1) + 2 * lineWidth) + 2;
  paintCoverage(image, fillOutline([contour], width, height), left, top, color, alpha);
}

/** Blends a colour over the picture through a coverage mask whose top left corner lies at `(left, top)`. */
export function paintCoverage(image: RgbImage, mask: Coverage, left: number, top: number, color: Rgb, alpha = 1): void {
  const [height, width] = image.shape;
  const x0 = Math.max(0, -left);
  const x1 = Math.min(mask.width, width - left);
  const y1 = Math.min(mask.height, height - top);
  for (let y = Math.max(0, -top); y < y1; y++)
    for (let x = x0; x < x1; x++) {
      const share = mask.data[y * mask.width + x]!;
      if (share > 0) blend(image.data, 3 * ((top + y) * width + left + x), color, share * alpha);
    }
}
