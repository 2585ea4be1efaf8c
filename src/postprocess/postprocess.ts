import { type Detections, fail, selectDetections } from '../core/index.ts';
import { checkCount, checkDetections, checkRange } from './check.ts';
import { nms } from './nms.ts';
import { argsortDescending } from './order.ts';
import { softNms } from './soft-nms.ts';
import { weightedBoxFusion } from './wbf.ts';

/** What `--nms` takes. */
export const NMS_KINDS = ['hard', 'soft-linear', 'soft-gaussian', 'soft-power', 'wbf', 'none'] as const;
export type NmsKind = (typeof NMS_KINDS)[number];

export interface PostprocessOptions {
  readonly kind: NmsKind;
  /** overlap threshold, 0..1; `soft-gaussian` and `none` do not use it */
  readonly iou: number;
  /** lowest score kept, before and after suppression, 0..1 */
  readonly score: number;
  /** at most this many detections, the best; Infinity for all */
  readonly max: number;
  /** suppress across classes; default false */
  readonly agnostic?: boolean;
}

/**
 * From candidates to detections: score threshold, suppression or fusion, the best `max`.
 *
 * `wbf` takes the candidates as one list: a fused box has its best member's score. To fuse several models or views
 * use weightedBoxFusion.
 *
 * @param candidates any order
 * @returns detections, best score first; equal scores keep input order
 * @throws {DenseError} BAD_INPUT on NaN or infinite numbers, an unknown kind or an option out of range
 */
export function postprocess(candidates: Detections, options: PostprocessOptions): Detections {
  const { kind, iou, score, max, agnostic = false } = options;
  checkRange('iou', iou, 0, 1);
  checkRange('score', score, 0, 1);
  checkCount('max', max, 0);
  checkDetections(candidates);
  const above: number[] = [];
  for (let i = 0; i < candidates.length; i++) if (candidates.scores[i] >= score) above.push(i);
  const strong = above.length === candidates.length ? candidates : selectDetections(candidates, above);
  return first(suppress(strong, kind, iou, score, agnostic), max);
}

function suppress(from: Detections, kind: NmsKind, iou: number, score: number, agnostic: boolean): Detections {
  switch (kind) {
    case 'hard':
      return selectDetections(from, nms(from.boxes, from.scores, agnostic ? null : from.classes, iou));
    case 'soft-linear':
      return softNms(from, { kind: 'linear', iou, floor: score, agnostic });
    case 'soft-gaussian':
      return softNms(from, { kind: 'gaussian', floor: score, agnostic });
    case 'soft-power':
      return softNms(from, { kind: 'power', iou, floor: score, agnostic });
    case 'wbf':
      return weightedBoxFusion([from], { iou, score: 'max', agnostic });
    case 'none':
      return selectDetections(from, Array.from(argsortDescending(from.scores)));
    default:
      return fail('BAD_INPUT', `kind is ${String(kind)}`, 'no such suppression', `use one of ${NMS_KINDS.join(', ')}`);
  }
}

function first(from: Detections, max: number): Detections {
  if (from.length <= max) return from;
  return {
    length: max,
    boxes: from.boxes.slice(0, 4 * max),
    scores: from.scores.slice(0, max),
    classes: from.classes.slice(0, max),
  };
}
