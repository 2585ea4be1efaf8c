import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { DenseError, type RgbImage, throwIfAborted } from '../../core/index.ts';
import { decodeImage, type InputFile } from '../../image/index.ts';
import { blurredClasses } from '../blurred.ts';
import { readIfThere } from '../formats/atomic.ts';
import { type DetectionFormat, type FormatWriter, openFormat } from '../formats/index.ts';
import { overlapped } from '../overlap.ts';
import type { Detector } from './detector.ts';
import { type PictureOptions, picturePaths, writePictures } from './drawn.ts';
import { namePictures, type PictureName } from './naming.ts';
import type { DetectOptions } from './options.ts';
import type { CocoResult, DetectionResult } from './result.ts';

/** Pictures being drawn and written at once. */
const WRITE_AHEAD = 4;

/** Without `out`, nothing but crops is written. */
export interface DetectFilesOptions extends DetectOptions, PictureOptions {
  /** Default coco. */
  readonly formats?: readonly DetectionFormat[] | undefined;
  /** Skip pictures whose outputs are all there. */
  readonly resume?: boolean | undefined;
  /** With `resume`: skip only pictures whose COCO file can be read, and hand its rows over. */
  readonly needRows?: boolean | undefined;
  /** Bytes of the input called `-`. */
  readonly readStdin?: (() => Promise<Uint8Array>) | undefined;
}

/** What became of one input, in the order of the inputs. */
export type FileOutcome = PictureName & { readonly path: string } & (
    | { readonly kind: 'done'; readonly result: DetectionResult }
    | { readonly kind: 'skipped'; readonly rows: readonly CocoResult[] }
    | { readonly kind: 'failed'; readonly error: DenseError }
  );

type Entry = PictureName & { readonly file: InputFile; readonly rows: readonly CocoResult[] | undefined };

/**
 * Finds objects in files and writes what was asked for. Reading, the network, drawing and writing overlap; a file that
 * cannot be read is one `failed` outcome and the rest goes on. Outputs appear whole or not at all, also when the signal
 * or an error ends the run early.
 *
 * @throws {DenseError} ABORTED by the signal; RUNTIME when the disk or the network fails
 */
export async function* detectFiles(
  detector: Detector,
  files: readonly InputFile[],
  options: DetectFilesOptions,
): AsyncGenerator<FileOutcome, void, undefined> {
  const blurred = blurredClasses(options, detector.labelSet);
  const writers = await openWriters(detector, options);
  try {
    const names = namePictures(files);
    const entries: Entry[] = [];
    for (const [i, file] of files.entries())
      entries.push({ ...names[i], file, rows: await earlierRows(names[i], writers, options) });
    let next = 0;
    for await (const { entry, ...outcome } of overlapped(
      detectEntries(detector, entries, options),
      WRITE_AHEAD,
      async item => {
        if ('result' in item) await writeOutputs(item.entry, item.image, item.result, writers, blurred, options);
        return item;
      },
    )) {
      for (; entries[next] !== entry; next++) yield skipped(entries[next]);
      next++;
      const { file, rows: _, ...name } = entry;
      if ('result' in outcome) yield { ...name, path: file.path, kind: 'done', result: outcome.result };
      else yield { ...name, path: file.path, kind: 'failed', error: asDenseError(outcome.error) };
    }
    for (; next < entries.length; next++) yield skipped(entries[next]);
  } finally {
    for (const writer of writers) await writer.finish();
  }
}

function skipped({ file, rows, ...name }: Entry): FileOutcome {
  return { ...name, path: file.path, kind: 'skipped', rows: rows ?? [] };
}

/** Opens the files of detections that are asked for. */
export async function openWriters(detector: Detector, options: DetectFilesOptions): Promise<FormatWriter[]> {
  const { out, resume = false } = options;
  if (out === undefined) return [];
  const writers: FormatWriter[] = [];
  for (const format of new Set<DetectionFormat>(options.formats ?? ['coco']))
    writers.push(await openFormat(format, out, detector.labels, resume));
  return writers;
}

type EntryItem = { readonly entry: Entry } & (
  | { readonly image: RgbImage; readonly result: DetectionResult }
  | { readonly error: unknown }
);

async function* detectEntries(
  detector: Detector,
  entries: readonly Entry[],
  options: DetectFilesOptions,
): AsyncGenerator<EntryItem, void, undefined> {
  const fresh = entries.filter(entry => entry.rows === undefined);
  const piped = fresh.some(isPiped) ? await readPiped(options) : undefined;
  // a pipe that gave no picture still takes its place in the order; its own error is told instead of the stream's
  const sources = fresh.map(entry => (isPiped(entry) ? (piped?.image ?? new Uint8Array(0)) : entry.file.path));
  for await (const item of detector.stream(sources, options)) {
    const entry = fresh[item.index];
    if ('result' in item) yield { entry, image: item.image, result: item.result };
    else yield { entry, error: isPiped(entry) ? piped?.error : item.error };
  }
}

function isPiped(entry: Entry): boolean {
  return entry.file.path === '-';
}

async function readPiped(options: DetectFilesOptions): Promise<{ image?: RgbImage; error?: unknown }> {
  try {
    const bytes = (await options.readStdin?.()) ?? new Uint8Array(0);
    return { image: await decodeImage(bytes, { ...options, name: 'from standard input' }) };
  } catch (error) {
    throwIfAborted(options.signal);
    return { error };
  }
}

/** Writes one picture's outputs; all of them are tried before a failure is thrown. */
export async function writeOutputs(
  entry: PictureName & { readonly file: InputFile },
  image: RgbImage,
  result: DetectionResult,
  writers: readonly FormatWriter[],
  blurred: ReadonlySet<number> | undefined,
  options: DetectFilesOptions,
): Promise<void> {
  const { imageId, fileName, stem } = entry;
  const written = [
    ...writePictures(image, result, stem, entry.file.path, blurred, options),
    ...writers.map(writer => writer.write(stem, { imageId, fileName, result })),
  ];
  for (const outcome of await Promise.allSettled(written)) if (outcome.status === 'rejected') throw outcome.reason;
}

/** Rows of a picture that an earlier run finished; undefined when it must be done (again). */
async function earlierRows(
  name: PictureName,
  writers: readonly FormatWriter[],
  options: DetectFilesOptions,
): Promise<readonly CocoResult[] | undefined> {
  const { out, resume, needRows } = options;
  if (!resume || out === undefined) return undefined;
  for (const path of picturePaths(name.stem, options)) if (!(await isThere(path))) return undefined;
  for (const writer of writers) {
    const path = writer.pathOf(name.stem);
    const there = path === undefined ? writer.earlier(name.fileName) !== undefined : await isThere(path);
    if (!there) return undefined;
  }
  const rows = needRows ? await readRows(join(out, `${name.stem}.detections.json`)) : [];
  if (rows !== undefined) for (const writer of writers) await writer.keep(name.fileName);
  return rows;
}

async function readRows(path: string): Promise<CocoResult[] | undefined> {
  const text = await readIfThere(path);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as CocoResult[]);
  } catch {
    return undefined;
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function asDenseError(error: unknown): DenseError {
  if (error instanceof DenseError) return error;
  throw error; // not the picture's fault
}
