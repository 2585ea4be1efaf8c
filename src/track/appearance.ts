import { type Features, fail } from '../core/index.ts';

/** How a picture lies on a feature grid: grid = pixel x scale + offset, in patches. */
export interface GridMap {
  readonly scaleX: number;
  readonly scaleY: number;
  readonly offsetX: number;
  readonly offsetY: number;
}

/** The grid map of a picture that was squashed onto the whole grid. */
export function squashMap(features: Features, width: number, height: number): GridMap {
  return { scaleX: features.shape[2] / width, scaleY: features.shape[1] / height, offsetX: 0, offsetY: 0 };
}

/**
 * The features less each picture's own mean vector. What all patches of a picture have in common says nothing about who
 * is who; without it, cosine distances spread further.
 */
export function centredFeatures(features: Features): Features {
  const [batches, gridY, gridX, channels] = features.shape;
  const cells = gridY * gridX;
  const data = new Float32Array(features.data.length);
  for (let b = 0; b < batches; b++) {
    const base = b * cells * channels;
    const mean = new Float64Array(channels);
    for (let k = 0; k < cells * channels; k++) mean[k % channels]! += features.data[base + k]! / cells;
    for (let k = 0; k < cells * channels; k++) data[base + k] = features.data[base + k]! - mean[k % channels]!;
  }
  return { ...features, data };
}

function gridOf(features: Features, batch: number): { gridY: number; gridX: number; channels: number; base: number } {
  const [batches, gridY, gridX, channels] = features.shape;
  if (!(Number.isInteger(batch) && batch >= 0 && batch < batches))
    fail(
      'BAD_INPUT',
      `pooling asked for picture ${batch} of the features`,
      `the features hold ${batches}`,
      `pass a batch index from 0 to ${batches - 1}`,
    );
  return { gridY, gridX, channels, base: batch * gridY * gridX * channels };
}

/**
 * One appearance vector per box: the mean of the backbone's patch features under the box, each patch weighted by the
 * part of it the box covers. A box smaller than a patch, or outside the picture, takes the patch nearest its centre.
 * No second network: the features are those the detector already computed.
 *
 * @param features patch grid of the frame
 * @param boxes    `[n, 4]` xyxy pixels of the original picture
 * @param map      picture to grid; see {@link squashMap}
 * @param batch    which picture of the batch
 * @returns `[n, channels]`, not normalised
 * @throws {DenseError} BAD_INPUT for a batch index out of range
 */
export function pooledFeatures(features: Features, boxes: ArrayLike<number>, map: GridMap, batch = 0): Float32Array {
  const { gridY, gridX, channels, base } = gridOf(features, batch);
  const n = boxes.length / 4;
  const out = new Float32Array(n * channels);
  const sum = new Float64Array(channels);
  for (let i = 0; i < n; i++) {
    let x1 = boxes[4 * i]! * map.scaleX + map.offsetX;
    let y1 = boxes[4 * i + 1]! * map.scaleY + map.offsetY;
    let x2 = boxes[4 * i + 2]! * map.scaleX + map.offsetX;
    let y2 = boxes[4 * i + 3]! * map.scaleY + map.offsetY;
    [x1, x2] = span(x1, x2, gridX);
    [y1, y2] = span(y1, y2, gridY);
    sum.fill(0);
    let total = 0;
    for (let gy = Math.floor(y1); gy < y2; gy++) {
      const h = Math.min(y2, gy + 1) - Math.max(y1, gy);
      for (let gx = Math.floor(x1); gx < x2; gx++) {
        const weight = h * (Math.min(x2, gx + 1) - Math.max(x1, gx));
        const at = base + (gy * gridX + gx) * channels;
        for (let c = 0; c < channels; c++) sum[c]! += weight * features.data[at + c]!;
        total += weight;
      }
    }
    for (let c = 0; c < channels; c++) out[i * channels + c] = sum[c]! / total;
  }
  return out;
}

/** Clips an interval to the grid; one without length becomes the patch at its middle. */
function span(from: number, to: number, size: number): [number, number] {
  const a = Math.min(Math.max(from, 0), size);
  const b = Math.min(Math.max(to, 0), size);
  if (b - a > 1e-9) return [a, b];
  const cell = Math.min(Math.max(Math.floor((from + to) / 2), 0), size - 1);
  return [cell, cell + 1];
}

/**
 * As {@link pooledFeatures}, but under masks, which leaves the background inside a box out.
 *
 * @param masks one per object: `[height, width]` of the original picture, row-major, 0 or not 0
 * @param boxes `[n, 4]` where each mask lies; an empty mask falls back to its box
 * @throws {DenseError} BAD_INPUT when a mask's size is not the picture's
 */
export function maskPooledFeatures(
  features: Features,
  masks: readonly Uint8Array[],
  boxes: ArrayLike<number>,
  picture: { readonly width: number; readonly height: number },
  map: GridMap,
  batch = 0,
): Float32Array {
  const { gridY, gridX, channels, base } = gridOf(features, batch);
  const { width, height } = picture;
  const out = pooledFeatures(features, boxes, map, batch);
  if (masks.length * 4 !== boxes.length)
    fail(
      'BAD_INPUT',
      `pooling got ${masks.length} masks and ${boxes.length / 4} boxes`,
      'each object has one of both',
      'pass arrays of equal length',
    );
  const cellOf = (pixel: number, scale: number, offset: number, size: number) =>
    Math.min(Math.max(Math.floor((pixel + 0.5) * scale + offset), 0), size - 1);
  const columns = Int32Array.from({ length: width }, (_, x) => cellOf(x, map.scaleX, map.offsetX, gridX));
  const counts = new Float64Array(gridY * gridX);
  masks.forEach((mask, i) => {
    if (mask.length !== width * height)
      fail(
        'BAD_INPUT',
        `mask ${i} has ${mask.length} pixels`,
        `the picture is ${width}x${height}`,
        "pass masks of the picture's size",
      );
    counts.fill(0);
    const from = Math.max(0, Math.floor(boxes[4 * i + 1]!));
    const to = Math.min(height, Math.ceil(boxes[4 * i + 3]!));
    const left = Math.max(0, Math.floor(boxes[4 * i]!));
    const right = Math.min(width, Math.ceil(boxes[4 * i + 2]!));
    let total = 0;
    for (let y = from; y < to; y++) {
      const row = cellOf(y, map.scaleY, map.offsetY, gridY) * gridX;
      for (let x = left; x < right; x++)
        if (mask[y * width + x]) {
          counts[row + columns[x]!]!++;
          total++;
        }
    }
    if (total === 0) return;
    const sum = new Float64Array(channels);
    counts.forEach((count, cell) => {
      if (count === 0) return;
      for (let c = 0; c < channels; c++) sum[c]! += (count / total) * features.data[base + cell * channels + c]!;
    });
    out.set(sum, i * channels);
  });
  return out;
}

function norm(a: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * a[i]!;
  return Math.sqrt(sum);
}

/** Cosine distance, 0 (alike) to 2 (opposite); 1 when one of the two is zero. */
export function appearanceDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let dot = 0;
  for (let i = 0; i < a.length; i++) dot += a[i]! * b[i]!;
  const size = norm(a) * norm(b);
  return size > 0 ? Math.max(0, 1 - dot / size) : 1;
}

/**
 * A track's running feature: `momentum x past + (1 - momentum) x now`, both of unit length, made unit length again.
 * Without a past it is `now` at unit length.
 * @see BoT-SORT, equation 9; `STrack.update_features`
 */
export function blendFeature(past: Float64Array | undefined, now: ArrayLike<number>, momentum: number): Float64Array {
  const size = norm(now) || 1;
  const out = Float64Array.from(now, v => v / size);
  if (!past) return out;
  for (let i = 0; i < out.length; i++) out[i] = momentum * past[i]! + (1 - momentum) * out[i]!;
  const length = norm(out) || 1;
  for (let i = 0; i < out.length; i++) out[i]! /= length;
  return out;
}
