import { EPS } from './boxes.ts';
import { FrameMatcher } from './frame-matcher.ts';
import type { MotSequence } from './sequence.ts';
import type { Overlaps } from './similarity.ts';

/** Localisation thresholds 0.05, 0.10, ... 0.95, with the rounding of `numpy.arange(0.05, 0.99, 0.05)` */
export const ALPHAS: readonly number[] = Array.from({ length: 19 }, (_, k) => 0.05 + k * 0.05);

/** HOTA's counts per threshold (each `[19]`): what can be added over sequences. */
export interface HotaCounts {
  readonly tp: Float64Array;
  readonly fn: Float64Array;
  readonly fp: Float64Array;
  /** sums over true positives of the association scores and of the similarity */
  readonly assA: Float64Array;
  readonly assRe: Float64Array;
  readonly assPr: Float64Array;
  readonly loc: Float64Array;
}

export function noHota(): HotaCounts {
  const zeros = () => new Float64Array(ALPHAS.length);
  return { tp: zeros(), fn: zeros(), fp: zeros(), assA: zeros(), assRe: zeros(), assPr: zeros(), loc: zeros() };
}

/**
 * HOTA of one sequence: one assignment per frame that maximises similarity times global alignment, then counts at 19
 * thresholds.
 *
 * @see Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", IJCV 2020; TrackEval,
 *   trackeval/metrics/hota.py; golden: test/golden/mot.json
 */
export function hota(sequence: MotSequence, over: Overlaps): HotaCounts {
  const { gt, result, frames, entries, entryStart: start } = sequence;
  const { pairs, pair, gtCount, resultCount } = over;
  const counts = noHota();
  const levels = ALPHAS.length;
  const alignment = new Float64Array(pairs.length);
  for (let p = 0; p < pairs.length; p++) {
    const soft = over.softMatches[p]!;
    alignment[p] = soft / (gtCount[pairs.a[p]!]! + resultCount[pairs.b[p]!]! - soft);
  }
  const weight = new Float64Array(entries.length);
  for (let e = 0; e < entries.length; e++) weight[e] = alignment[pair[e]!]! * entries.value[e]!;

  const matcher = new FrameMatcher();
  const floors = ALPHAS.map(alpha => alpha - EPS);
  // a match of similarity s counts at the first `passed` thresholds: histogram first, sums from the top later
  const matchesOfPair = new Int32Array(pairs.length * (levels + 1));
  const tpAt = new Float64Array(levels + 1);
  const locAt = new Float64Array(levels + 1);
  for (let f = 0; f < frames; f++) {
    const from = start[f]!;
    const to = start[f + 1]!;
    if (from === to) continue;
    const rows = gt.start[f + 1]! - gt.start[f]!;
    matcher.match(rows, result.start[f + 1]! - result.start[f]!, entries.row, entries.col, weight, from, to);
    for (let i = 0; i < rows; i++) {
      const e = matcher.entryOfRow[i]!;
      if (e < 0) continue;
      const similarity = entries.value[e]!;
      let passed = Math.max(0, Math.floor(similarity * 20) - 1);
      while (passed < levels && similarity >= floors[passed]!) passed++;
      if (passed === 0) continue;
      tpAt[passed] = tpAt[passed]! + 1;
      locAt[passed] = locAt[passed]! + similarity;
      const slot = pair[e]! * (levels + 1) + passed;
      matchesOfPair[slot] = matchesOfPair[slot]! + 1;
    }
  }
  for (let a = levels - 1, tp = 0, loc = 0; a >= 0; a--) {
    tp += tpAt[a + 1]!;
    loc += locAt[a + 1]!;
    counts.tp[a] = tp;
    counts.loc[a] = loc;
    counts.fn[a] = gt.length - tp;
    counts.fp[a] = result.length - tp;
  }
  for (let p = 0; p < pairs.length; p++) {
    const inGt = gtCount[pairs.a[p]!]!;
    const inResult = resultCount[pairs.b[p]!]!;
    for (let a = levels - 1, matches = 0; a >= 0; a--) {
      matches += matchesOfPair[p * (levels + 1) + a + 1]!;
      if (matches === 0) continue;
      counts.assA[a] = counts.assA[a]! + (matches * matches) / Math.max(1, inGt + inResult - matches);
      counts.assRe[a] = counts.assRe[a]! + (matches * matches) / inGt;
      counts.assPr[a] = counts.assPr[a]! + (matches * matches) / inResult;
    }
  }
  return counts;
}
