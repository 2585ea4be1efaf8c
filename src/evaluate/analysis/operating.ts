import type { CocoEvaluation } from '../coco/evaluate.ts';
import { sortByScore } from '../coco/order.ts';
import { thresholdIndex } from '../coco/summarize.ts';
import type { CocoResults } from '../coco/types.ts';

/** Precision, recall and F1 of all categories together when results below a score are dropped. Fractions 0..1. */
export interface OperatingCurve {
  readonly scores: Float64Array;
  readonly precision: Float64Array;
  readonly recall: Float64Array;
  readonly f1: Float64Array;
  /** place of the highest F1, of equals the one with the higher score; -1 when there are no results */
  readonly best: number;
}

const STEPS = 200;

/**
 * What a fixed score threshold gives, from the matches of a finished evaluation (all sizes, largest maxDets).
 *
 * @param iou one of the evaluation's IoU thresholds
 * @returns at most 200 scores, highest first, spread evenly over the results, and the exact best one
 */
export function operatingCurve(evaluation: CocoEvaluation, results: CocoResults, iou = 0.5): OperatingCurve {
  const { matches, params } = evaluation;
  const t = thresholdIndex(params.iouThresholds, iou) ?? 0;
  const areas = params.areas.length;
  let positives = 0;
  for (let k = 0; k < matches.groups; k++) positives += matches.positives[k * areas]!;
  const n = matches.result.length;
  const score = Float64Array.from(matches.result, r => results.score[r]!);
  const order = Int32Array.from({ length: n }, (_, i) => i);
  sortByScore(order, score, 0, n);
  const points: [score: number, right: number, wrong: number][] = [];
  let right = 0;
  let wrong = 0;
  let best: [number, number, number] | undefined;
  let bestF1 = -1;
  for (let i = 0; i < n; i++) {
    const at = order[i]!;
    right += (matches.hits[0]![at]! >>> t) & 1;
    wrong += (matches.misses[0]![at]! >>> t) & 1;
    if (i + 1 < n && score[order[i + 1]!] === score[at]) continue; // a threshold takes all of equal score
    const f1 = (2 * right) / (right + wrong + positives || 1);
    if (f1 > bestF1) {
      bestF1 = f1;
      best = [score[at]!, right, wrong];
    }
    if (points.length === 0 || Math.floor((i * STEPS) / n) > Math.floor(((points.length - 1) * STEPS) / STEPS))
      points.push([score[at]!, right, wrong]);
  }
  if (best && !points.some(p => p[0] === best[0])) {
    points.push(best);
    points.sort((a, b) => b[0] - a[0]);
  }
  return {
    scores: Float64Array.from(points, p => p[0]),
    precision: Float64Array.from(points, ([, r, w]) => r / (r + w || 1)),
    recall: Float64Array.from(points, ([, r]) => r / (positives || 1)),
    f1: Float64Array.from(points, ([, r, w]) => (2 * r) / (r + w + positives || 1)),
    best: best ? points.findIndex(p => p[0] === best[0]) : -1,
  };
}
