import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { DenseError, throwIfAborted } from '../../core/index.ts';
import { cacheFolder } from '../../onnx/index.ts';
import type { NmsKind } from '../../postprocess/index.ts';
import type { Detector } from '../detect/detector.ts';
import type { DetectionResult } from '../detect/result.ts';
import { LineJournal } from '../journal.ts';
import type { ValPicture } from './data.ts';
import type { ValKeep, ValOptions, ValTalk } from './options.ts';
import { type SpeedReport, StageClock } from './speed.ts';

/** What was found in one picture, as the journal keeps it. */
export interface Prediction {
  /** Of the picture, pixels. */
  readonly width: number;
  readonly height: number;
  /** `[n]` indices of the model's classes, best score first */
  readonly classes: readonly number[];
  /** `[n]` 0..1, 7 decimals */
  readonly scores: readonly number[];
  /** `[4n]` x, y, width, height in pixels of the picture, 4 decimals: as `detect --json` writes them */
  readonly boxes: readonly number[];
}

/** What a run over the pictures gave. */
export interface Predictions {
  /** By {@link pictureKey}. */
  readonly found: ReadonlyMap<string, Prediction>;
  /** Pictures that could not be read. */
  readonly failed: readonly { readonly picture: ValPicture; readonly error: DenseError }[];
  /** Pictures taken over from the journal of an interrupted run. */
  readonly resumed: number;
  readonly speed: SpeedReport | undefined;
}

/** What tells a data set's pictures apart: files of two splits may have one name. */
export const pictureKey = ({ split, file }: { readonly split?: string | undefined; readonly file: string }) =>
  split === undefined ? file : `${split}:${file}`;

/**
 * Finds objects in the pictures that no earlier run has done. What is found goes to the journal picture by picture.
 * @throws {DenseError} ABORTED by the signal; BAD_USAGE when the journal is of another run; what the network throws
 */
export async function predict(
  detector: Detector,
  hash: string,
  pictures: readonly ValPicture[],
  options: ValOptions & { readonly classes?: readonly string[] | undefined },
): Promise<Predictions> {
  const { score = 0.001, max = 100, nms, iou, slice, batch, classes, signal, resume = false } = options;
  // joined by nms and iou: with every box from 0.001 on, weak ones grow a good one into a hull under detect's own defaults
  const joined = slice && { ...slice, merge: slice.merge ?? 'nms', metric: slice.metric ?? 'iou' };
  const what = { score, max, nms: nms as NmsKind | undefined, iou, slice: joined, classes };
  const { width, height } = detector.inputSize;
  const key = {
    model: detector.model,
    model_hash: hash,
    size: `${width}x${height}`,
    device: options.device ?? 'cpu',
    ...(options.dtype && { dtype: options.dtype }),
    ...Object.fromEntries(Object.entries(what).map(([name, value]) => [name, value ?? null])),
    ...placeOf(options),
  };
  const { path, kept } = journalOf('predictions', key, options);
  const journal = await LineJournal.open(path, key, resume);
  const found = new Map(journal.earlier as [string, Prediction][]);
  const left = pictures.filter(p => !found.has(pictureKey(p)));
  const resumed = pictures.length - left.length;
  sayResumed(resumed, pictures.length, resume, options);
  const failed: { picture: ValPicture; error: DenseError }[] = [];
  const clock = new StageClock();
  let whole = false;
  let done = resumed;
  try {
    const sources = left.map(p => p.path);
    for await (const item of detector.stream(sources, { ...what, batch, signal, onStage: clock.sink })) {
      const picture = left[item.index]!;
      if ('result' in item) {
        const prediction = predictionOf(item.result);
        found.set(pictureKey(picture), prediction);
        await journal.add([pictureKey(picture), prediction]);
      } else {
        if (!(item.error instanceof DenseError)) throw item.error; // not the picture's fault
        failed.push({ picture, error: item.error });
        options.onFailed?.(item.error);
      }
      options.onProgress?.(++done, pictures.length, picture.file);
      throwIfAborted(signal);
    }
    whole = true;
  } finally {
    await journal.close(kept || !whole);
  }
  return { found, failed, resumed, speed: clock.report(left.length - failed.length) };
}

function predictionOf(result: DetectionResult): Prediction {
  const rows = result.toCoco();
  return {
    width: result.width,
    height: result.height,
    classes: [...result.classes],
    scores: rows.map(row => row.score),
    boxes: rows.flatMap(row => row.bbox),
  };
}

/** Where the pictures of a run lie: the same names elsewhere are other pictures. */
export function placeOf({ gt, images }: { readonly gt: string; readonly images?: string | undefined }) {
  return { gt: resolve(gt), images: images === undefined ? null : resolve(images) };
}

/**
 * Where the journal lies: a file that was named, the report's folder (where it stays, so that the report can be made
 * again at once), or one of this run alone in the user's cache, removed at the end.
 */
export function journalOf(
  name: string,
  key: object,
  { journal, report }: ValKeep,
): { readonly path: string; readonly kept: boolean } {
  if (journal !== undefined) return { path: journal, kept: true };
  if (report !== undefined) return { path: join(report, `${name}.journal`), kept: true };
  const hash = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 24);
  return { path: join(cacheFolder(), 'val', `${hash}.journal`), kept: false };
}

/** Says what `--resume` found. */
export function sayResumed(resumed: number, total: number, resume: boolean, { onInfo }: ValTalk): void {
  if (!resume) return;
  onInfo?.(
    resumed === 0
      ? 'there is no interrupted run of this kind: all pictures are done'
      : `${resumed} of ${total} pictures were done earlier`,
  );
}
