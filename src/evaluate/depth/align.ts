/** How a prediction is brought to the scale of the ground truth, picture by picture. */
export const DEPTH_ALIGNMENTS = ['none', 'scale', 'scale-shift', 'disparity'] as const;
export type DepthAlignment = (typeof DEPTH_ALIGNMENTS)[number];

/** Depths and inverse depths below this are no numbers to divide by. */
const TINY = 1e-8;

/**
 * Predicted depth in metres at the pixels of the ground truth.
 *
 * - `none`: as it is (inverse depth is inverted)
 * - `scale`: times median(truth) / median(prediction), in depth
 * - `scale-shift`: least squares scale and shift, in depth
 * - `disparity`: least squares scale and shift in inverse depth (MiDaS); the aligned inverse depth is clipped below at
 *   half the smallest true inverse depth
 *
 * A predicted depth of 0 or less (a hole) takes no part in a fit and becomes 0 here, which the caller clips.
 *
 * @param truth   `[n]` metres, > 0
 * @param values  `[n]` prediction at the same pixels
 * @param inverse the prediction is inverse depth
 * @see Zhou et al., "Unsupervised Learning of Depth and Ego-Motion from Video", CVPR 2017 (median); Ranftl et al.,
 *   "Towards Robust Monocular Depth Estimation", PAMI 2020, equation 4 (least squares)
 */
export function alignDepth(
  truth: Float64Array,
  values: Float64Array,
  inverse: boolean,
  alignment: DepthAlignment,
): Float64Array {
  if (alignment === 'disparity') return alignInverse(truth, values, inverse);
  const depth = inverse ? values.map(v => 1 / Math.max(v, TINY)) : values.slice();
  if (alignment === 'none') return depth;
  const known = (k: number) => depth[k]! > 0;
  if (alignment === 'scale') {
    const scale = median(truth.filter((_, k) => known(k))) / median(depth.filter(v => v > 0));
    return Number.isFinite(scale) ? depth.map(v => v * scale) : depth;
  }
  const { scale, shift } = fitLine(depth, truth, known);
  return depth.map((v, k) => (known(k) ? scale * v + shift : 0));
}

function alignInverse(truth: Float64Array, values: Float64Array, inverse: boolean): Float64Array {
  const known = (k: number) => inverse || values[k]! > 0;
  const x = inverse ? values : values.map(v => 1 / Math.max(v, TINY));
  const target = truth.map(d => 1 / d);
  const { scale, shift } = fitLine(x, target, known);
  const floor = target.reduce((a, b) => Math.min(a, b), Infinity) / 2;
  return x.map((v, k) => (known(k) ? 1 / Math.max(scale * v + shift, floor) : 0));
}

/** Least squares `y = scale * x + shift` over the pixels that are `known`; a constant x gives scale 0 and the mean. */
function fitLine(x: Float64Array, y: Float64Array, known: (k: number) => boolean): { scale: number; shift: number } {
  let n = 0;
  let meanX = 0;
  let meanY = 0;
  for (let k = 0; k < x.length; k++) {
    if (!known(k)) continue;
    n++;
    meanX += x[k]!;
    meanY += y[k]!;
  }
  if (n === 0) return { scale: 0, shift: 0 };
  meanX /= n;
  meanY /= n;
  let xx = 0;
  let xy = 0;
  for (let k = 0; k < x.length; k++) {
    if (!known(k)) continue;
    xx += (x[k]! - meanX) ** 2;
    xy += (x[k]! - meanX) * (y[k]! - meanY);
  }
  // what rounding leaves of a constant is no slope
  const scale = xx > 1e-24 * n * meanX * meanX ? xy / xx : 0;
  return { scale, shift: meanY - scale * meanX };
}

/** Middle value; mean of the two middle ones of an even number; NaN of none. */
function median(values: Float64Array): number {
  const sorted = values.slice().sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
