import { assignWithPotentials } from './assignment.ts';
import { lapjv } from './lapjv.ts';
import { mapPairs, overlaps, type SparsePairs } from './overlaps.ts';

/** A detection in the association: xyxy box and score. */
export interface OcDetection {
  readonly box: ArrayLike<number>;
  readonly score: number;
}

/** A track in the association. */
export interface OcCandidate {
  /** predicted xyxy box */
  readonly predicted: ArrayLike<number>;
  /** unit direction of motion, or undefined while unknown */
  readonly direction: { readonly x: number; readonly y: number } | undefined;
  /** xyxy observation of some frames ago, or undefined before the first */
  readonly previous: ArrayLike<number> | undefined;
}

/** Cost of a pair by row, column and intersection over union. */
export type Cost = (row: number, col: number, iou: number) => number;

/** Pairs and leftovers, in the order in which the original lists them. */
export interface OcMatches {
  readonly pairs: readonly (readonly [detection: number, track: number])[];
  readonly detections: readonly number[];
  readonly tracks: readonly number[];
}

/** Up to this many rows or columns the dense solver runs, whose choice among equal costs is lap's. */
const DENSE_UP_TO = 192;
const EPS = 1e-12;

/**
 * Cost of detection i with track j: `-(IoU + direction consistency)`. Consistency (OCM) lies in -weight/2 .. weight/2
 * times the score and says how well the way from the track's earlier observation to the detection agrees with the
 * track's direction; 0 while one of the two is unknown.
 * @see Cao et al., section 4.2, equation 7; OC_SORT association.py, `associate`
 */
export function ocCost(dets: readonly OcDetection[], tracks: readonly OcCandidate[], weight: number): Cost {
  // flat numbers: this runs for every pair
  const det = new Float64Array(3 * dets.length);
  dets.forEach(({ box, score }, i) => {
    det[3 * i] = (box[0]! + box[2]!) / 2;
    det[3 * i + 1] = (box[1]! + box[3]!) / 2;
    det[3 * i + 2] = score;
  });
  const track = new Float64Array(4 * tracks.length).fill(Number.NaN);
  tracks.forEach(({ direction, previous: box }, j) => {
    if (!direction || !box) return;
    track[4 * j] = (box[0]! + box[2]!) / 2;
    track[4 * j + 1] = (box[1]! + box[3]!) / 2;
    track[4 * j + 2] = direction.x;
    track[4 * j + 3] = direction.y;
  });
  return (i, j, iou) => {
    const dx = det[3 * i]! - track[4 * j]!;
    if (Number.isNaN(dx)) return -iou;
    const dy = det[3 * i + 1]! - track[4 * j + 1]!;
    const norm = Math.sqrt(dx * dx + dy * dy) + 1e-6;
    const cos = track[4 * j + 2]! * (dx / norm) + track[4 * j + 3]! * (dy / norm);
    const angle = Math.acos(Math.min(1, Math.max(-1, cos)));
    return -(iou + ((Math.PI / 2 - angle) / Math.PI) * weight * det[3 * i + 2]!);
  };
}

/**
 * OC-SORT's first association. When each box overlaps at most one other above the threshold those are the pairs; else
 * the assignment that maximises `IoU + direction consistency` over all pairs, of which those below the threshold are
 * dropped afterwards.
 * @param threshold smallest IoU of a pair
 * @param inertia   weight of direction consistency
 */
export function associate(
  dets: readonly OcDetection[],
  tracks: readonly OcCandidate[],
  threshold: number,
  inertia: number,
): OcMatches {
  const ious = overlaps(
    dets.map(d => d.box),
    tracks.map(t => t.predicted),
    0,
  );
  const clear = clearPairs(ious, threshold);
  if (clear) return leftovers(clear, ious, threshold);
  if (dets.length === 0 || tracks.length === 0) return leftovers([], ious, threshold);
  const cost = ocCost(dets, tracks, inertia);
  const colOfRow =
    Math.max(dets.length, tracks.length) <= DENSE_UP_TO
      ? assignDense(ious, cost)
      : assignPriced(
          ious,
          cost,
          Float64Array.from(dets, d => (inertia / 2) * d.score),
        );
  const pairs: [number, number][] = [];
  colOfRow.forEach((j, i) => {
    if (j >= 0) pairs.push([i, j]);
  });
  return leftovers(pairs, ious, threshold);
}

/** The pairs above the threshold if they are a matching as they stand, and not none; else undefined. */
function clearPairs(ious: SparsePairs, threshold: number): [number, number][] | undefined {
  const pairs: [number, number][] = [];
  const taken = new Uint8Array(ious.cols);
  for (let i = 0; i < ious.rows; i++) {
    let own = 0;
    for (let k = ious.start[i]!; k < ious.start[i + 1]!; k++) {
      const j = ious.col[k]!;
      if (!(ious.value[k]! > threshold)) continue;
      if (own++ || taken[j]!++) return undefined;
      pairs.push([i, j]);
    }
  }
  return pairs.length > 0 ? pairs : undefined;
}

function iouOf(ious: SparsePairs, i: number, j: number): number {
  for (let k = ious.start[i]!; k < ious.start[i + 1]!; k++) if (ious.col[k] === j) return ious.value[k]!;
  return 0;
}

/** Drops pairs below the threshold; their members follow the never matched ones (association.py, `_filter_matches`). */
function leftovers(pairs: readonly [number, number][], ious: SparsePairs, threshold: number): OcMatches {
  const kept = pairs.filter(([i, j]) => !(iouOf(ious, i, j) < threshold));
  const dropped = pairs.filter(([i, j]) => iouOf(ious, i, j) < threshold);
  const rowUsed = new Uint8Array(ious.rows);
  const colUsed = new Uint8Array(ious.cols);
  for (const [i, j] of pairs) {
    rowUsed[i] = 1;
    colUsed[j] = 1;
  }
  const unused = (used: Uint8Array) => Array.from(used.keys()).filter(k => !used[k]);
  return {
    pairs: kept,
    detections: [...unused(rowUsed), ...dropped.map(p => p[0])],
    tracks: [...unused(colUsed), ...dropped.map(p => p[1])],
  };
}

/** The whole matrix, padded to a square with zeros. */
export function assignDense(ious: SparsePairs, cost: Cost): Int32Array {
  const { rows, cols } = ious;
  const n = Math.max(rows, cols);
  const square = new Float64Array(n * n);
  const iou = new Float64Array(cols);
  for (let i = 0; i < rows; i++) {
    for (let k = ious.start[i]!; k < ious.start[i + 1]!; k++) iou[ious.col[k]!] = ious.value[k]!;
    for (let j = 0; j < cols; j++) square[i * n + j] = cost(i, j, iou[j]!);
    for (let k = ious.start[i]!; k < ious.start[i + 1]!; k++) iou[ious.col[k]!] = 0;
  }
  return lapjv(square, n)
    .subarray(0, rows)
    .map(j => (j < cols ? j : -1));
}

/**
 * The same optimum without the whole matrix. Solves over the overlapping pairs, and over all pairs of those rows that
 * found no partner; then looks for pairs whose cost undercuts the potentials, adds them and solves again until none
 * does, which proves the result optimal over all pairs. A pair without overlap costs at least `-bound[row]`, which
 * rules nearly all of them out without computing an angle.
 */
export function assignPriced(ious: SparsePairs, cost: Cost, bound: Float64Array): Int32Array {
  const wide = ious.rows <= ious.cols;
  // the smaller side is matched whole, so let it be the rows
  const side = wide ? ious : transpose(ious);
  const { rows, cols } = side;
  const price: Cost = wide ? cost : (i, j, iou) => cost(j, i, iou);
  const rowBound = wide ? bound : new Float64Array(rows);
  const colBound = wide ? new Float64Array(cols) : bound;
  // dearer than any chain of exchanges, so that no row stays out while it could be in
  const limit = 4 * rows + 4;

  const rowsPriced: (Float64Array | undefined)[] = new Array(rows);
  // a row looked at once is looked at again, and angles are dear
  const apart: Cost = (i, j) => {
    const prices = (rowsPriced[i] ??= new Float64Array(cols).fill(Number.NaN));
    if (Number.isNaN(prices[j]!)) prices[j] = price(i, j, 0);
    return prices[j]!;
  };
  const adder = new PairAdder(rows, cols, apart);
  const everyColumn = Int32Array.from({ length: cols }, (_, j) => j);
  let known = mapPairs(side, price);
  let solved = assignWithPotentials(known, 0);
  let whole = false; // the first solution may leave rows out, the later ones may not
  for (;;) {
    const { colOfRow, rowPotential, colPotential } = solved;
    const reach = colPotential.map((v, j) => v + colBound[j]!);
    const order = everyColumn.slice().sort((a, b) => reach[b]! - reach[a]!);
    const before = known.col.length;
    known = adder.add(known, (i, take) => {
      const lonely = !whole && colOfRow[i]! < 0;
      const ceiling = (whole ? limit : 0) + rowPotential[i]!; // a pair undercuts when cost < ceiling + colPotential
      const lowest = -(ceiling + rowBound[i]!);
      for (let k = 0; k < cols && (lonely || reach[order[k]!]! > lowest); k++)
        take(order[k]!, lonely ? Number.POSITIVE_INFINITY : ceiling + colPotential[order[k]!]! - EPS);
    });
    if (!whole || known.col.length > before) {
      solved = assignWithPotentials(known, limit);
      whole = true;
      continue;
    }
    if (wide) return colOfRow;
    const out = new Int32Array(cols).fill(-1);
    colOfRow.forEach((j, i) => {
      if (j >= 0) out[j] = i;
    });
    return out;
  }
}

/** Extends pair lists by pairs without overlap. */
class PairAdder {
  private readonly has: Int32Array; // last pass and row in which a column was met
  private pass = 0;

  constructor(
    private readonly rows: number,
    private readonly cols: number,
    private readonly price: Cost,
  ) {
    this.has = new Int32Array(cols).fill(-1);
  }

  /** `offer(row, take)` calls `take(col, below)` for the columns to add if they are new and cost less than `below`. */
  add(pairs: SparsePairs, offer: (row: number, take: (col: number, below: number) => void) => void): SparsePairs {
    const { has, price } = this;
    const start = new Int32Array(this.rows + 1);
    let room = 2 * pairs.col.length + this.cols;
    let col = new Int32Array(room);
    let value = new Float64Array(room);
    let count = 0;
    let row = 0;
    let stamp = 0;
    const take = (j: number, below: number) => {
      if (has[j] === stamp) return;
      const c = price(row, j, 0);
      if (!(c < below)) return;
      has[j] = stamp;
      col[count] = j;
      value[count++] = c;
    };
    for (; row < this.rows; row++) {
      const from = pairs.start[row]!;
      const to = pairs.start[row + 1]!;
      if (count + (to - from) + this.cols > room) {
        room = 2 * room + this.cols;
        col = grown(col, new Int32Array(room));
        value = grown(value, new Float64Array(room));
      }
      stamp = this.pass++;
      for (let k = from; k < to; k++) {
        has[pairs.col[k]!] = stamp;
        col[count] = pairs.col[k]!;
        value[count++] = pairs.value[k]!;
      }
      offer(row, take);
      start[row + 1] = count;
    }
    return { rows: this.rows, cols: this.cols, start, col: col.subarray(0, count), value: value.subarray(0, count) };
  }
}

function grown<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function transpose(pairs: SparsePairs): SparsePairs {
  const start = new Int32Array(pairs.cols + 1);
  for (const j of pairs.col) start[j + 1]!++;
  for (let j = 0; j < pairs.cols; j++) start[j + 1]! += start[j]!;
  const at = start.slice();
  const col = new Int32Array(pairs.col.length);
  const value = new Float64Array(pairs.col.length);
  for (let i = 0; i < pairs.rows; i++)
    for (let k = pairs.start[i]!; k < pairs.start[i + 1]!; k++) {
      const p = at[pairs.col[k]!]!++;
      col[p] = i;
      value[p] = pairs.value[k]!;
    }
  return { rows: pairs.cols, cols: pairs.rows, start, col, value };
}
