import type { RgbImage } from '../core/index.ts';
import { fillRect, paintCoverage, strokeRect } from './canvas.ts';
import { type Rgb, textColorOn } from './color.ts';
import { lineMetrics, rasterizeText, textWidth } from './text.ts';

/** Of the dark line around a plate, so that neighbours of one colour stay apart. */
export const CHIP_EDGE_ALPHA = 0.4;

/** Line width and font size that suit a picture, in pixels. */
export function drawingSizes(height: number, width: number): { readonly lineWidth: number; readonly fontSize: number } {
  const side = Math.sqrt(height * width);
  return { lineWidth: Math.max(1.5, 0.0036 * side), fontSize: Math.max(11, 0.023 * side) };
}

/** A line of text on a plate of colour; all sizes in pixels. */
export interface Chip {
  readonly text: string;
  /** Pixels per em. */
  readonly size: number;
  readonly padding: number;
  readonly width: number;
  readonly height: number;
}

/** Width of the dark line around a plate, pixels. */
export function chipEdge({ size }: Chip): number {
  return Math.max(1, Math.round(size / 16));
}

/** Measures a plate; its letters shrink when the picture is narrower than the text. */
export function chipOf(text: string, fontSize: number, imageWidth: number): Chip {
  const wide = textWidth(text, fontSize) + 0.6 * fontSize;
  const size = wide > imageWidth ? fontSize * (imageWidth / wide) : fontSize;
  const padding = Math.max(1, Math.round(0.3 * size));
  const { ascent, descent } = lineMetrics(size);
  return {
    text,
    size,
    padding,
    width: Math.min(imageWidth, Math.ceil(textWidth(text, size)) + 2 * padding),
    height: Math.ceil(ascent + descent) + 1,
  };
}

/** Draws a plate whose top left corner lies at the whole pixel `(x, y)`; the text is black or white, whichever reads better. */
export function paintChip(image: RgbImage, chip: Chip, x: number, y: number, background: Rgb, alpha = 1): void {
  const e = chipEdge(chip);
  strokeRect(image, x - e, y - e, x + chip.width + e, y + chip.height + e, e, [0, 0, 0], CHIP_EDGE_ALPHA);
  fillRect(image, x, y, x + chip.width, y + chip.height, background, alpha);
  const rows = lineMetrics(chip.size);
  const top = y + Math.round((chip.height - (rows.ascent + rows.descent)) / 2);
  paintCoverage(image, rasterizeText(chip.text, chip.size), x + chip.padding, top, textColorOn(background));
}
