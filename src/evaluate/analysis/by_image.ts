import { sortByScore } from '../coco/order.ts';
import type { CocoAnnotations, CocoGroundTruth, CocoResults } from '../coco/types.ts';

/** Objects of every image, one list after the other. */
export interface ByImage {
  /** indices of the objects */
  readonly items: Int32Array;
  /** `[images + 1]` where each image's begin */
  readonly starts: Int32Array;
}

/** Groups objects by image, in the file's order or in that of `sequence`; `keep` leaves some out. */
export function groupByImage(
  image: Int32Array,
  images: number,
  keep: (i: number) => boolean = () => true,
  sequence?: Int32Array,
): ByImage {
  const starts = new Int32Array(images + 1);
  for (let i = 0; i < image.length; i++) if (keep(i)) starts[image[i]! + 1]!++;
  for (let k = 0; k < images; k++) starts[k + 1]! += starts[k]!;
  const items = new Int32Array(starts[images]!);
  const next = starts.slice();
  for (let k = 0; k < image.length; k++) {
    const i = sequence ? sequence[k]! : k;
    if (keep(i)) items[next[image[i]!]!++] = i;
  }
  return { items, starts };
}

/** Indices sorted by category, then by place in the file. */
export function sequenceByCategory(category: Int32Array, categories: number): Int32Array {
  return groupByImage(category, categories).items;
}

/** Results of every image, best score first (equal scores in the file's order or that of `sequence`), of all categories together. */
export function resultsByImage(
  truth: CocoGroundTruth,
  results: CocoResults,
  keep?: (i: number) => boolean,
  sequence?: Int32Array,
): ByImage {
  const images = truth.images.ids.length;
  const grouped = groupByImage(results.image, images, keep, sequence);
  for (let k = 0; k < images; k++)
    sortByScore(grouped.items, results.score, grouped.starts[k]!, grouped.starts[k + 1]!);
  return grouped;
}

/** Annotations of every image: those that count, and the crowds. */
export function annotationsByImage(
  truth: CocoGroundTruth,
  crowd: Uint8Array = truth.annotations.crowd,
  keep: (i: number) => boolean = () => true,
  sequence?: Int32Array,
): { counted: ByImage; crowds: ByImage } {
  const annotations: CocoAnnotations = truth.annotations;
  const images = truth.images.ids.length;
  return {
    counted: groupByImage(annotations.image, images, i => crowd[i] === 0 && keep(i), sequence),
    crowds: groupByImage(annotations.image, images, i => crowd[i] === 1 && keep(i), sequence),
  };
}

/** Says of objects whether their category is chosen; without a choice all are. */
export function categoryFilter(category: Int32Array, chosen: ArrayLike<number> | undefined): (i: number) => boolean {
  if (chosen === undefined) return () => true;
  const set = new Set(Array.from(chosen));
  return i => set.has(category[i]!);
}
