import { fail, type Tensor, tensor } from '../core/index.ts';
import { checkCount, checkFinite, checkRange } from './check.ts';

/**
 * Pastes a box-shaped mask (a mask head's 28x28) into the picture: bilinear, sample points at pixel centres, zero
 * outside the mask, as detectron2's paste_masks_in_image does.
 *
 * @param mask      `[side, side]` probabilities 0..1 (apply the sigmoid to logits first)
 * @param box       where the mask belongs, xyxy, pixels of the picture; may reach beyond it
 * @param height    of the picture, pixels
 * @param width     of the picture, pixels
 * @param threshold a pixel belongs to the object from this probability on, 0..1; default 0.5
 * @returns 1 where the object is, 0 elsewhere; all 0 for a box without area
 * @throws {DenseError} BAD_INPUT when the mask is not square, a number is not finite or an argument is out of range
 * @see He et al. 2017, Mask R-CNN, arXiv 1703.06870; detectron2 layers/mask_ops.py; golden: test/golden/postprocess/masks.json
 */
export function pasteMask(
  mask: Float32Array,
  box: readonly [x1: number, y1: number, x2: number, y2: number],
  height: number,
  width: number,
  threshold = 0.5,
): Tensor<readonly ['height', 'width'], Uint8Array> {
  checkCount('height', height, 1);
  checkCount('width', width, 1);
  checkRange('threshold', threshold, Number.MIN_VALUE, 1);
  checkFinite('box', Float32Array.from(box));
  checkFinite('mask', mask);
  const side = Math.sqrt(mask.length);
  if (!Number.isInteger(side) || side < 1)
    fail('BAD_INPUT', `mask has ${mask.length} numbers`, 'a mask is square', 'pass [side, side] probabilities');

  const pasted = new Uint8Array(height * width);
  const [x1, y1, x2, y2] = box;
  if (x2 > x1 && y2 > y1) {
    const columns = samples(x1, x2, width, side);
    const rows = samples(y1, y2, height, side);
    for (let y = rows.first; y < rows.last; y++)
      for (let x = columns.first; x < columns.last; x++)
        if (bilinear(mask, side, columns.at(x), rows.at(y)) >= threshold) pasted[y * width + x] = 1;
  }
  return tensor(['height', 'width'] as const, [height, width], pasted);
}

/** Pixels of one axis that can meet the mask, and where each falls in it (0 is the first mask cell's centre). */
function samples(low: number, high: number, length: number, side: number) {
  const scale = side / (high - low);
  return {
    // Half a mask cell beyond the box still blends with the zeros outside.
    first: Math.max(0, Math.floor(low - 0.5 / scale) - 1),
    last: Math.min(length, Math.ceil(high + 0.5 / scale) + 1),
    at: (pixel: number) => (pixel + 0.5 - low) * scale - 0.5,
  };
}

function bilinear(mask: Float32Array, side: number, x: number, y: number): number {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const fx = x - left;
  const fy = y - top;
  const value = (row: number, column: number) =>
    row >= 0 && row < side && column >= 0 && column < side ? mask[row * side + column] : 0;
  return (
    (1 - fy) * ((1 - fx) * value(top, left) + fx * value(top, left + 1)) +
    fy * ((1 - fx) * value(top + 1, left) + fx * value(top + 1, left + 1))
  );
}
