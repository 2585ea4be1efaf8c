import { fail } from '../../core/index.ts';
import { accumulate } from '../coco/accumulate.ts';
import { type CocoEvaluation, type Figures, perCategory } from '../coco/evaluate.ts';
import { matchObjects } from '../coco/match.ts';
import { sortByScore } from '../coco/order.ts';
import { type CocoParams, cocoParams } from '../coco/params.ts';
import { averagePrecision, averageRecall, type Slice, thresholdIndex } from '../coco/summarize.ts';
import type { CocoGroundTruth, CocoResults, Id, IouType } from '../coco/types.ts';

/** A choice of what to evaluate; the defaults are LVIS's. */
export interface LvisOptions {
  readonly iouType?: IouType | undefined;
  /** best results per image that count, all categories together. Default 300 */
  readonly maxDets?: number | undefined;
  /** only these categories */
  readonly categoryIds?: readonly Id[] | undefined;
  /** only these images */
  readonly imageIds?: readonly Id[] | undefined;
}

/**
 * The official LVIS figures, equal to those of the lvis package.
 *
 * LVIS is federated: an image says which categories were looked for. Results of categories that are neither annotated in
 * an image nor listed as absent are left out; unmatched results of categories not fully annotated there do not count.
 * Of each image the best 300 results take part. As in the lvis package, objects of area 0 are left out, `iscrowd` means
 * nothing and `ignore` is honoured.
 *
 * @param truth from `loadGroundTruth(file, { lvis: true })`
 * @returns AP, AP50, AP75, APs, APm, APl, APr, APc, APf (rare, common, frequent), AR300 and ARs, ARm, ARl; AR1, AR10 and
 *   AR100 are COCO's, not defined by LVIS, so -1
 * @throws {DenseError} BAD_INPUT when the ground truth is not an LVIS file
 * @see LVISEval of github.com/lvis-dataset/lvis-api
 */
export function evaluateLvis(truth: CocoGroundTruth, results: CocoResults, options: LvisOptions = {}): CocoEvaluation {
  const { lvis } = truth;
  if (lvis === undefined)
    fail(
      'BAD_INPUT',
      'the ground truth was not read as an LVIS file',
      'LVIS needs the lists of absent and of not fully annotated categories',
      'read it with loadGroundTruth(file, { lvis: true })',
    );
  const maxDets = options.maxDets ?? 300;
  const chosen = cocoParams(truth, { ...options, maxDets: [maxDets] });
  const params: CocoParams = { ...chosen, maxDets: [Number.POSITIVE_INFINITY] }; // the limit is per image, set below
  const { annotations } = truth;
  const keepTruth = annotations.area.map(area => (area > 0 && area < Number.POSITIVE_INFINITY ? 1 : 0));
  const images = truth.images.ids.length;
  const categories = truth.categories.ids.length;
  const known = new PairSet(categories);
  lvis.negative.forEach((list, image) => {
    for (const k of list) known.add(image, k);
  });
  for (let i = 0; i < annotations.length; i++)
    if (keepTruth[i]) known.add(annotations.image[i]!, annotations.category[i]!);
  const partial = new PairSet(categories);
  lvis.notExhaustive.forEach((list, image) => {
    for (const k of list) partial.add(image, k);
  });
  const keepResult = bestPerImage(results, images, maxDets);
  const optional = new Uint8Array(results.length);
  for (let i = 0; i < results.length; i++) {
    const image = results.image[i]!;
    const category = results.category[i]!;
    const area = results.area[i]!;
    if (!(area > 0 && area < Number.POSITIVE_INFINITY) || !known.has(image, category)) keepResult[i] = 0;
    if (partial.has(image, category)) optional[i] = 1;
  }
  const matches = matchObjects(truth, results, params, {
    crowd: new Uint8Array(annotations.length),
    ignore: annotations.ignore,
    maxDet: Number.POSITIVE_INFINITY,
    keepTruth: Uint8Array.from(keepTruth),
    keepResult,
    optional,
  });
  const accumulated = accumulate(matches, results.score, params);
  const figuresOf = (groups?: Int32Array) => lvisFigures(accumulated, params, lvis.frequency, maxDets, groups);
  return {
    params: chosen,
    figures: figuresOf(),
    perClass: perCategory(truth, accumulated, matches, params, figuresOf),
    accumulated,
    matches,
  };
}

function lvisFigures(
  acc: CocoEvaluation['accumulated'],
  params: CocoParams,
  frequency: readonly string[],
  maxDets: number,
  groups?: Int32Array,
): Figures {
  const all = groups ?? Int32Array.from({ length: acc.groups }, (_, k) => k);
  const ap = (slice: Slice = {}) => averagePrecision(acc, { groups, ...slice });
  const ar = (area: number) => averageRecall(acc, { groups, area });
  const of = (letter: string) => ap({ groups: all.filter(k => frequency[params.categories[k]!] === letter) });
  return {
    AP: ap(),
    AP50: ap({ threshold: thresholdIndex(params.iouThresholds, 0.5) }),
    AP75: ap({ threshold: thresholdIndex(params.iouThresholds, 0.75) }),
    APs: ap({ area: 1 }),
    APm: ap({ area: 2 }),
    APl: ap({ area: 3 }),
    APr: of('r'),
    APc: of('c'),
    APf: of('f'),
    AR1: -1,
    AR10: -1,
    AR100: -1,
    [`AR${maxDets}`]: ar(0),
    ARs: ar(1),
    ARm: ar(2),
    ARl: ar(3),
  };
}

/** A set of (image, category) pairs. */
class PairSet {
  private readonly pairs = new Set<number>();
  private readonly width: number;
  constructor(categories: number) {
    this.width = categories;
  }
  add(image: number, category: number): void {
    this.pairs.add(image * this.width + category);
  }
  has(image: number, category: number): boolean {
    return this.pairs.has(image * this.width + category);
  }
}

/** 1 for the best `most` results of every image; of equal scores those that come first in the file. */
function bestPerImage(results: CocoResults, images: number, most: number): Uint8Array {
  const starts = new Int32Array(images + 1);
  for (let i = 0; i < results.length; i++) starts[results.image[i]! + 1]!++;
  for (let k = 0; k < images; k++) starts[k + 1]! += starts[k]!;
  const order = new Int32Array(results.length);
  const next = starts.slice();
  for (let i = 0; i < results.length; i++) order[next[results.image[i]!]!++] = i;
  const keep = new Uint8Array(results.length).fill(1);
  for (let k = 0; k < images; k++) {
    if (starts[k + 1]! - starts[k]! <= most) continue;
    sortByScore(order, results.score, starts[k]!, starts[k + 1]!);
    for (let j = starts[k]! + most; j < starts[k + 1]!; j++) keep[order[j]!] = 0;
  }
  return keep;
}
