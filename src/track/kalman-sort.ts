/**
 * SORT's seven-state Kalman filter with OC-SORT's observation-centric re-update.
 * State: centre x, centre y, area, aspect (width / height), and velocities of the first three. The noise matrices are
 * constant and the covariance is updated in Joseph's form, as filterpy does it.
 *
 * @see Bewley et al., "Simple Online and Realtime Tracking", ICIP 2016; Cao et al., "Observation-Centric SORT",
 *   CVPR 2023, section 4.1; OC_SORT trackers/ocsort_tracker/kalmanfilter.py (a filterpy KalmanFilter with
 *   freeze and unfreeze); golden: test/golden/track/kalman.json
 */

const N = 7;
const M = 4;
/** Initial variances: 10, and 10,000 for the unseen velocities (`P[4:,4:] *= 1000; P *= 10`). */
const FIRST_VARIANCE = [10, 10, 10, 10, 1e4, 1e4, 1e4];
/** Process noise (`Q[-1,-1] *= 0.01; Q[4:,4:] *= 0.01`). */
const PROCESS = [1, 1, 1, 1, 1 * 0.01, 1 * 0.01, 1 * 0.01 * 0.01];
/** Measurement noise (`R[2:,2:] *= 10`). */
const MEASURE = [1, 1, 10, 10];

// scratch of `correct`; never holds state between calls
const s4 = new Float64Array(M * M);
const inverse = new Float64Array(M * M);
const gain = new Float64Array(N * M);
const keep = new Float64Array(N * N);
const half = new Float64Array(N * N);
const residual = new Float64Array(M);

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

/** Inverse of a symmetric positive definite 4x4 (`s4` into `inverse`) by Gauss-Jordan elimination. */
function invert4(): void {
  inverse.fill(0);
  for (let i = 0; i < M; i++) inverse[i * M + i] = 1;
  for (let k = 0; k < M; k++) {
    const pivot = 1 / s4[k * M + k]!;
    for (let c = 0; c < M; c++) {
      s4[k * M + c]! *= pivot;
      inverse[k * M + c]! *= pivot;
    }
    for (let r = 0; r < M; r++) {
      const f = s4[r * M + k]!;
      if (r === k || f === 0) continue;
      for (let c = 0; c < M; c++) {
        s4[r * M + c]! -= f * s4[k * M + c]!;
        inverse[r * M + c]! -= f * inverse[k * M + c]!;
      }
    }
  }
}

/** One object's filter. `observe(null)` for each frame in which the object was not seen. */
export class SortKalman {
  /** `[7]` mean */
  readonly x = new Float64Array(N);
  /** `[7, 7]` covariance, row-major */
  readonly p = new Float64Array(N * N);
  private seen = false;
  private last: ArrayLike<number> | undefined; // last observation, or the end of the virtual path that replaced it
  private missed = 0; // frames since `last`
  private frozen: { x: Float64Array; p: Float64Array } | undefined; // the prior of the first missed frame

  /** @param measurement `[4]` centre x, centre y, area, aspect of the first box */
  constructor(measurement: ArrayLike<number>) {
    for (let i = 0; i < M; i++) this.x[i] = measurement[i]!;
    for (let i = 0; i < N; i++) this.p[i * N + i] = FIRST_VARIANCE[i]!;
  }

  /** One frame ahead. */
  predict(): void {
    const { x, p } = this;
    for (let i = 0; i < 3; i++) x[i]! += x[i + M]!;
    for (let r = 0; r < 3; r++) for (let c = 0; c < N; c++) p[r * N + c]! += p[(r + M) * N + c]!;
    for (let r = 0; r < N; r++) for (let c = 0; c < 3; c++) p[r * N + c]! += p[r * N + c + M]!;
    for (let i = 0; i < N; i++) p[i * N + i]! += PROCESS[i]!;
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

  /** K = P H' S^-1, x += K y, P = (I - K H) P (I - K H)' + K R K'. */
  private correct(z: ArrayLike<number>): void {
    const { x, p } = this;
    for (let r = 0; r < M; r++) {
      residual[r] = z[r]! - x[r]!;
      for (let c = 0; c < M; c++) s4[r * M + c] = p[r * N + c]! + (r === c ? MEASURE[r]! : 0);
    }
    invert4();
    for (let r = 0; r < N; r++)
      for (let c = 0; c < M; c++) {
        let sum = 0;
        for (let k = 0; k < M; k++) sum += p[r * N + k]! * inverse[k * M + c]!;
        gain[r * M + c] = sum;
      }
    for (let r = 0; r < N; r++) {
      let shift = 0;
      for (let k = 0; k < M; k++) shift += gain[r * M + k]! * residual[k]!;
      x[r]! += shift;
      // I - K H differs from I in the first four columns only
      for (let c = 0; c < N; c++) keep[r * N + c] = (r === c ? 1 : 0) - (c < M ? gain[r * M + c]! : 0);
    }
    for (let r = 0; r < N; r++)
      for (let c = 0; c < N; c++) {
        let sum = r >= M ? p[r * N + c]! : 0;
        for (let k = 0; k < M; k++) sum += keep[r * N + k]! * p[k * N + c]!;
        half[r * N + c] = sum;
      }
    for (let r = 0; r < N; r++)
      for (let c = 0; c <= r; c++) {
        let sum = c >= M ? half[r * N + c]! : 0;
        for (let k = 0; k < M; k++) sum += half[r * N + k]! * keep[c * N + k]!;
        for (let k = 0; k < M; k++) sum += gain[r * M + k]! * MEASURE[k]! * gain[c * M + k]!;
        p[r * N + c] = sum;
        p[c * N + r] = sum; // Joseph's form is symmetric
      }
  }
}
