import { EPS } from './boxes.ts';
import { type Entries, PairIndex } from './growing.ts';
import type { MotSequence, MotSide } from './sequence.ts';

/** What HOTA and the identity metrics gather from all overlaps in one pass. */
export interface Overlaps {
  /** each (ground truth id, result id) that ever overlaps */
  readonly pairs: PairIndex;
  /** `[entries]` pair of each entry */
  readonly pair: Int32Array;
  /** `[pairs]` HOTA's soft count of matches, weighted by similarity */
  readonly softMatches: Float64Array;
  /** `[pairs]` frames with IoU at least the threshold */
  readonly hardMatches: Float64Array;
  /** `[gt.ids]` boxes of each id */
  readonly gtCount: Float64Array;
  /** `[result.ids]` boxes of each id */
  readonly resultCount: Float64Array;
}

/** @param threshold IoU from which the identity metrics count a match */
export function overlaps(sequence: MotSequence, threshold: number): Overlaps {
  const { frames, gt, result, entries, entryStart } = sequence;
  const pairs = new PairIndex(gt.ids, result.ids);
  const pair = new Int32Array(entries.length);
  for (let f = 0; f < frames; f++) namePairs(sequence, f, pairs, pair);
  const softMatches = new Float64Array(pairs.length);
  const hardMatches = new Float64Array(pairs.length);
  const sums = new FrameSums();
  for (let f = 0; f < frames; f++) {
    const from = entryStart[f]!;
    const to = entryStart[f + 1]!;
    if (from === to) continue;
    sums.of(entries, from, to, gt.start[f + 1]! - gt.start[f]!, result.start[f + 1]! - result.start[f]!);
    addMatches(entries, from, to, sums, pair, threshold, softMatches, hardMatches);
  }
  return { pairs, pair, softMatches, hardMatches, gtCount: countIds(gt), resultCount: countIds(result) };
}

function namePairs({ gt, result, entries, entryStart }: MotSequence, f: number, pairs: PairIndex, pair: Int32Array) {
  const g0 = gt.start[f]!;
  const r0 = result.start[f]!;
  for (let e = entryStart[f]!, to = entryStart[f + 1]!; e < to; e++)
    pair[e] = pairs.of(gt.id[g0 + entries.row[e]!]!, result.id[r0 + entries.col[e]!]!);
}

function addMatches(
  { row, col, value }: Entries,
  from: number,
  to: number,
  { row: rowSum, col: colSum }: FrameSums,
  pair: Int32Array,
  threshold: number,
  soft: Float64Array,
  hard: Float64Array,
): void {
  for (let e = from; e < to; e++) {
    const iou = value[e]!;
    const rest = colSum[col[e]!]! + rowSum[row[e]!]! - iou;
    const p = pair[e]!;
    if (rest > EPS) soft[p] = soft[p]! + iou / rest;
    if (iou >= threshold) hard[p] = hard[p]! + 1;
  }
}

function countIds(side: MotSide): Float64Array {
  const count = new Float64Array(side.ids);
  for (let k = 0; k < side.length; k++) count[side.id[k]!] = count[side.id[k]!]! + 1;
  return count;
}

/**
 * Row and column sums of a frame's IoU matrix, added in numpy's order: HOTA's weights come from them, and where two
 * assignments tie the last bit decides. numpy adds a contiguous axis pairwise (eight running sums up to 128 values,
 * halves above) and the other one in sequence.
 */
class FrameSums {
  row = new Float64Array(64);
  col = new Float64Array(64);
  private line = new Float64Array(64);
  private readonly lanes = new Float64Array(8);

  of(entries: Entries, from: number, to: number, rows: number, cols: number): void {
    if (this.row.length < rows) this.row = new Float64Array(2 * rows);
    if (this.col.length < cols) this.col = new Float64Array(2 * cols);
    if (this.line.length < Math.max(rows, cols)) this.line = new Float64Array(2 * Math.max(rows, cols));
    const { row, col, line } = this;
    row.fill(0, 0, rows);
    col.fill(0, 0, cols);
    for (let e = from; e < to; ) {
      const i = entries.row[e]!;
      let end = e;
      for (; end < to && entries.row[end] === i; end++) {
        const j = entries.col[end]!;
        col[j] = col[j]! + entries.value[end]!;
      }
      row[i] = end - e === 1 ? entries.value[e]! : this.rowSum(entries, e, end, cols);
      e = end;
    }
    if (cols === 1) {
      // numpy sees one contiguous column
      line.fill(0, 0, rows);
      for (let e = from; e < to; e++) line[entries.row[e]!] = entries.value[e]!;
      col[0] = pairwiseSum(line, 0, rows);
    }
  }

  private rowSum(entries: Entries, from: number, to: number, cols: number): number {
    if (cols > 128) {
      this.line.fill(0, 0, cols);
      for (let e = from; e < to; e++) this.line[entries.col[e]!] = entries.value[e]!;
      return pairwiseSum(this.line, 0, cols);
    }
    const { lanes } = this;
    const whole = cols < 8 ? 0 : cols - (cols % 8);
    lanes.fill(0);
    let e = from;
    for (; e < to && entries.col[e]! < whole; e++) {
      const lane = entries.col[e]! & 7;
      lanes[lane] = lanes[lane]! + entries.value[e]!;
    }
    let sum = joinLanes(lanes);
    for (; e < to; e++) sum += entries.value[e]!;
    return sum;
  }
}

const joinLanes = (r: Float64Array) => r[0]! + r[1]! + (r[2]! + r[3]!) + (r[4]! + r[5]! + (r[6]! + r[7]!));

/** Sum of `n` values in the order of numpy's pairwise summation. */
export function pairwiseSum(a: Float64Array, at: number, n: number): number {
  if (n < 8) {
    let sum = 0;
    for (let k = at; k < at + n; k++) sum += a[k]!;
    return sum;
  }
  if (n > 128) {
    let half = n >> 1;
    half -= half % 8;
    return pairwiseSum(a, at, half) + pairwiseSum(a, at + half, n - half);
  }
  const r = a.slice(at, at + 8);
  const whole = n - (n % 8);
  for (let k = 8; k < whole; k++) r[k & 7] = r[k & 7]! + a[at + k]!;
  let sum = joinLanes(r);
  for (let k = whole; k < n; k++) sum += a[at + k]!;
  return sum;
}
