import { seededRandom } from '../core/index.ts';

/** `scale * value + shift` brings one map to another's numbers. */
export interface DepthAlign {
  readonly scale: number;
  readonly shift: number;
  /** Share of the pixels that the line brings within a tenth of the other map's spread, 0..1. */
  readonly agreement: number;
}

const SAMPLES = 1 << 14;
const ROUNDS = 8;
const TRIALS = 150;
const JUDGES = 200;
const TUKEY = 4.685; // in robust standard deviations: 95 % as efficient as plain least squares on clean data
const MAD = 1.4826; // median absolute deviation to standard deviation
const AGREES = 0.1;

/**
 * The line that brings one map of relative depth to another's scale and shift: least squares, reweighted (Tukey's biweight)
 * so that what moved between two frames has no say, begun from a line that half of the pixels may
 * contradict. The slope is the ratio of the weighted standard deviations (the reduced
 * major axis): an ordinary slope is too flat by the noise in `values`, and a chain of frames, each aligned to the last,
 * would fade to a constant.
 *
 * @param values `[n]`; NaN and infinities are left out, in `target` too
 * @param target `[n]`
 * @returns scale 1, shift 0 and agreement 0 where there is nothing to go by
 */
export function alignRelative(values: Float32Array, target: Float32Array): DepthAlign {
  const step = Math.max(1, Math.floor(values.length / SAMPLES));
  const x: number[] = [];
  const y: number[] = [];
  for (let i = 0; i < values.length; i += step)
    if (Number.isFinite(values[i]) && Number.isFinite(target[i])) {
      x.push(values[i]);
      y.push(target[i]);
    }
  const spread = quantile(y, 0.95) - quantile(y, 0.05);
  if (!(spread > 0 && quantile(x, 0.95) > quantile(x, 0.05))) return { scale: 1, shift: 0, agreement: 0 };
  let { scale, shift } = leastMedian(x, y);
  const off = new Float64Array(x.length);
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < off.length; i++) off[i] = Math.abs(scale * x[i] + shift - y[i]);
    const limit = Math.max(TUKEY * MAD * quantile(off, 0.5), 1e-3 * spread);
    const fitted = reducedMajorAxis(x, y, i => (off[i] < limit ? (1 - (off[i] / limit) ** 2) ** 2 : 0));
    if (!fitted) break;
    ({ scale, shift } = fitted);
  }
  let agree = 0;
  for (let i = 0; i < x.length; i++) if (Math.abs(scale * x[i] + shift - y[i]) < AGREES * spread) agree++;
  return { scale, shift, agreement: agree / x.length };
}

/**
 * A first line that up to half of the pixels may contradict: of many lines through two pixels each, the one whose median
 * error is least (Rousseeuw, "Least Median of Squares Regression", 1984). The draws are always the same.
 */
function leastMedian(x: readonly number[], y: readonly number[]): { scale: number; shift: number } {
  const random = seededRandom(1);
  const pick = () => Math.floor(random() * x.length);
  const judges = Array.from({ length: Math.min(JUDGES, x.length) }, pick);
  let best = { scale: 1, shift: 0 };
  let least = Number.POSITIVE_INFINITY;
  for (let trial = 0; trial < TRIALS; trial++) {
    const [i, j] = [pick(), pick()];
    const scale = trial === 0 ? 1 : (y[i] - y[j]) / (x[i] - x[j]);
    if (!(scale > 0 && Number.isFinite(scale))) continue;
    const shift = y[i] - scale * x[i];
    const off = quantile(
      judges.map(k => Math.abs(scale * x[k] + shift - y[k])),
      0.5,
    );
    if (off >= least) continue;
    least = off;
    best = { scale, shift };
  }
  return best;
}

function reducedMajorAxis(x: readonly number[], y: readonly number[], weightOf: (i: number) => number) {
  let [n, sx, sy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const w = weightOf(i);
    n += w;
    sx += w * x[i];
    sy += w * y[i];
  }
  const [mx, my] = [sx / n, sy / n];
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const w = weightOf(i);
    xx += w * (x[i] - mx) ** 2;
    yy += w * (y[i] - my) ** 2;
    xy += w * (x[i] - mx) * (y[i] - my);
  }
  if (!(xx > 0 && yy > 0 && xy > 0)) return undefined;
  const scale = Math.sqrt(yy / xx);
  return { scale, shift: my - scale * mx };
}

/** The value that a share of the values lie below; NaN of none. */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted.length === 0 ? Number.NaN : sorted[Math.round(share * (sorted.length - 1))];
}
