/** Formats of annotated data sets that are read and written. */
export const DATA_FORMATS = ['coco', 'yolo', 'voc', 'csv'] as const;
export type DataFormat = (typeof DATA_FORMATS)[number];

/** What a COCO file holds under `segmentation`: polygons `[x1, y1, x2, y2, ...]` in pixels, or run lengths. */
export type Segmentation =
  | readonly (readonly number[])[]
  | { readonly size: readonly [number, number]; readonly counts: string | readonly number[] };

/**
 * One annotated object. The box is in pixels of the picture after its EXIF rotation, unrounded, x2 and y2 exclusive; as
 * it stands in the file, so it may leave the picture or be empty (`data check` tells).
 */
export interface DataObject {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  /** index into the data set's categories */
  readonly category: number;
  /** a region of many (COCO `iscrowd`, Open Images `IsGroupOf`): no object of its own in scoring */
  readonly crowd?: boolean | undefined;
  /** hard to recognise (VOC `difficult`, COCO `ignore`): left out of scoring */
  readonly difficult?: boolean | undefined;
  readonly truncated?: boolean | undefined;
  readonly occluded?: boolean | undefined;
  /** VOC's view: Left, Right, Frontal, Rear, Unspecified */
  readonly pose?: string | undefined;
  readonly segmentation?: Segmentation | undefined;
  /** square pixels of the mask, when the file says */
  readonly area?: number | undefined;
  /** the annotation's own id, when the file has one */
  readonly id?: number | undefined;
}

/** One picture with what is annotated in it. */
export interface DataPicture {
  /** path below its folder of pictures, forward slashes */
  readonly file: string;
  /** where the picture lies, when that is known; it need not exist */
  readonly path?: string | undefined;
  /** pixels after EXIF rotation; 0 when nobody says */
  readonly width: number;
  readonly height: number;
  /** train, val, test or another name; undefined when the source knows no splits */
  readonly split?: string | undefined;
  /** COCO's id, when the file has one */
  readonly id?: number | string | undefined;
  readonly objects: readonly DataObject[];
}

/** A class. Its place in the list is the index objects refer to. */
export interface DataCategory {
  readonly name: string;
  /** COCO's id, when the file has one */
  readonly id?: number | string | undefined;
  readonly supercategory?: string | undefined;
}

/** An annotated data set in memory. */
export interface Dataset {
  readonly categories: readonly DataCategory[];
  readonly pictures: readonly DataPicture[];
}

/** Kinds of faults of a source, as `data check` names them. */
export type ReadProblemKind =
  | 'bad-record'
  | 'leak'
  | 'unknown-class'
  | 'unknown-picture'
  | 'missing-picture'
  | 'unused-label';

/** A fault met while reading. */
export interface ReadProblem {
  readonly kind: ReadProblemKind;
  /** file, and line or record: `labels/a.txt: line 3` */
  readonly where: string;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
  /** the picture it concerns, as {@link DataPicture.file} */
  readonly file?: string | undefined;
}

/** Takes a fault and lets the reader go on without the record; readers that must not go on are given one that throws. */
export type ProblemSink = (problem: ReadProblem) => void;
