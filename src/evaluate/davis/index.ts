export type { LabelMap } from './boundary.ts';
export {
  DAVIS_KEYS,
  type DavisFigures,
  type DavisObjects,
  DavisSequence,
  davisObjects,
  meanDavis,
} from './evaluate.ts';
export { boundaryAccuracy, type DavisStatistics, davisStatistics, regionSimilarity } from './measures.ts';
