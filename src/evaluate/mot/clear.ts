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
  const { gt, result, frames, entries, entryStart: start } = sequence;
  const counts = noClear();
  if (result.length === 0) return { ...counts, fn: gt.length, ml: gt.ids };
  if (gt.length === 0) return { ...counts, fp: result.length };
  const floor = threshold - EPS;
  const matched = new Int32Array(gt.ids);
  const runs = new Int32Array(gt.ids);
  const lastResult = new Int32Array(gt.ids).fill(-1); // of any frame before: identity switches
  const beforeResult = new Int32Array(gt.ids).fill(-1); // of the frame before: continuity and fragments
  let before: number[] = [];
  const matcher = new FrameMatcher();
  const weight = new Float64Array(entries.length);
  for (let f = 0; f < frames; f++) {
    const g0 = gt.start[f]!;
    const r0 = result.start[f]!;
    const rows = gt.start[f + 1]! - g0;
    const cols = result.start[f + 1]! - r0;
    // as in TrackEval, a frame with one side empty does not end anybody's continuity
    if (rows === 0 || cols === 0) continue;
    const from = start[f]!;
    const to = start[f + 1]!;
    for (let e = from; e < to; e++) {
      const similarity = entries.value[e]!;
      const continues = beforeResult[gt.id[g0 + entries.row[e]!]!] === result.id[r0 + entries.col[e]!];
      weight[e] = similarity < floor ? 0 : continues ? CONTINUITY + similarity : similarity;
    }
    matcher.match(rows, cols, entries.row, entries.col, weight, from, to);
    const now: number[] = [];
    let similarity = 0;
    for (let i = 0; i < rows; i++) {
      const e = matcher.entryOfRow[i]!;
      if (e < 0 || weight[e]! <= EPS) continue;
      const g = gt.id[g0 + i]!;
      const r = result.id[r0 + entries.col[e]!]!;
      if (lastResult[g]! >= 0 && lastResult[g] !== r) counts.idsw++;
      lastResult[g] = r;
      matched[g] = matched[g]! + 1;
      if (beforeResult[g]! < 0) runs[g] = runs[g]! + 1;
      now.push(g, r);
      similarity += entries.value[e]!;
    }
    for (let k = 0; k < before.length; k += 2) beforeResult[before[k]!] = -1;
    for (let k = 0; k < now.length; k += 2) beforeResult[now[k]!] = now[k + 1]!;
    before = now;
    counts.tp += now.length / 2;
    counts.similarity += similarity;
  }
  counts.fn = gt.length - counts.tp;
  counts.fp = result.length - counts.tp;
  for (let g = 0; g < gt.ids; g++) {
    const ratio = matched[g]! / over.gtCount[g]!;
    if (ratio > 0.8) counts.mt++;
    else if (ratio >= 0.2) counts.pt++;
    else counts.ml++;
    if (runs[g]! > 0) counts.frag += runs[g]! - 1;
  }
  return counts;
}
