import type { Accumulated } from './accumulate.ts';

/**
 * Sum in the order numpy adds: halves down to blocks of 128, eight partial sums in each.
 * @see pairwise sum in numpy's loops_utils
 */
function pairwiseSum(values: Float64Array, from: number, n: number): number {
  if (n < 8) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[from + i]!;
    return sum;
  }
  if (n > 128) {
    let half = Math.floor(n / 2);
    half -= half % 8;
    return pairwiseSum(values, from, half) + pairwiseSum(values, from + half, n - half);
  }
  const r = values.slice(from, from + 8);
  const whole = n - (n % 8);
  for (let i = 8; i < whole; i += 8) for (let j = 0; j < 8; j++) r[j]! += values[from + i + j]!;
  let sum = r[0]! + r[1]! + (r[2]! + r[3]!) + (r[4]! + r[5]! + (r[6]! + r[7]!));
  for (let i = whole; i < n; i++) sum += values[from + i]!;
  return sum;
}

/** Which figures to average: everything that is undefined is left out. */
export interface Slice {
  readonly area?: number;
  /** index into maxDets; default the largest */
  readonly maxDet?: number;
  /** only this IoU threshold's index */
  readonly threshold?: number | undefined;
  /** only these categories' indices */
  readonly groups?: Int32Array | undefined;
}

/** Mean precision over thresholds, recall levels and categories; -1 when nothing is defined. */
export function averagePrecision(acc: Accumulated, slice: Slice = {}): number {
  return meanDefined(acc, acc.precision, acc.levels, slice);
}

/** Mean of the recall reached over thresholds and categories; -1 when nothing is defined. */
export function averageRecall(acc: Accumulated, slice: Slice = {}): number {
  return meanDefined(acc, acc.recall, 1, slice);
}

/** Mean of the values above -1 of a `[thresholds, rows, groups]` table, rounded as numpy.mean rounds; -1 when there are none. */
function meanDefined(
  acc: Accumulated,
  tables: readonly Float64Array[],
  rows: number,
  { area = 0, maxDet = acc.maxDets - 1, threshold, groups }: Slice,
): number {
  const table = tables[area * acc.maxDets + maxDet]!;
  const first = rows * (threshold ?? 0);
  const last = threshold === undefined ? rows * acc.thresholds : first + rows;
  const width = groups?.length ?? acc.groups;
  const defined = new Float64Array((last - first) * width);
  let n = 0;
  for (let row = first; row < last; row++)
    for (let g = 0; g < width; g++) {
      const value = table[row * acc.groups + (groups ? groups[g]! : g)]!;
      if (value > -1) defined[n++] = value;
    }
  return n === 0 ? -1 : pairwiseSum(defined, 0, n) / n;
}

/** Index of an IoU threshold, or undefined when it is not among them. */
export function thresholdIndex(thresholds: Float64Array, value: number): number | undefined {
  const i = thresholds.indexOf(value);
  return i < 0 ? undefined : i;
}

/**
 * Precision at every recall level for one IoU threshold (all sizes, largest maxDets), mean over the categories; empty when
 * nothing is defined.
 *
 * @param group only this category, by its place in the evaluation's `params.categories`
 */
export function precisionCurve(acc: Accumulated, threshold: number, group?: number): Float64Array {
  const table = acc.precision[acc.maxDets - 1]!;
  const curve = new Float64Array(acc.levels);
  for (let r = 0; r < acc.levels; r++) {
    let sum = 0;
    let n = 0;
    for (let k = group ?? 0; k < (group === undefined ? acc.groups : group + 1); k++) {
      const value = table[(threshold * acc.levels + r) * acc.groups + k]!;
      if (value > -1) {
        sum += value;
        n++;
      }
    }
    if (n === 0) return new Float64Array(0);
    curve[r] = sum / n;
  }
  return curve;
}
