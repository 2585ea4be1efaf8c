import { fail } from '../core/index.ts';
import { checkCount } from './check.ts';

/** A part of a picture, whole pixels, `[x1, y1, x2, y2]`, x2 and y2 exclusive. */
export type Slice = readonly [x1: number, y1: number, x2: number, y2: number];

/**
 * Overlapping slices that cover a picture, row by row. Slices at the right and bottom edge are moved inwards, so all
 * have the full size where the picture allows; a picture smaller than the slice is one slice.
 *
 * @param width   of the picture, pixels
 * @param height  of the picture, pixels
 * @param slice   side of the slices, or `{width, height}`, pixels
 * @param overlap share of a slice that neighbours share, from 0 up to but not including 1; default 0.2
 * @throws {DenseError} BAD_INPUT when a size is not a positive whole number or `overlap` is out of range
 * @see sahi.slicing.get_slice_bboxes (sahi 0.12.8); golden: test/golden/postprocess/slices.json
 */
export function sliceGrid(
  width: number,
  height: number,
  slice: number | { readonly width: number; readonly height: number },
  overlap = 0.2,
): Slice[] {
  const size = typeof slice === 'number' ? { width: slice, height: slice } : slice;
  for (const [name, value] of [
    ['width', width],
    ['height', height],
    ['slice width', size.width],
    ['slice height', size.height],
  ] as const)
    checkCount(name, Number.isFinite(value) ? value : Number.NaN, 1);
  if (!(overlap >= 0 && overlap < 1))
    fail('BAD_INPUT', `overlap is ${overlap}`, 'slices must advance', 'pass a share from 0 up to but not including 1');
  const columns = spans(width, size.width, overlap);
  return spans(height, size.height, overlap).flatMap(([y1, y2]) =>
    columns.map(([x1, x2]) => [x1, y1, x2, y2] as const),
  );
}

/** First and last (exclusive) pixel of each slice along one axis. */
function spans(length: number, slice: number, overlap: number): [number, number][] {
  const step = slice - Math.trunc(overlap * slice);
  const found: [number, number][] = [];
  for (let start = 0; ; start += step) {
    const end = start + slice;
    if (end >= length) {
      found.push([Math.max(0, length - slice), length]);
      return found;
    }
    found.push([start, end]);
  }
}
