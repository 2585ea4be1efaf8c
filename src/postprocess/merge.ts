import { type Detections, detections, fail, selectDetections } from '../core/index.ts';
import { checkDetections, checkRange } from './check.ts';
import { groupByClass } from './groups.ts';
import { Neighbours } from './neighbours.ts';
import { argsortDescending } from './order.ts';
import { weightedBoxFusion } from './wbf.ts';

/** How detections of overlapping slices become one list. */
export const MERGE_KINDS = ['nms', 'nmm', 'greedy-nmm', 'wbf'] as const;
export type MergeKind = (typeof MERGE_KINDS)[number];
export type MergeMetric = 'iou' | 'ios';

export interface MergeOptions {
  /** `nms`: drop; `greedy-nmm`: merge into the best box what overlaps it; `nmm`: also what overlaps those; `wbf`: weighted boxes fusion, best member's score */
  readonly kind: MergeKind;
  /** intersection over union, or over the smaller box (finds halves cut by a slice's edge) */
  readonly metric: MergeMetric;
  /** boxes match from this overlap on (`wbf`: above it); above 0, at most 1 */
  readonly threshold: number;
  /** match across classes; a merged box takes its best member's class */
  readonly agnostic?: boolean;
}

/**
 * Merges the detections of slices (and of the whole picture), all in pixels of the whole picture.
 *
 * `nms`, `nmm` and `greedy-nmm` give sahi's results: matching in float32 as its NumPy backend does, ties of score
 * broken by x1, y1, x2, y2 and then input order, a merged box being the hull of its parts with the best score. A part
 * joins only if it still matches the grown box.
 *
 * @param from detections of all slices, any order; at least 0 pixels as sahi asks, but not checked here
 * @returns merged detections, best score first; equal scores as sahi orders them: by class id, then by edges
 * @throws {DenseError} BAD_INPUT on NaN or infinite numbers, an unknown kind or metric, a threshold out of range
 * @see sahi.postprocess.combine (sahi 0.12.8); golden: test/golden/postprocess/merge.json
 */
export function mergeSlices(from: Detections, options: MergeOptions): Detections {
  const { kind, metric, threshold, agnostic = false } = options;
  if (!MERGE_KINDS.includes(kind))
    fail('BAD_INPUT', `kind is ${String(kind)}`, 'no such way to merge', `use one of ${MERGE_KINDS.join(', ')}`);
  if (metric !== 'iou' && metric !== 'ios')
    fail('BAD_INPUT', `metric is ${String(metric)}`, 'no such overlap measure', 'use iou or ios');
  checkRange('threshold', threshold, Number.MIN_VALUE, 1);
  if (kind === 'wbf') return weightedBoxFusion([from], { iou: threshold, metric, score: 'max', agnostic });
  checkDetections(from);

  const groups = groupByClass(scoreOrder(from), agnostic ? null : from.classes);
  const parts = Array.from({ length: groups.count }, (_, g) =>
    groups.members.subarray(groups.starts[g], groups.starts[g + 1]),
  );
  if (!agnostic) parts.sort((a, b) => from.classes[a[0]] - from.classes[b[0]]);
  const found: Merged[] = [];
  for (const members of parts)
    for (const [keep, merges] of plan(from, members, kind, metric, threshold))
      found.push(hullOf(from, keep, kind === 'nms' ? [] : merges, metric, threshold));
  const merged = detections(
    Float32Array.from(found.flatMap(m => m.box)),
    Float32Array.from(found, m => m.score),
    Int32Array.from(found, m => m.category),
  );
  return selectDetections(merged, Array.from(argsortDescending(merged.scores)));
}

/** Best score first; ties by x1, y1, x2, y2, then input order. */
function scoreOrder(from: Detections): Int32Array {
  const { boxes, scores } = from;
  return Int32Array.from(scores, (_, i) => i).sort((a, b) => {
    if (scores[a] !== scores[b]) return scores[b] - scores[a];
    return compareEdges(boxes, a, b) || a - b;
  });
}

function compareEdges(boxes: Float32Array, a: number, b: number): number {
  for (let e = 0; e < 4; e++) {
    const difference = boxes[4 * a + e] - boxes[4 * b + e];
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Kept boxes, each with the boxes to merge into it, in sahi's order. */
function plan(
  from: Detections,
  members: Int32Array,
  kind: MergeKind,
  metric: MergeMetric,
  threshold: number,
): Map<number, number[]> {
  const { boxes, scores } = from;
  const area = Float32Array.from(members, i => side(boxes, i, 0) * side(boxes, i, 1));
  const limit = Math.fround(threshold);
  const near = new Neighbours(boxes, members);
  const keeperOf = new Int32Array(members.length).fill(-1); // local numbers
  const planned = new Map<number, number[]>();
  for (let i = 0; i < members.length; i++) {
    const isKeeper = keeperOf[i] < 0;
    if (!isKeeper && kind !== 'nmm') continue;
    const keeper = isKeeper ? i : keeperOf[i];
    keeperOf[i] = keeper;
    if (isKeeper) planned.set(members[i], []);
    const matched: number[] = [];
    const found = near.find(i);
    for (let k = 0; k < found; k++) {
      const j = near.hits[k];
      if (keeperOf[j] >= 0) continue;
      // Full NMM lets a box claim an equal one of the same score only if that one does not come after it by edges:
      // in effect exact duplicates alone.
      const claims =
        kind !== 'nmm' || scores[members[i]] > scores[members[j]] || compareEdges(boxes, members[j], members[i]) <= 0;
      if (claims && overlap32(boxes, members[i], members[j], area[i], area[j], metric) >= limit) matched.push(j);
    }
    // Greedy merging goes by rank, full merging by input order, as in sahi.
    matched.sort(kind === 'nmm' ? (a, b) => members[a] - members[b] : (a, b) => a - b);
    for (const j of matched) {
      keeperOf[j] = keeper;
      planned.get(members[keeper])!.push(members[j]);
    }
  }
  return planned;
}

function side(boxes: Float32Array, i: number, axis: 0 | 1): number {
  return Math.max(0, Math.fround(boxes[4 * i + 2 + axis] - boxes[4 * i + axis]));
}

/** Overlap of two boxes with every step rounded to float32. */
function overlap32(b: Float32Array, i: number, j: number, areaI: number, areaJ: number, metric: MergeMetric): number {
  const p = 4 * i;
  const q = 4 * j;
  const w = Math.fround(Math.min(b[p + 2], b[q + 2]) - Math.max(b[p], b[q]));
  const h = Math.fround(Math.min(b[p + 3], b[q + 3]) - Math.max(b[p + 1], b[q + 1]));
  if (w <= 0 || h <= 0) return 0;
  const inter = Math.fround(w * h);
  const base = metric === 'iou' ? Math.fround(Math.fround(areaI + areaJ) - inter) : Math.min(areaI, areaJ);
  return base > 0 ? Math.fround(inter / base) : 0;
}

interface Merged {
  readonly box: readonly number[];
  readonly score: number;
  readonly category: number;
}

/** Grows the kept box over its parts, one after the other; a part that no longer matches is dropped. */
function hullOf(
  from: Detections,
  keep: number,
  parts: readonly number[],
  metric: MergeMetric,
  threshold: number,
): Merged {
  let [x1, y1, x2, y2] = from.boxes.subarray(4 * keep, 4 * keep + 4);
  let score = from.scores[keep];
  let category = from.classes[keep];
  for (const part of parts) {
    const [a1, b1, a2, b2] = from.boxes.subarray(4 * part, 4 * part + 4);
    const inter = Math.max(0, Math.min(x2, a2) - Math.max(x1, a1)) * Math.max(0, Math.min(y2, b2) - Math.max(y1, b1));
    const own = (x2 - x1) * (y2 - y1);
    const other = (a2 - a1) * (b2 - b1);
    if (!(inter / (metric === 'iou' ? own + other - inter : Math.min(own, other)) >= threshold)) continue;
    [x1, y1, x2, y2] = [Math.min(x1, a1), Math.min(y1, b1), Math.max(x2, a2), Math.max(y2, b2)];
    // Of equal scores sahi takes the later one's class.
    if (from.scores[part] >= score) category = from.classes[part];
    score = Math.max(score, from.scores[part]);
  }
  return { box: [x1, y1, x2, y2], score, category };
}
