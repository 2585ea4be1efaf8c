import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, messageOf, throwIfAborted } from '../core/index.ts';
import {
  type DavisFigures,
  DavisSequence,
  davisObjects,
  type LabelMap,
  meanDavis,
  readValuePng,
} from '../evaluate/index.ts';

export interface EvaluateDavisOptions {
  /** folder of annotations, `SEQ/00000.png` (`Annotations/480p`) */
  readonly gt: string;
  /** folder of results, same names; the first and the last frame are not looked at */
  readonly pred: string;
  /** names of the sequences; default: all that have a folder in `pred` */
  readonly sequences?: readonly string[] | undefined;
  /** a list of sequences, one name per line (`ImageSets/2017/val.txt`) */
  readonly split?: string | undefined;
  /** 2016: one object per sequence, 2017: each id is an object; default: by the first annotation */
  readonly year?: '2016' | '2017' | undefined;
  readonly signal?: AbortSignal | undefined;
  /** a line for people */
  readonly onInfo?: ((text: string) => void) | undefined;
  /** a line that must not be missed */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** Figures over all objects at the top level; means over its objects for each sequence; each object as `SEQ_1`. */
export interface DavisReport extends DavisFigures {
  readonly sequences: number;
  readonly objects: number;
  readonly per_sequence: Readonly<Record<string, DavisFigures & { readonly objects: number }>>;
  readonly per_object: Readonly<Record<string, DavisFigures>>;
}

/**
 * Measures video object segmentation: J, F and J&F, semi-supervised.
 *
 * @throws {DenseError} BAD_INPUT naming the file that is missing, broken or of another size; BAD_USAGE for an unknown
 *   sequence
 */
export async function evaluateDavis(options: EvaluateDavisOptions): Promise<DavisReport> {
  const all: DavisFigures[] = [];
  const perSequence: Record<string, DavisFigures & { objects: number }> = {};
  const perObject: Record<string, DavisFigures> = {};
  for (const name of await sequenceNames(options)) {
    throwIfAborted(options.signal);
    const figures = await measureSequence(name, options);
    figures.forEach((f, k) => {
      perObject[`${name}_${k + 1}`] = f;
    });
    all.push(...figures);
    perSequence[name] = { ...meanDavis(figures), objects: figures.length };
    options.onInfo?.(`${name}: ${figures.length} ${figures.length === 1 ? 'object' : 'objects'}`);
  }
  return {
    ...meanDavis(all),
    sequences: Object.keys(perSequence).length,
    objects: all.length,
    per_sequence: perSequence,
    per_object: perObject,
  };
}

async function measureSequence(name: string, options: EvaluateDavisOptions): Promise<DavisFigures[]> {
  const folder = join(options.gt, name);
  const frames = (await list(folder, '--gt')).filter(f => f.toLowerCase().endsWith('.png')).sort();
  if (frames.length < 3)
    fail(
      'BAD_INPUT',
      `${folder} holds ${frames.length} annotations`,
      'the first and the last frame are left out, so at least three are needed',
      'give a folder with one PNG per frame',
    );
  const year = options.year;
  const { kind, count } = davisObjects(
    await readMask(join(folder, frames[0]!)),
    year === '2016' ? 'single' : year === '2017' ? 'multi' : undefined,
  );
  if (count === 0)
    fail(
      'BAD_INPUT',
      `${join(folder, frames[0]!)} holds no object`,
      'objects are the ids of the first annotation',
      'check that the annotations are palette PNGs with ids from 1 up',
    );
  const sequence = new DavisSequence(kind, count);
  for (const frame of frames.slice(1, -1)) {
    throwIfAborted(options.signal);
    const file = join(options.pred, name, frame);
    if (!existsSync(file))
      fail(
        'BAD_INPUT',
        `${file} does not exist`,
        'each annotation but the first and the last needs a mask of the same name',
        'write one PNG per frame, named as in the annotations',
      );
    sequence.add(await readMask(join(folder, frame)), await readMask(file), file);
  }
  return sequence.figures();
}

async function readMask(file: string): Promise<LabelMap> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    fail('BAD_INPUT', `${file} cannot be read`, messageOf(error), 'check the file and its permissions', error);
  }
  return readValuePng(bytes, file);
}

async function sequenceNames(options: EvaluateDavisOptions): Promise<string[]> {
  const known = (await list(options.gt, '--gt', true)).sort();
  const found = new Set(await list(options.pred, '--pred', true));
  const wanted = options.sequences ?? (options.split === undefined ? undefined : await readSplit(options.split));
  if (wanted) {
    for (const name of wanted) {
      if (!known.includes(name))
        fail('BAD_USAGE', `there is no sequence ${name} in ${options.gt}`, `it holds ${some(known)}`, 'check the name');
      if (!found.has(name))
        fail(
          'BAD_INPUT',
          `${join(options.pred, name)} does not exist`,
          `sequence ${name} is asked for; one left out would change the figures`,
          'write masks for every sequence of the list, or shorten the list',
        );
    }
    return [...wanted];
  }
  const both = known.filter(name => found.has(name));
  if (both.length === 0)
    fail(
      'BAD_INPUT',
      `no sequence of ${options.gt} has a folder in ${options.pred}`,
      `the annotations hold ${some(known)}`,
      'results are PRED/SEQUENCE/00000.png',
    );
  if (both.length < known.length)
    options.onWarning?.(
      `measured ${both.length} of ${known.length} sequences: the others have no folder in ${options.pred} (name the set with --split or --sequences)`,
    );
  return both;
}

/** Names of a list of sequences, each once. @throws {DenseError} BAD_INPUT */
export async function readSplit(file: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    fail('BAD_INPUT', `--split ${file} cannot be read`, messageOf(error), 'give a text file, one name per line', error);
  }
  const names = text.split(/\r?\n/).map(line => line.trim());
  const unique = [...new Set(names.filter(name => name !== ''))];
  if (unique.length === 0)
    fail('BAD_INPUT', `--split ${file} names no sequence`, 'it is empty', 'write one name per line');
  return unique;
}

async function list(path: string, flag: string, onlyFolders = false): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter(e => !onlyFolders || e.isDirectory() || e.isSymbolicLink()).map(e => e.name);
  } catch (error) {
    fail('BAD_INPUT', `${flag} ${path} cannot be read`, messageOf(error), 'give a folder', error);
  }
}

const some = (names: readonly string[]) =>
  names.length > 6 ? `${names.slice(0, 6).join(', ')} and ${names.length - 6} more` : names.join(', ') || 'nothing';
