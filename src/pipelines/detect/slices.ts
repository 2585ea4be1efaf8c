import {
  boxArea,
  boxIntersection,
  concatDetections,
  type Detections,
  type RgbImage,
  selectDetections,
} from '../../core/index.ts';
import { cropImage } from '../../image/index.ts';
import { mergeSlices, postprocess, type Slice, sliceGrid } from '../../postprocess/index.ts';
import type { ResolvedOptions } from './options.ts';

/** Rectangles of a picture that pass through the network: the picture itself, or its slices and then itself. */
export function viewsOf(image: RgbImage, slice: ResolvedOptions['slice']): Slice[] {
  const [height, width] = image.shape;
  const whole: Slice = [0, 0, width, height];
  if (slice === undefined) return [whole];
  const slices = sliceGrid(width, height, slice.size, slice.overlap);
  if (slices.length === 1) return [whole];
  return slice.full ? [...slices, whole] : slices;
}

/** The pixels of a view; the whole picture is not copied. */
export function viewPixels(image: RgbImage, [x1, y1, x2, y2]: Slice): RgbImage {
  const [height, width] = image.shape;
  return x2 - x1 === width && y2 - y1 === height ? image : cropImage(image, x1, y1, x2 - x1, y2 - y1);
}

/** A box this close to a slice's inner edge counts as cut by it; share of the slice's side. */
const EDGE = 0.02;
/** A cut box yields to an uncut one that covers this share of it ... */
const COVERED = 0.8;
/** ... and is at least this sure, relative to it. */
const AS_SURE = 0.5;

/**
 * One list from the detections of a picture's views. Where an object is larger than a slice, slices see parts of it and
 * can be surer of a part than the whole picture is of the object; so a box cut by its slice's edge first yields to an
 * uncut box of its class around it, and only then boxes are merged by score.
 *
 * @param found per view, boxes in pixels of the view
 */
export function joinViews(
  found: readonly Detections[],
  views: readonly Slice[],
  image: RgbImage,
  options: ResolvedOptions,
): Detections {
  if (views.length === 1 || options.slice === undefined) return found[0];
  const cut = found.flatMap((list, v) => cutBoxes(list, views[v], image));
  const all = concatDetections(found.map((list, v) => ({ ...list, boxes: shifted(list.boxes, views[v]) })));
  const { merge: kind, metric, threshold } = options.slice;
  const { agnostic, score, max, iou } = options;
  const merged = mergeSlices(yieldCut(all, cut, agnostic), { kind, metric, threshold, agnostic });
  return postprocess(merged, { kind: 'none', iou, score, max });
}

function shifted(boxes: Float32Array, [dx, dy]: Slice): Float32Array {
  return boxes.map((v, i) => v + (i % 2 === 0 ? dx : dy));
}

/** Which boxes end at an edge of their view that is not an edge of the picture. */
function cutBoxes({ boxes, length }: Detections, [x1, y1, x2, y2]: Slice, image: RgbImage): boolean[] {
  const [imageHeight, imageWidth] = image.shape;
  const [nearX, nearY] = [EDGE * (x2 - x1), EDGE * (y2 - y1)];
  return Array.from({ length }, (_, i) => {
    const [left, top, right, bottom] = boxes.subarray(4 * i, 4 * i + 4);
    return (
      (x1 > 0 && left <= nearX) ||
      (y1 > 0 && top <= nearY) ||
      (x2 < imageWidth && right >= x2 - x1 - nearX) ||
      (y2 < imageHeight && bottom >= y2 - y1 - nearY)
    );
  });
}

function yieldCut(all: Detections, cut: readonly boolean[], agnostic: boolean): Detections {
  const whole: number[] = [];
  cut.forEach((isCut, i) => {
    if (!isCut) whole.push(i);
  });
  const yields = (i: number) =>
    whole.some(
      w =>
        (agnostic || all.classes[w] === all.classes[i]) &&
        all.scores[w] >= AS_SURE * all.scores[i] &&
        boxIntersection(all.boxes, w, all.boxes, i) >= COVERED * boxArea(all.boxes, i),
    );
  const kept: number[] = [];
  for (let i = 0; i < all.length; i++) if (!cut[i] || !yields(i)) kept.push(i);
  return selectDetections(all, kept);
}
