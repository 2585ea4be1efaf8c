import type { DataFormat, Dataset, ProblemSink } from '../../data/index.ts';

/** Where an annotated data set lies. */
export interface DatasetSource {
  /** COCO `.json`; YOLO `data.yaml`, Darknet `.data` or folder; VOC folder (Annotations/ or `.xml` files); `.csv`. */
  readonly annotations: string;
  /** Folder of the pictures; default: found beside the annotations. */
  readonly images?: string | undefined;
  /** Default: found out from the annotations. */
  readonly format?: DataFormat | undefined;
  /** Read only this split; of a source without splits, the name its pictures get. */
  readonly split?: string | undefined;
  /** File with a class name per line (or Open Images' `id,name` rows): classes and their order. */
  readonly names?: string | undefined;
  /** VOC: number of the first pixel; 1 as PASCAL wrote it (default), 0 for tools that write plain coordinates. */
  readonly vocOrigin?: 0 | 1 | undefined;
  /** Takes faults of single records, which are then left out; default: the first is thrown. */
  readonly onProblem?: ProblemSink | undefined;
  /** Takes remarks, one sentence each. */
  readonly onWarning?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A data set with what was found out about its source. */
export interface OpenedDataset extends Dataset {
  readonly format: DataFormat;
}
