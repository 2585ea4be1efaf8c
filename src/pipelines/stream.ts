import { fail, type RgbImage, throwIfAborted } from '../core/index.ts';
import { type DecodeOptions, decodeImage, type ImageSource } from '../image/index.ts';
import { inGroups, overlapped } from './overlap.ts';
import type { StageSink } from './stages.ts';

/** How a stream runs. */
export interface StreamOptions extends DecodeOptions {
  /** Pictures per pass. */
  readonly batch: number;
  readonly onStage?: StageSink | undefined;
}

/** Pictures decoded ahead of the network, beyond those of the batch being gathered. */
const DECODE_AHEAD = 4;
/** Batches handed to the session: one running, one ready behind it, one being prepared. */
export const IN_SESSION = 3;

/** Pictures per pass as asked for; default 1. @throws {DenseError} BAD_INPUT when it is no whole number of at least 1 */
export function batchSize(batch = 1): number {
  if (Number.isInteger(batch) && batch >= 1) return batch;
  return fail('BAD_INPUT', `batch is ${batch}`, 'it is a whole number of at least 1', 'pass such a number');
}

/** Items in lists of `size`; the last may be shorter. */
export function inChunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, c) => items.slice(c * size, (c + 1) * size));
}

/** One picture of a stream: what came out of it, or why it could not be read. */
export type PictureItem<R, S extends ImageSource = ImageSource> =
  | { readonly index: number; readonly source: S; readonly image: RgbImage; readonly result: R }
  | { readonly index: number; readonly source: S; readonly error: unknown };

/**
 * Runs pictures through a network, in order: while one batch passes, the next pictures are decoded, and memory holds
 * only a few of them. A picture that cannot be read is an item with an `error`; the stream goes on. A live source that drops
 * frames is asked for one only when the network is free, so that it gives its newest.
 *
 * @param work results of up to `options.batch` pictures, in their order
 * @throws {DenseError} ABORTED by the signal; what `work` throws
 */
export async function* streamPictures<S extends ImageSource, R>(
  sources: Iterable<S> | AsyncIterable<S>,
  options: StreamOptions,
  work: (images: readonly RgbImage[]) => Promise<readonly R[]>,
): AsyncGenerator<PictureItem<R, S>, void, undefined> {
  if (takesNewest(sources)) {
    for await (const { index, source } of numbered(sources)) {
      const item = await tryDecode(index, source, options);
      yield 'image' in item ? { ...item, result: (await work([item.image]))[0] } : item;
    }
    return;
  }
  const decoded = overlapped(numbered(sources), DECODE_AHEAD + options.batch, ({ index, source }) =>
    tryDecode(index, source, options),
  );
  const done = overlapped(inGroups(decoded, options.batch), IN_SESSION, async group => {
    const images = group.flatMap(item => ('image' in item ? [item.image] : []));
    const results = images.length > 0 ? await work(images) : [];
    let next = 0;
    return group.map((item): PictureItem<R, S> => ('image' in item ? { ...item, result: results[next++] } : item));
  });
  for await (const group of done) yield* group;
}

/** Whether these are frames of a live source that leaves out those nobody asked for in time. */
export function takesNewest(sources: object): boolean {
  return 'drops' in sources && sources.drops === true;
}

async function tryDecode<S extends ImageSource>(index: number, source: S, options: StreamOptions) {
  const started = performance.now();
  try {
    const image = await decodeImage(source, options);
    options.onStage?.('decode', started, performance.now());
    return { index, source, image };
  } catch (error) {
    throwIfAborted(options.signal);
    return { index, source, error };
  }
}

async function* numbered<S>(sources: Iterable<S> | AsyncIterable<S>) {
  let index = 0;
  for await (const source of sources) yield { index: index++, source };
}
