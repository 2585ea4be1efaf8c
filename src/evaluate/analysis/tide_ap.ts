import { sortByScore } from '../coco/order.ts';

/** Judged results as columns, in the order that breaks ties. */
export interface Points {
  readonly length: number;
  readonly category: Int32Array;
  readonly score: Float64Array;
  readonly right: Uint8Array;
}

const LEVELS = 100;

/**
 * Mean over categories of AP at 101 recall levels, as tidecv computes it: categories with results but no annotations
 * count as 0, categories with neither do not count.
 *
 * @param positives annotations to be found, per category
 */
export function meanAp(points: Points, positives: Int32Array): number {
  const categories = positives.length;
  const starts = new Int32Array(categories + 1);
  for (let i = 0; i < points.length; i++) starts[points.category[i]! + 1]!++;
  for (let k = 0; k < categories; k++) starts[k + 1]! += starts[k]!;
  const next = starts.slice();
  const order = new Int32Array(points.length);
  for (let i = 0; i < points.length; i++) order[next[points.category[i]!]!++] = i;
  let sum = 0;
  let n = 0;
  for (let k = 0; k < categories; k++) {
    const [from, to] = [starts[k]!, starts[k + 1]!];
    if (to === from && positives[k] === 0) continue;
    n++;
    if (positives[k] === 0) continue;
    sortByScore(order, points.score, from, to);
    sum += ap(order, points.right, from, to, positives[k]!);
  }
  return n === 0 ? 0 : sum / n;
}

/**
 * AP of one category at 101 recall levels.
 * @param order indices into `right`, best score first; those in `from..to` count
 * @param positives annotations to be found
 */
export function ap(order: Int32Array, right: Uint8Array, from: number, to: number, positives: number): number {
  const precision: number[] = []; // after each right result; between them it only falls
  for (let i = from; i < to; i++) if (right[order[i]!]) precision.push((precision.length + 1) / (i - from + 1));
  for (let i = precision.length - 1; i > 0; i--) precision[i - 1] = Math.max(precision[i - 1]!, precision[i]!);
  let sum = 0;
  let found = 0;
  for (let level = 0; level <= LEVELS; level++) {
    while (found < precision.length && (found + 1) / positives < level / LEVELS) found++;
    if (found < precision.length) sum += precision[found]!;
  }
  return sum / (LEVELS + 1);
}
