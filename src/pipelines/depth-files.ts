import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { fail, messageOf } from '../core/index.ts';
import { DEPTH_EXTENSIONS } from '../evaluate/index.ts';

export interface DepthFile {
  /** path below the folder without its ending: `a/000012` for `a/000012.depth.npy` */
  readonly stem: string;
  readonly path: string;
}

export interface DepthPair {
  readonly name: string;
  readonly gt: string;
  /** absent for a baseline */
  readonly pred: string | undefined;
}

/**
 * The depth maps of a folder and the folders below, or of one file; one per stem, the most exact format first.
 * Coloured pictures of depth (`NAME.depth.color.png`) are not depth maps.
 * @throws {DenseError} BAD_INPUT when there is none
 */
export async function depthFiles(path: string, flag: string): Promise<DepthFile[]> {
  const found: string[] = [];
  try {
    if ((await stat(path)).isDirectory()) {
      for (const entry of await readdir(path, { recursive: true, withFileTypes: true }))
        if (!entry.isDirectory() && rank(entry.name) >= 0) found.push(join(entry.parentPath, entry.name));
    } else found.push(path);
  } catch (error) {
    fail('BAD_INPUT', `${flag} ${path} cannot be read`, messageOf(error), 'give a folder of depth maps', error);
  }
  const best = new Map<string, string>();
  for (const file of found.sort()) {
    const below = relative(path, file).split(sep).join('/') || basename(file);
    const stem = stemOf(below);
    const known = best.get(stem);
    if (known === undefined || rank(file) < rank(known)) best.set(stem, file);
  }
  if (best.size === 0)
    fail(
      'BAD_INPUT',
      `${flag} ${path} holds no depth map`,
      `files ending in ${DEPTH_EXTENSIONS.join(', ')} are read`,
      'check the folder',
    );
  return [...best].map(([stem, file]) => ({ stem, path: file }));
}

/** Place among the formats; -1 for what is no depth map. */
function rank(name: string): number {
  const lower = name.toLowerCase();
  if (lower.endsWith('.color.png')) return -1;
  return (DEPTH_EXTENSIONS as readonly string[]).indexOf(lower.split('.').pop()!);
}

function stemOf(path: string): string {
  return path.replace(/\.[^./]+$/, '').replace(/\.depth$/i, '');
}

/** Pairs files of equal stem. @throws {DenseError} BAD_INPUT when no two stems agree */
export function pairByStem(truths: readonly DepthFile[], predictions: readonly DepthFile[], gt: string, pred: string) {
  const byStem = new Map(predictions.map(f => [f.stem, f.path]));
  const pairs: DepthPair[] = truths
    .filter(f => byStem.has(f.stem))
    .map(f => ({ name: f.stem, gt: f.path, pred: byStem.get(f.stem) }));
  if (pairs.length === 0)
    fail(
      'BAD_INPUT',
      `no map of ${gt} has a prediction of the same stem in ${pred}`,
      `for example ${truths[0]!.stem} and ${predictions[0]!.stem}`,
      'name predictions after the ground truth, or list them with --pairs FILE.csv',
    );
  return { pairs, missing: truths.length - pairs.length };
}

/**
 * Rows `ground truth,prediction` of a CSV file; a head line `gt,pred` or `gt,picture`, blank lines and lines of # are skipped.
 * @throws {DenseError} BAD_INPUT naming file and line
 */
export async function readPairs(file: string): Promise<{ gt: string; pred: string }[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return fail('BAD_INPUT', `--pairs ${file} cannot be read`, messageOf(error), 'give a CSV file', error);
  }
  const rows: { gt: string; pred: string }[] = [];
  text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .forEach((line, k) => {
      if (
        line.trim() === '' ||
        line.startsWith('#') ||
        (rows.length === 0 && /^\s*gt\s*,\s*(pred|picture)\s*$/i.test(line))
      )
        return;
      const cells = line.split(',').map(cell => cell.trim().replace(/^"(.*)"$/, '$1'));
      if (cells.length !== 2 || cells.includes(''))
        fail(
          'BAD_INPUT',
          `${file}, line ${k + 1}: "${line.slice(0, 80)}"`,
          'a line holds two paths: ground truth,prediction',
          'write gt,pred on each line',
        );
      rows.push({ gt: cells[0]!, pred: cells[1]! });
    });
  if (rows.length === 0)
    fail('BAD_INPUT', `--pairs ${file} holds no pair`, 'it is empty', 'write gt,pred on each line');
  return rows;
}

export interface DepthSidecar {
  readonly kind?: string | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** `NAME.depth.json` beside a prediction, when there is one. */
export async function sidecarOf(file: string): Promise<DepthSidecar | undefined> {
  const path = `${file.replace(/\.[^./\\]+$/, '').replace(/\.depth$/i, '')}.depth.json`;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
  try {
    const { kind, min, max } = JSON.parse(text) as Record<string, unknown>;
    return {
      kind: typeof kind === 'string' ? kind : undefined,
      min: typeof min === 'number' ? min : undefined,
      max: typeof max === 'number' ? max : undefined,
    };
  } catch (error) {
    return fail('BAD_INPUT', `${path} is no JSON`, messageOf(error), 'write the depth maps again', error);
  }
}
