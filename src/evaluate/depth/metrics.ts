/** Error measures of one depth map, or their means over several. */
export interface DepthMetrics {
  /** mean of |d - p| / d */
  readonly abs_rel: number;
  /** mean of (d - p)^2 / d, metres */
  readonly sq_rel: number;
  /** root of the mean of (d - p)^2, metres */
  readonly rmse: number;
  /** root of the mean of (ln d - ln p)^2 */
  readonly rmse_log: number;
  /** mean of |log10 d - log10 p| */
  readonly log10: number;
  /** standard deviation of ln p - ln d (KITTI prints 100 times this) */
  readonly silog: number;
  /** fraction of pixels with max(d / p, p / d) below 1.25, 1.25^2, 1.25^3 */
  readonly delta1: number;
  readonly delta2: number;
  readonly delta3: number;
}

export const DEPTH_KEYS = [
  'abs_rel',
  'sq_rel',
  'rmse',
  'rmse_log',
  'log10',
  'silog',
  'delta1',
  'delta2',
  'delta3',
] as const satisfies readonly (keyof DepthMetrics)[];

/**
 * Error measures over paired depths.
 *
 * @param truth      `[n]` metres, > 0
 * @param prediction `[n]` metres, > 0
 * @returns null when there is no pixel
 * @see Eigen et al., "Depth Map Prediction from a Single Image using a Multi-Scale Deep Network", NIPS 2014 (all but
 *   log10: Saxena et al., "Make3D", PAMI 2009); golden: test/golden/depth.json
 */
export function depthMetrics(truth: Float64Array, prediction: Float64Array): DepthMetrics | null {
  const n = truth.length;
  if (n === 0) return null;
  let absRel = 0;
  let sqRel = 0;
  let square = 0;
  let logSquare = 0;
  let logSum = 0;
  let logAbs = 0;
  const within = [0, 0, 0];
  for (let k = 0; k < n; k++) {
    const d = truth[k]!;
    const p = prediction[k]!;
    const error = d - p;
    const log = Math.log(p) - Math.log(d);
    const ratio = Math.max(d / p, p / d);
    absRel += Math.abs(error) / d;
    sqRel += (error * error) / d;
    square += error * error;
    logSquare += log * log;
    logSum += log;
    logAbs += Math.abs(log);
    if (ratio < 1.25) within[0]!++;
    if (ratio < 1.25 ** 2) within[1]!++;
    if (ratio < 1.25 ** 3) within[2]!++;
  }
  const meanLog = logSum / n;
  let spread = 0; // around the mean in a second pass: the difference of two sums would lose digits
  for (let k = 0; k < n; k++) spread += (Math.log(prediction[k]!) - Math.log(truth[k]!) - meanLog) ** 2;
  return {
    abs_rel: absRel / n,
    sq_rel: sqRel / n,
    rmse: Math.sqrt(square / n),
    rmse_log: Math.sqrt(logSquare / n),
    log10: logAbs / n / Math.LN10,
    silog: Math.sqrt(spread / n),
    delta1: within[0]! / n,
    delta2: within[1]! / n,
    delta3: within[2]! / n,
  };
}

/** Mean of each measure over pictures; null when there is none. */
export function meanDepthMetrics(all: readonly DepthMetrics[]): DepthMetrics | null {
  if (all.length === 0) return null;
  const mean = (key: keyof DepthMetrics) => all.reduce((sum, m) => sum + m[key], 0) / all.length;
  return Object.fromEntries(DEPTH_KEYS.map(key => [key, mean(key)])) as unknown as DepthMetrics;
}
