/**
 * A binary mask as run lengths in COCO's order: column by column from the top left, background first.
 * `counts` sums to `height * width`; a mask whose first pixel is set starts with a run of length 0.
 */
export interface Rle {
  readonly height: number;
  readonly width: number;
  readonly counts: Uint32Array;
}

/** The same mask as COCO files spell it: `size` is [height, width]; `counts` is compressed text or plain run lengths. */
export interface CocoRle {
  readonly size: readonly [number, number];
  readonly counts: string | readonly number[];
}

/** What a COCO file may hold under `segmentation`: run lengths, or polygons `[x1, y1, x2, y2, ...]` whose union is the mask. */
export type CocoSegmentation = CocoRle | readonly (readonly number[])[];
