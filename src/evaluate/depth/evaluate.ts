import { fail } from '../../core/index.ts';
import { alignDepth, type DepthAlignment } from './align.ts';
import { type DepthMetrics, depthMetrics } from './metrics.ts';

/** Numbers in picture order. */
export interface DepthPlane {
  readonly width: number;
  readonly height: number;
  /** `[height, width]`; the ground truth's holes are 0, NaN or infinite */
  readonly data: Float64Array;
}

/** Parts of the picture that count: fractions of KITTI's crops, NYU's pixels at 640 x 480 as fractions. */
export const DEPTH_CROPS = {
  none: undefined,
  eigen: { top: 0.3324324, bottom: 0.91351351, left: 0.0359477, right: 0.96405229 },
  garg: { top: 0.40810811, bottom: 0.99189189, left: 0.03594771, right: 0.96405229 },
  nyu: { top: 45 / 480, bottom: 471 / 480, left: 41 / 640, right: 601 / 640 },
} as const;
export type DepthCrop = keyof typeof DEPTH_CROPS;

export interface DepthOptions {
  /** the prediction is inverse depth (larger = nearer) */
  readonly inverse: boolean;
  readonly align: DepthAlignment;
  /** metres; true depth strictly between counts, predictions are clipped to them */
  readonly min: number;
  readonly max: number;
  readonly crop: DepthCrop;
}

/**
 * Measures one predicted depth map. A prediction of another size is resized bilinearly to the ground truth.
 *
 * @param truth      metres
 * @param prediction depth or inverse depth, as `options.inverse` says
 * @param file       name of the prediction, for error messages
 * @returns null when no pixel of the ground truth counts
 * @throws {DenseError} BAD_INPUT when the prediction is no finite number where the ground truth counts
 */
export function evaluateDepthMap(
  truth: DepthPlane,
  prediction: DepthPlane,
  options: DepthOptions,
  file: string,
): DepthMetrics | null {
  const { width } = truth;
  const resized = resizeBilinear(prediction, truth.width, truth.height);
  const pixels = countedPixels(truth, options);
  const depth = new Float64Array(pixels.length);
  const values = new Float64Array(pixels.length);
  for (let k = 0; k < pixels.length; k++) {
    const at = pixels[k]!;
    depth[k] = truth.data[at]!;
    values[k] = resized.data[at]!;
    if (!Number.isFinite(values[k]))
      fail(
        'BAD_INPUT',
        `${file}: the value at x ${at % width}, y ${Math.floor(at / width)} (of the ground truth) is ${values[k]}`,
        'a prediction needs a finite number wherever the ground truth has one',
        'fill holes before measuring',
      );
  }
  const aligned = alignDepth(depth, values, options.inverse, options.align);
  return depthMetrics(
    depth,
    aligned.map(v => Math.min(Math.max(v, options.min), options.max)),
  );
}

function countedPixels(truth: DepthPlane, { min, max, crop }: DepthOptions): Int32Array {
  const { width, height, data } = truth;
  const part = DEPTH_CROPS[crop];
  const top = part ? Math.trunc(part.top * height) : 0;
  const bottom = part ? Math.trunc(part.bottom * height) : height;
  const left = part ? Math.trunc(part.left * width) : 0;
  const right = part ? Math.trunc(part.right * width) : width;
  const out = new Int32Array(width * height);
  let n = 0;
  for (let y = top; y < bottom; y++)
    for (let x = left; x < right; x++) {
      const d = data[y * width + x]!;
      if (d > min && d < max && d < Infinity) out[n++] = y * width + x;
    }
  return out.subarray(0, n);
}

/** Bilinear resize with pixel centres at halves and edges repeated (OpenCV's INTER_LINEAR, torch's align_corners=False). */
export function resizeBilinear(plane: DepthPlane, width: number, height: number): DepthPlane {
  if (plane.width === width && plane.height === height) return plane;
  const xs = taps(plane.width, width);
  const ys = taps(plane.height, height);
  const { data: from } = plane;
  const data = new Float64Array(width * height);
  for (let y = 0; y < height; y++) {
    const top = ys.low[y]! * plane.width;
    const bottom = ys.high[y]! * plane.width;
    const fy = ys.fraction[y]!;
    for (let x = 0; x < width; x++) {
      const l = xs.low[x]!;
      const r = xs.high[x]!;
      const fx = xs.fraction[x]!;
      const upper = mix(from[top + l]!, from[top + r]!, fx);
      data[y * width + x] = mix(upper, mix(from[bottom + l]!, from[bottom + r]!, fx), fy);
    }
  }
  return { width, height, data };
}

// a plain branch, because 0 * infinity would turn a neighbour that does not count into NaN
const mix = (a: number, b: number, f: number) => (f === 0 ? a : a + (b - a) * f);

function taps(from: number, to: number): { low: Int32Array; high: Int32Array; fraction: Float64Array } {
  const low = new Int32Array(to);
  const high = new Int32Array(to);
  const fraction = new Float64Array(to);
  for (let k = 0; k < to; k++) {
    const at = Math.min(Math.max(((k + 0.5) * from) / to - 0.5, 0), from - 1);
    low[k] = Math.floor(at);
    high[k] = Math.min(low[k]! + 1, from - 1);
    fraction[k] = at - low[k]!;
  }
  return { low, high, fraction };
}

/** Predictions that know nothing of the picture; inverse depth. */
export const DEPTH_BASELINES = ['constant', 'gradient'] as const;
export type DepthBaseline = (typeof DEPTH_BASELINES)[number];

/** `constant`: one plane; `gradient`: inverse depth growing evenly from the top row to the bottom row. */
export function baselinePlane(kind: DepthBaseline, width: number, height: number): DepthPlane {
  const data = new Float64Array(width * height);
  for (let y = 0; y < height; y++) data.fill(kind === 'constant' ? 1 : y / height, y * width, (y + 1) * width);
  return { width, height, data };
}
