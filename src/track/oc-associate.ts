import { assignWithLimit, assignWithPotentials } from './assignment.ts';
import { lapjv } from './lapjv.ts';
import { mapPairs, overlaps, type SparsePairs } from './overlaps.ts';

/** A detection in the association: xyxy box and score. */
export interface OcDetection {
  readonly box: Float64Array;
  readonly score: number;
}

/** A track in the association. */
export interface OcCandidate {
  /** predicted xyxy box */
  readonly predicted: Float64Array;
  /** unit direction of motion, or undefined while unknown */
  readonly direction: { readonly x: number; readonly y: number } | undefined;
  /** xyxy observation of some frames ago, or undefined before the first */
  readonly previous: Float64Array | undefined;
}

/** Pairs and leftovers, in the order in which the original lists them. */
export interface OcMatches {
  readonly pairs: readonly (readonly [detection: number, track: number])[];
  readonly detections: readonly number[];
  readonly tracks: readonly number[];
}

/** Up to this many rows or columns the dense solver runs, whose choice among equal costs is lap's. */
const DENSE_UP_TO = 128;
const EPS = 1e-12;

/**
 * Direction consistency (OCM), in -weight/2 .. weight/2 times the score: how well the way from a track's earlier
 * observation to the detection agrees with the track's direction.
 * @see Cao et al., section 4.2, equation 7; OC_SORT association.py, `associate`
 */
function consistency(det: OcDetection, track: OcCandidate, weight: number): number {
  if (!track.direction || !track.previous) return 0;
  const a = det.box;
  const b = track.previous;
  const dx = (a[0]! + a[2]!) / 2 - (b[0]! + b[2]!) / 2;
  const dy = (a[1]! + a[3]!) / 2 - (b[1]! + b[3]!) / 2;
  const norm = Math.sqrt(dx * dx + dy * dy) + 1e-6;
  const cos = track.direction.x * (dx / norm) + track.direction.y * (dy / norm);
  const angle = Math.acos(Math.min(1, Math.max(-1, cos)));
  return ((Math.PI / 2 - Math.abs(angle)) / Math.PI) * weight * det.score;
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
  const cost = (i: number, j: number, iou: number) => -(iou + consistency(dets[i]!, tracks[j]!, inertia));
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

type Cost = (row: number, col: number, iou: number) => number;

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

  const overlapping = mapPairs(side, price);
  const lonely = assignWithLimit(overlapping, 0).colOfRow;
  let known = overlapping;
  known = addPairs(known, i => (lonely[i]! < 0 ? allBut(known, i) : []), price);
  for (;;) {
    const { colOfRow, rowPotential, colPotential } = assignWithPotentials(known, limit);
    const order = Int32Array.from({ length: cols }, (_, j) => j);
    const reach = colPotential.map((v, j) => v + colBound[j]!);
    order.sort((a, b) => reach[b]! - reach[a]!);
    const has = new Int32Array(cols).fill(-1);
    let added = 0;
    const current = known;
    known = addPairs(
      current,
      i => {
        const ceiling = limit + rowPotential[i]!; // the pair undercuts when cost < ceiling + colPotential
        const found: number[] = [];
        for (let k = current.start[i]!; k < current.start[i + 1]!; k++) has[current.col[k]!] = i;
        for (const j of order) {
          if (!(reach[j]! > -(ceiling + rowBound[i]!))) break;
          if (has[j] !== i && price(i, j, 0) < ceiling + colPotential[j]! - EPS) found.push(j);
        }
        added += found.length;
        return found;
      },
      price,
    );
    if (added > 0) continue;
    if (wide) return colOfRow;
    const out = new Int32Array(cols).fill(-1);
    colOfRow.forEach((j, i) => {
      if (j >= 0) out[j] = i;
    });
    return out;
  }
}

/** Columns a row has no pair with. */
function allBut(pairs: SparsePairs, row: number): number[] {
  const own = new Set(pairs.col.subarray(pairs.start[row]!, pairs.start[row + 1]!));
  return Array.from({ length: pairs.cols }, (_, j) => j).filter(j => !own.has(j));
}

/** The pairs with more of them, none of which overlap. */
function addPairs(pairs: SparsePairs, more: (row: number) => readonly number[], price: Cost): SparsePairs {
  const start = new Int32Array(pairs.rows + 1);
  const col: number[] = [];
  const value: number[] = [];
  for (let i = 0; i < pairs.rows; i++) {
    for (let k = pairs.start[i]!; k < pairs.start[i + 1]!; k++) {
      col.push(pairs.col[k]!);
      value.push(pairs.value[k]!);
    }
    for (const j of more(i)) {
      col.push(j);
      value.push(price(i, j, 0));
    }
    start[i + 1] = col.length;
  }
  return { rows: pairs.rows, cols: pairs.cols, start, col: Int32Array.from(col), value: Float64Array.from(value) };
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
