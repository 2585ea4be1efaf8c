import { fail } from '../core/index.ts';
import { checkCount, checkRange } from './check.ts';

/**
 * Expected value of discrete distance distributions (GFL's distribution focal loss head): softmax over the bins, then
 * the mean of the bin numbers 0, 1, ..., bins - 1.
 *
 * @param logits `[..., bins]`, e.g. `[anchors, 4, bins]`
 * @param bins   numbers per distance, at least 2 (GFL's reg_max + 1)
 * @returns `[...]` distances in bins; for ltrb in pixels multiply by the level's stride (decodeAnchors: `unit: 'stride'`)
 * @throws {DenseError} BAD_INPUT when `logits` is not a whole number of distributions
 * @see Li et al. 2020, Generalized Focal Loss, arXiv 2006.04388, eq. 5
 */
export function decodeDfl(logits: Float32Array, bins: number): Float32Array {
  checkCount('bins', bins, 2);
  if (logits.length % bins !== 0)
    fail(
      'BAD_INPUT',
      `logits has ${logits.length} numbers for ${bins} bins`,
      'every distance is one distribution over all bins',
      'pass [..., bins], last axis fastest',
    );
  const distances = new Float32Array(logits.length / bins);
  for (let d = 0; d < distances.length; d++) {
    const start = d * bins;
    let most = logits[start];
    for (let i = 1; i < bins; i++) most = Math.max(most, logits[start + i]);
    let sum = 0;
    let weighted = 0;
    for (let i = 0; i < bins; i++) {
      const p = Math.exp(logits[start + i] - most);
      sum += p;
      weighted += i * p;
    }
    distances[d] = weighted / sum;
  }
  return distances;
}

/** Limit of the log size change, as in Faster R-CNN's code: exp of it is 62.5. */
export const DELTA_CLAMP = Math.log(1000 / 16);

/**
 * Boxes from R-CNN deltas (dx, dy, dw, dh): the centre moves by a share of the size, the size is scaled by exp.
 *
 * @param deltas  `[n, k, 4]`, k boxes (one per class, or 1) for each reference
 * @param boxes   `[n, 4]` reference boxes xyxy: proposals or anchors, pixels
 * @param weights divisors of dx, dy, dw, dh; default 10, 10, 5, 5 (box head); region proposals use 1, 1, 1, 1
 * @param clamp   highest dw and dh after division; default log(1000 / 16)
 * @returns `[n, k, 4]` xyxy, pixels, not clipped
 * @throws {DenseError} BAD_INPUT when lengths disagree
 * @see Girshick et al. 2014, R-CNN, appendix C; torchvision BoxCoder; golden: test/golden/postprocess/decode.json
 */
export function decodeDeltas(
  deltas: Float32Array,
  boxes: Float32Array,
  weights: readonly [number, number, number, number] = [10, 10, 5, 5],
  clamp: number = DELTA_CLAMP,
): Float32Array {
  const n = boxes.length / 4;
  const perBox = n ? deltas.length / n : 0;
  if (!Number.isInteger(n) || perBox % 4 !== 0 || (n === 0 && deltas.length > 0))
    fail(
      'BAD_INPUT',
      `deltas has ${deltas.length} numbers for ${n} boxes`,
      'every reference box has 4 deltas per class',
      'pass deltas [n, k, 4] and boxes [n, 4]',
    );
  weights.forEach((w, i) => {
    checkRange(`weights[${i}]`, w, Number.MIN_VALUE, Number.MAX_VALUE);
  });
  const [wx, wy, ww, wh] = weights;
  const decoded = new Float32Array(deltas.length);
  for (let i = 0; i < n; i++) {
    const [x1, y1, x2, y2] = boxes.subarray(4 * i, 4 * i + 4);
    const width = x2 - x1;
    const height = y2 - y1;
    for (let o = i * perBox; o < (i + 1) * perBox; o += 4) {
      const cx = x1 + width / 2 + (deltas[o] / wx) * width;
      const cy = y1 + height / 2 + (deltas[o + 1] / wy) * height;
      const w = Math.exp(Math.min(deltas[o + 2] / ww, clamp)) * width;
      const h = Math.exp(Math.min(deltas[o + 3] / wh, clamp)) * height;
      decoded[o] = cx - w / 2;
      decoded[o + 1] = cy - h / 2;
      decoded[o + 2] = cx + w / 2;
      decoded[o + 3] = cy + h / 2;
    }
  }
  return decoded;
}

/**
 * Boxes of DETR-style heads: centre and size as shares of the picture, to xyxy pixels.
 *
 * @param boxes  `[n, 4]` centre x, centre y, width, height, each 0..1
 * @param width  of the frame the boxes are wanted in, pixels; without padding that is the picture itself
 * @param height of the same frame, pixels
 * @returns `[n, 4]` xyxy, pixels, not clipped
 * @throws {DenseError} BAD_INPUT when `boxes` is not `[n, 4]` or a size is not positive
 * @see Carion et al. 2020, DETR, arXiv 2005.12872, section 3.1
 */
export function decodeCenterSize(boxes: Float32Array, width: number, height: number): Float32Array {
  checkRange('width', width, Number.MIN_VALUE, Number.MAX_VALUE);
  checkRange('height', height, Number.MIN_VALUE, Number.MAX_VALUE);
  if (boxes.length % 4 !== 0)
    fail('BAD_INPUT', `boxes has ${boxes.length} numbers`, 'boxes is [n, 4]', 'pass four numbers per box');
  const decoded = new Float32Array(boxes.length);
  for (let o = 0; o < boxes.length; o += 4) {
    decoded[o] = (boxes[o] - boxes[o + 2] / 2) * width;
    decoded[o + 1] = (boxes[o + 1] - boxes[o + 3] / 2) * height;
    decoded[o + 2] = (boxes[o] + boxes[o + 2] / 2) * width;
    decoded[o + 3] = (boxes[o + 1] + boxes[o + 3] / 2) * height;
  }
  return decoded;
}
