import type { Matches } from './match.ts';
import { sortByScore } from './order.ts';
import type { CocoParams } from './params.ts';

/** Precision and recall of every setting; -1 where there is nothing to find. */
export interface Accumulated {
  readonly groups: number;
  readonly thresholds: number;
  readonly levels: number;
  readonly areas: number;
  readonly maxDets: number;
  /** per `area * maxDets + m`: `[thresholds, levels, groups]` */
  readonly precision: readonly Float64Array[];
  /** per `area * maxDets + m`: `[thresholds, groups]` */
  readonly recall: readonly Float64Array[];
  /** score at which each recall level is reached; first area range, largest maxDets only: `[thresholds, levels, groups]` */
  readonly scores: Float64Array;
}

/** numpy.spacing(1): keeps 0 / 0 away. */
const EPSILON = 2 ** -52;

/**
 * Precision at the recall levels, and the recall reached, per category, area range and number of results per image.
 *
 * Only true positives raise recall, and precision is highest right after one: so the curve of a threshold is held as
 * one number per true positive, and false positives are counted for all thresholds at once.
 *
 * @see COCOeval.accumulate of pycocotools
 */
export function accumulate(matches: Matches, score: Float64Array, params: CocoParams): Accumulated {
  const { groups } = matches;
  const T = params.iouThresholds.length;
  const R = params.recallLevels.length;
  const A = params.areas.length;
  const M = params.maxDets.length;
  const precision = Array.from({ length: A * M }, () => new Float64Array(T * R * groups).fill(-1));
  const recall = Array.from({ length: A * M }, () => new Float64Array(T * groups).fill(-1));
  const scores = new Float64Array(T * R * groups).fill(-1);
  const longest = matches.starts.reduce((most, s, k) => (k > 0 ? Math.max(most, s - matches.starts[k - 1]!) : 0), 0);
  const order = new Int32Array(longest);
  const groupScores = new Float64Array(longest);
  const curves = new Curves(T, longest, params.recallLevels);
  for (let k = 0; k < groups; k++) {
    if (!matches.present[k]) continue;
    const from = matches.starts[k]!;
    const n = matches.starts[k + 1]! - from;
    for (let i = 0; i < n; i++) {
      order[i] = i;
      groupScores[i] = score[matches.result[from + i]!]!;
    }
    sortByScore(order, groupScores, 0, n);
    for (let a = 0; a < A; a++) {
      const positives = matches.positives[k * A + a]!;
      if (positives === 0) continue;
      for (let m = 0; m < M; m++) {
        const first = curves.run(matches, a, from, order, n, params.maxDets[m]!);
        const p = precision[a * M + m]!;
        const r = recall[a * M + m]!;
        const wantScores = a === 0 && m === M - 1;
        for (let t = 0; t < T; t++) {
          r[t * groups + k] = first < 0 ? 0 : curves.found(t) / positives;
          curves.sample(
            t,
            positives,
            first,
            order,
            groupScores,
            p,
            wantScores ? scores : undefined,
            t * R * groups + k,
            groups,
          );
        }
      }
    }
  }
  return { groups, thresholds: T, levels: R, areas: A, maxDets: M, precision, recall, scores };
}

/** Precision after each true positive, for every threshold of one setting. */
class Curves {
  private readonly counts: Int32Array;
  private readonly values: Float64Array[];
  private readonly places: Int32Array[];
  private readonly notFalse: Int32Array;
  private readonly levels: Float64Array;
  private readonly all: number;

  constructor(thresholds: number, longest: number, levels: Float64Array) {
    this.counts = new Int32Array(thresholds);
    this.notFalse = new Int32Array(thresholds);
    this.values = Array.from({ length: thresholds }, () => new Float64Array(longest));
    this.places = Array.from({ length: thresholds }, () => new Int32Array(longest));
    this.levels = levels;
    this.all = (2 ** thresholds - 1) >>> 0;
  }

  /** Walks the results by score; returns the place of the first one that takes part, or -1. */
  run(matches: Matches, area: number, from: number, order: Int32Array, n: number, maxDet: number): number {
    const { counts, values, places, notFalse, all } = this;
    const hits = matches.hits[area]!;
    const misses = matches.misses[area]!;
    const { rank } = matches;
    counts.fill(0);
    notFalse.fill(0);
    let seen = 0;
    let first = -1;
    for (let i = 0; i < n; i++) {
      const at = from + order[i]!;
      if (rank[at]! >= maxDet) continue;
      if (first < 0) first = i;
      const miss = misses[at]!;
      if (miss === all) {
        seen++;
        continue;
      }
      const hit = hits[at]!;
      if (hit === 0 && miss === 0) continue;
      seen++;
      for (let t = 0; t < counts.length; t++) {
        if ((miss >>> t) & 1) continue;
        notFalse[t]!++;
        if ((hit >>> t) & 1) {
          const c = counts[t]!++;
          const tp = c + 1;
          values[t]![c] = tp / (seen - notFalse[t]! + tp + EPSILON);
          places[t]![c] = i;
        }
      }
    }
    return first;
  }

  found(t: number): number {
    return this.counts[t]!;
  }

  /** Writes precision (and the score) at every recall level to `out[at], out[at + stride] ...`; unreached levels are 0. */
  sample(
    t: number,
    positives: number,
    first: number,
    order: Int32Array,
    score: Float64Array,
    out: Float64Array,
    scores: Float64Array | undefined,
    at: number,
    stride: number,
  ): void {
    const n = this.counts[t]!;
    const values = this.values[t]!;
    const places = this.places[t]!;
    for (let i = n - 1; i > 0; i--) if (values[i]! > values[i - 1]!) values[i - 1] = values[i]!;
    let i = 0;
    for (let r = 0; r < this.levels.length; r++, at += stride) {
      const level = this.levels[r]!;
      let place = -1;
      let value = 0;
      if (level <= 0) {
        // recall 0 is reached by the first result, whatever it is
        place = first;
        if (n > 0) value = values[0]!;
      } else {
        while (i < n && (i + 1) / positives < level) i++;
        if (i < n) {
          place = places[i]!;
          value = values[i]!;
        }
      }
      out[at] = value;
      if (scores) scores[at] = place >= 0 ? score[order[place]!]! : 0;
    }
  }
}
