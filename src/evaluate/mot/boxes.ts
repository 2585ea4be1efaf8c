import { Entries } from './growing.ts';

/** numpy's `finfo(float).eps`: TrackEval's tolerance in every comparison with a threshold */
export const EPS = 2 ** -52;

/** Boxes of one side by frame, corners in arrays of their own. */
export interface FramedBoxes {
  /** `[frames + 1]` first box of each frame */
  readonly start: Int32Array;
  /** `[n]` corners in pixels; a box that can overlap nothing has x1 = Infinity */
  readonly x1: Float64Array;
  readonly y1: Float64Array;
  readonly x2: Float64Array;
  readonly y2: Float64Array;
  /** `[n]` square pixels */
  readonly area: Float64Array;
}

/** Boxes `[n, 4]` x, y, width, height, reordered: box k is row `order[k]`. */
export function frameBoxes(xywh: Float64Array, order: Uint32Array, start: Int32Array): FramedBoxes {
  const n = order.length;
  const corners = Array.from({ length: 5 }, () => new Float64Array(n));
  const [x1, y1, x2, y2, area] = corners as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
  for (let k = 0; k < n; k++) {
    const o = 4 * order[k]!;
    const x = xywh[o]!;
    const y = xywh[o + 1]!;
    x2[k] = x + xywh[o + 2]!;
    y2[k] = y + xywh[o + 3]!;
    y1[k] = y;
    area[k] = (x2[k]! - x) * (y2[k]! - y);
    x1[k] = x2[k]! > x && y2[k]! > y && area[k]! > EPS ? x : Infinity;
  }
  return { start, x1, y1, x2, y2, area };
}

/**
 * IoU of all overlapping pairs, with the arithmetic of TrackEval (so that thresholds and ties fall the same way).
 *
 * @param from `[frames + 1]` out: first entry of each frame
 * @returns entries by frame, then ground truth box, then result box
 */
export function allOverlaps(gt: FramedBoxes, result: FramedBoxes, frames: number, from: Int32Array): Entries {
  const entries = new Entries(3 * gt.x1.length + 64);
  let byX = new Int32Array(256);
  for (let f = 0; f < frames; f++) {
    const n = result.start[f + 1]! - result.start[f]!;
    if (byX.length < n) byX = new Int32Array(2 * n);
    frameOverlaps(gt, result, f, byX, entries);
    from[f + 1] = entries.length;
  }
  return entries;
}

function frameOverlaps(gt: FramedBoxes, result: FramedBoxes, f: number, byX: Int32Array, entries: Entries): void {
  const { x1: rx1, y1: ry1, x2: rx2, y2: ry2, area: rArea } = result;
  const g0 = gt.start[f]!;
  const r0 = result.start[f]!;
  const n = result.start[f + 1]! - r0;
  const widest = sortByX(rx1, rx2, r0, n, byX);
  for (let g = g0; g < gt.start[f + 1]!; g++) {
    const x1 = gt.x1[g]!;
    const y1 = gt.y1[g]!;
    const x2 = gt.x2[g]!;
    const y2 = gt.y2[g]!;
    if (x1 === Infinity) continue;
    const rowFrom = entries.length;
    for (let k = firstAbove(rx1, byX, n, x1 - widest - 1e-12 * (Math.abs(x1) + widest)); k < n; k++) {
      const r = byX[k]!;
      if (rx1[r]! >= x2) break;
      if (!(rx2[r]! > x1 && ry1[r]! < y2 && ry2[r]! > y1)) continue;
      const inter = (Math.min(x2, rx2[r]!) - Math.max(x1, rx1[r]!)) * (Math.min(y2, ry2[r]!) - Math.max(y1, ry1[r]!));
      const union = gt.area[g]! + rArea[r]! - inter;
      if (inter > 0 && union > EPS) entries.push(g - g0, r - r0, inter / union);
    }
    if (entries.length - rowFrom > 1) entries.sortColumns(rowFrom);
  }
}

/** Numbers of the boxes `r0..r0+n` by their left edge into `byX`; returns a bound on their width. */
function sortByX(x1: Float64Array, x2: Float64Array, r0: number, n: number, byX: Int32Array): number {
  let widest = 0;
  for (let k = 0; k < n; k++) {
    byX[k] = r0 + k;
    const width = x2[r0 + k]! - x1[r0 + k]!;
    if (width > widest) widest = width;
  }
  if (n > 300) byX.subarray(0, n).sort((a, b) => (x1[a]! < x1[b]! ? -1 : x1[a]! > x1[b]! ? 1 : a - b));
  else
    for (let k = 1; k < n; k++) {
      const box = byX[k]!;
      const x = x1[box]!;
      let q = k - 1;
      while (q >= 0 && x1[byX[q]!]! > x) {
        byX[q + 1] = byX[q]!;
        q--;
      }
      byX[q + 1] = box;
    }
  return widest;
}

/** First place in `byX` whose left edge is at least `x`. */
function firstAbove(x1: Float64Array, byX: Int32Array, n: number, x: number): number {
  let low = 0;
  let high = n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x1[byX[middle]!]! < x) low = middle + 1;
    else high = middle;
  }
  return low;
}
