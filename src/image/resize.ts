import { fail, type RgbImage, type Tensor, tensor } from '../core/index.ts';
import { type AxisWeights, axisWeights, blendRows } from './resample.ts';

/** A picture in floats, 0..255, unrounded. */
export type FloatImage = Tensor<readonly ['height', 'width', 'rgb']>;

export interface ResizeOptions {
  /** Average over the shrunk area (Pillow, torch antialias=True) instead of sampling it; default false. */
  readonly antialias?: boolean | undefined;
}

/**
 * Bilinear resize with half-pixel centres, computed and returned in floats (0..255, never rounded).
 * Equals torch.nn.functional.interpolate(mode='bilinear', align_corners=False, antialias=...) on the float picture.
 *
 * @throws {DenseError} BAD_INPUT for a size below 1
 * @see test/golden/resize.json, written by tools/golden/resize.py
 */
export function resizeBilinear(
  image: RgbImage,
  height: number,
  width: number,
  options: ResizeOptions = {},
): FloatImage {
  checkSize(height, width);
  const out = new Float32Array(height * width * 3);
  resizeRows(image, height, width, options.antialias ?? false, (y, row) => out.set(row, y * width * 3));
  return tensor(['height', 'width', 'rgb'] as const, [height, width, 3], out);
}

/** Bilinear resize rounded back to 8 bits (half away from zero). */
export function resizeImage(image: RgbImage, height: number, width: number, options: ResizeOptions = {}): RgbImage {
  checkSize(height, width);
  const out = new Uint8Array(height * width * 3);
  resizeRows(image, height, width, options.antialias ?? false, (y, row) => {
    const at = y * width * 3;
    for (let x = 0; x < row.length; x++) out[at + x] = row[x]! + 0.5;
  });
  return tensor(['height', 'width', 'rgb'] as const, [height, width, 3], out);
}

/**
 * Hands over the resized picture row by row: `row` holds `width * 3` interleaved floats, valid during the call only.
 * Vertical first, so that a tall photograph is read once, in order, and no full-size intermediate is kept.
 */
export function resizeRows(
  image: RgbImage,
  height: number,
  width: number,
  antialias: boolean,
  emit: (y: number, row: Float32Array) => void,
): void {
  const [fromHeight, fromWidth] = image.shape;
  const vertical = axisWeights(fromHeight, height, antialias);
  const horizontal = axisWeights(fromWidth, width, antialias);
  const blended = new Float32Array(fromWidth * 3);
  const row = new Float32Array(width * 3);
  const sampled = !antialias && width < fromWidth / 2; // few columns are read: blend only those
  for (let y = 0; y < height; y++) {
    if (sampled) blendColumns(image.data, fromWidth * 3, vertical, horizontal, y, blended);
    else blendRows(image.data, fromWidth * 3, vertical, y, blended);
    squeezeRow(blended, horizontal, row);
    emit(y, row);
  }
}

function blendColumns(
  source: Uint8Array,
  stride: number,
  vertical: AxisWeights,
  horizontal: AxisWeights,
  y: number,
  out: Float32Array,
): void {
  const top = vertical.start[y]! * stride;
  const bottom = vertical.count[y]! > 1 ? top + stride : top;
  const w0 = vertical.weights[2 * y]!;
  const w1 = vertical.weights[2 * y + 1]!;
  for (let i = 0; i < horizontal.start.length; i++) {
    const from = 3 * horizontal.start[i]!;
    const end = from + 3 * horizontal.count[i]!;
    for (let x = from; x < end; x++) out[x] = w0 * source[top + x]! + w1 * source[bottom + x]!;
  }
}

function squeezeRow(source: Float32Array, w: AxisWeights, out: Float32Array): void {
  const n = w.start.length;
  for (let i = 0; i < n; i++) {
    let r = 0;
    let g = 0;
    let b = 0;
    let from = 3 * w.start[i]!;
    const at = w.taps * i;
    const end = at + w.count[i]!;
    for (let t = at; t < end; t++) {
      const weight = w.weights[t]!;
      r += weight * source[from]!;
      g += weight * source[from + 1]!;
      b += weight * source[from + 2]!;
      from += 3;
    }
    out[3 * i] = r;
    out[3 * i + 1] = g;
    out[3 * i + 2] = b;
  }
}

function checkSize(height: number, width: number): void {
  if (!(Number.isInteger(height) && Number.isInteger(width) && height >= 1 && width >= 1))
    fail(
      'BAD_INPUT',
      `cannot resize to ${height} x ${width}`,
      'height and width are whole and at least 1',
      'give such sizes',
    );
}
