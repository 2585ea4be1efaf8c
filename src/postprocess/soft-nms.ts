import { boxIou, type Detections, detections, fail, selectDetections } from '../core/index.ts';
import { checkDetections, checkRange } from './check.ts';
import { groupByClass } from './groups.ts';
import { Neighbours } from './neighbours.ts';
import { argsortDescending } from './order.ts';
import { RankHeap } from './rank-heap.ts';

/** How a kept box lowers the score of a box it overlaps by `iou`. */
export const SOFT_KINDS = ['linear', 'gaussian', 'power'] as const;
export type SoftKind = (typeof SOFT_KINDS)[number];

export interface SoftNmsOptions {
  /** `linear`: score * (1 - IoU) above `iou`; `gaussian`: score * exp(-IoU^2 / sigma) for every overlap; `power`: score * (1 - IoU)^power above `iou` */
  readonly kind: SoftKind;
  /** overlap from which `linear` and `power` act, 0..1; default 0.3 (the paper's Nt) for linear, 0.7 (DETA's) for power */
  readonly iou?: number;
  /** width of `gaussian`, above 0; default 0.5 */
  readonly sigma?: number;
  /** exponent of `power`, above 0; default 0.5 */
  readonly power?: number;
  /** boxes whose lowered score is below this are dropped, as are those lowered to 0; default 0.001 */
  readonly floor?: number;
  /** let boxes of different classes lower each other; default false */
  readonly agnostic?: boolean;
}

/**
 * Soft non-maximum suppression: the best box is kept, every box that overlaps it loses score, and so on.
 *
 * @param from any number of detections, any order; scores 0..1
 * @returns the survivors with their lowered scores, best first; equal scores keep input order. Boxes are untouched
 * @throws {DenseError} BAD_INPUT on NaN or infinite numbers, a negative score or an option out of range
 * @see Bodla et al. 2017, Soft-NMS, arXiv 1704.04503, eq. 3 and 5; `power`: DETA's test-time augmentation
 *      (perception_models, DETA_pe/models/utils_softnms.py, "quad"); golden: test/golden/postprocess/soft.json
 */
export function softNms(from: Detections, options: SoftNmsOptions): Detections {
  checkDetections(from);
  const decay = decayOf(options);
  const floor = options.floor ?? 0.001;
  checkRange('floor', floor, 0, 1);
  const n = from.length;
  const everyone = Int32Array.from({ length: n }, (_, i) => i);
  const groups = groupByClass(everyone, options.agnostic ? null : from.classes);
  const lowered = new Float32Array(n).fill(-1); // -1: dropped
  for (let g = 0; g < groups.count; g++)
    lowerGroup(from, groups.members.subarray(groups.starts[g], groups.starts[g + 1]), decay, floor, lowered);

  const survivors = everyone.filter(i => lowered[i] >= 0);
  const scores = Float32Array.from(survivors, i => lowered[i]);
  const order = argsortDescending(scores);
  const kept = selectDetections(
    from,
    Array.from(order, s => survivors[s]),
  );
  return detections(
    kept.boxes,
    scores.map((_, k) => scores[order[k]]),
    kept.classes,
  );
}

type Decay = (iou: number) => number;

function decayOf(options: SoftNmsOptions): Decay {
  const { kind, iou = kind === 'power' ? 0.7 : 0.3, sigma = 0.5, power = 0.5 } = options;
  checkRange('iou', iou, 0, 1);
  checkRange('sigma', sigma, Number.MIN_VALUE, Number.POSITIVE_INFINITY);
  checkRange('power', power, Number.MIN_VALUE, Number.POSITIVE_INFINITY);
  if (kind === 'linear') return overlap => (overlap > iou ? 1 - overlap : 1);
  if (kind === 'gaussian') return overlap => Math.exp(-(overlap * overlap) / sigma);
  if (kind === 'power') return overlap => (overlap > iou ? (1 - overlap) ** power : 1);
  return fail('BAD_INPUT', `kind is ${String(kind)}`, 'no such soft-NMS', `use one of ${SOFT_KINDS.join(', ')}`);
}

function lowerGroup(from: Detections, members: Int32Array, decay: Decay, floor: number, lowered: Float32Array): void {
  const scores = Float64Array.from(members, i => from.scores[i]);
  const lowest = scores.reduce((a, b) => Math.min(a, b), 0);
  checkRange('scores', lowest, 0, Number.POSITIVE_INFINITY);
  const heap = new RankHeap(scores);
  const near = new Neighbours(from.boxes, members);
  for (let best = heap.pop(); best >= 0; best = heap.pop()) {
    // Scores only fall, so when the best is below the floor the rest is too.
    if (scores[best] < floor || scores[best] <= 0) break;
    lowered[members[best]] = scores[best];
    const found = near.find(best);
    for (let k = 0; k < found; k++) {
      const other = near.hits[k];
      if (!heap.has(other)) continue;
      const overlap = boxIou(from.boxes, members[best], from.boxes, members[other]);
      if (overlap <= 0) continue;
      const factor = decay(overlap);
      if (factor < 1) heap.lower(other, scores[other] * factor);
    }
  }
}
