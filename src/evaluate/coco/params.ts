import { fail } from '../../core/index.ts';
import type { CocoGroundTruth, Id, IouType } from './types.ts';

/** Numbers from `start` to `stop`, both included, rounded as numpy.linspace rounds them. */
export function linspace(start: number, stop: number, n: number): Float64Array {
  const step = (stop - start) / (n - 1);
  const out = Float64Array.from({ length: n }, (_, i) => i * step + start);
  out[n - 1] = stop;
  return out;
}

/** COCO's ten IoU thresholds 0.5, 0.55 ... 0.95. */
export const COCO_IOU_THRESHOLDS: Float64Array = linspace(0.5, 0.95, 10);
/** COCO's 101 recall levels 0, 0.01 ... 1. */
export const COCO_RECALL_LEVELS: Float64Array = linspace(0, 1, 101);
/** COCO's area ranges in square pixels, both ends included. */
export const COCO_AREAS = [
  { name: 'all', min: 0, max: 1e10 },
  { name: 'small', min: 0, max: 32 ** 2 },
  { name: 'medium', min: 32 ** 2, max: 96 ** 2 },
  { name: 'large', min: 96 ** 2, max: 1e10 },
] as const;

/** A choice of what to evaluate; the defaults are COCO's. */
export interface CocoOptions {
  readonly iouType?: IouType | undefined;
  /** results per image and category that count, ascending; AP uses the largest. Default 1, 10, 100 */
  readonly maxDets?: readonly number[] | undefined;
  /** false: categories are ignored, as in proposal scoring (`useCats = 0`) */
  readonly useCategories?: boolean | undefined;
  /** only these categories */
  readonly categoryIds?: readonly Id[] | undefined;
  /** only these images */
  readonly imageIds?: readonly Id[] | undefined;
  /** default {@link COCO_IOU_THRESHOLDS} */
  readonly iouThresholds?: ArrayLike<number> | undefined;
  /** default {@link COCO_RECALL_LEVELS} */
  readonly recallLevels?: ArrayLike<number> | undefined;
}

/** Options with every choice made and checked. */
export interface CocoParams {
  readonly iouType: IouType;
  readonly maxDets: readonly number[];
  readonly useCategories: boolean;
  /** indices into the ground truth's categories, ascending */
  readonly categories: Int32Array;
  /** indices into the ground truth's images, ascending */
  readonly images: Int32Array;
  readonly iouThresholds: Float64Array;
  readonly recallLevels: Float64Array;
  readonly areas: readonly { readonly name: string; readonly min: number; readonly max: number }[];
}

/** @throws {DenseError} BAD_USAGE for max detections below 1, unknown ids, or more than 31 thresholds */
export function cocoParams(truth: CocoGroundTruth, options: CocoOptions = {}): CocoParams {
  const maxDets = [...(options.maxDets ?? [1, 10, 100])].sort((a, b) => a - b);
  if (
    maxDets.length === 0 ||
    maxDets.some(m => !Number.isInteger(m) || m < 1) ||
    new Set(maxDets).size < maxDets.length
  )
    fail(
      'BAD_USAGE',
      `maxDets got ${JSON.stringify(options.maxDets)}`,
      'it takes different whole numbers, at least 1',
      'give for example 1, 10, 100',
    );
  const iouThresholds = Float64Array.from(options.iouThresholds ?? COCO_IOU_THRESHOLDS);
  if (iouThresholds.length < 1 || iouThresholds.length > 31 || iouThresholds.some(t => !(t > 0 && t <= 1)))
    fail(
      'BAD_USAGE',
      `iouThresholds got ${iouThresholds.length} values from ${iouThresholds[0]}`,
      'it takes 1 to 31 numbers above 0 and at most 1',
      'give for example 0.5, 0.75',
    );
  return {
    iouType: options.iouType ?? 'bbox',
    maxDets,
    useCategories: options.useCategories ?? true,
    categories: indices(truth.categories.indexOf, truth.categories.ids.length, options.categoryIds, 'category'),
    images: indices(truth.images.indexOf, truth.images.ids.length, options.imageIds, 'image'),
    iouThresholds,
    recallLevels: Float64Array.from(options.recallLevels ?? COCO_RECALL_LEVELS),
    areas: COCO_AREAS,
  };
}

function indices(
  indexOf: ReadonlyMap<Id, number>,
  n: number,
  ids: readonly Id[] | undefined,
  kind: string,
): Int32Array {
  if (ids === undefined) return Int32Array.from({ length: n }, (_, i) => i);
  const chosen = ids.map(
    id =>
      indexOf.get(id) ??
      fail(
        'BAD_USAGE',
        `there is no ${kind} ${JSON.stringify(id)}`,
        'the ground truth does not list it',
        `choose among: ${[...indexOf.keys()].slice(0, 20).join(', ')}${indexOf.size > 20 ? ', ...' : ''}`,
      ),
  );
  return Int32Array.from(new Set(chosen)).sort();
}
