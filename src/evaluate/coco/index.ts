export type { Accumulated } from './accumulate.ts';
export {
  type CategoryFigures,
  type CocoEvaluation,
  evaluateCoco,
  type Figures,
} from './evaluate.ts';
export { loadGroundTruth } from './ground_truth.ts';
export type { Matches } from './match.ts';
export {
  COCO_AREAS,
  COCO_IOU_THRESHOLDS,
  COCO_RECALL_LEVELS,
  type CocoOptions,
  type CocoParams,
} from './params.ts';
export { loadResults, type ResultsOptions } from './results.ts';
export { precisionCurve } from './summarize.ts';
export type {
  CocoAnnotations,
  CocoCategories,
  CocoGroundTruth,
  CocoImages,
  CocoObjects,
  CocoResults,
  GroundTruthOptions,
  Id,
  IouType,
  LvisFields,
} from './types.ts';
