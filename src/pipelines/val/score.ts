import {
  type CocoEvaluation,
  type CocoGroundTruth,
  type CocoResults,
  evaluateCoco,
  loadGroundTruth,
  loadResults,
  type TideReport,
  tide,
} from '../../evaluate/index.ts';
import { truthValue, type ValData, type ValPicture } from './data.ts';
import type { LabelMatch } from './labels.ts';
import { type Predictions, pictureKey } from './predict.ts';

/** Figures and what they were made from. */
export interface ValScore {
  readonly truth: CocoGroundTruth;
  readonly results: CocoResults;
  readonly evaluation: CocoEvaluation;
  readonly tide: TideReport;
  /** COCO results, in the data set's ids. */
  readonly rows: readonly object[];
}

/** Scores what was found in the pictures that could be read. */
export function scorePredictions(
  data: ValData,
  pictures: readonly ValPicture[],
  { categoryOf, scored }: LabelMatch,
  { found }: Predictions,
): ValScore {
  const truth = loadGroundTruth(truthValue(data, pictures, scored));
  const rows = pictures.flatMap(picture => {
    const { classes, scores, boxes } = found.get(pictureKey(picture))!;
    return classes.flatMap((c, i) => {
      const category = data.categories[categoryOf[c]!];
      if (category === undefined) return [];
      const bbox = boxes.slice(4 * i, 4 * i + 4);
      return [{ image_id: picture.id, category_id: category.id!, bbox, score: scores[i]! }];
    });
  });
  const results = loadResults(rows, truth);
  return { truth, results, rows, evaluation: evaluateCoco(truth, results), tide: tide(truth, results) };
}
