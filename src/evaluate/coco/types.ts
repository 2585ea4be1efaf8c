import type { Segments } from './segments.ts';

/** An image's or category's id, as the file has it. */
export type Id = number | string;

/** Pictures of a ground truth, in ascending order of id. */
export interface CocoImages {
  readonly ids: readonly Id[];
  /** id to index */
  readonly indexOf: ReadonlyMap<Id, number>;
  /** pixels; 0 when the file does not say */
  readonly heights: Int32Array;
  readonly widths: Int32Array;
  readonly fileNames: readonly string[];
  /** indices in the order of the file */
  readonly fileOrder: Int32Array;
}

/** Categories of a ground truth, in ascending order of id. */
export interface CocoCategories {
  readonly ids: readonly Id[];
  readonly indexOf: ReadonlyMap<Id, number>;
  /** unique: a name met twice is followed by its id */
  readonly names: readonly string[];
}

/** Objects as columns, in the file's order. `image` and `category` are indices into the ground truth's lists. */
export interface CocoObjects {
  readonly length: number;
  readonly image: Int32Array;
  readonly category: Int32Array;
  /** `[n, 4]` x, y, width, height in pixels */
  readonly box: Float64Array;
  /** square pixels, as COCO's area ranges take it */
  readonly area: Float64Array;
  /** masks, when they were read */
  readonly segments: Segments | undefined;
  /** `file.json: annotations[7] (id 12, image 5)`, for errors */
  readonly nameOf: (i: number) => string;
}

/** Annotations of a ground truth. */
export interface CocoAnnotations extends CocoObjects {
  readonly id: Float64Array;
  readonly crowd: Uint8Array;
  /** LVIS honours it; COCO's code overwrites it with `iscrowd` */
  readonly ignore: Uint8Array;
}

/** What LVIS adds to a ground truth. */
export interface LvisFields {
  /** per category: `r`, `c` or `f` */
  readonly frequency: readonly string[];
  /** per image: indices of categories known to be absent */
  readonly negative: readonly Int32Array[];
  /** per image: indices of categories that are not fully annotated */
  readonly notExhaustive: readonly Int32Array[];
}

/** A ground truth file. */
export interface CocoGroundTruth {
  readonly images: CocoImages;
  readonly categories: CocoCategories;
  readonly annotations: CocoAnnotations;
  readonly lvis: LvisFields | undefined;
  /** things the reader should know, one sentence each */
  readonly warnings: readonly string[];
}

/** A results file. */
export interface CocoResults extends CocoObjects {
  readonly score: Float64Array;
  readonly warnings: readonly string[];
}

export type IouType = 'bbox' | 'segm';

/** How to read a ground truth. */
export interface GroundTruthOptions {
  /** `segm` reads masks too */
  readonly iouType?: IouType | undefined;
  /** read masks even for `bbox`, to draw them */
  readonly withMasks?: boolean | undefined;
  /** leave out annotations of images or categories the file does not list, with a warning, instead of failing */
  readonly skipUnknown?: boolean | undefined;
  /** the file is an LVIS ground truth */
  readonly lvis?: boolean | undefined;
}
