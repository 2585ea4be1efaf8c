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
  const { gt, result, frames } = sequence;
  const weight = alignmentWeights(sequence, over);
  const matcher = new FrameMatcher();
  const tally = new Tally(over.pairs.length);
  for (let f = 0; f < frames; f++) addFrame(sequence, over, f, weight, matcher, tally);

  const counts = noHota();
  for (let a = ALPHAS.length - 1, tp = 0, loc = 0; a >= 0; a--) {
    tp += tally.matches[a + 1]!;
    loc += tally.similarity[a + 1]!;
    counts.tp[a] = tp;
    counts.loc[a] = loc;
    counts.fn[a] = gt.length - tp;
    counts.fp[a] = result.length - tp;
  }
  for (let p = 0; p < over.pairs.length; p++) if (tally.seen[p]) addAssociation(counts, tally, over, p);
  return counts;
}

/** Similarity of each entry times the global alignment of its two ids. */
function alignmentWeights({ entries }: MotSequence, over: Overlaps): Float64Array {
  const { pairs, pair, softMatches, gtCount, resultCount } = over;
  const alignment = new Float64Array(pairs.length);
  for (let p = 0; p < pairs.length; p++) {
    const soft = softMatches[p]!;
    alignment[p] = soft / (gtCount[pairs.a[p]!]! + resultCount[pairs.b[p]!]! - soft);
  }
  const weight = entries.weights();
  for (let e = 0; e < entries.length; e++) weight[e] = alignment[pair[e]!]! * entries.value[e]!;
  return weight;
}

const LEVELS = ALPHAS.length;
const FLOORS = Float64Array.from(ALPHAS, alpha => alpha - EPS);

/** Matches by the number of thresholds they pass (0..19): sums from the top give the counts of each threshold. */
class Tally {
  readonly matches = new Float64Array(LEVELS + 1);
  readonly similarity = new Float64Array(LEVELS + 1);
  /** `[pairs, levels + 1]` */
  readonly ofPair: Int32Array;
  readonly seen: Uint8Array;

  constructor(pairs: number) {
    this.ofPair = new Int32Array(pairs * (LEVELS + 1));
    this.seen = new Uint8Array(pairs);
  }

  add(pair: number, similarity: number): void {
    let passed = Math.max(0, Math.floor(similarity * 20) - 1);
    while (passed < LEVELS && similarity >= FLOORS[passed]!) passed++;
    if (passed === 0) return;
    this.matches[passed] = this.matches[passed]! + 1;
    this.similarity[passed] = this.similarity[passed]! + similarity;
    const slot = pair * (LEVELS + 1) + passed;
    this.ofPair[slot] = this.ofPair[slot]! + 1;
    this.seen[pair] = 1;
  }
}

function addFrame(
  { gt, result, entries, entryStart }: MotSequence,
  { pair }: Overlaps,
  f: number,
  weight: Float64Array,
  matcher: FrameMatcher,
  tally: Tally,
): void {
  const from = entryStart[f]!;
  const to = entryStart[f + 1]!;
  if (from === to) return;
  const rows = gt.start[f + 1]! - gt.start[f]!;
  matcher.match(rows, result.start[f + 1]! - result.start[f]!, entries.row, entries.col, weight, from, to);
  for (let i = 0; i < rows; i++) {
    const e = matcher.entryOfRow[i]!;
    if (e >= 0) tally.add(pair[e]!, entries.value[e]!);
  }
}

function addAssociation(counts: HotaCounts, tally: Tally, over: Overlaps, p: number): void {
  const inGt = over.gtCount[over.pairs.a[p]!]!;
  const inResult = over.resultCount[over.pairs.b[p]!]!;
  for (let a = LEVELS - 1, matches = 0; a >= 0; a--) {
    matches += tally.ofPair[p * (LEVELS + 1) + a + 1]!;
    if (matches === 0) continue;
    counts.assA[a] = counts.assA[a]! + (matches * matches) / Math.max(1, inGt + inResult - matches);
    counts.assRe[a] = counts.assRe[a]! + (matches * matches) / inGt;
    counts.assPr[a] = counts.assPr[a]! + (matches * matches) / inResult;
  }
}
