import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fail, messageOf, parseMotText } from '../core/index.ts';
import {
  addMotCounts,
  countMot,
  type HotaCurves,
  hotaCurves,
  type MotBenchmark,
  type MotCounts,
  type MotFigures,
  motFigures,
} from '../evaluate/index.ts';

export interface EvaluateMotOptions {
  /** a gt.txt, or a folder of sequences (`SEQ/gt/gt.txt`, `SEQ/gt.txt` or `SEQ.txt`) */
  readonly gt: string;
  /** a result file, or the folder that holds `SEQ.txt` (also in a sub-folder `data`) */
  readonly pred: string;
  readonly benchmark?: MotBenchmark | undefined;
  /** IoU from which boxes match, default 0.5 */
  readonly threshold?: number | undefined;
  /** only these sequences of a folder */
  readonly sequences?: readonly string[] | undefined;
}

/** Figures of the whole set at the top level, of each sequence below. */
export interface MotReport extends MotFigures {
  readonly benchmark: MotBenchmark;
  /** HOTA's figures at each threshold */
  readonly curves: HotaCurves;
  readonly per_sequence: Readonly<Record<string, MotFigures>>;
}

/**
 * Measures tracking results against ground truth: two files, or two folders of sequences.
 *
 * @throws {DenseError} BAD_INPUT naming the file (and the line) that is missing or broken
 */
export async function evaluateMot(options: EvaluateMotOptions): Promise<MotReport> {
  const benchmark = options.benchmark ?? 'mot15';
  const counts: MotCounts[] = [];
  const perSequence: Record<string, MotFigures> = {};
  for (const sequence of await findSequences(options)) {
    const gt = parseMotText(await readText(sequence.gt), sequence.gt);
    const result = parseMotText(await readText(sequence.pred), sequence.pred);
    const one = countMot(gt, result, {
      benchmark,
      threshold: options.threshold ?? 0.5,
      ...(sequence.frames === undefined ? {} : { frames: sequence.frames }),
    });
    counts.push(one);
    perSequence[sequence.name] = motFigures(one, 'sequence');
  }
  const all = addMotCounts(counts);
  return { benchmark, ...motFigures(all), curves: hotaCurves(all.hota), per_sequence: perSequence };
}

interface SequenceFiles {
  readonly name: string;
  readonly gt: string;
  readonly pred: string;
  readonly frames: number | undefined;
}

async function findSequences(options: EvaluateMotOptions): Promise<SequenceFiles[]> {
  const gtFolder = await isFolder(options.gt, '--gt');
  const predFolder = await isFolder(options.pred, '--pred');
  if (!gtFolder && !predFolder) {
    const folder = dirname(options.gt);
    const info = join(basename(folder) === 'gt' ? dirname(folder) : folder, 'seqinfo.ini');
    return [
      {
        name: sequenceName(options.gt),
        gt: options.gt,
        pred: options.pred,
        frames: await sequenceLength(info),
      },
    ];
  }
  if (!gtFolder || !predFolder)
    fail(
      'BAD_USAGE',
      `--gt is a ${gtFolder ? 'folder' : 'file'} and --pred is a ${predFolder ? 'folder' : 'file'}`,
      'both are files of one sequence, or both are folders of sequences',
      'give two files or two folders',
    );
  const found = await Promise.all((await groundTruths(options)).map(s => withResult(s, options.pred)));
  return found;
}

/** `A/gt/gt.txt` and `A/gt.txt` are sequence A, `A.txt` too. */
function sequenceName(file: string): string {
  const stem = basename(file).replace(/\.txt$/i, '');
  if (stem !== 'gt') return stem;
  const folder = dirname(file);
  return basename(basename(folder) === 'gt' ? dirname(folder) : folder) || stem;
}

async function groundTruths(options: EvaluateMotOptions): Promise<{ name: string; gt: string; info: string }[]> {
  const all: { name: string; gt: string; info: string }[] = [];
  for (const entry of await readdir(options.gt, { withFileTypes: true })) {
    const path = join(options.gt, entry.name);
    if (entry.name.toLowerCase().endsWith('.txt') && !entry.isDirectory()) {
      const name = entry.name.slice(0, -4);
      all.push({ name, gt: path, info: '' });
      continue;
    }
    const gt = [join(path, 'gt', 'gt.txt'), join(path, 'gt.txt')].find(f => existsSync(f));
    if (gt) all.push({ name: entry.name, gt, info: join(path, 'seqinfo.ini') });
  }
  all.sort((a, b) => (a.name < b.name ? -1 : 1));
  if (all.length === 0)
    fail(
      'BAD_INPUT',
      `--gt ${options.gt} holds no sequence`,
      'sequences are SEQ/gt/gt.txt, SEQ/gt.txt or SEQ.txt',
      'give the folder that contains the sequences',
    );
  if (!options.sequences) return all;
  return options.sequences.map(
    name =>
      all.find(s => s.name === name) ??
      fail(
        'BAD_USAGE',
        `--sequences names ${name}, which --gt does not hold`,
        `it holds ${all.map(s => s.name).join(', ')}`,
        'check the name',
      ),
  );
}

async function withResult(s: { name: string; gt: string; info: string }, pred: string): Promise<SequenceFiles> {
  const candidates = [join(pred, `${s.name}.txt`), join(pred, 'data', `${s.name}.txt`)];
  const found = candidates.find(f => existsSync(f));
  if (!found)
    fail(
      'BAD_INPUT',
      `no result for sequence ${s.name}`,
      `${candidates[0]} does not exist; a sequence left out would change the figures`,
      'write an empty file if the tracker found nothing, or choose with --sequences',
    );
  return { name: s.name, gt: s.gt, pred: found, frames: s.info ? await sequenceLength(s.info) : undefined };
}

/** `seqLength` of a seqinfo.ini, when there is one. */
async function sequenceLength(file: string): Promise<number | undefined> {
  if (!existsSync(file)) return undefined;
  const text = await readFile(file, 'utf8');
  const value = /^\s*seqLength\s*[=:]\s*(.*?)\s*$/im.exec(text)?.[1];
  if (value === undefined) return undefined;
  if (!/^\d+$/.test(value) || Number(value) < 1)
    fail(
      'BAD_INPUT',
      `${file}: seqLength is "${value}"`,
      'it is the number of frames',
      'write a whole number from 1 up',
    );
  return Number(value);
}

async function isFolder(path: string, flag: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    fail('BAD_INPUT', `${flag} ${path} cannot be read`, messageOf(error), 'check the path', error);
  }
}

async function readText(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    fail('BAD_INPUT', `${path} cannot be read`, messageOf(error), 'check the file and its permissions', error);
  }
}
