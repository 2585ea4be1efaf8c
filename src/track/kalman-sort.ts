/**
 * SORT's seven-state Kalman filter with OC-SORT's observation-centric re-update.
 * State: centre x, centre y, area, aspect (width / height), and velocities of the first three. The noise matrices are
 * constant and the covariance is updated in Joseph's form, as filterpy does it.
 *
 * Motion, noise and first covariance couple each number with its own velocity only, so the 7x7 covariance is zero
 * elsewhere for ever; what runs here are the four small filters it consists of, with the same results.
 *
 * @see Bewley et al., "Simple Online and Realtime Tracking", ICIP 2016; Cao et al., "Observation-Centric SORT",
 *   CVPR 2023, section 4.1; OC_SORT trackers/ocsort_tracker/kalmanfilter.py (a filterpy KalmanFilter with
 *   freeze and unfreeze); golden: test/golden/track/kalman.json
 */

const N = 7;
const M = 4;
/** Initial variances of a number and of its unseen velocity (`P[4:,4:] *= 1000; P *= 10`). */
const FIRST_VARIANCE = 10;
const FIRST_VELOCITY_VARIANCE = 1e4;
/** Process noise of the numbers, and of the velocities (`Q[-1,-1] *= 0.01; Q[4:,4:] *= 0.01`). */
const PROCESS = 1;
const PROCESS_VELOCITY = [0.01, 0.01, 0.01 * 0.01];
/** Measurement noise (`R[2:,2:] *= 10`). */
const MEASURE = [1, 1, 10, 10];

/** Centre, area and aspect of an xyxy box; the aspect's 1e-6 is SORT's guard against flat boxes. */
export function boxToSort(x1: number, y1: number, x2: number, y2: number): number[] {
  const w = x2 - x1;
  const h = y2 - y1;
  return [x1 + w / 2, y1 + h / 2, w * h, w / (h + 1e-6)];
}

/** Writes the xyxy box of a state at `out[at..at+4]`; NaN when area and aspect disagree in sign. */
export function sortToBox(x: ArrayLike<number>, out: Float32Array | Float64Array | number[], at = 0): void {
  const w = Math.sqrt(x[2]! * x[3]!);
  const h = x[2]! / w;
  out[at] = x[0]! - w / 2;
  out[at + 1] = x[1]! - h / 2;
  out[at + 2] = x[0]! + w / 2;
  out[at + 3] = x[1]! + h / 2;
}

/** One object's filter. `observe(null)` for each frame in which the object was not seen. */
export class SortKalman {
  /** `[7]` mean */
  readonly x = new Float64Array(N);
  /** `[4, 3]`: of each measured number its variance, its covariance with its velocity, its velocity's variance */
  private readonly p = new Float64Array(3 * M);
  private seen = false;
  private last: ArrayLike<number> | undefined; // last observation, or the end of the virtual path that replaced it
  private missed = 0; // frames since `last`
  private frozen: { x: Float64Array; p: Float64Array } | undefined; // the prior of the first missed frame

  /** @param measurement `[4]` centre x, centre y, area, aspect of the first box */
  constructor(measurement: ArrayLike<number>) {
    for (let i = 0; i < M; i++) {
      this.x[i] = measurement[i]!;
      this.p[3 * i] = FIRST_VARIANCE;
      this.p[3 * i + 2] = i < 3 ? FIRST_VELOCITY_VARIANCE : 0; // the aspect has no velocity
    }
  }

  /** `[7, 7]` row-major covariance of the whole state. */
  get covariance(): Float64Array {
    const full = new Float64Array(N * N);
    for (let i = 0; i < M; i++) {
      full[i * N + i] = this.p[3 * i]!;
      if (i === 3) continue;
      full[i * N + i + M] = full[(i + M) * N + i] = this.p[3 * i + 1]!;
      full[(i + M) * N + i + M] = this.p[3 * i + 2]!;
    }
    return full;
  }

  /** One frame ahead. */
  predict(): void {
    const { x, p } = this;
    for (let i = 0; i < 3; i++) {
      const o = 3 * i;
      x[i]! += x[i + M]!;
      p[o]! += p[o + 1]! + (p[o + 1]! + p[o + 2]!) + PROCESS;
      p[o + 1]! += p[o + 2]!;
      p[o + 2]! += PROCESS_VELOCITY[i]!;
    }
    p[9]! += PROCESS;
  }

  /**
   * Takes this frame's measurement, or null when there was none. After a gap, the filter goes back to the last
   * observed frame and walks a straight virtual path to the new observation (observation-centric re-update), then
   * takes the new observation once more, as the original does.
   */
  observe(z: ArrayLike<number> | null): void {
    if (z === null) {
      if (this.seen) this.frozen = { x: this.x.slice(), p: this.p.slice() };
      this.seen = false;
      this.missed++;
      return;
    }
    let last = z;
    if (!this.seen && this.frozen && this.last) last = this.reupdate(this.frozen, this.last, z);
    this.correct(z);
    this.seen = true;
    this.frozen = undefined;
    this.missed = 0;
    this.last = last;
  }

  /** @returns the last virtual observation, which stands for `to` from now on (equal but for rounding) */
  private reupdate(
    frozen: { x: Float64Array; p: Float64Array },
    from: ArrayLike<number>,
    to: ArrayLike<number>,
  ): ArrayLike<number> {
    this.x.set(frozen.x);
    this.p.set(frozen.p);
    const gap = this.missed + 1;
    const w1 = Math.sqrt(from[2]! * from[3]!);
    const h1 = Math.sqrt(from[2]! / from[3]!);
    const dx = (to[0]! - from[0]!) / gap;
    const dy = (to[1]! - from[1]!) / gap;
    const dw = (Math.sqrt(to[2]! * to[3]!) - w1) / gap;
    const dh = (Math.sqrt(to[2]! / to[3]!) - h1) / gap;
    const virtual = [0, 0, 0, 0];
    for (let i = 1; i <= gap; i++) {
      const w = w1 + i * dw;
      const h = h1 + i * dh;
      virtual[0] = from[0]! + i * dx;
      virtual[1] = from[1]! + i * dy;
      virtual[2] = w * h;
      virtual[3] = w / h;
      this.correct(virtual);
      if (i < gap) this.predict();
    }
    return virtual;
  }

  /** K = P H' S^-1, x += K y, P = (I - K H) P (I - K H)' + K R K', for each number and its velocity. */
  private correct(z: ArrayLike<number>): void {
    const { x, p } = this;
    for (let i = 0; i < M; i++) {
      const o = 3 * i;
      const [a, b, c] = [p[o]!, p[o + 1]!, p[o + 2]!];
      const r = MEASURE[i]!;
      const residual = z[i]! - x[i]!;
      const k = a / (a + r);
      const kv = b / (a + r);
      x[i]! += k * residual;
      if (i < 3) x[i + M]! += kv * residual;
      p[o] = (1 - k) * (1 - k) * a + k * k * r;
      p[o + 1] = (1 - k) * (b - kv * a) + k * kv * r;
      p[o + 2] = c - 2 * kv * b + kv * kv * (a + r);
    }
  }
}
