import { withRoom } from '../json/columns.ts';
import { bboxIou, bboxOfRuns, intersectionOfRuns } from '../rle/ops.ts';
import { RUNS, type Segments } from './segments.ts';
import type { CocoImages, CocoObjects, IouType } from './types.ts';

/**
 * IoU of a few results with a few ground truths of one image.
 * Writes `out[d * groundTruths + g]`; values below `floor` may be written as 0.
 */
export type Overlap = (
  detections: Int32Array,
  d0: number,
  d1: number,
  truths: Int32Array,
  g0: number,
  g1: number,
  out: Float64Array,
) => void;

/**
 * Makes the IoU function of an evaluation.
 * @param crowd per ground truth: divide by the result's own area
 * @param floor the smallest IoU anyone will ask about
 */
export function makeOverlap(
  iouType: IouType,
  results: CocoObjects,
  truth: CocoObjects,
  images: CocoImages,
  crowd: Uint8Array,
  floor: number,
): Overlap {
  if (iouType === 'bbox')
    return (detections, d0, d1, truths, g0, g1, out) => {
      let at = 0;
      for (let d = d0; d < d1; d++)
        for (let g = g0; g < g1; g++)
          out[at++] = bboxIou(results.box, 4 * detections[d]!, truth.box, 4 * truths[g]!, crowd[truths[g]!] === 1);
    };
  return maskOverlap(new MaskShelf(results, images), new MaskShelf(truth, images), crowd, floor);
}

/** Unpacked masks of one kind of object for one image: runs side by side in one array, with area, box and size. */
class MaskShelf {
  runs: Uint32Array = new Uint32Array(1 << 16);
  starts: Int32Array = new Int32Array(64);
  areas: Float64Array = new Float64Array(64);
  boxes: Float64Array = new Float64Array(256);
  heights: Int32Array = new Int32Array(64);
  widths: Int32Array = new Int32Array(64);
  private readonly objects: CocoObjects;
  private readonly segments: Segments;
  private readonly images: CocoImages;

  constructor(objects: CocoObjects, images: CocoImages) {
    this.objects = objects;
    this.segments = objects.segments!;
    this.images = images;
  }

  fill(items: Int32Array, from: number, to: number): void {
    const n = to - from;
    this.starts = withRoom(this.starts, n + 1);
    this.areas = withRoom(this.areas, n);
    this.boxes = withRoom(this.boxes, 4 * n);
    this.heights = withRoom(this.heights, n);
    this.widths = withRoom(this.widths, n);
    let at = 0;
    for (let i = 0; i < n; i++) {
      const item = items[from + i]!;
      const image = this.objects.image[item]!;
      const [height, width] = this.segments.sizeOf(item, this.images.heights[image]!, this.images.widths[image]!);
      this.starts[i] = at;
      const end = this.unpack(item, at, height, width);
      let area = 0;
      for (let k = at + 1; k < end; k += 2) area += this.runs[k]!;
      this.areas[i] = area;
      bboxOfRuns(this.runs, at, end, height, width, this.boxes, 4 * i);
      this.heights[i] = height;
      this.widths[i] = width;
      at = end;
    }
    this.starts[n] = at;
  }

  private unpack(item: number, at: number, height: number, width: number): number {
    const { segments, objects } = this;
    if (segments.kind(item) === RUNS) {
      this.runs = withRoom(this.runs, at + segments.roomFor(item));
      return segments.unpack(item, this.runs, at, objects.nameOf);
    }
    const { counts } = segments.mask(item, height, width, objects.box.subarray(4 * item, 4 * item + 4), objects.nameOf);
    this.runs = withRoom(this.runs, at + counts.length);
    this.runs.set(counts, at);
    return at + counts.length;
  }
}

function maskOverlap(dets: MaskShelf, gts: MaskShelf, crowd: Uint8Array, floor: number): Overlap {
  return (detections, d0, d1, truths, g0, g1, out) => {
    gts.fill(truths, g0, g1);
    dets.fill(detections, d0, d1);
    let at = 0;
    for (let d = 0; d < d1 - d0; d++)
      for (let g = 0; g < g1 - g0; g++) out[at++] = maskIou(dets, d, gts, g, crowd[truths[g0 + g]!] === 1, floor);
  };
}

function maskIou(dets: MaskShelf, d: number, gts: MaskShelf, g: number, crowd: boolean, floor: number): number {
  const [D, G] = [dets.boxes, gts.boxes];
  const w = Math.min(D[4 * d]! + D[4 * d + 2]!, G[4 * g]! + G[4 * g + 2]!) - Math.max(D[4 * d]!, G[4 * g]!);
  const h =
    Math.min(D[4 * d + 1]! + D[4 * d + 3]!, G[4 * g + 1]! + G[4 * g + 3]!) - Math.max(D[4 * d + 1]!, G[4 * g + 1]!);
  if (w <= 0 || h <= 0) return 0;
  if (dets.heights[d] !== gts.heights[g] || dets.widths[d] !== gts.widths[g]) return -1;
  const areaD = dets.areas[d]!;
  const areaG = gts.areas[g]!;
  const most = Math.min(w * h, areaD, areaG); // no more pixels than this can be shared
  if (most / (crowd ? areaD : areaD + areaG - most) < floor) return 0;
  const shared = intersectionOfRuns(
    dets.runs,
    dets.starts[d]!,
    dets.starts[d + 1]!,
    gts.runs,
    gts.starts[g]!,
    gts.starts[g + 1]!,
  );
  return shared === 0 ? 0 : shared / (crowd ? areaD : areaD + areaG - shared);
}
