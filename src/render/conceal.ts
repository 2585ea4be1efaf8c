import { type Detections, fail, type RgbImage } from '../core/index.ts';
import { copyImage, fillRect } from './canvas.ts';
import type { Rgb } from './color.ts';

/** How pixels are made unrecognisable. */
export const CONCEAL_KINDS = ['gaussian', 'pixelate', 'fill'] as const;
export type ConcealKind = (typeof CONCEAL_KINDS)[number];

export interface ConcealOptions {
  /** Default gaussian. */
  readonly kind?: ConcealKind | undefined;
  /** Pixels added on each side of a box, as a share of its shorter side; default 0.05, since boxes are never exact. */
  readonly margin?: number | undefined;
  /**
   * How much detail is left: the gaussian's standard deviation, or half a block's side, as a share of the region's longer
   * side; default 0.08, at which a standing person has no face. At least 3 pixels.
   */
  readonly strength?: number | undefined;
  /** Of `fill`; default black. */
  readonly color?: Rgb | undefined;
}

/**
 * A copy of the picture in which what lies under the boxes of some classes cannot be recognised. The strength follows the
 * size of each object, so that large ones are no clearer than small ones. Only pixels of the region itself enter its
 * blur, and nothing outside the regions changes.
 *
 * A detector misses objects: this makes a picture more private, it does not promise that everybody is concealed.
 *
 * @param found boxes in pixels of `image`; parts outside are cut off
 * @param classes class ids to conceal; left out: all
 * @throws {DenseError} BAD_INPUT for an unknown kind, a margin that is not 0..1 or a strength that is not 0.005..1
 */
export function concealDetections(
  image: RgbImage,
  found: Detections,
  options: ConcealOptions = {},
  classes?: ReadonlySet<number>,
): RgbImage {
  const { kind = 'gaussian', margin = 0.05, strength = 0.08, color = [0, 0, 0] } = options;
  if (!CONCEAL_KINDS.includes(kind))
    fail('BAD_INPUT', `blur kind ${JSON.stringify(kind)}`, 'there is no such one', `use ${CONCEAL_KINDS.join(', ')}`);
  checkShare('margin', margin, 0, 1);
  checkShare('strength', strength, 0.005, 1);
  const out = copyImage(image);
  for (let i = 0; i < found.length; i++) {
    if (classes && !classes.has(found.classes[i])) continue;
    const region = regionOf(image, found.boxes.subarray(4 * i, 4 * i + 4), margin);
    if (!region) continue;
    const [left, top, width, height] = region;
    const sigma = Math.max(3, strength * Math.max(width, height));
    if (kind === 'fill') fillRect(out, left, top, left + width, top + height, color);
    else if (kind === 'pixelate') pixelate(out, region, Math.round(2 * sigma));
    else blurRegion(out, region, sigma);
  }
  return out;
}

function checkShare(name: string, value: number, low: number, high: number): void {
  if (!(value >= low && value <= high))
    fail('BAD_INPUT', `${name} is ${value}`, `it is a share from ${low} to ${high}`, 'pass such a number');
}

/** Left, top, width, height; whole pixels inside the picture. */
type Region = readonly [number, number, number, number];

function regionOf({ shape: [height, width] }: RgbImage, box: Float32Array, margin: number): Region | undefined {
  const [x1, y1, x2, y2] = box;
  const more = margin * Math.max(0, Math.min(x2 - x1, y2 - y1));
  const left = Math.max(0, Math.floor(x1 - more));
  const top = Math.max(0, Math.floor(y1 - more));
  const right = Math.min(width, Math.ceil(x2 + more));
  const bottom = Math.min(height, Math.ceil(y2 + more));
  return right > left && bottom > top ? [left, top, right - left, bottom - top] : undefined;
}

/** Replaces blocks by their mean; blocks are counted from the region's corner, the last ones may be smaller. */
function pixelate(image: RgbImage, [left, top, width, height]: Region, block: number): void {
  const stride = 3 * image.shape[1];
  for (let y0 = top; y0 < top + height; y0 += block)
    for (let x0 = left; x0 < left + width; x0 += block) {
      const x1 = Math.min(x0 + block, left + width);
      const y1 = Math.min(y0 + block, top + height);
      const sums = [0, 0, 0];
      for (let y = y0; y < y1; y++)
        for (let at = y * stride + 3 * x0; at < y * stride + 3 * x1; at += 3)
          for (let c = 0; c < 3; c++) sums[c] += image.data[at + c];
      const mean = sums.map(sum => Math.round(sum / ((x1 - x0) * (y1 - y0))));
      for (let y = y0; y < y1; y++)
        for (let at = y * stride + 3 * x0; at < y * stride + 3 * x1; at += 3) image.data.set(mean, at);
    }
}

const PASSES = 3; // of a box filter: within 3 % of a gaussian

/** A gaussian as three box filters; the region's edge pixels count for what would lie beyond. */
function blurRegion(image: RgbImage, [left, top, width, height]: Region, sigma: number): void {
  const stride = 3 * image.shape[1];
  let from = new Float32Array(width * height);
  let to = new Float32Array(width * height);
  const radius = Math.max(1, Math.round((Math.sqrt((12 * sigma * sigma) / PASSES + 1) - 1) / 2));
  for (let c = 0; c < 3; c++) {
    for (let y = 0, i = 0; y < height; y++)
      for (let x = 0; x < width; x++, i++) from[i] = image.data[(top + y) * stride + 3 * (left + x) + c];
    for (let pass = 0; pass < PASSES; pass++) {
      for (let y = 0; y < height; y++) boxFilter(from, to, y * width, 1, width, radius);
      [from, to] = [to, from];
      for (let x = 0; x < width; x++) boxFilter(from, to, x, width, height, radius);
      [from, to] = [to, from];
    }
    for (let y = 0, i = 0; y < height; y++)
      for (let x = 0; x < width; x++, i++) image.data[(top + y) * stride + 3 * (left + x) + c] = Math.round(from[i]);
  }
}

/** Means over `2 * radius + 1` neighbours along one row or column of `count` values that lie `step` apart. */
function boxFilter(
  from: Float32Array,
  to: Float32Array,
  start: number,
  step: number,
  count: number,
  radius: number,
): void {
  const at = (k: number) => from[start + Math.min(count - 1, Math.max(0, k)) * step];
  let sum = 0;
  for (let k = -radius; k <= radius; k++) sum += at(k);
  for (let k = 0; k < count; k++) {
    to[start + k * step] = sum / (2 * radius + 1);
    sum += at(k + radius + 1) - at(k - radius);
  }
}
