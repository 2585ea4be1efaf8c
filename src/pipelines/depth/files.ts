import { access } from 'node:fs/promises';
import { DenseError, type DepthMap, type RgbImage, throwIfAborted } from '../../core/index.ts';
import { decodeImage, type InputFile, outputStems } from '../../image/index.ts';
import { upsampleDepth } from '../../postprocess/index.ts';
import { readIfThere } from '../formats/atomic.ts';
import { overlapped } from '../overlap.ts';
import {
  type DepthExportOptions,
  type DepthFormat,
  type DepthPaths,
  type DepthSidecar,
  depthPaths,
  sidecarFor,
  writeDepth,
} from './exports.ts';

/** Whatever gives depth: a `DepthEstimator`, or a test's own. */
export interface DepthSource {
  /** Name of the model. */
  readonly model: string;
  /**
   * Depth of a picture, alone or in a result. It is asked for at the network's size, and covers the whole picture: edges
   * as sharp as the picture's come later.
   */
  estimate(
    image: RgbImage,
    options: { readonly size: 'network'; readonly signal?: AbortSignal | undefined },
  ): Promise<DepthMap | { readonly map: DepthMap }>;
}

/** Depth of a picture as the network draws it. */
export async function lowDepthOf(source: DepthSource, image: RgbImage, signal?: AbortSignal): Promise<DepthMap> {
  const found = await source.estimate(image, { size: 'network', signal });
  return 'map' in found ? found.map : found;
}

export interface DepthFilesOptions extends DepthExportOptions {
  /** Folder of the outputs; without it nothing is written. */
  readonly out?: string | undefined;
  /** Skip pictures whose outputs are all there. */
  readonly resume?: boolean | undefined;
  /** Bytes of the input called `-`. */
  readonly readStdin?: (() => Promise<Uint8Array>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A picture's depth in a few numbers, as `--json` prints it. */
export interface DepthRecord extends DepthSidecar {
  /** Path below the input folder, forward slashes. */
  readonly file_name: string;
  /** Files written, by format. */
  readonly paths: DepthPaths;
}

/** What became of one input, in the order of the inputs. */
export type DepthOutcome = { readonly path: string; readonly fileName: string } & (
  | { readonly kind: 'done' | 'skipped'; readonly record: DepthRecord }
  | { readonly kind: 'failed'; readonly error: DenseError }
);

interface Entry {
  readonly file: InputFile;
  readonly paths: DepthPaths;
  /** Of an earlier run. */
  readonly earlier: DepthSidecar | undefined;
}

const DEFAULT_FORMATS: readonly DepthFormat[] = ['png16', 'color'];

/**
 * Estimates the depth of pictures and writes it in the formats asked for, at each picture's own size. Reading, the network
 * and writing overlap, with one picture in each, so that large pictures do not pile up; a file that cannot be read is one
 * `failed` outcome and the rest goes on. Outputs appear whole or not at all.
 *
 * @throws {DenseError} BAD_INPUT for an option out of range; ABORTED by the signal; RUNTIME when the disk or the network fails
 */
export async function* depthOfFiles(
  source: DepthSource,
  files: readonly InputFile[],
  options: DepthFilesOptions = {},
): AsyncGenerator<DepthOutcome, void, undefined> {
  const { out, formats = DEFAULT_FORMATS, signal } = options;
  const stems = outputStems(files);
  const entries: Entry[] = [];
  for (const [i, file] of files.entries()) {
    const paths = out === undefined ? {} : depthPaths(out, stems[i], formats);
    entries.push({ file, paths, earlier: options.resume ? await earlierSidecar(paths) : undefined });
  }
  const decoded = overlapped(entries, 1, entry => read(entry, options));
  const estimated = overlapped(decoded, 1, async item => {
    if (!('image' in item)) return item;
    return { ...item, low: await lowDepthOf(source, item.image, signal) };
  });
  const written = overlapped(estimated, 1, async (item): Promise<DepthOutcome> => {
    const { file, paths } = item.entry;
    const name = { path: file.path, fileName: file.relative };
    if ('error' in item) return { ...name, kind: 'failed', error: asDenseError(item.error) };
    const record = (sidecar: DepthSidecar) => ({ file_name: file.relative, ...sidecar, paths });
    if ('sidecar' in item) return { ...name, kind: 'skipped', record: record(item.sidecar) };
    const map = await upsampleDepth(item.low, item.image, { signal });
    const sidecar = sidecarFor(map, source.model);
    await writeDepth(map, item.image, sidecar, paths, options);
    return { ...name, kind: 'done', record: record(sidecar) };
  });
  yield* written;
}

type Read = { readonly entry: Entry } & (
  | { readonly image: RgbImage }
  | { readonly error: unknown }
  | { readonly sidecar: DepthSidecar }
);

async function read(entry: Entry, options: DepthFilesOptions): Promise<Read> {
  const { signal } = options;
  if (entry.earlier) return { entry, sidecar: entry.earlier };
  try {
    if (entry.file.path !== '-') return { entry, image: await decodeImage(entry.file.path, { signal }) };
    const bytes = (await options.readStdin?.()) ?? new Uint8Array(0);
    return { entry, image: await decodeImage(bytes, { signal, name: 'from standard input' }) };
  } catch (error) {
    throwIfAborted(signal);
    return { entry, error };
  }
}

/** What an earlier run says of a picture all of whose files are there; the sidecar is written last. */
async function earlierSidecar(paths: DepthPaths): Promise<DepthSidecar | undefined> {
  if (paths.json === undefined) return undefined;
  try {
    for (const path of Object.values(paths)) await access(path);
    return JSON.parse((await readIfThere(paths.json)) ?? '') as DepthSidecar;
  } catch {
    return undefined;
  }
}

function asDenseError(error: unknown): DenseError {
  if (error instanceof DenseError) return error;
  throw error; // not the picture's fault
}
