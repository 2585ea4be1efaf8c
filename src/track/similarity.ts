import { fail, seededRandom } from '../core/index.ts';

/** A robust fit: the 2x3 warp row by row, and which points agree with it. */
export interface RobustWarp {
  /** `[6]` row-major 2x3, from-pixels to to-pixels */
  readonly warp: Float64Array;
  /** `[n]` 1 for points within the threshold */
  readonly inliers: Uint8Array;
  readonly inlierCount: number;
}

export interface RansacOptions {
  /** largest distance of an inlier, pixels (OpenCV's default) */
  readonly threshold?: number;
  /** wanted probability of having drawn one clean sample */
  readonly confidence?: number;
  readonly maxIterations?: number;
  /** seed of the draws: same points, same warp */
  readonly seed?: number;
}

/**
 * Rotation, uniform scale and shift that carry most points onto their partners (RANSAC over pairs of points, then least
 * squares over the inliers). What OpenCV calls estimateAffinePartial2D, which the OpenCV build for JavaScript lacks.
 *
 * @param from `[n, 2]` x, y in pixels
 * @param to   `[n, 2]` where each point went
 * @returns undefined when fewer than 2 points are given or all coincide
 * @throws {DenseError} BAD_INPUT when the lengths disagree
 * @see Fischler and Bolles, CACM 24(6), 1981; Umeyama, TPAMI 13(4), 1991; golden: test/golden/track/similarity.json (cv2)
 */
export function estimateSimilarity(
  from: ArrayLike<number>,
  to: ArrayLike<number>,
  { threshold = 3, confidence = 0.99, maxIterations = 2000, seed = 1 }: RansacOptions = {},
): RobustWarp | undefined {
  if (from.length !== to.length || from.length % 2 !== 0)
    fail(
      'BAD_INPUT',
      `estimateSimilarity got ${from.length} and ${to.length} numbers`,
      'both lists hold x and y of the same points',
      'pass two arrays [n, 2] of equal length',
    );
  const n = from.length / 2;
  if (n < 2) return undefined;
  const random = seededRandom(seed);
  let best: Float64Array | undefined;
  let bestCount = 0;
  let rounds = maxIterations;
  for (let round = 0; round < rounds; round++) {
    const a = Math.floor(random() * n);
    const b = Math.floor(random() * (n - 1));
    const model = fit(from, to, [a, b >= a ? b + 1 : b]);
    if (!model) continue;
    const count = countInliers(model, from, to, threshold);
    if (count <= bestCount) continue;
    best = model;
    bestCount = count;
    // draws still needed to have seen a clean pair, were this the true share of inliers
    const clean = (count / n) ** 2;
    if (clean >= 1) break;
    rounds = Math.min(rounds, Math.ceil(Math.log(1 - confidence) / Math.log(1 - clean)));
  }
  if (!best) return undefined;
  // refit over the inliers until they stay the same; a few rounds at most
  let inliers = markInliers(best, from, to, threshold);
  for (let round = 0; round < 5; round++) {
    const members = Array.from(inliers.keys()).filter(i => inliers[i]);
    const refined = fit(from, to, members);
    if (!refined) break;
    best = refined;
    const next = markInliers(best, from, to, threshold);
    const same = next.every((v, i) => v === inliers[i]);
    inliers = next;
    if (same) break;
  }
  return { warp: best, inliers, inlierCount: inliers.reduce((a, b) => a + b, 0) };
}

/** Least-squares similarity over the given points; undefined when they coincide. */
function fit(from: ArrayLike<number>, to: ArrayLike<number>, members: readonly number[]): Float64Array | undefined {
  const k = members.length;
  let [mx, my, nx, ny] = [0, 0, 0, 0];
  for (const i of members) {
    mx += from[2 * i]! / k;
    my += from[2 * i + 1]! / k;
    nx += to[2 * i]! / k;
    ny += to[2 * i + 1]! / k;
  }
  let [spread, dot, cross] = [0, 0, 0];
  for (const i of members) {
    const x = from[2 * i]! - mx;
    const y = from[2 * i + 1]! - my;
    const u = to[2 * i]! - nx;
    const v = to[2 * i + 1]! - ny;
    spread += x * x + y * y;
    dot += x * u + y * v;
    cross += x * v - y * u;
  }
  if (!(spread > 1e-9)) return undefined;
  const a = dot / spread; // scale x cos
  const b = cross / spread; // scale x sin
  return Float64Array.of(a, -b, nx - a * mx + b * my, b, a, ny - b * mx - a * my);
}

function squaredError(m: Float64Array, from: ArrayLike<number>, to: ArrayLike<number>, i: number): number {
  const x = from[2 * i]!;
  const y = from[2 * i + 1]!;
  const dx = m[0]! * x + m[1]! * y + m[2]! - to[2 * i]!;
  const dy = m[3]! * x + m[4]! * y + m[5]! - to[2 * i + 1]!;
  return dx * dx + dy * dy;
}

function countInliers(m: Float64Array, from: ArrayLike<number>, to: ArrayLike<number>, threshold: number): number {
  let count = 0;
  for (let i = 0; i < from.length / 2; i++) if (squaredError(m, from, to, i) <= threshold * threshold) count++;
  return count;
}

function markInliers(m: Float64Array, from: ArrayLike<number>, to: ArrayLike<number>, threshold: number): Uint8Array {
  return Uint8Array.from({ length: from.length / 2 }, (_, i) =>
    squaredError(m, from, to, i) <= threshold * threshold ? 1 : 0,
  );
}
