import type { MotTable } from '../../core/index.ts';
import { type ClearCounts, clear, noClear } from './clear.ts';
import { ALPHAS, type HotaCounts, hota, noHota } from './hota.ts';
import { type IdentityCounts, identity } from './identity.ts';
import { type MotBenchmark, type MotSequence, motSequence } from './sequence.ts';
import { overlaps } from './similarity.ts';

export interface MotOptions {
  /** preprocessing rules; default mot15 (none but leaving out ground truth with flag 0) */
  readonly benchmark?: MotBenchmark;
  /** IoU from which CLEAR and the identity metrics match, default 0.5 */
  readonly threshold?: number;
  /** number of frames of the video, when known */
  readonly frames?: number;
}

/** All counts of one sequence, or of several added up. */
export interface MotCounts {
  readonly clear: ClearCounts;
  readonly identity: IdentityCounts;
  readonly hota: HotaCounts;
  readonly gtBoxes: number;
  readonly gtIds: number;
  readonly resultBoxes: number;
  readonly resultIds: number;
}

/** Figures under the names TrackEval and the MOT Challenge print; fractions, not per cent. */
export interface MotFigures {
  readonly MOTA: number;
  readonly MOTP: number;
  readonly IDSW: number;
  readonly FP: number;
  readonly FN: number;
  readonly MT: number;
  readonly ML: number;
  readonly PT: number;
  readonly Frag: number;
  readonly Rcll: number;
  readonly Prcn: number;
  readonly IDF1: number;
  readonly IDP: number;
  readonly IDR: number;
  readonly HOTA: number;
  readonly DetA: number;
  readonly AssA: number;
  readonly LocA: number;
  readonly DetRe: number;
  readonly DetPr: number;
  readonly AssRe: number;
  readonly AssPr: number;
  readonly IDTP: number;
  readonly IDFN: number;
  readonly IDFP: number;
  readonly Dets: number;
  readonly GT_Dets: number;
  readonly IDs: number;
  readonly GT_IDs: number;
}

/** HOTA's figures at each of the 19 thresholds. */
export interface HotaCurves {
  readonly alpha: readonly number[];
  readonly HOTA: readonly number[];
  readonly DetA: readonly number[];
  readonly AssA: readonly number[];
  readonly LocA: readonly number[];
  readonly DetRe: readonly number[];
  readonly DetPr: readonly number[];
  readonly AssRe: readonly number[];
  readonly AssPr: readonly number[];
}

/**
 * Counts of one sequence: CLEAR, identity and HOTA.
 *
 * @throws {DenseError} BAD_INPUT see {@link motSequence}
 */
export function countMot(gt: MotTable, result: MotTable, options: MotOptions = {}): MotCounts {
  return countSequence(motSequence(gt, result, options.benchmark ?? 'mot15', options.frames), options.threshold);
}

/** {@link countMot} for a sequence already in shape. */
export function countSequence(sequence: MotSequence, threshold = 0.5): MotCounts {
  const over = overlaps(sequence, threshold);
  return {
    clear: clear(sequence, over, threshold),
    identity: identity(sequence, over),
    hota: hota(sequence, over),
    gtBoxes: sequence.gt.length,
    gtIds: sequence.gt.ids,
    resultBoxes: sequence.result.length,
    resultIds: sequence.result.ids,
  };
}

/** Counts of several sequences added up, as the original's COMBINED row. */
export function addMotCounts(all: readonly MotCounts[]): MotCounts {
  const sum = {
    clear: noClear(),
    identity: { idtp: 0, idfn: 0, idfp: 0 },
    hota: noHota(),
    gtBoxes: 0,
    gtIds: 0,
    resultBoxes: 0,
    resultIds: 0,
  };
  for (const c of all) {
    for (const key of Object.keys(sum.clear) as (keyof ClearCounts)[]) sum.clear[key] += c.clear[key];
    for (const key of Object.keys(sum.identity) as (keyof IdentityCounts)[]) sum.identity[key] += c.identity[key];
    for (const key of Object.keys(sum.hota) as (keyof HotaCounts)[])
      for (let a = 0; a < ALPHAS.length; a++) sum.hota[key][a] = sum.hota[key][a]! + c.hota[key][a]!;
    sum.gtBoxes += c.gtBoxes;
    sum.gtIds += c.gtIds;
    sum.resultBoxes += c.resultBoxes;
    sum.resultIds += c.resultIds;
  }
  return sum;
}

/** HOTA's figures per threshold. LocA is 1 where nothing matches, as in TrackEval. */
export function hotaCurves(counts: HotaCounts): HotaCurves {
  const each = (value: (a: number) => number) => ALPHAS.map((_, a) => value(a));
  const { tp, fn, fp } = counts;
  const DetA = each(a => tp[a]! / Math.max(1, tp[a]! + fn[a]! + fp[a]!));
  const AssA = each(a => counts.assA[a]! / Math.max(1, tp[a]!));
  return {
    alpha: ALPHAS,
    HOTA: each(a => Math.sqrt(DetA[a]! * AssA[a]!)),
    DetA,
    AssA,
    LocA: each(a => Math.max(1e-10, counts.loc[a]!) / Math.max(1e-10, tp[a]!)),
    DetRe: each(a => tp[a]! / Math.max(1, tp[a]! + fn[a]!)),
    DetPr: each(a => tp[a]! / Math.max(1, tp[a]! + fp[a]!)),
    AssRe: each(a => counts.assRe[a]! / Math.max(1, tp[a]!)),
    AssPr: each(a => counts.assPr[a]! / Math.max(1, tp[a]!)),
  };
}

/**
 * Figures of counts: HOTA's are means over the 19 thresholds. Empty inputs give what TrackEval gives: 0, and 1 for LocA.
 *
 * @param row TrackEval gives a sequence without ground truth MOTA 0, but its COMBINED row `-FP`
 */
export function motFigures(counts: MotCounts, row: 'sequence' | 'combined' = 'combined'): MotFigures {
  const { clear: c, identity: i } = counts;
  const curves = hotaCurves(counts.hota);
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const truth = Math.max(1, c.tp + c.fn);
  return {
    MOTA: row === 'sequence' && counts.gtBoxes === 0 ? 0 : (c.tp - c.fp - c.idsw) / truth,
    MOTP: c.similarity / Math.max(1, c.tp),
    IDSW: c.idsw,
    FP: c.fp,
    FN: c.fn,
    MT: c.mt,
    ML: c.ml,
    PT: c.pt,
    Frag: c.frag,
    Rcll: c.tp / truth,
    Prcn: c.tp / Math.max(1, c.tp + c.fp),
    IDF1: i.idtp / Math.max(1, i.idtp + 0.5 * i.idfp + 0.5 * i.idfn),
    IDP: i.idtp / Math.max(1, i.idtp + i.idfp),
    IDR: i.idtp / Math.max(1, i.idtp + i.idfn),
    HOTA: mean(curves.HOTA),
    DetA: mean(curves.DetA),
    AssA: mean(curves.AssA),
    LocA: mean(curves.LocA),
    DetRe: mean(curves.DetRe),
    DetPr: mean(curves.DetPr),
    AssRe: mean(curves.AssRe),
    AssPr: mean(curves.AssPr),
    IDTP: i.idtp,
    IDFN: i.idfn,
    IDFP: i.idfp,
    Dets: counts.resultBoxes,
    GT_Dets: counts.gtBoxes,
    IDs: counts.resultIds,
    GT_IDs: counts.gtIds,
  };
}
