import { EPS } from './boxes.ts';
import { FrameMatcher } from './frame-matcher.ts';
import type { MotSequence } from './sequence.ts';
import type { Overlaps } from './similarity.ts';

/** CLEAR's counts: what can be added over sequences. */
export interface ClearCounts {
  tp: number;
  fn: number;
  fp: number;
  idsw: number;
  /** tracks tracked in more than 80 %, 20 to 80 %, less than 20 % of their boxes */
  mt: number;
  pt: number;
  ml: number;
  frag: number;
  /** sum of the similarity of all matches */
  similarity: number;
}

export function noClear(): ClearCounts {
  return { tp: 0, fn: 0, fp: 0, idsw: 0, mt: 0, pt: 0, ml: 0, frag: 0, similarity: 0 };
}

/** Outweighs any sum of similarities: a match of the frame before is kept where it is still valid. */
const CONTINUITY = 1000;

/**
 * CLEAR MOT of one sequence.
 *
 * @param threshold IoU from which a match is possible
 * @see Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance", 2008; TrackEval,
 *   trackeval/metrics/clear.py; golden: test/golden/mot.json
 */
export function clear(sequence: MotSequence, over: Overlaps, threshold: number): ClearCounts {
  const { gt, result, frames } = sequence;
  const counts = noClear();
  if (result.length === 0) return { ...counts, fn: gt.length, ml: gt.ids };
  if (gt.length === 0) return { ...counts, fp: result.length };
  const state = new ClearState(sequence, threshold - EPS, counts);
  for (let f = 0; f < frames; f++) state.frame(f);
  counts.fn = gt.length - counts.tp;
  counts.fp = result.length - counts.tp;
  for (let g = 0; g < gt.ids; g++) {
    const ratio = state.matched[g]! / over.gtCount[g]!;
    if (ratio > 0.8) counts.mt++;
    else if (ratio >= 0.2) counts.pt++;
    else counts.ml++;
    if (state.runs[g]! > 0) counts.frag += state.runs[g]! - 1;
  }
  return counts;
}

class ClearState {
  /** `[gt.ids]` frames in which each is matched, and in how many unbroken runs */
  readonly matched: Int32Array;
  readonly runs: Int32Array;
  /** `[gt.ids]` result id matched last, in any frame (identity switches); -1 for none */
  private readonly last: Int32Array;
  /** `[gt.ids]` result id matched in the frame before (continuity, fragments); -1 for none */
  private readonly before: Int32Array;
  /** ground truth ids that have one in `before` */
  private readonly ids: Int32Array;
  private idCount = 0;
  private readonly weight: Float64Array;
  private readonly matcher = new FrameMatcher();

  constructor(
    private readonly sequence: MotSequence,
    private readonly floor: number,
    private readonly counts: ClearCounts,
  ) {
    const n = sequence.gt.ids;
    this.matched = new Int32Array(n);
    this.runs = new Int32Array(n);
    this.last = new Int32Array(n).fill(-1);
    this.before = new Int32Array(n).fill(-1);
    this.ids = new Int32Array(n);
    this.weight = sequence.entries.weights();
  }

  frame(f: number): void {
    const { gt, result, entries, entryStart } = this.sequence;
    const g0 = gt.start[f]!;
    const r0 = result.start[f]!;
    const rows = gt.start[f + 1]! - g0;
    const cols = result.start[f + 1]! - r0;
    // as in TrackEval, a frame with one side empty does not end anybody's continuity
    if (rows === 0 || cols === 0) return;
    const from = entryStart[f]!;
    const to = entryStart[f + 1]!;
    this.weigh(from, to, g0, r0);
    this.matcher.match(rows, cols, entries.row, entries.col, this.weight, from, to);
    this.take(rows, g0, r0);
  }

  private weigh(from: number, to: number, g0: number, r0: number): void {
    const { gt, result, entries } = this.sequence;
    const { weight, before, floor } = this;
    for (let e = from; e < to; e++) {
      const similarity = entries.value[e]!;
      const continues = before[gt.id[g0 + entries.row[e]!]!] === result.id[r0 + entries.col[e]!];
      weight[e] = similarity < floor ? 0 : continues ? CONTINUITY + similarity : similarity;
    }
  }

  private take(rows: number, g0: number, r0: number): void {
    const { gt, result, entries } = this.sequence;
    const { counts, matcher, before, last, matched, runs, ids } = this;
    let similarity = 0;
    let matches = 0;
    for (let i = 0; i < rows; i++) {
      const e = matcher.entryOfRow[i]!;
      if (e < 0 || this.weight[e]! <= EPS) continue;
      const g = gt.id[g0 + i]!;
      const r = result.id[r0 + entries.col[e]!]!;
      if (last[g]! >= 0 && last[g] !== r) counts.idsw++;
      last[g] = r;
      matched[g] = matched[g]! + 1;
      if (before[g]! < 0) runs[g] = runs[g]! + 1;
      similarity += entries.value[e]!;
      matches++;
    }
    for (let k = 0; k < this.idCount; k++) before[ids[k]!] = -1;
    this.idCount = 0;
    for (let i = 0; i < rows; i++) {
      const e = matcher.entryOfRow[i]!;
      if (e < 0 || this.weight[e]! <= EPS) continue;
      const g = gt.id[g0 + i]!;
      before[g] = last[g]!;
      ids[this.idCount++] = g;
    }
    counts.tp += matches;
    counts.similarity += similarity;
  }
}
