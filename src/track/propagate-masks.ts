import { fail } from '../core/index.ts';

/** A mask as stored: one id per pixel, 0 is no object. */
export interface IdMask {
  readonly width: number;
  readonly height: number;
  /** `[height, width]` */
  readonly data: Uint8Array | Uint16Array;
}

/** In DAVIS a pixel that is not to be judged; in a mask of 0 and 255 alone (DAVIS 2016) it is the object. */
const VOID = 255;

/**
 * Ids of the objects of a mask, rising. 255 beside other ids is void and counts as background.
 * @throws {DenseError} BAD_INPUT for a mask without objects, or with ids above 255
 */
export function objectIds(mask: IdMask, name = 'the mask'): number[] {
  const ids = [...new Set(mask.data)].filter(id => id !== 0).sort((a, b) => a - b);
  const most = ids.at(-1) ?? 0;
  if (most === 0)
    fail('BAD_INPUT', `${name} holds no object`, 'every pixel is 0, background', 'paint objects with ids from 1 up');
  if (most > 255)
    fail('BAD_INPUT', `${name} holds id ${most}`, 'ids are 1 to 255', 'save the mask as a palette PNG with such ids');
  return ids.length > 1 ? ids.filter(id => id !== VOID) : ids;
}

/**
 * Labels of the first frame: each patch takes the id in its middle (nearest neighbour). An object too small to be in
 * the middle of any patch gets the patch that holds most of it: the original would lose it without a word.
 *
 * @param ids objects; label 0 is the background, label k is `ids[k - 1]`
 * @returns `[1 + ids, rows * columns]`, 0 or 1
 */
export function maskToLabels(mask: IdMask, ids: readonly number[], rows: number, columns: number): Float32Array {
  const { width, height, data } = mask;
  const n = rows * columns;
  const labels = new Float32Array((ids.length + 1) * n);
  const labelOf = new Map(ids.map((id, k) => [id, k + 1]));
  const patches = new Uint8Array(n);
  const xs = nearest(columns, width);
  nearest(rows, height).forEach((y, row) => {
    for (let x = 0; x < columns; x++) patches[row * columns + x] = labelOf.get(data[y * width + xs[x]!]!) ?? 0;
  });
  for (const [id, label] of labelOf) if (!patches.includes(label)) patches[fullest(mask, id, rows, columns)] = label;
  patches.forEach((label, i) => {
    labels[label * n + i] = 1;
  });
  return labels;
}

function fullest({ width, height, data }: IdMask, id: number, rows: number, columns: number): number {
  const pixels = new Uint32Array(rows * columns);
  for (let i = 0; i < data.length; i++) {
    if (data[i] !== id) continue;
    const row = Math.floor((Math.floor(i / width) * rows) / height);
    pixels[row * columns + Math.floor(((i % width) * columns) / width)]!++;
  }
  return pixels.indexOf(Math.max(...pixels));
}

/**
 * For each place on an axis of length `to`, the pixel of an axis of length `from` under its middle. The middles are
 * summed up as Pillow does (Image.resize, NEAREST): where one falls on an edge, its rounding decides.
 */
function nearest(to: number, from: number): Int32Array {
  const step = from / to;
  let middle = 0.5 * step;
  return Int32Array.from({ length: to }, () => {
    const pixel = Math.min(from - 1, Math.floor(middle));
    middle += step;
    return pixel;
  });
}

/**
 * The mask that labels of patches mean: each label is enlarged bilinearly by the patch, stretched so that its least is
 * 0 and its most is 1, and each pixel takes the label that is largest there (the first of equals); then the picture's
 * size, nearest neighbour.
 *
 * @param labels `[1 + ids, rows * columns]`
 * @param patch pixels of the network's input per patch
 * @param size of the mask, pixels
 * @returns `[height, width]` ids, 0 for background
 */
export function labelsToMask(
  labels: Float32Array,
  ids: readonly number[],
  rows: number,
  columns: number,
  patch: number,
  size: { readonly width: number; readonly height: number },
): Uint8Array {
  const n = rows * columns;
  const width = columns * patch;
  const pixels = rows * patch * width;
  const best = new Float32Array(pixels).fill(Number.NEGATIVE_INFINITY);
  const winner = new Uint8Array(pixels);
  const plane = new Float32Array(pixels);
  for (let k = 0; k <= ids.length; k++) {
    enlarge(labels.subarray(k * n, (k + 1) * n), rows, columns, patch, plane);
    stretch(plane);
    const id = k === 0 ? 0 : ids[k - 1]!;
    for (let i = 0; i < pixels; i++)
      if (plane[i]! > best[i]!) {
        best[i] = plane[i]!;
        winner[i] = id;
      }
  }
  const out = new Uint8Array(size.width * size.height);
  const xs = nearest(size.width, width);
  nearest(size.height, rows * patch).forEach((from, y) => {
    for (let x = 0; x < size.width; x++) out[y * size.width + x] = winner[from * width + xs[x]!]!;
  });
  return out;
}

/** Bilinear, half-pixel centres: torch's interpolate(scale_factor=patch, align_corners=False). */
function enlarge(from: Float32Array, rows: number, columns: number, patch: number, out: Float32Array): void {
  const width = columns * patch;
  const stretched = new Float32Array(rows * width);
  for (let x = 0; x < width; x++) {
    const [low, high, share] = between(x, patch, columns);
    for (let y = 0; y < rows; y++)
      stretched[y * width + x] = from[y * columns + low]! * (1 - share) + from[y * columns + high]! * share;
  }
  for (let y = 0, o = 0; y < rows * patch; y++) {
    const [low, high, share] = between(y, patch, rows);
    for (let x = 0; x < width; x++)
      out[o++] = stretched[low * width + x]! * (1 - share) + stretched[high * width + x]! * share;
  }
}

function between(i: number, patch: number, count: number): [low: number, high: number, share: number] {
  const at = Math.max(0, (i + 0.5) / patch - 0.5);
  const low = Math.floor(at);
  return [low, Math.min(low + 1, count - 1), at - low];
}

/** To 0..1; a plane that is the same everywhere stays as it is. */
function stretch(plane: Float32Array): void {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const v of plane) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (high > low) for (let i = 0; i < plane.length; i++) plane[i] = (plane[i]! - low) / (high - low);
}
