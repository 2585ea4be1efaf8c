import { type Detections, detections, fail } from '../core/index.ts';
import { checkCount, checkFinite, checkRange } from './check.ts';
import { topK } from './order.ts';

/** The grids of an anchor-free head: one cell per stride step of the model's input, one grid per stride. */
export interface AnchorLevels {
  /** pixels of the model's input per cell, one per level, in the order the head concatenates them */
  readonly strides: readonly number[];
  /** of the model's input, pixels */
  readonly height: number;
  readonly width: number;
}

export interface DecodeOptions {
  /** candidates have at least this score, 0..1 */
  readonly score: number;
  /** at most this many candidates, the best; default all */
  readonly max?: number;
  /** true: every class above `score` of an anchor is a candidate; false: its best class only; default true */
  readonly multiLabel?: boolean;
  /** scores are logits: the sigmoid is applied, to the candidates only; default false */
  readonly logits?: boolean;
  /** what one unit of `ltrb` is: a pixel of the model's input, or the level's stride; default pixel */
  readonly unit?: 'pixel' | 'stride';
}

/**
 * Number of anchors of the levels: a grid has `ceil(side / stride)` cells along each side.
 * @throws {DenseError} BAD_INPUT when a size or stride is not a positive number
 */
export function anchorCount(levels: AnchorLevels): number {
  let n = 0;
  for (const stride of levels.strides) {
    const [rows, columns] = gridOf(levels, stride);
    n += rows * columns;
  }
  return n;
}

function gridOf(levels: AnchorLevels, stride: number): [rows: number, columns: number] {
  checkRange('stride', stride, Number.MIN_VALUE, Number.MAX_VALUE);
  checkCount('height', levels.height, 1);
  checkCount('width', levels.width, 1);
  return [Math.ceil(levels.height / stride), Math.ceil(levels.width / stride)];
}

/**
 * Candidates of an anchor-free head (FCOS, GFL, YOLO style). Anchor (row y, column x) of a level with stride s is the
 * cell centre `((x + 0.5) s, (y + 0.5) s)`; levels are concatenated in the order of `strides`, cells row by row; a box
 * is its centre minus left and top, plus right and bottom.
 *
 * @param scores `[anchors, classes]`, 0..1, or logits when `options.logits`
 * @param ltrb   `[anchors, 4]` distances to the left, top, right and bottom edge
 * @returns candidates in pixels of the model's input, not clipped, best score first; equal scores keep the order of
 *          (anchor, class)
 * @throws {DenseError} BAD_INPUT when the arrays do not fit the levels, a candidate is not finite or an option is out of range
 * @see Tian et al. 2019, FCOS, arXiv 1904.01355, section 3.1; golden: test/golden/postprocess/decode.json
 */
export function decodeAnchors(
  scores: Float32Array,
  ltrb: Float32Array,
  levels: AnchorLevels,
  options: DecodeOptions,
): Detections {
  const { score, max = Number.POSITIVE_INFINITY, multiLabel = true, logits = false } = options;
  checkRange('score', score, 0, 1);
  checkCount('max', max, 0);
  const anchors = anchorCount(levels);
  const classCount = scores.length / anchors;
  if (ltrb.length !== 4 * anchors || !Number.isInteger(classCount) || classCount < 1)
    fail(
      'BAD_INPUT',
      `got ${scores.length} scores and ${ltrb.length} distances for ${anchors} anchors`,
      `strides ${levels.strides.join(', ')} over ${levels.width}x${levels.height} make ${anchors} anchors, each with one score per class and 4 distances`,
      'check the strides and the size of the model input (not of the picture)',
    );

  // The threshold moves into logit space, so that the scan over anchors x classes is one comparison per number.
  const limit = logits ? Math.log(score / (1 - score)) : score;
  const found = multiLabel ? scanAll(scores, limit) : scanBest(scores, classCount, limit);
  const values = new Float32Array(found.length);
  for (let k = 0; k < found.length; k++) {
    const value = scores[found[k]];
    values[k] = logits ? 1 / (1 + Math.exp(-value)) : value;
    if (!Number.isFinite(value)) checkFinite('scores', scores, found[k]);
  }
  const best = topK(values, max);
  const boxes = new Float32Array(4 * best.length);
  const classes = new Int32Array(best.length);
  const kept = new Float32Array(best.length);
  const centres = cellAnchors(levels);
  for (let k = 0; k < best.length; k++) {
    const at = found[best[k]];
    const anchor = Math.floor(at / classCount);
    kept[k] = values[best[k]];
    classes[k] = at - anchor * classCount;
    const [x, y, stride] = centres.subarray(3 * anchor, 3 * anchor + 3);
    const unit = options.unit === 'stride' ? stride : 1;
    const d = 4 * anchor;
    boxes[4 * k] = x - ltrb[d] * unit;
    boxes[4 * k + 1] = y - ltrb[d + 1] * unit;
    boxes[4 * k + 2] = x + ltrb[d + 2] * unit;
    boxes[4 * k + 3] = y + ltrb[d + 3] * unit;
  }
  checkFinite('decoded boxes', boxes);
  return detections(boxes, kept, classes);
}

/** Positions of all scores of at least `limit`, and of NaN: the caller reports those. */
function scanAll(scores: Float32Array, limit: number): Int32Array {
  let count = 0;
  for (let i = 0; i < scores.length; i++) if (!(scores[i] < limit)) count++;
  const found = new Int32Array(count);
  for (let i = 0, at = 0; at < count; i++) if (!(scores[i] < limit)) found[at++] = i;
  return found;
}

/** Position of each anchor's best class (the first of equals) where it is at least `limit`. */
function scanBest(scores: Float32Array, classCount: number, limit: number): Int32Array {
  const found = new Int32Array(scores.length / classCount);
  let count = 0;
  for (let start = 0; start < scores.length; start += classCount) {
    let best = start;
    // NaN wins and stays: the caller reports it.
    for (let i = start + 1; i < start + classCount; i++)
      if (scores[i] > scores[best] || Number.isNaN(scores[i])) best = i;
    if (!(scores[best] < limit)) found[count++] = best;
  }
  return found.subarray(0, count);
}

/**
 * Where the anchors of all levels sit, in their order.
 * @param cell share of its stride by which an anchor sits inside its cell, to the right and down
 * @returns `[anchors, 3]`: x, y, stride; pixels of the model's input
 */
export function cellAnchors(levels: AnchorLevels, cell = 0.5): Float64Array {
  const centres = new Float64Array(3 * anchorCount(levels));
  let at = 0;
  for (const stride of levels.strides) {
    const [rows, columns] = gridOf(levels, stride);
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++) {
        centres[at++] = (x + cell) * stride;
        centres[at++] = (y + cell) * stride;
        centres[at++] = stride;
      }
  }
  return centres;
}
