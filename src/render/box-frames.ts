import { fail, type RgbImage } from '../core/index.ts';
import { fillRect, strokeRect } from './canvas.ts';
import type { Rgb } from './color.ts';

/** How a box is drawn: its whole frame, its corners alone, or not at all. */
export const BOX_STYLES = ['full', 'corners', 'none'] as const;
export type BoxStyle = (typeof BOX_STYLES)[number];

/** xyxy, pixels. */
export type Box = readonly [number, number, number, number];

const CORNER_SHARE = 0.25; // of the shorter side
const CASING_ALPHA = 0.4;

/** Length of a corner's two arms, pixels: a quarter of the shorter side, but never so short that it reads as a dot. */
export function cornerLength([x1, y1, x2, y2]: Box, lineWidth: number): number {
  const short = Math.min(x2 - x1, y2 - y1);
  return Math.min(short / 2, Math.max(CORNER_SHARE * short, 3 * lineWidth));
}

/** Draws the four corners of a rectangle, `lineWidth` pixels wide with arms `arm` pixels long, lying inside the rectangle. */
function strokeCorners(
  image: RgbImage,
  [x1, y1, x2, y2]: Box,
  lineWidth: number,
  arm: number,
  color: Rgb,
  alpha = 1,
): void {
  const w = Math.min(lineWidth, (x2 - x1) / 2, (y2 - y1) / 2);
  if (!(w > 0)) return;
  const reach = Math.max(w, arm);
  for (const [left, right] of [
    [x1, Math.min(x1 + reach, (x1 + x2) / 2)],
    [Math.max(x2 - reach, (x1 + x2) / 2), x2],
  ] as const) {
    fillRect(image, left, y1, right, y1 + w, color, alpha);
    fillRect(image, left, y2 - w, right, y2, color, alpha);
  }
  for (const [top, bottom] of [
    [y1 + w, Math.min(y1 + reach, (y1 + y2) / 2)],
    [Math.max(y2 - reach, (y1 + y2) / 2), y2 - w],
  ] as const) {
    fillRect(image, x1, top, x1 + w, bottom, color, alpha);
    fillRect(image, x2 - w, top, x2, bottom, color, alpha);
  }
}

/**
 * Draws a box in one of the {@link BOX_STYLES}, with a thin dark casing on both sides so that it is seen on any ground.
 * @param box whole pixels
 * @throws {DenseError} BAD_INPUT for a style that is none of them
 */
export function drawBoxFrame(image: RgbImage, box: Box, lineWidth: number, color: Rgb, style: BoxStyle = 'full'): void {
  checkBoxStyle(style);
  if (style === 'none') return;
  const [x1, y1, x2, y2] = box;
  const casing = Math.max(1, Math.round(lineWidth / 3));
  const arm = Math.round(cornerLength(box, lineWidth));
  const frame = (inset: number, width: number, ink: Rgb, alpha?: number) => {
    const [l, t, r, b] = [x1 + inset, y1 + inset, x2 - inset, y2 - inset] as const;
    if (style === 'full') strokeRect(image, l, t, r, b, width, ink, alpha);
    else strokeCorners(image, [l, t, r, b], width, arm - inset, ink, alpha);
  };
  frame(-casing, casing, [0, 0, 0], CASING_ALPHA);
  if (x2 - x1 > 4 * lineWidth && y2 - y1 > 4 * lineWidth) frame(lineWidth, casing, [0, 0, 0], CASING_ALPHA);
  frame(0, lineWidth, color);
}

/** @throws {DenseError} BAD_INPUT for a word that is none of {@link BOX_STYLES} */
export function checkBoxStyle(style: string): void {
  if (!(BOX_STYLES as readonly string[]).includes(style))
    fail('BAD_INPUT', `box style ${JSON.stringify(style)}`, 'there is no such one', `use ${BOX_STYLES.join(', ')}`);
}
