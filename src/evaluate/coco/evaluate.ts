import { type Accumulated, accumulate } from './accumulate.ts';
import { type Matches, matchObjects } from './match.ts';
import { type CocoOptions, type CocoParams, cocoParams } from './params.ts';
import { averagePrecision, averageRecall, type Slice, thresholdIndex } from './summarize.ts';
import type { CocoGroundTruth, CocoResults } from './types.ts';

/** Figures by their official names, fractions 0..1, -1 where undefined: AP, AP50, ... ARl. */
export type Figures = Readonly<Record<string, number>>;

/** Figures of one category. */
export type CategoryFigures = Figures & { readonly annotations: number; readonly results: number };

/** A finished COCO evaluation. */
export interface CocoEvaluation {
  readonly params: CocoParams;
  readonly figures: Figures;
  /** by category name; empty when categories are ignored */
  readonly perClass: Readonly<Record<string, CategoryFigures>>;
  readonly accumulated: Accumulated;
  readonly matches: Matches;
}

/**
 * The official COCO figures, equal to pycocotools' to the last digit.
 *
 * With other `maxDets` than 1, 10, 100, AP is taken at the largest (pycocotools hard-codes 100 there; faster-coco-eval
 * does the same as we do), and the recalls are called by their number: AR1, AR10, AR300.
 *
 * @param truth from {@link loadGroundTruth}; with `iouType: 'segm'` there too when masks are compared
 * @param results from {@link loadResults}, likewise
 * @throws {DenseError} BAD_USAGE for impossible options, BAD_INPUT for a mask that cannot be read
 */
export function evaluateCoco(truth: CocoGroundTruth, results: CocoResults, options: CocoOptions = {}): CocoEvaluation {
  const params = cocoParams(truth, options);
  const { crowd } = truth.annotations;
  const matches = matchObjects(truth, results, params, {
    crowd,
    ignore: crowd, // pycocotools overwrites the file's "ignore" with iscrowd
    maxDet: params.maxDets.at(-1)!,
  });
  const accumulated = accumulate(matches, results.score, params);
  return {
    params,
    figures: cocoFigures(accumulated, params),
    perClass: perCategory(truth, accumulated, matches, params, groups => cocoFigures(accumulated, params, groups)),
    accumulated,
    matches,
  };
}

/** The twelve figures, of all categories or of some. */
export function cocoFigures(acc: Accumulated, params: CocoParams, groups?: Int32Array): Figures {
  const ap = (slice: Slice) => averagePrecision(acc, { ...slice, groups });
  const ar = (slice: Slice) => averageRecall(acc, { ...slice, groups });
  const at = (iou: number) => {
    const threshold = thresholdIndex(params.iouThresholds, iou);
    return threshold === undefined ? -1 : ap({ threshold });
  };
  return {
    AP: ap({}),
    AP50: at(0.5),
    AP75: at(0.75),
    APs: ap({ area: 1 }),
    APm: ap({ area: 2 }),
    APl: ap({ area: 3 }),
    ...Object.fromEntries(params.maxDets.map((n, maxDet) => [`AR${n}`, ar({ maxDet })])),
    ARs: ar({ area: 1 }),
    ARm: ar({ area: 2 }),
    ARl: ar({ area: 3 }),
  };
}

/** Figures of each category by name, with the numbers of its annotations that count and of its results. */
export function perCategory(
  truth: CocoGroundTruth,
  acc: Accumulated,
  matches: Matches,
  params: CocoParams,
  figuresOf: (groups: Int32Array) => Figures,
): Record<string, CategoryFigures> {
  const out: Record<string, CategoryFigures> = {};
  if (!params.useCategories) return out;
  for (let k = 0; k < acc.groups; k++)
    out[truth.categories.names[params.categories[k]!]!] = {
      ...figuresOf(Int32Array.of(k)),
      annotations: matches.positives[k * acc.areas]!,
      results: matches.starts[k + 1]! - matches.starts[k]!,
    };
  return out;
}
