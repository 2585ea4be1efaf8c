/** Pairs of boxes that overlap, in compressed rows: row i owns entries `start[i]` to `start[i + 1]`, columns ascending. */
export interface SparsePairs {
  readonly rows: number;
  readonly cols: number;
  /** `[rows + 1]` */
  readonly start: Int32Array;
  /** `[pairs]` */
  readonly col: Int32Array;
  /** `[pairs]` intersection over union, or a cost made from it */
  readonly value: Float64Array;
}

type Box = ArrayLike<number>;

/**
 * Intersection over union of every overlapping pair; pairs left out have none.
 *
 * A sweep over the columns sorted by their left edge finds the pairs, so a thousand scattered boxes cost a few
 * thousand comparisons instead of a million.
 *
 * @param rows xyxy boxes
 * @param cols xyxy boxes
 * @param pixel 0, or 1 for the pixel-inclusive convention of cython_bbox, in which x2 and y2 belong to the box:
 *   ByteTrack and BoT-SORT measure overlap that way
 */
export function overlaps(rows: readonly Box[], cols: readonly Box[], pixel: 0 | 1): SparsePairs {
  const n = rows.length;
  const m = cols.length;
  const order = Int32Array.from(cols, (_, j) => j).sort((a, b) => cols[a]![0]! - cols[b]![0]!);
  // the columns' numbers side by side in sweep order: reading them is most of the work
  const left = new Float64Array(m);
  const rest = new Float64Array(4 * m); // top, right, bottom, area
  let widest = 0;
  for (let k = 0; k < m; k++) {
    const b = cols[order[k]!]!;
    left[k] = b[0]!;
    rest[4 * k] = b[1]!;
    rest[4 * k + 1] = b[2]!;
    rest[4 * k + 2] = b[3]!;
    rest[4 * k + 3] = (b[2]! - b[0]! + pixel) * (b[3]! - b[1]! + pixel);
    widest = Math.max(widest, b[2]! - b[0]!);
  }

  const start = new Int32Array(n + 1);
  const col: number[] = [];
  const value: number[] = [];
  for (let i = 0; i < n; i++) {
    const a = rows[i]!;
    const ax1 = a[0]!;
    const ay1 = a[1]!;
    const ax2 = a[2]!;
    const ay2 = a[3]!;
    const area = (ax2 - ax1 + pixel) * (ay2 - ay1 + pixel);
    const first = col.length;
    for (let k = lowerBound(left, ax1 - widest - pixel); k < m && left[k]! < ax2 + pixel; k++) {
      const o = 4 * k;
      const h = Math.min(ay2, rest[o + 2]!) - Math.max(ay1, rest[o]!) + pixel;
      if (!(h > 0)) continue;
      const w = Math.min(ax2, rest[o + 1]!) - Math.max(ax1, left[k]!) + pixel;
      if (!(w > 0)) continue;
      const inter = w * h;
      col.push(order[k]!);
      // the sum in the order of the originals, for the same rounding
      value.push(inter / (area + rest[o + 3]! - inter));
    }
    sortRow(col, value, first, col.length);
    start[i + 1] = col.length;
  }
  return { rows: n, cols: m, start, col: Int32Array.from(col), value: Float64Array.from(value) };
}

/** First index whose value is at least `x`. */
function lowerBound(sorted: Float64Array, x: number): number {
  let lo = 0;
  let hi = sorted.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (sorted[mid]! < x) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}

/** Insertion sort of one row by column: rows are short. */
function sortRow(col: number[], value: number[], from: number, to: number): void {
  for (let k = from + 1; k < to; k++) {
    const c = col[k]!;
    const v = value[k]!;
    let p = k - 1;
    while (p >= from && col[p]! > c) {
      col[p + 1] = col[p]!;
      value[p + 1] = value[p]!;
      p--;
    }
    col[p + 1] = c;
    value[p + 1] = v;
  }
}

/**
 * The pairs for which `cost` gives a number, with that number; NaN leaves a pair out.
 * @param cost of row, column and the value so far
 */
export function mapPairs(pairs: SparsePairs, cost: (row: number, col: number, value: number) => number): SparsePairs {
  const start = new Int32Array(pairs.rows + 1);
  const col = new Int32Array(pairs.col.length);
  const value = new Float64Array(pairs.col.length);
  let count = 0;
  for (let i = 0; i < pairs.rows; i++) {
    for (let k = pairs.start[i]!; k < pairs.start[i + 1]!; k++) {
      const v = cost(i, pairs.col[k]!, pairs.value[k]!);
      if (Number.isNaN(v)) continue;
      col[count] = pairs.col[k]!;
      value[count++] = v;
    }
    start[i + 1] = count;
  }
  return { rows: pairs.rows, cols: pairs.cols, start, col: col.subarray(0, count), value: value.subarray(0, count) };
}

/** The same pairs with every other pair added at `value`. */
export function densePairs(pairs: SparsePairs, value: number): SparsePairs {
  const { rows, cols } = pairs;
  const full = new Float64Array(rows * cols).fill(value);
  for (let i = 0; i < rows; i++)
    for (let k = pairs.start[i]!; k < pairs.start[i + 1]!; k++) full[i * cols + pairs.col[k]!] = pairs.value[k]!;
  return {
    rows,
    cols,
    start: Int32Array.from({ length: rows + 1 }, (_, i) => i * cols),
    col: Int32Array.from(full, (_, k) => k % cols),
    value: full,
  };
}
