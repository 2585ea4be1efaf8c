import { fail } from '../../core/index.ts';
import type { Rle } from './types.ts';

/** Number of pixels set. */
export function rleArea({ counts }: Rle): number {
  let area = 0;
  for (let k = 1; k < counts.length; k += 2) area += counts[k]!;
  return area;
}

/**
 * Smallest box around the pixels set.
 *
 * @returns [x, y, width, height] in pixels; all 0 for a mask of one run, and for an empty mask spelled with runs of
 *   length 0 what pycocotools gives
 * @see rleToBbox in COCO's maskApi.c
 */
export function rleToBbox(rle: Rle): [number, number, number, number] {
  const box = new Float64Array(4);
  bboxOfRuns(rle.counts, 0, rle.counts.length, rle.height, rle.width, box, 0);
  return [box[0]!, box[1]!, box[2]!, box[3]!];
}

/** {@link rleToBbox} over `counts[start..end]`, written as x, y, w, h to `out` from `at` on. */
export function bboxOfRuns(
  counts: Uint32Array,
  start: number,
  end: number,
  height: number,
  width: number,
  out: Float64Array,
  at: number,
): void {
  const m = (end - start) & ~1;
  if (m === 0) {
    out[at] = out[at + 1] = out[at + 2] = out[at + 3] = 0;
    return;
  }
  let xMin = width;
  let yMin = height;
  let xMax = 0;
  let yMax = 0;
  let position = 0;
  for (let k = start; k < start + m; k += 2) {
    const first = position + counts[k]!;
    const run = counts[k + 1]!;
    position = first + run;
    if (run === 0) continue;
    const last = position - 1;
    const x1 = Math.floor(first / height);
    const x2 = Math.floor(last / height);
    if (x1 < xMin) xMin = x1;
    if (x2 > xMax) xMax = x2;
    if (x1 < x2) {
      yMin = 0;
      yMax = height - 1;
    } else {
      yMin = Math.min(yMin, first - x1 * height);
      yMax = Math.max(yMax, last - x2 * height);
    }
  }
  out[at] = xMin;
  out[at + 1] = yMin;
  out[at + 2] = (xMax - xMin + 1) >>> 0; // unsigned, as in C: an empty mask of two runs wraps around there too
  out[at + 3] = (yMax - yMin + 1) >>> 0;
}

/**
 * Union (or intersection) of masks of one size.
 *
 * @returns the merged mask; for masks whose sizes differ an empty one of size 0x0, as pycocotools gives
 * @see rleMerge in COCO's maskApi.c
 */
export function rleMerge(masks: readonly Rle[], intersect = false): Rle {
  const first = masks[0];
  if (first === undefined) return { height: 0, width: 0, counts: new Uint32Array(0) };
  let counts = first.counts;
  for (const mask of masks.slice(1)) {
    if (mask.height !== first.height || mask.width !== first.width)
      return { height: 0, width: 0, counts: new Uint32Array(0) };
    counts = mergeTwo(counts, mask.counts, intersect);
  }
  return { height: first.height, width: first.width, counts: counts === first.counts ? counts.slice() : counts };
}

function mergeTwo(a: Uint32Array, b: Uint32Array, intersect: boolean): Uint32Array {
  const out = new Uint32Array(a.length + b.length + 1);
  let n = 0;
  let leftA = a[0] ?? 0;
  let leftB = b[0] ?? 0;
  let ia = 1;
  let ib = 1;
  let inA = false;
  let inB = false;
  let inside = false;
  let run = 0;
  for (let left = 1; left > 0; ) {
    const step = Math.min(leftA, leftB);
    run += step;
    leftA -= step;
    if (leftA === 0 && ia < a.length) {
      leftA = a[ia++]!;
      inA = !inA;
    }
    leftB -= step;
    if (leftB === 0 && ib < b.length) {
      leftB = b[ib++]!;
      inB = !inB;
    }
    left = leftA + leftB;
    if (left > 0 && step === 0 && (leftA === 0 ? ia >= a.length : leftB === 0 && ib >= b.length)) unequalTotals();
    const now = intersect ? inA && inB : inA || inB;
    if (now !== inside || left === 0) {
      out[n++] = run;
      run = 0;
    }
    inside = now;
  }
  return out.slice(0, n);
}

function unequalTotals(): never {
  fail(
    'BAD_INPUT',
    'two masks of one size have run lengths with different sums',
    'the runs of a mask must add up to height times width',
    'write the masks again with their true sizes',
  );
}

/**
 * IoU of every detection with every ground truth.
 *
 * @param crowd per ground truth: 1 divides by the detection's own area instead of the union's
 * @returns `[detections, groundTruths]` row-major, 0..1; -1 where the sizes of two overlapping masks differ
 * @see rleIou in COCO's maskApi.c
 */
export function rleIou(
  detections: readonly Rle[],
  groundTruths: readonly Rle[],
  crowd: ArrayLike<number>,
): Float64Array {
  const n = groundTruths.length;
  const out = new Float64Array(detections.length * n);
  const boxesD = boxesOf(detections);
  const boxesG = boxesOf(groundTruths);
  for (let d = 0; d < detections.length; d++)
    for (let g = 0; g < n; g++) {
      const D = detections[d]!;
      const G = groundTruths[g]!;
      if (bboxIou(boxesD, 4 * d, boxesG, 4 * g, false) === 0) continue;
      if (D.height !== G.height || D.width !== G.width) out[d * n + g] = -1;
      else {
        const shared = intersectionOfRuns(D.counts, 0, D.counts.length, G.counts, 0, G.counts.length);
        const area = rleArea(D);
        if (shared > 0) out[d * n + g] = shared / (crowd[g] ? area : area + rleArea(G) - shared);
      }
    }
  return out;
}

function boxesOf(masks: readonly Rle[]): Float64Array {
  const boxes = new Float64Array(4 * masks.length);
  masks.forEach(({ counts, height, width }, i) => {
    bboxOfRuns(counts, 0, counts.length, height, width, boxes, 4 * i);
  });
  return boxes;
}

/** Pixels two masks share, over runs `a[startA..endA]` and `b[startB..endB]` of equal totals. */
export function intersectionOfRuns(
  a: Uint32Array,
  startA: number,
  endA: number,
  b: Uint32Array,
  startB: number,
  endB: number,
): number {
  let shared = 0;
  let ia = startA + 1;
  let ib = startB + 1;
  if (ia >= endA || ib >= endB) return 0;
  let fromA = a[startA]!;
  let toA = fromA + a[ia]!;
  let fromB = b[startB]!;
  let toB = fromB + b[ib]!;
  for (;;) {
    if (toA <= toB) {
      const from = Math.max(fromA, fromB);
      if (toA > from) shared += toA - from;
      ia += 2;
      if (ia >= endA) return shared;
      fromA = toA + a[ia - 1]!;
      toA = fromA + a[ia]!;
    } else {
      const from = Math.max(fromA, fromB);
      if (toB > from) shared += toB - from;
      ib += 2;
      if (ib >= endB) return shared;
      fromB = toB + b[ib - 1]!;
      toB = fromB + b[ib]!;
    }
  }
}

/**
 * IoU of two boxes [x, y, w, h] at `a[i..]` and `b[j..]`, in the exact order of operations of COCO's bbIou.
 *
 * @param crowd divide by the area of `a` instead of the union
 */
export function bboxIou(a: Float64Array, i: number, b: Float64Array, j: number, crowd: boolean): number {
  const w = Math.min(a[i + 2]! + a[i]!, b[j + 2]! + b[j]!) - Math.max(a[i]!, b[j]!);
  if (w <= 0) return 0;
  const h = Math.min(a[i + 3]! + a[i + 1]!, b[j + 3]! + b[j + 1]!) - Math.max(a[i + 1]!, b[j + 1]!);
  if (h <= 0) return 0;
  const shared = w * h;
  const areaA = a[i + 2]! * a[i + 3]!;
  return shared / (crowd ? areaA : areaA + b[j + 2]! * b[j + 3]! - shared);
}
