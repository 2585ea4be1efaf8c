import type { Detections, RgbImage } from '../core/index.ts';
import { copyImage, fillRect, paintCoverage, strokeRect } from './canvas.ts';
import { classColor, type Rgb, textColorOn } from './color.ts';
import { type LabelRequest, placeLabels } from './labels.ts';
import { lineMetrics, rasterizeText, textWidth } from './text.ts';

/** How boxes are drawn. Sizes left out follow the picture's. */
export interface DrawOptions {
  /** Name of each class. */
  readonly names: readonly string[];
  /** Pixels; default from the picture's size, at least 1.5. */
  readonly lineWidth?: number | undefined;
  /** Pixels per em; default from the picture's size, at least 11. */
  readonly fontSize?: number | undefined;
  /** Boxes only. */
  readonly hideLabels?: boolean | undefined;
  /** Text of a label; default `name 0.87`. */
  readonly label?: ((index: number) => string) | undefined;
  /** Colour of a box; default by its class. */
  readonly color?: ((index: number) => Rgb) | undefined;
}

const CASING_ALPHA = 0.4;

/** Line width and font size that suit a picture, in pixels. */
export function drawingSizes(height: number, width: number): { readonly lineWidth: number; readonly fontSize: number } {
  const side = Math.sqrt(height * width);
  return { lineWidth: Math.max(1.5, 0.0036 * side), fontSize: Math.max(11, 0.023 * side) };
}

/**
 * A copy of the picture with boxes and labels: a stable colour per class, large boxes below small ones, labels of
 * better boxes placed first, never outside the picture and apart from each other where there is room.
 *
 * @param found boxes in pixels of `image`
 */
export function drawDetections(image: RgbImage, found: Detections, options: DrawOptions): RgbImage {
  const out = copyImage(image);
  const [height, width] = image.shape;
  const sizes = drawingSizes(height, width);
  const lineWidth = Math.max(1, Math.round(options.lineWidth ?? sizes.lineWidth));
  const color = options.color ?? (i => classColor(found.classes[i]!));
  const boxes = Array.from({ length: found.length }, (_, i) => wholePixels(found.boxes, i, width, height));
  const area = ([x1, y1, x2, y2]: Box) => (x2 - x1) * (y2 - y1);
  const largestFirst = boxes.map((_, i) => i).sort((a, b) => area(boxes[b]!) - area(boxes[a]!) || a - b);
  const casing = Math.max(1, Math.round(lineWidth / 3));
  for (const i of largestFirst) {
    const [x1, y1, x2, y2] = boxes[i]!;
    strokeRect(out, x1 - casing, y1 - casing, x2 + casing, y2 + casing, casing, [0, 0, 0], CASING_ALPHA);
    if (x2 - x1 > 4 * lineWidth && y2 - y1 > 4 * lineWidth)
      strokeRect(out, x1 + lineWidth, y1 + lineWidth, x2 - lineWidth, y2 - lineWidth, casing, [0, 0, 0], CASING_ALPHA);
    strokeRect(out, x1, y1, x2, y2, lineWidth, color(i));
  }
  if (!options.hideLabels) {
    const label =
      options.label ?? (i => `${options.names[found.classes[i]!] ?? found.classes[i]} ${found.scores[i]!.toFixed(2)}`);
    drawLabels(out, boxes, found, label, color, options.fontSize ?? sizes.fontSize);
  }
  return out;
}

type Box = readonly [number, number, number, number];

function drawLabels(
  image: RgbImage,
  boxes: readonly Box[],
  found: Detections,
  label: (index: number) => string,
  color: (index: number) => Rgb,
  fontSize: number,
): void {
  const [height, width] = image.shape;
  const bestFirst = boxes.map((_, i) => i).sort((a, b) => found.scores[b]! - found.scores[a]! || a - b);
  const chips = bestFirst.map(i => chipOf(label(i), fontSize, width));
  const requests = bestFirst.map(
    (i, k): LabelRequest => ({ box: boxes[i]!, width: chips[k]!.width, height: chips[k]!.height }),
  );
  const places = placeLabels(requests, width, height);
  // weakest first, so that where labels must overlap the better one is read
  for (let k = places.length - 1; k >= 0; k--) {
    const { x, y } = places[k]!;
    const chip = chips[k]!;
    const background = color(bestFirst[k]!);
    fillRect(image, x, y, x + chip.width, y + chip.height, background);
    const mask = rasterizeText(chip.text, chip.size);
    const rows = lineMetrics(chip.size);
    const top = y + Math.round((chip.height - (rows.ascent + rows.descent)) / 2);
    paintCoverage(image, mask, x + chip.padding, top, textColorOn(background));
  }
}

/** Size of a label; its letters shrink when the picture is narrower than the text. */
function chipOf(text: string, fontSize: number, imageWidth: number) {
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

/** A box on whole pixels, at least one wide: lines between pixels would look soft. */
function wholePixels(boxes: Float32Array, i: number, width: number, height: number): Box {
  const [x1, y1, x2, y2] = Array.from(boxes.subarray(4 * i, 4 * i + 4), Math.round) as [number, number, number, number];
  const left = Math.min(Math.max(x1, 0), width - 1);
  const top = Math.min(Math.max(y1, 0), height - 1);
  return [left, top, Math.min(Math.max(x2, left + 1), width), Math.min(Math.max(y2, top + 1), height)];
}
