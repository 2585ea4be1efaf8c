import { fail } from '../../core/index.ts';
import { fromCocoRle } from './codec.ts';
import { rleMerge } from './ops.ts';
import type { CocoSegmentation, Rle } from './types.ts';

/** COCO draws outlines on a grid five times finer than the pixels. */
const SCALE = 5;
/** A crossing between fine columns 5k+2 and 5k+3 is the centre line of pixel column k. */
const CENTRE = 2;

let crossings = new Uint32Array(1024);

/**
 * Mask of one polygon, bit for bit as COCO draws it: the outline is walked on a five times finer grid, and each pixel
 * column is filled between the places where the outline crosses its centre line (even-odd).
 *
 * @param xy `x1, y1, x2, y2, ...` in pixels; may leave the picture
 * @param start first and `end` last (excluded) index of the polygon in `xy`
 * @throws {DenseError} BAD_INPUT when the polygon has no points
 * @see rleFrPoly in COCO's maskApi.c
 */
export function rleFromPolygon(xy: ArrayLike<number>, height: number, width: number, start = 0, end = xy.length): Rle {
  const points = (end - start) >> 1;
  if (points === 0)
    fail('BAD_INPUT', 'a polygon has no points', 'its mask is undefined', 'leave the polygon out or give its points');
  let n = 0;
  const last = start + 2 * (points - 1);
  const firstX = fine(xy[start]!);
  const firstY = fine(xy[start + 1]!);
  let x0 = firstX;
  let y0 = firstY;
  let previousU = firstX; // the walk starts here, so the first step crosses nothing
  let previousV = firstY;
  for (let i = start; i <= last; i += 2) {
    const x1 = i === last ? firstX : fine(xy[i + 2]!);
    const y1 = i === last ? firstY : fine(xy[i + 3]!);
    const dx = Math.abs(x1 - x0);
    const dy = Math.abs(y1 - y0);
    if (n + dx + 2 > crossings.length) grow(n + dx + 2);
    const flip = (dx >= dy && x0 > x1) || (dx < dy && y0 > y1);
    const xs = flip ? x1 : x0;
    const ys = flip ? y1 : y0;
    const xe = flip ? x0 : x1;
    const ye = flip ? y0 : y1;
    const steps = Math.max(dx, dy);
    const wide = dx >= dy;
    const slope = wide ? (ye - ys) / dx : (xe - xs) / dy; // NaN for a repeated point, whose single step crosses nothing
    for (let d = 0; d <= steps; d++) {
      const t = flip ? steps - d : d;
      const u = wide ? t + xs : Math.trunc(xs + slope * t + 0.5);
      const v = wide ? Math.trunc(ys + slope * t + 0.5) : t + ys;
      if (u !== previousU) {
        const left = u < previousU ? u : u - 1;
        if (left >= CENTRE && left % SCALE === CENTRE) {
          const x = (left - CENTRE) / SCALE;
          if (x <= width - 1) {
            const y = (Math.min(v, previousV) + 0.5) / SCALE - 0.5;
            crossings[n++] = x * height + (y < 0 ? 0 : Math.ceil(Math.min(y, height)));
          }
        }
      }
      previousU = u;
      previousV = v;
    }
    x0 = x1;
    y0 = y1;
  }
  return { height, width, counts: runsFromCrossings(n, height * width) };
}

/** Sorted crossing positions to run lengths; runs of length zero join their neighbours. */
function runsFromCrossings(n: number, total: number): Uint32Array {
  crossings[n++] = total;
  const sorted = sortAscending(crossings, n);
  const counts = new Uint32Array(n);
  let m = 0;
  let previous = 0;
  for (let j = 0; j < n; j++) {
    const gap = sorted[j]! - previous;
    previous = sorted[j]!;
    if (gap > 0 || j === 0) counts[m++] = gap;
    else if (++j < n) {
      counts[m - 1]! += sorted[j]! - previous;
      previous = sorted[j]!;
    }
  }
  return counts.slice(0, m);
}

/** Outlines walk back and forth through sorted stretches; short lists sort fastest by insertion. */
function sortAscending(values: Uint32Array, n: number): Uint32Array {
  const view = values.subarray(0, n);
  if (n > 64) return view.sort();
  for (let i = 1; i < n; i++) {
    const value = view[i]!;
    let j = i - 1;
    for (; j >= 0 && view[j]! > value; j--) view[j + 1] = view[j]!;
    view[j + 1] = value;
  }
  return view;
}

/** To the fine grid; C's conversion to int truncates towards zero. */
function fine(coordinate: number): number {
  return Math.trunc(SCALE * coordinate + 0.5);
}

function grow(need: number): void {
  const larger = new Uint32Array(Math.max(need + 1, 2 * crossings.length));
  larger.set(crossings);
  crossings = larger;
}

/**
 * Mask of a box.
 * @param box [x, y, width, height] in pixels
 * @see rleFrBbox in COCO's maskApi.c
 */
export function rleFromBox(box: ArrayLike<number>, height: number, width: number): Rle {
  const x1 = box[0]!;
  const y1 = box[1]!;
  const x2 = x1 + box[2]!;
  const y2 = y1 + box[3]!;
  return rleFromPolygon([x1, y1, x1, y2, x2, y2, x2, y1], height, width);
}

/**
 * Mask of whatever a COCO file holds under `segmentation`; several polygons are united.
 *
 * @param height and `width` of the picture; run lengths bring their own size
 * @throws {DenseError} BAD_INPUT for an empty list of polygons or a polygon of fewer than 3 points
 * @see COCO.annToRLE of pycocotools
 */
export function rleFromSegmentation(segmentation: CocoSegmentation, height: number, width: number): Rle {
  if (!Array.isArray(segmentation)) return fromCocoRle(segmentation as Exclude<CocoSegmentation, readonly unknown[]>);
  const polygons = segmentation as readonly (readonly number[])[];
  if (polygons.length === 0 || polygons[0]!.length < 6)
    fail(
      'BAD_INPUT',
      polygons.length === 0 ? 'the segmentation is an empty list' : `a polygon has ${polygons[0]!.length} numbers`,
      'a polygon needs at least 3 points, that is 6 numbers',
      'give polygons as [x1, y1, x2, y2, x3, y3, ...]',
    );
  return rleMerge(polygons.map(polygon => rleFromPolygon(polygon, height, width)));
}
