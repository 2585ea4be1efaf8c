import { fail } from '../../core/index.ts';
import { makeOverlap } from '../coco/overlap.ts';
import type { CocoGroundTruth, CocoResults, IouType } from '../coco/types.ts';
import { withRoom } from '../json/columns.ts';
import { annotationsByImage, categoryFilter, resultsByImage, sequenceByCategory } from './by_image.ts';

/** How to count confusions. */
export interface ConfusionOptions {
  readonly iouType?: IouType | undefined;
  /** a result and an annotation belong together from this IoU on. Default 0.5 */
  readonly iou?: number | undefined;
  /** results below this score are left out. Default 0 */
  readonly score?: number | undefined;
  /** best results per image that take part. Default 100 */
  readonly maxDets?: number | undefined;
  /** only these categories' indices */
  readonly categories?: ArrayLike<number> | undefined;
}

/** Which category was taken for which. */
export interface Confusion {
  /** number of categories; row and column `categories` stand for "nothing" */
  readonly categories: number;
  /**
   * `[categories + 1, categories + 1]`: row is the true category (last: background), column the found one (last:
   * missed). Results matched to a crowd are left out.
   */
  readonly counts: Int32Array;
  /** per result: the annotation it was paired with, -1 none, -2 left out, -3 on a crowd */
  readonly pairOf: Int32Array;
}

/**
 * Confusion matrix: results and annotations of an image are paired whatever their categories, best score first, each with
 * the free annotation of highest IoU, crowds last: COCO's matching with categories ignored.
 *
 * @see COCOeval of pycocotools with useCats = 0 at one IoU threshold
 * @throws {DenseError} BAD_USAGE for an IoU outside 0..1
 */
export function confusion(truth: CocoGroundTruth, results: CocoResults, options: ConfusionOptions = {}): Confusion {
  const { iouType = 'bbox', iou = 0.5, score = 0, maxDets = 100 } = options;
  if (!(iou > 0 && iou <= 1))
    fail('BAD_USAGE', `iou got ${iou}`, 'it takes a number above 0 and at most 1', 'give for example 0.5');
  const { annotations, images } = truth;
  const categories = truth.categories.ids.length;
  const side = categories + 1;
  const counts = new Int32Array(side * side);
  const pairOf = new Int32Array(results.length).fill(-2);
  const overlap = makeOverlap(iouType, results, annotations, images, annotations.crowd, iou);
  // of equals pycocotools takes them category by category
  const chosen = categoryFilter(results.category, options.categories);
  const dets = resultsByImage(
    truth,
    results,
    i => results.score[i]! >= score && chosen(i),
    sequenceByCategory(results.category, categories),
  );
  const { counted, crowds } = annotationsByImage(
    truth,
    annotations.crowd,
    categoryFilter(annotations.category, options.categories),
    sequenceByCategory(annotations.category, categories),
  );
  let truths = new Int32Array(64);
  let ious: Float64Array = new Float64Array(1024);
  let taken: Uint8Array = new Uint8Array(64);
  for (let image = 0; image < images.ids.length; image++) {
    const d0 = dets.starts[image]!;
    const d1 = Math.min(dets.starts[image + 1]!, d0 + maxDets);
    const own = counted.items.subarray(counted.starts[image]!, counted.starts[image + 1]!);
    const crowd = crowds.items.subarray(crowds.starts[image]!, crowds.starts[image + 1]!);
    const n = own.length + crowd.length;
    truths = withRoom(truths, n);
    truths.set(own);
    truths.set(crowd, own.length);
    taken = withRoom(taken, n).fill(0, 0, n);
    if (n > 0 && d1 > d0) {
      ious = withRoom(ious, n * (d1 - d0));
      overlap(dets.items, d0, d1, truths, 0, n, ious);
    }
    for (let d = d0; d < d1; d++) {
      const result = dets.items[d]!;
      const m = bestOf(ious, (d - d0) * n, n, own.length, taken, iou);
      if (m >= own.length) {
        pairOf[result] = -3;
        continue;
      }
      pairOf[result] = m < 0 ? -1 : truths[m]!;
      if (m >= 0) taken[m] = 1;
      counts[(m < 0 ? categories : annotations.category[truths[m]!]!) * side + results.category[result]!]!++;
    }
    for (let g = 0; g < own.length; g++) if (!taken[g]) counts[annotations.category[own[g]!]! * side + categories]!++;
  }
  return { categories, counts, pairOf };
}

/** Place of the free annotation of highest IoU (of equals the last), crowds only when no other will do; -1 for none. */
function bestOf(ious: Float64Array, row: number, n: number, own: number, taken: Uint8Array, floor: number): number {
  let best = Math.min(floor, 1 - 1e-10);
  let m = -1;
  for (let g = 0; g < n; g++) {
    if (g === own && m >= 0) break;
    if (taken[g] || ious[row + g]! < best) continue;
    best = ious[row + g]!;
    m = g;
  }
  return m;
}
