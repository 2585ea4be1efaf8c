import type { DenseError } from '../../core/index.ts';
import type { DataFormat } from '../../data/index.ts';
import type { NetworkOptions } from '../detect/model-parts.ts';
import type { SliceOptions } from '../detect/options.ts';

/** Which pictures a model is measured on. */
export interface ValDataOptions {
  /** Annotations: COCO `.json`, `data.yaml`, a VOC folder, `.csv`. */
  readonly gt: string;
  /** Folder of the pictures; default: found beside the annotations. */
  readonly images?: string | undefined;
  /** Default: found out from `gt`. */
  readonly format?: DataFormat | undefined;
  /** File of class names, where the annotations hold numbers only. */
  readonly names?: string | undefined;
  /** `all` for every split; default: `val` where there are several, else the only one. */
  readonly split?: string | undefined;
  /** Only the first so many pictures. */
  readonly limit?: number | undefined;
  /** Only these classes of the data set. */
  readonly classes?: readonly string[] | undefined;
  /** The data set's name of a class to the model's. */
  readonly map?: Readonly<Record<string, string>> | undefined;
}

/** What a run says while it goes on. */
export interface ValTalk {
  /** Pictures done, of how many; `label` names the last one. */
  readonly onProgress?: ((done: number, total: number, label: string) => void) | undefined;
  readonly onInfo?: ((text: string) => void) | undefined;
  readonly onWarning?: ((text: string) => void) | undefined;
  /** A picture that could not be read. */
  readonly onFailed?: ((error: DenseError) => void) | undefined;
}

/** How a run keeps what it found. */
export interface ValKeep {
  /** Folder of `report.html`, its charts, `metrics.json`, `results.json` and the journal. */
  readonly report?: string | undefined;
  /** File that an interrupted run goes on from; default in `report`, else in the user's cache. */
  readonly journal?: string | undefined;
  /** Go on with an interrupted run. */
  readonly resume?: boolean | undefined;
  /** How many pictures the report shows; default 12. */
  readonly worst?: number | undefined;
}

/** Options of {@link validateDetector}. */
export interface ValOptions extends ValDataOptions, ValTalk, ValKeep, NetworkOptions {
  /** Default `dense-t16`. */
  readonly model?: string | undefined;
  /** Default 0.001: AP is measured over all scores. */
  readonly score?: number | undefined;
  /** Results per picture; default 100. */
  readonly max?: number | undefined;
  /** Default the model's. */
  readonly nms?: string | undefined;
  readonly iou?: number | undefined;
  /** Joined by `nms` and `iou` unless it says otherwise: see docs/val.md. */
  readonly slice?: SliceOptions | undefined;
  /** Pictures per pass; default 1. */
  readonly batch?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}
