/**
 * The eight-state constant-velocity Kalman filter of DeepSORT and its heirs: four measured numbers of a box and their
 * velocities per frame. Two forms differ only in the third and fourth number and in the noise:
 * `xyah` (centre, aspect width / height, height: ByteTrack) and `xywh` (centre, width, height: BoT-SORT).
 *
 * A state is 72 numbers in one Float64Array: mean `[8]`, then covariance `[8, 8]` row-major. Pixels and frames.
 * @see Wojke et al., "Simple Online and Realtime Tracking with a Deep Association Metric", ICIP 2017;
 *   ByteTrack yolox/tracker/kalman_filter.py, BoT-SORT tracker/kalman_filter.py; golden: test/golden/track/kalman.json
 */

/** What the filter measures: `xyah` = centre x, centre y, width / height, height; `xywh` = centre x, centre y, width, height. */
export type BoxForm = 'xyah' | 'xywh';

/** `[72]`: mean `[8]`, covariance `[8, 8]`. */
export type BoxState = Float64Array;

/** Standard deviations as a share of the box's size (both originals: `_std_weight_position`, `_std_weight_velocity`). */
export const POSITION_WEIGHT = 1 / 20;
export const VELOCITY_WEIGHT = 1 / 160;

const N = 8;
const M = 4;
const P = N; // the covariance starts behind the mean
const STATE_SIZE = N + N * N;

// scratch of `update`; never holds state between calls
const std = new Float64Array(N);
const chol = new Float64Array(M * M);
const projected = new Float64Array(M * M);
const gain = new Float64Array(N * M);
const gainS = new Float64Array(N * M);
const innovation = new Float64Array(M);

/** Fills `std` with the given shares of the size; `xyah` has its own constants for the aspect. */
function deviations(form: BoxForm, w: number, h: number, position: number, velocity: number, aspect: number): void {
  const p = position * POSITION_WEIGHT;
  const v = velocity * VELOCITY_WEIGHT;
  const across = form === 'xywh' ? w : h;
  std[0] = p * across;
  std[1] = p * h;
  std[2] = form === 'xywh' ? p * w : aspect;
  std[3] = p * h;
  std[4] = v * across;
  std[5] = v * h;
  std[6] = form === 'xywh' ? v * w : 1e-5;
  std[7] = v * h;
}

/** The four measured numbers of an xyxy box. */
export function boxToMeasurement(form: BoxForm, boxes: ArrayLike<number>, i: number): number[] {
  const o = 4 * i;
  const w = boxes[o + 2]! - boxes[o]!;
  const h = boxes[o + 3]! - boxes[o + 1]!;
  return [boxes[o]! + w / 2, boxes[o + 1]! + h / 2, form === 'xyah' ? w / h : w, h];
}

/** Writes the xyxy box of a state (or of a bare measurement) at `out[at..at+4]`. */
export function stateToBox(form: BoxForm, state: ArrayLike<number>, out: Float32Array | Float64Array, at = 0): void {
  const h = state[3]!;
  const w = form === 'xyah' ? state[2]! * h : state[2]!;
  const x = state[0]! - w / 2;
  const y = state[1]! - h / 2;
  out[at] = x;
  out[at + 1] = y;
  out[at + 2] = w + x;
  out[at + 3] = h + y;
}

/**
 * A new track's state from its first measurement: velocity zero, generous uncertainty.
 * @param measurement `[4]` in the filter's form
 */
export function initiate(form: BoxForm, measurement: ArrayLike<number>): BoxState {
  const state = new Float64Array(STATE_SIZE);
  for (let i = 0; i < M; i++) state[i] = measurement[i]!;
  deviations(form, measurement[2]!, measurement[3]!, 2, 10, 1e-2);
  for (let i = 0; i < N; i++) state[P + i * N + i] = std[i]! * std[i]!;
  return state;
}

/** Moves a state one frame ahead, in place: mean <- F mean, P <- F P F' + Q with F = I + shift of the velocities. */
export function predict(form: BoxForm, state: BoxState): void {
  deviations(form, state[2]!, state[3]!, 1, 1, 1e-2);
  for (let i = 0; i < M; i++) state[i]! += state[i + M]!;
  for (let r = 0; r < M; r++) for (let c = 0; c < N; c++) state[P + r * N + c]! += state[P + (r + M) * N + c]!;
  for (let r = 0; r < N; r++) for (let c = 0; c < M; c++) state[P + r * N + c]! += state[P + r * N + c + M]!;
  for (let i = 0; i < N; i++) state[P + i * N + i]! += std[i]! * std[i]!;
}

/** Lower Cholesky factor of the 4x4 `projected` into `chol`. */
function factorise(): void {
  for (let r = 0; r < M; r++)
    for (let c = 0; c <= r; c++) {
      let sum = projected[r * M + c]!;
      for (let k = 0; k < c; k++) sum -= chol[r * M + k]! * chol[c * M + k]!;
      chol[r * M + c] = r === c ? Math.sqrt(sum) : sum / chol[c * M + c]!;
    }
}

/** Fills `projected` with H P H' + R, and `chol` with its factor. */
function project(form: BoxForm, state: BoxState): void {
  deviations(form, state[2]!, state[3]!, 1, 1, 1e-1);
  for (let r = 0; r < M; r++) for (let c = 0; c < M; c++) projected[r * M + c] = state[P + r * N + c]!;
  for (let i = 0; i < M; i++) projected[i * M + i]! += std[i]! * std[i]!;
  factorise();
}

/**
 * Corrects a predicted state by a measurement, in place: K = P H' S^-1, mean += K y, P -= K S K'.
 * @param measurement `[4]` in the filter's form
 */
export function correct(form: BoxForm, state: BoxState, measurement: ArrayLike<number>): void {
  project(form, state);
  for (let i = 0; i < M; i++) innovation[i] = measurement[i]! - state[i]!;
  for (let r = 0; r < N; r++) {
    const o = r * M;
    // forward, then backward substitution: one row of K solves S k = (P H')_r
    for (let c = 0; c < M; c++) {
      let sum = state[P + r * N + c]!;
      for (let k = 0; k < c; k++) sum -= chol[c * M + k]! * gain[o + k]!;
      gain[o + c] = sum / chol[c * M + c]!;
    }
    for (let c = M - 1; c >= 0; c--) {
      let sum = gain[o + c]!;
      for (let k = c + 1; k < M; k++) sum -= chol[k * M + c]! * gain[o + k]!;
      gain[o + c] = sum / chol[c * M + c]!;
    }
    for (let c = 0; c < M; c++) {
      let sum = 0;
      for (let k = 0; k < M; k++) sum += gain[o + k]! * projected[k * M + c]!;
      gainS[o + c] = sum;
    }
  }
  for (let r = 0; r < N; r++) {
    let shift = 0;
    for (let k = 0; k < M; k++) shift += gain[r * M + k]! * innovation[k]!;
    state[r]! += shift;
    // K S K' is symmetric
    for (let c = 0; c <= r; c++) {
      let sum = 0;
      for (let k = 0; k < M; k++) sum += gainS[r * M + k]! * gain[c * M + k]!;
      state[P + r * N + c]! -= sum;
      if (c < r) state[P + c * N + r]! -= sum;
    }
  }
}

/**
 * Squared Mahalanobis distance between a predicted state and a measurement, in standard deviations squared.
 * Chi-square with four degrees of freedom: 95 % of true matches lie below 9.4877.
 */
export function gatingDistance(form: BoxForm, state: BoxState, measurement: ArrayLike<number>): number {
  project(form, state);
  let total = 0;
  for (let r = 0; r < M; r++) {
    let z = measurement[r]! - state[r]!;
    for (let k = 0; k < r; k++) z -= chol[r * M + k]! * innovation[k]!;
    innovation[r] = z / chol[r * M + r]!;
    total += innovation[r]! * innovation[r]!;
  }
  return total;
}

/**
 * Moves an `xywh` state by a camera warp, in place: each pair (centre, size, their velocities) is multiplied by the
 * warp's 2x2 part, the centre is shifted, and the covariance follows.
 * @param warp `[6]` row-major 2x3: previous frame's pixels to this frame's
 * @see BoT-SORT, equations 4 to 7; `STrack.multi_gmc`
 */
export function warpState(state: BoxState, warp: ArrayLike<number>): void {
  const [a, b, tx, c, d, ty] = [warp[0]!, warp[1]!, warp[2]!, warp[3]!, warp[4]!, warp[5]!];
  const pair = (p: number, q: number) => {
    const x = state[p]!;
    const y = state[q]!;
    state[p] = a * x + b * y;
    state[q] = c * x + d * y;
  };
  for (let k = 0; k < N; k += 2) pair(k, k + 1);
  state[0]! += tx;
  state[1]! += ty;
  for (let k = 0; k < N; k += 2) for (let col = 0; col < N; col++) pair(P + k * N + col, P + (k + 1) * N + col);
  for (let row = 0; row < N; row++) for (let k = 0; k < N; k += 2) pair(P + row * N + k, P + row * N + k + 1);
}
