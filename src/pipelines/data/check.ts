import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { DenseError, fail, type RgbImage, throwIfAborted } from '../../core/index.ts';
import {
  type ClassCount,
  checkBoxes,
  classBalance,
  countFindings,
  type DataPicture,
  type Dataset,
  type Finding,
  type FindingKind,
  finding,
  mergeDatasets,
  nearPairs,
  type ReadProblem,
  splitsOf,
} from '../../data/index.ts';
import { decodeImage } from '../../image/index.ts';
import { overlapped } from '../overlap.ts';
import { findFormat, openDataset } from './open.ts';
import type { DatasetSource } from './open-options.ts';
import { filesBelow, kindOf } from './places.ts';
import { writeSheet } from './sheet.ts';

/**
 * Cosine of features from which pictures count as near duplicates. Measured with bench/near-duplicates.ts (docs/data.md has
 * the table): re-encoded, halved and brightened copies lie above, no two different photographs did.
 */
export const NEAR = 0.95;

/** Turns a picture into features of length 1. */
export type Embed = (image: RgbImage) => Promise<Float32Array>;

export interface CheckOptions {
  /** Data sets, or folders of pictures; leaks are looked for between their splits. */
  readonly sources: readonly DatasetSource[];
  /** Open the pictures (default): damaged ones, sizes, duplicates. */
  readonly pictures?: boolean | undefined;
  /** Features for near duplicates; without them only equal pixels are found. */
  readonly embed?: Embed | undefined;
  /** Cosine from which pictures are near duplicates, default {@link NEAR}. */
  readonly near?: number | undefined;
  /** `.png` of pictures with their boxes, faulty ones first. */
  readonly sheet?: string | undefined;
  readonly onProgress?: ((done: number, total: number, label: string) => void) | undefined;
  readonly onWarning?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CheckReport {
  readonly pictures: number;
  readonly objects: number;
  readonly splits: Readonly<Record<string, number>>;
  readonly errors: number;
  readonly warnings: number;
  readonly counts: Partial<Record<FindingKind, number>>;
  readonly findings: readonly Finding[];
  readonly classes: readonly ClassCount[];
  readonly sheet?: string;
}

const READ_AHEAD = 4;

/**
 * Looks for faults in annotated data: see FINDINGS. A fault is a finding and never an exception.
 * @throws {DenseError} BAD_INPUT when a source cannot be opened at all; ABORTED
 */
export async function checkData(options: CheckOptions): Promise<CheckReport> {
  const problems: (ReadProblem & { readonly split?: string | undefined })[] = [];
  const parts: Dataset[] = [];
  for (const source of options.sources) parts.push(await openForCheck(source, options, problems));
  const dataset = mergeDatasets(parts);
  const findings: Finding[] = problems.flatMap(fromProblem);
  findings.push(...checkBoxes(dataset), ...(await unlisted(dataset, options)));
  if (options.pictures !== false) findings.push(...(await checkPictures(dataset.pictures, options)));
  if (options.sheet !== undefined) await writeSheet(options.sheet, dataset, findings, options.signal);
  const perSplit = splitsOf(dataset).map(
    split => [split ?? '', dataset.pictures.filter(p => p.split === split).length] as const,
  );
  return {
    pictures: dataset.pictures.length,
    objects: dataset.pictures.reduce((n, p) => n + p.objects.length, 0),
    splits: Object.fromEntries(perSplit),
    errors: findings.filter(f => f.severity === 'error').length,
    warnings: findings.filter(f => f.severity === 'warning').length,
    counts: countFindings(findings),
    findings,
    classes: classBalance(dataset),
    ...(options.sheet !== undefined && { sheet: options.sheet }),
  };
}

/** A folder in which nothing is annotated is checked as pictures. */
async function openForCheck(
  source: DatasetSource,
  { onWarning, signal }: CheckOptions,
  problems: (ReadProblem & { readonly split?: string | undefined })[],
): Promise<Dataset> {
  const { annotations, split } = source;
  if (source.format === undefined && (await kindOf(annotations)) === 'folder') {
    const annotated = await findFormat(annotations, signal).catch(error => {
      if (error instanceof DenseError && error.code === 'BAD_INPUT') return undefined;
      throw error;
    });
    if (annotated === undefined) {
      const files = await filesBelow(annotations, signal);
      if (files.length === 0)
        fail('BAD_INPUT', `${annotations} holds no data set`, 'no annotations and no pictures', 'name another folder');
      const pictures = files.map(f => ({ file: f.relative, path: f.path, width: 0, height: 0, split, objects: [] }));
      return { categories: [], pictures };
    }
  }
  return openDataset({ ...source, onProblem: problem => problems.push({ ...problem, split }), onWarning, signal });
}

/** A picture that is missing is told by the pass over pictures. */
function fromProblem({
  kind,
  where,
  what,
  why,
  file,
  split,
}: ReadProblem & { readonly split?: string | undefined }): Finding[] {
  return kind === 'missing-picture' ? [] : [finding(kind, `${where} ${what}: ${why}`, { file, split })];
}

/** Pictures in the folders that were named, of which no annotation speaks. */
async function unlisted({ pictures }: Dataset, { sources, signal }: CheckOptions): Promise<Finding[]> {
  const listed = new Set(pictures.flatMap(p => (p.path === undefined ? [] : resolve(p.path))));
  const folders = new Set(sources.flatMap(s => s.images ?? []));
  const found: Finding[] = [];
  for (const folder of folders)
    for (const { path, relative } of await filesBelow(folder, signal))
      if (!listed.has(resolve(path)))
        found.push(finding('unlisted-picture', `${path} is not annotated`, { file: relative }));
  return found;
}

async function checkPictures(pictures: readonly DataPicture[], options: CheckOptions): Promise<Finding[]> {
  const { embed, signal, near = NEAR } = options;
  const found: Finding[] = [];
  const first = new Map<string, DataPicture>();
  const features: (Float32Array | undefined)[] = [];
  let done = 0;
  const read = async (picture: DataPicture) => {
    if (picture.path === undefined) return 'its folder is not known; name it with --images';
    return decodeImage(picture.path, { signal }).catch((error: unknown) => {
      if (error instanceof DenseError && error.code === 'BAD_INPUT') return error.detail.why;
      throw error;
    });
  };
  for await (const image of overlapped(pictures, READ_AHEAD, read)) {
    throwIfAborted(signal);
    const picture = pictures[done++]!;
    const { file, split } = picture;
    features.push(undefined);
    options.onProgress?.(done, pictures.length, file);
    if (typeof image === 'string') {
      found.push(finding('unreadable-picture', `${picture.path ?? file}: ${image}`, { file, split }));
      continue;
    }
    const [height, width] = image.shape;
    if (picture.width > 0 && (picture.width !== width || picture.height !== height)) {
      const turned = picture.width === height && picture.height === width ? ', turned' : '';
      const text = `${file}: annotated ${picture.width} x ${picture.height}, is ${width} x ${height}${turned}`;
      found.push(finding('wrong-size', text, { file, split }));
    }
    const hash = createHash('sha256').update(`${width} ${height} `).update(image.data).digest('base64');
    const before = first.get(hash);
    if (before) found.push(pairFinding(picture, before));
    else {
      first.set(hash, picture);
      if (embed) features[done - 1] = await embed(image);
    }
  }
  for (const { a, b, similarity } of nearPairs(features, near))
    found.push(pairFinding(pictures[b]!, pictures[a]!, similarity));
  return found;
}

/** The same picture, or (with a similarity) one like it, twice. */
function pairFinding(picture: DataPicture, before: DataPicture, similarity?: number): Finding {
  const { file, split } = picture;
  const apart = split !== before.split && split !== undefined && before.split !== undefined;
  const called = ({ file, split }: DataPicture) => (apart ? `${split}/${file}` : file);
  const at = { file, split };
  if (similarity === undefined)
    return finding(apart ? 'leak' : 'duplicate-picture', `${called(picture)} has the pixels of ${called(before)}`, at);
  const text = `${called(picture)} looks like ${called(before)} (${similarity.toFixed(3)})`;
  return finding(apart ? 'near-leak' : 'near-duplicate', text, at);
}
