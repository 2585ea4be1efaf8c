import { fail, type RgbImage, rgbImage, seededNormal } from '../core/index.ts';

/** Directions of largest variance of a set of rows. */
export interface Pca {
  /** `[channels]` */
  readonly mean: Float64Array;
  /** Unit vectors, largest variance first; of each, the entry of largest size is positive. */
  readonly axes: readonly Float64Array[];
  /** Variance along each axis. */
  readonly variances: readonly number[];
}

const EXTRA = 5; // more directions than asked for make the wanted ones settle sooner
const MAX_ROUNDS = 200;
const SETTLED = 1e-9;

/**
 * Principal components by subspace iteration: the covariance is never formed, so 1536 channels cost no more memory than
 * three. Deterministic.
 *
 * @param rows  `[n, channels]`
 * @param count axes wanted, at most min(n, channels)
 * @throws {DenseError} BAD_INPUT when there are fewer rows or channels than axes
 */
export function principalComponents(rows: Float32Array, channels: number, count: number): Pca {
  const n = rows.length / channels;
  if (!Number.isInteger(n) || n < count || channels < count)
    fail(
      'BAD_INPUT',
      `${count} principal components of ${n} rows of ${channels}`,
      'there are not that many',
      'ask for fewer',
    );
  const mean = new Float64Array(channels);
  for (let i = 0; i < rows.length; i++) mean[i % channels] += rows[i] / n;
  const k = Math.min(count + EXTRA, channels, n);
  const normal = seededNormal(1);
  let basis = orthonormal(Array.from({ length: k }, () => Float64Array.from({ length: channels }, normal)));
  let values: number[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const image = basis.map(() => new Float64Array(channels));
    const weights = new Float64Array(k);
    for (let r = 0; r < n; r++) {
      const at = r * channels;
      for (let j = 0; j < k; j++) {
        const axis = basis[j];
        let dot = 0;
        for (let c = 0; c < channels; c++) dot += axis[c] * (rows[at + c] - mean[c]);
        weights[j] = dot / n;
      }
      for (let j = 0; j < k; j++) {
        const out = image[j];
        const w = weights[j];
        for (let c = 0; c < channels; c++) out[c] += w * (rows[at + c] - mean[c]);
      }
    }
    const next = basis.map((axis, j) => dotOf(axis, image[j]));
    basis = orthonormal(image);
    const change = Math.max(...next.slice(0, count).map((v, j) => Math.abs(v - (values[j] ?? 0))));
    values = next;
    if (change <= SETTLED * Math.max(...next, Number.MIN_VALUE)) break;
  }
  // within the settled subspace, turn the basis to the axes of the small covariance (Rayleigh-Ritz)
  const small = smallCovariance(rows, channels, mean, basis);
  const { vectors, values: variances } = symmetricEigen(small);
  const axes = vectors.slice(0, count).map(v => {
    const axis = new Float64Array(channels);
    for (const [j, w] of v.entries()) for (let c = 0; c < channels; c++) axis[c] += w * basis[j][c];
    const largest = axis.reduce((best, x) => (Math.abs(x) > Math.abs(best) ? x : best), 0);
    return largest < 0 ? axis.map(x => -x) : axis;
  });
  return { mean, axes, variances: variances.slice(0, count) };
}

function dotOf(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Gram-Schmidt, twice for accuracy; a direction that vanishes is replaced by a unit vector not yet spanned. */
function orthonormal(vectors: Float64Array[]): Float64Array[] {
  const done: Float64Array[] = [];
  for (const vector of vectors) {
    let v = vector;
    for (let attempt = 0; ; attempt++) {
      const before = Math.sqrt(dotOf(v, v));
      for (let pass = 0; pass < 2; pass++)
        for (const d of done) {
          const w = dotOf(v, d);
          for (let c = 0; c < v.length; c++) v[c] -= w * d[c];
        }
      const length = Math.sqrt(dotOf(v, v));
      if (length > 1e-12 * before && length > 0) {
        done.push(v.map(x => x / length));
        break;
      }
      v = new Float64Array(v.length);
      v[(done.length + attempt) % v.length] = 1;
    }
  }
  return done;
}

function smallCovariance(rows: Float32Array, channels: number, mean: Float64Array, basis: Float64Array[]): number[][] {
  const n = rows.length / channels;
  const out = basis.map(() => basis.map(() => 0));
  const weights = new Float64Array(basis.length);
  for (let r = 0; r < n; r++) {
    for (const [j, axis] of basis.entries()) {
      let dot = 0;
      for (let c = 0; c < channels; c++) dot += axis[c] * (rows[r * channels + c] - mean[c]);
      weights[j] = dot;
    }
    for (let i = 0; i < basis.length; i++)
      for (let j = 0; j < basis.length; j++) out[i][j] += (weights[i] * weights[j]) / n;
  }
  return out;
}

/** Eigenvectors of a small symmetric matrix by Jacobi rotations, largest value first. */
export function symmetricEigen(matrix: readonly (readonly number[])[]): { values: number[]; vectors: number[][] } {
  const n = matrix.length;
  const a = matrix.map(row => [...row]);
  const v: number[][] = a.map((_, i) => a.map((_, j) => Number(i === j)));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        off = Math.max(off, Math.abs(a[p][q]) / (Math.sqrt(Math.abs(a[p][p] * a[q][q])) || 1));
        if (a[p][q] === 0) continue;
        const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let i = 0; i < n; i++) [a[i][p], a[i][q]] = [c * a[i][p] - s * a[i][q], s * a[i][p] + c * a[i][q]];
        for (let i = 0; i < n; i++) {
          [a[p][i], a[q][i]] = [c * a[p][i] - s * a[q][i], s * a[p][i] + c * a[q][i]];
          [v[i][p], v[i][q]] = [c * v[i][p] - s * v[i][q], s * v[i][p] + c * v[i][q]];
        }
      }
    if (off < 1e-14) break;
  }
  const order = a.map((_, i) => i).sort((i, j) => a[j][j] - a[i][i]);
  return { values: order.map(i => a[i][i]), vectors: order.map(i => v.map(row => row[i])) };
}

/** Value below which a share of the numbers lies. */
function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(share * (sorted.length - 1))))];
}

/** Direction is what features are compared by; a few patches of great length would take all the colours. */
function unitRows(rows: Float32Array, channels: number): Float32Array {
  const out = new Float32Array(rows.length);
  for (let at = 0; at < rows.length; at += channels) {
    let squares = 0;
    for (let c = at; c < at + channels; c++) squares += rows[c] * rows[c];
    const scale = 1 / (Math.sqrt(squares) || 1);
    for (let c = at; c < at + channels; c++) out[c] = rows[c] * scale;
  }
  return out;
}

export interface FeaturePictureOptions {
  /** Size of the picture, pixels. Default: one pixel per patch. */
  readonly height?: number;
  readonly width?: number;
  /** Share of the patches cut off at either end of a channel's range, so that single outliers do not grey the rest. */
  readonly cut?: number;
}

/**
 * Patch features as colours: the three directions in which they differ most become red, green and blue. What has the
 * same colour is the same to the network.
 *
 * @param patches `[gridHeight * gridWidth, channels]`, class token removed
 */
export function drawFeatures(
  patches: Float32Array,
  gridHeight: number,
  gridWidth: number,
  options: FeaturePictureOptions = {},
): RgbImage {
  const n = gridHeight * gridWidth;
  const channels = patches.length / n;
  const rows = unitRows(patches, channels);
  const pca = principalComponents(rows, channels, 3);
  const { height = gridHeight, width = gridWidth, cut = 0.01 } = options;
  const out = new Uint8Array(height * width * 3);
  pca.axes.forEach((axis, color) => {
    const plane = new Float64Array(n);
    for (let r = 0; r < n; r++) {
      let dot = 0;
      for (let c = 0; c < channels; c++) dot += axis[c] * (rows[r * channels + c] - pca.mean[c]);
      plane[r] = dot;
    }
    const sorted = plane.toSorted();
    const low = quantile(sorted, cut);
    const range = quantile(sorted, 1 - cut) - low || 1;
    for (let r = 0; r < n; r++) plane[r] = Math.min(1, Math.max(0, (plane[r] - low) / range));
    enlarge(plane, gridHeight, gridWidth, height, width, (at, value) => {
      out[3 * at + color] = Math.round(255 * value);
    });
  });
  return rgbImage(height, width, out);
}

/** Cubic (Catmull-Rom) enlargement, half-pixel centres, clamped to 0..1. */
function enlarge(
  plane: Float64Array,
  fromHeight: number,
  fromWidth: number,
  height: number,
  width: number,
  emit: (at: number, value: number) => void,
): void {
  const [ys, xs] = [cubicTaps(fromHeight, height), cubicTaps(fromWidth, width)];
  const line = new Float64Array(fromWidth);
  let at = 0;
  for (const y of ys) {
    line.fill(0);
    y.cells.forEach((row, k) => {
      for (let x = 0; x < fromWidth; x++) line[x] += y.weights[k] * plane[row * fromWidth + x];
    });
    for (const { cells, weights } of xs) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += weights[k] * line[cells[k]];
      emit(at++, Math.min(1, Math.max(0, sum)));
    }
  }
}

function cubicTaps(
  from: number,
  to: number,
): { readonly cells: readonly number[]; readonly weights: readonly number[] }[] {
  return Array.from({ length: to }, (_, i) => {
    const center = ((i + 0.5) * from) / to - 0.5;
    const low = Math.floor(center);
    const t = center - low;
    const cells = [-1, 0, 1, 2].map(k => Math.min(from - 1, Math.max(0, low + k)));
    const weights = [
      ((2 - t) * t - 1) * t * 0.5,
      ((3 * t - 5) * t * t + 2) * 0.5,
      ((4 - 3 * t) * t + 1) * t * 0.5,
      (t - 1) * t * t * 0.5,
    ];
    return { cells, weights };
  });
}
