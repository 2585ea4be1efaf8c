import type { Detections, RgbImage } from '../core/index.ts';
import { type Box, type BoxStyle, drawBoxFrame } from './box-frames.ts';
import { copyImage } from './canvas.ts';
import { type Chip, chipOf, drawingSizes, paintChip } from './chips.ts';
import { classColor, type Rgb } from './color.ts';
import { placeLabel, type Rect } from './labels.ts';

const CORNERS_WIDER = 1.6; // than frames: there is less of them
/** Share of a label that may lie over another, and share of the picture that labels may cover. */
const MOST_HIDDEN = 0.1;
const MOST_COVERED = 0.3;

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
  /** Default `full`; `none` leaves out the labels too. */
  readonly boxStyle?: BoxStyle | undefined;
  /** Where no label may lie, pixels. */
  readonly keepClear?: readonly Rect[] | undefined;
  /** Text of a label; default `name 0.87`, or the name alone where there is no room for more. */
  readonly label?: ((index: number) => string) | undefined;
  /** Colour of a box; default by its class. */
  readonly color?: ((index: number) => Rgb) | undefined;
}

/** A label with its place. */
export interface PlacedLabel {
  /** Of the object it names. */
  readonly index: number;
  readonly chip: Chip;
  readonly place: Rect;
}

/** What is drawn where, in the order of drawing: the same for pixels and for SVG. */
interface DrawingPlan {
  /** Pixels. */
  readonly lineWidth: number;
  readonly boxes: readonly { readonly index: number; readonly box: Box; readonly color: Rgb }[];
  readonly labels: readonly PlacedLabel[];
}

/**
 * A copy of the picture with boxes and labels: a stable colour per class, large boxes below small ones, labels of
 * better boxes placed first, never outside the picture and hardly over each other; where there is no room for a label, it
 * is shortened or left out.
 *
 * @param found boxes in pixels of `image`
 * @throws {DenseError} BAD_INPUT for an unknown box style
 */
export function drawDetections(image: RgbImage, found: Detections, options: DrawOptions): RgbImage {
  const out = copyImage(image);
  const [height, width] = image.shape;
  const { lineWidth, boxes, labels } = planDrawing(width, height, found, options);
  const colors = new Map(boxes.map(({ index, color }) => [index, color]));
  for (const { box, color } of boxes) drawBoxFrame(out, box, lineWidth, color, options.boxStyle);
  for (const { index, chip, place } of labels) paintChip(out, chip, place.x, place.y, colors.get(index)!);
  return out;
}

/**
 * Places boxes and labels in a picture of a given size.
 * @param found boxes in pixels of that picture; what lies outside is cut off
 */
export function planDrawing(width: number, height: number, found: Detections, options: DrawOptions): DrawingPlan {
  const sizes = drawingSizes(height, width);
  const color = options.color ?? (i => classColor(found.classes[i]));
  const boxes = Array.from({ length: found.length }, (_, i) => wholePixels(found.boxes, i, width, height));
  const area = ([x1, y1, x2, y2]: Box) => (x2 - x1) * (y2 - y1);
  const largestFirst = boxes.map((_, i) => i).sort((a, b) => area(boxes[b]) - area(boxes[a]) || a - b);
  const sure = options.boxStyle === 'corners' ? CORNERS_WIDER * sizes.lineWidth : sizes.lineWidth;
  const bare = options.hideLabels || options.boxStyle === 'none';
  return {
    lineWidth: Math.max(1, Math.round(options.lineWidth ?? sure)),
    boxes: largestFirst.map(index => ({ index, box: boxes[index], color: color(index) })),
    labels: bare ? [] : placedLabels(boxes, found, options, options.fontSize ?? sizes.fontSize, width, height),
  };
}

/** Texts of a label, the best first. */
function textsOf(i: number, { classes, scores }: Detections, { names, label }: DrawOptions): string[] {
  if (label) return [label(i)];
  const name = names[classes[i]] ?? String(classes[i]);
  return [`${name} ${scores[i].toFixed(2)}`, name];
}

/**
 * Labels with their places, better boxes first. One that would hide another, or too much of the picture with those
 * before it, is shortened or left out: its box still has the colour of its class.
 */
function placedLabels(
  boxes: readonly Box[],
  found: Detections,
  options: DrawOptions,
  fontSize: number,
  width: number,
  height: number,
): PlacedLabel[] {
  const bestFirst = boxes.map((_, i) => i).sort((a, b) => found.scores[b] - found.scores[a] || a - b);
  const labels: PlacedLabel[] = [];
  const placed: Rect[] = [...(options.keepClear ?? [])];
  let covered = 0;
  for (const index of bestFirst)
    for (const text of textsOf(index, found, options)) {
      const chip = chipOf(text, fontSize, width);
      const { place, hidden } = placeLabel({ box: boxes[index], ...sizeOf(chip) }, placed, width, height);
      const area = chip.width * chip.height;
      const room = hidden <= MOST_HIDDEN && covered + area <= MOST_COVERED * width * height;
      if (!room && labels.length > 0) continue;
      labels.push({ index, chip, place });
      placed.push(place);
      covered += area;
      break;
    }
  return labels;
}

function sizeOf({ width, height }: Chip) {
  return { width, height };
}

/** A box on whole pixels, at least one wide: lines between pixels would look soft. */
function wholePixels(boxes: Float32Array, i: number, width: number, height: number): Box {
  const [x1, y1, x2, y2] = Array.from(boxes.subarray(4 * i, 4 * i + 4), Math.round) as [number, number, number, number];
  const left = Math.min(Math.max(x1, 0), width - 1);
  const top = Math.min(Math.max(y1, 0), height - 1);
  return [left, top, Math.min(Math.max(x2, left + 1), width), Math.min(Math.max(y2, top + 1), height)];
}
