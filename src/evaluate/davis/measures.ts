import { boundaryPixels, countNear, diskRows, type LabelMap } from './boundary.ts';

/** Tolerance of the boundary measure, as a fraction of the picture's diagonal. */
export const BOUNDARY_TOLERANCE = 0.008;

/** Region similarity J of one object in one frame: intersection over union; 1 when both masks are empty. */
export function regionSimilarity(gt: LabelMap, result: LabelMap, id: number, single: boolean): number {
  const a = gt.data;
  const b = result.data;
  let inter = 0;
  let union = 0;
  for (let k = 0; k < a.length; k++) {
    const inA = single ? a[k]! > 0 : a[k] === id;
    const inB = single ? b[k]! > 0 : b[k] === id;
    if (inA && inB) inter++;
    if (inA || inB) union++;
  }
  return union === 0 ? 1 : inter / union;
}

/**
 * Boundary accuracy F of one object in one frame: harmonic mean of precision and recall of its contour pixels, within
 * a disk of ceil(0.008 * diagonal) pixels.
 *
 * @see Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016;
 *   davis2017-evaluation, davis2017/metrics.py, f_measure; golden: test/golden/davis.json
 */
export function boundaryAccuracy(gt: LabelMap, result: LabelMap, id: number, single: boolean): number {
  const { width, height } = gt;
  const truth = boundaryPixels(gt, id, single);
  const found = boundaryPixels(result, id, single);
  if (truth.length === 0 && found.length === 0) return 1;
  if (truth.length === 0 || found.length === 0) return 0;
  const disk = diskRows(Math.ceil(BOUNDARY_TOLERANCE * Math.sqrt(height * height + width * width)));
  const precision = countNear(found, truth, width, height, disk) / found.length;
  const recall = countNear(truth, found, width, height, disk) / truth.length;
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
}

/** Mean, recall and decay of one measure over the frames of an object. */
export interface DavisStatistics {
  readonly mean: number;
  /** fraction of frames above 0.5 */
  readonly recall: number;
  /** mean of the first quarter of the frames less that of the last: how much is lost over time */
  readonly decay: number;
}

/** @see davis2017-evaluation, davis2017/utils.py, db_statistics (its frame numbers wrap at 256; ours do not) */
export function davisStatistics(perFrame: readonly number[]): DavisStatistics {
  const n = perFrame.length;
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const edge = (k: number) => Math.round(1 + (k * (n - 1)) / 4 + 1e-10) - 1;
  return {
    mean: mean(perFrame),
    recall: perFrame.filter(v => v > 0.5).length / n,
    decay: mean(perFrame.slice(edge(0), edge(1) + 1)) - mean(perFrame.slice(edge(3), edge(4) + 1)),
  };
}
