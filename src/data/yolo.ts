import { parse, stringify } from 'yaml';
import { fail, messageOf } from '../core/index.ts';
import { extentOf } from './coco.ts';
import type { DataObject, DataPicture, ProblemSink } from './types.ts';

/** What a `data.yaml` (or Darknet's `.data`) says. Paths as they stand in the file. */
export interface YoloConfig {
  /** root of the data set */
  readonly path?: string | undefined;
  /** split to folders or lists of pictures */
  readonly splits: ReadonlyMap<string, readonly string[]>;
  /** class names by index */
  readonly names: readonly string[] | undefined;
  /** Darknet: file of the names */
  readonly namesFile?: string | undefined;
}

const SPLITS = { train: 'train', val: 'val', valid: 'val', validation: 'val', test: 'test' } as const;

/**
 * Reads a `data.yaml`: `path`, `train`, `val`, `test` (a folder, a list file, or a list of them), `names` as a list or a
 * map from index to name, `nc`. Keys of trainers' own are passed over.
 *
 * @param source what errors call the file
 * @throws {DenseError} BAD_INPUT for broken YAML, names with gaps, or an `nc` that disagrees with the names
 */
export function parseDataYaml(text: string, source: string): YoloConfig {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    fail('BAD_INPUT', `${source} is no YAML`, messageOf(error), 'correct the line it names', error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    fail('BAD_INPUT', `${source} is no data.yaml`, 'it holds no keys', 'write path, train, val and names');
  const file = value as Record<string, unknown>;
  const splits = new Map<string, string[]>();
  for (const [key, split] of Object.entries(SPLITS)) {
    const given = file[key];
    if (given === undefined || given === null || given === '') continue;
    const paths = Array.isArray(given) ? given : [given];
    if (!paths.every(p => typeof p === 'string'))
      fail('BAD_INPUT', `${source}: ${key} is ${JSON.stringify(given)}`, 'it is a path or a list of paths', 'write so');
    splits.set(split, [...(splits.get(split) ?? []), ...(paths as string[])]);
  }
  const names = namesOf(file.names, source);
  if (typeof file.nc === 'number' && names && file.nc !== names.length)
    fail('BAD_INPUT', `${source}: nc is ${file.nc}`, `names lists ${names.length} classes`, 'make the two agree');
  return { splits, names, ...(typeof file.path === 'string' && { path: file.path }) };
}

function namesOf(given: unknown, source: string): string[] | undefined {
  if (given === undefined || given === null) return undefined;
  if (Array.isArray(given)) return given.map(String);
  if (typeof given !== 'object')
    return fail('BAD_INPUT', `${source}: names is ${JSON.stringify(given)}`, 'it is a list or a map', 'write so');
  const entries = Object.entries(given).map(([key, name]) => [Number(key), String(name)] as const);
  const names: string[] = [];
  for (const [index, name] of entries) names[index] = name;
  if (entries.some(([i]) => !Number.isInteger(i) || i < 0 || i >= entries.length))
    fail(
      'BAD_INPUT',
      `${source}: names has the keys ${entries.map(([i]) => i).join(', ')}`,
      `${entries.length} classes are numbered 0 to ${entries.length - 1}`,
      'number them without gaps',
    );
  return names;
}

/** Reads Darknet's `.data` file: `train = list.txt`, `valid = list.txt`, `names = obj.names`. */
export function parseDarknetData(text: string): YoloConfig {
  const splits = new Map<string, string[]>();
  let namesFile: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const [, key, value] = /^\s*([\w-]+)\s*=\s*(.*?)\s*$/.exec(line.replace(/#.*/, '')) ?? [];
    if (key === 'names') namesFile = value;
    else if (key !== undefined && Object.hasOwn(SPLITS, key)) splits.set(SPLITS[key as keyof typeof SPLITS], [value!]);
  }
  return { splits, names: undefined, namesFile };
}

/**
 * The text of a `data.yaml`, names as a map from index to name.
 * @param splits split to folder of pictures, below the file's own folder
 */
export function formatDataYaml(names: readonly string[], splits: ReadonlyMap<string, string>): string {
  // no `path`: trainers then start from the file's own folder, and a relative one means another place to some
  return stringify({ ...Object.fromEntries(splits), nc: names.length, names: new Map(names.entries()) });
}

/**
 * Reads a label file: per object `class cx cy w h` (shares of the picture), or `class x1 y1 x2 y2 ...`, a polygon whose
 * extent is the box. A sixth number, the score of a prediction, is passed over.
 *
 * @param size of the picture, pixels
 * @param where what errors call the file
 */
export function parseYoloLabels(
  text: string,
  size: { readonly width: number; readonly height: number },
  classes: number,
  where: string,
  sink: ProblemSink,
  file?: string,
): DataObject[] {
  const objects: DataObject[] = [];
  const readLine = (line: string, i: number) => {
    const cells = line.trim().split(/\s+/);
    if (cells[0] === '') return;
    const numbers = cells.map(Number);
    const place = { where: `${where}: line ${i + 1}`, file };
    const category = numbers[0]!;
    const isBox = numbers.length === 5 || numbers.length === 6;
    if (numbers.some(v => !Number.isFinite(v)) || !(isBox || (numbers.length >= 7 && numbers.length % 2 === 1)))
      return sink({
        ...place,
        kind: 'bad-record',
        what: `reads ${JSON.stringify(line.trim().slice(0, 60))}`,
        why: 'a line is `class cx cy w h`, or `class x1 y1 x2 y2 x3 y3 ...` for a polygon',
        fix: 'correct or remove the line',
      });
    if (!Number.isInteger(category) || category < 0 || category >= classes)
      return sink({
        ...place,
        kind: 'unknown-class',
        what: `has the class ${cells[0]}`,
        why: classes === 0 ? 'the data set names no classes' : `the names go from 0 to ${classes - 1}`,
        fix: 'add the name to data.yaml, or correct the line',
      });
    const { width, height } = size;
    if (isBox) {
      const [, cx, cy, w, h] = numbers as [number, number, number, number, number];
      const [x1, x2] = [(cx - w / 2) * width, (cx + w / 2) * width];
      objects.push({ x1, y1: (cy - h / 2) * height, x2, y2: (cy + h / 2) * height, category });
    } else {
      const ring = numbers.slice(1).map((v, k) => v * (k % 2 === 0 ? width : height));
      objects.push({ ...extentOf([ring])!, category, segmentation: [ring] });
    }
  };
  text.split(/\r?\n/).forEach(readLine);
  return objects;
}

/** An object's polygon, when its mask is a single one of at least three points: fewer would read as a box. */
export function oneRing({ segmentation }: DataObject): readonly number[] | undefined {
  if (!Array.isArray(segmentation) || segmentation.length !== 1) return undefined;
  const [ring] = segmentation as [readonly number[]];
  return ring.length >= 6 && ring.length % 2 === 0 ? ring : undefined;
}

/** Digits of a share: 1e-7 of a picture is far below a thousandth of a pixel. */
const DIGITS = 7;

/**
 * The text of a label file.
 * @param masks write an object's polygon instead of its box (an object without a single one becomes the polygon of its box)
 */
export function formatYoloLabels({ objects, width, height }: DataPicture, masks = false): string {
  const share = (v: number, whole: number) => String(Number((v / whole).toFixed(DIGITS)));
  return objects
    .map(o => {
      if (!masks) {
        const [cx, cy] = [share((o.x1 + o.x2) / 2, width), share((o.y1 + o.y2) / 2, height)];
        return `${o.category} ${cx} ${cy} ${share(o.x2 - o.x1, width)} ${share(o.y2 - o.y1, height)}\n`;
      }
      const ring = oneRing(o) ?? [o.x1, o.y1, o.x2, o.y1, o.x2, o.y2, o.x1, o.y2];
      return `${[o.category, ...ring.map((v, k) => share(v, k % 2 === 0 ? width : height))].join(' ')}\n`;
    })
    .join('');
}

/**
 * Places where a picture's labels may lie, best first: the last folder called `images` (Ultralytics) or `JPEGImages`
 * (Darknet) becomes `labels`; else beside the picture.
 */
export function yoloLabelPaths(picture: string): string[] {
  const bare = picture.replace(/\.[^./\\]*$/, '');
  const labels = bare.replace(/^(.*[/\\]|)(images|JPEGImages)(?=[/\\])/, '$1labels');
  return labels === bare ? [`${bare}.txt`] : [`${labels}.txt`, `${bare}.txt`];
}
