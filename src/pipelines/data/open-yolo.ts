import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { fail, throwIfAborted } from '../../core/index.ts';
import {
  type DataPicture,
  type Dataset,
  parseDarknetData,
  parseDataYaml,
  parseNames,
  parseYoloLabels,
  strictly,
  type YoloConfig,
  yoloLabelPaths,
} from '../../data/index.ts';
import { hasImageExtension, readImageSize } from '../../image/index.ts';
import { overlapped } from '../overlap.ts';
import type { DatasetSource } from './open-options.ts';
import { filesBelow, kindOf, namesIfThere, readText } from './places.ts';

/** A picture and where its labels may lie. */
interface Entry {
  readonly path: string;
  readonly file: string;
  readonly split?: string;
  readonly labels: readonly string[];
}

const READ_AHEAD = 8;
/** Text files of a folder of labels that hold none. */
const NO_LABELS = /(^|[/\\])(classes|train|val|valid|test|README[^/\\]*)\.txt$/i;

/** Opens a YOLO data set: `data.yaml`, Darknet's `.data`, or a folder of pictures and labels with a list of classes. */
export async function openYolo(source: DatasetSource): Promise<Dataset> {
  const { onProblem = strictly, signal } = source;
  const { config, folder, file } = await readConfig(source.annotations);
  const names = await namesOf(source, config, folder);
  const root = await rootOf(config, folder);
  const entries: Entry[] = [];
  const splits =
    source.split === undefined || config.splits.size === 0 ? [...config.splits] : pick(config, source.split);
  for (const [split, paths] of splits)
    for (const path of paths) entries.push(...(await entriesOf(split, path, root, source)));
  if (config.splits.size === 0) entries.push(...(await plainEntries(folder, source)));
  if (entries.length === 0)
    fail(
      'BAD_INPUT',
      `${file ?? folder} leads to no pictures`,
      `looked in ${[...config.splits.values()].flat().join(', ') || folder}, below ${root}`,
      'name their folder with --images, or correct "path" in data.yaml',
    );
  await reportUnusedLabels(entries, source);
  const pictures: DataPicture[] = [];
  for await (const picture of overlapped(entries, READ_AHEAD, entry => readEntry(entry, names.length, onProblem))) {
    throwIfAborted(signal);
    pictures.push(picture);
  }
  return { categories: names.map(name => ({ name })), pictures };
}

function pick(config: YoloConfig, split: string): [string, readonly string[]][] {
  const paths = config.splits.get(split);
  if (paths) return [[split, paths]];
  const known = [...config.splits.keys()].join(', ');
  return fail(
    'BAD_USAGE',
    `there is no split ${JSON.stringify(split)}`,
    `the data set has ${known}`,
    'name one of those with --split',
  );
}

async function readConfig(path: string): Promise<{ config: YoloConfig; folder: string; file?: string }> {
  const isFolder = (await kindOf(path)) === 'folder';
  const file = isFolder ? await configIn(path) : path;
  if (file === undefined) return { config: { splits: new Map(), names: undefined }, folder: path };
  const text = await readText(file);
  const config = extname(file) === '.data' ? parseDarknetData(text) : parseDataYaml(text, file);
  return { config, folder: dirname(file), file };
}

async function configIn(folder: string): Promise<string | undefined> {
  for (const name of ['data.yaml', 'data.yml', 'obj.data'])
    if ((await kindOf(join(folder, name))) === 'file') return join(folder, name);
  const yaml = (await filesBelow(folder, undefined, path => /\.ya?ml$/i.test(path))).filter(
    f => !f.relative.includes('/'),
  );
  return yaml.length === 1 ? yaml[0]!.path : undefined;
}

async function namesOf(source: DatasetSource, config: YoloConfig, folder: string): Promise<readonly string[]> {
  if (source.names !== undefined) return parseNames(await readText(source.names));
  if (config.names) return config.names;
  const own = config.namesFile === undefined ? [] : [config.namesFile, join(folder, basename(config.namesFile))];
  const places = [
    ...own,
    ...['classes.txt', 'obj.names', 'labels/classes.txt', '../classes.txt'].map(n => join(folder, n)),
  ];
  for (const place of places) {
    const text = await namesIfThere(place);
    if (text !== undefined) return parseNames(text);
  }
  return fail(
    'BAD_INPUT',
    `${source.annotations} names no classes`,
    'YOLO labels hold numbers only; there is no data.yaml with names, no classes.txt, no obj.names',
    'give a file with a name per line with --names',
  );
}

/** The root that paths start from: `path` of the file, unless it leads nowhere, as in sets that were moved. */
async function rootOf(config: YoloConfig, folder: string): Promise<string> {
  if (config.path === undefined) return folder;
  const root = isAbsolute(config.path) ? config.path : resolve(folder, config.path);
  return (await kindOf(root)) === 'folder' ? root : folder;
}

/** Where a path of a split leads. Roboflow writes `../train/images` for a folder that lies beside its data.yaml. */
async function resolved(path: string, root: string): Promise<string> {
  const places = isAbsolute(path) ? [path] : [resolve(root, path), resolve(root, path.replace(/^(\.\.\/)+/, ''))];
  for (const place of places) if ((await kindOf(place)) !== 'missing') return place;
  return places[0]!;
}

async function entriesOf(split: string, path: string, root: string, source: DatasetSource): Promise<Entry[]> {
  const place = await resolved(path, root);
  if (extname(place) === '.txt') return listedEntries(split, place, root, source);
  if (source.images === undefined) {
    const files = await filesBelow(place, source.signal);
    return files.map(f => ({ path: f.path, file: f.relative, split, labels: yoloLabelPaths(f.path) }));
  }
  const own = join(source.images, split);
  const hasOwn = (await kindOf(own)) === 'folder';
  const labels = yoloLabelPaths(join(place, 'x'))[0]!.slice(0, -'x.txt'.length);
  const entries = (await filesBelow(hasOwn ? own : source.images, source.signal)).map(f => ({
    path: f.path,
    file: f.relative,
    split,
    labels: [join(labels, f.relative.replace(/\.[^./\\]*$/, '.txt'))],
  }));
  if (hasOwn) return entries;
  const labelled: Entry[] = [];
  for (const entry of entries) if ((await kindOf(entry.labels[0]!)) === 'file') labelled.push(entry);
  return labelled;
}

/** Pictures that a text file lists; paths start from the list's folder (`./`), else from the root. */
async function listedEntries(split: string, list: string, root: string, source: DatasetSource): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const line of (await readText(list)).split(/\r?\n/)) {
    const name = line.trim().replaceAll('\\', '/');
    if (name === '' || !hasImageExtension(name)) continue;
    const first = name.startsWith('./') || isAbsolute(name) ? resolve(dirname(list), name) : resolve(root, name);
    const places = [
      first,
      resolve(dirname(list), name),
      ...(source.images ? [join(source.images, basename(name))] : []),
    ];
    let path = first;
    for (const place of places)
      if ((await kindOf(place)) === 'file') {
        path = place;
        break;
      }
    const below = relative(root, path).replaceAll('\\', '/');
    const afterImages = /(?:^|\/)(?:images|JPEGImages)\/(.*)$/.exec(below)?.[1];
    const whole = afterImages ?? (below.startsWith('..') ? basename(path) : below);
    const file = whole.startsWith(`${split}/`) ? whole.slice(split.length + 1) : whole;
    entries.push({ path, file, split, labels: yoloLabelPaths(path) });
  }
  return entries;
}

/** A folder without data.yaml: pictures in it (or in `images`, or where `--images` says), labels beside or in `labels`. */
async function plainEntries(folder: string, source: DatasetSource): Promise<Entry[]> {
  const inside = (await kindOf(join(folder, 'images'))) === 'folder' ? join(folder, 'images') : folder;
  const images = source.images ?? inside;
  const files = await filesBelow(images, source.signal);
  return files.map(f => {
    const name = f.relative.replace(/\.[^./]*$/, '.txt');
    const labels = [...yoloLabelPaths(f.path), join(folder, name), join(folder, 'labels', name)];
    return { path: f.path, file: f.relative, labels };
  });
}

async function readEntry(
  entry: Entry,
  classes: number,
  sink: NonNullable<DatasetSource['onProblem']>,
): Promise<DataPicture> {
  const { path, file, split } = entry;
  const picture = { file, path, ...(split !== undefined && { split }) };
  const size = await readImageSize(path).catch(() => undefined);
  let labels: string | undefined;
  for (const place of entry.labels) if (labels === undefined && (await kindOf(place)) === 'file') labels = place;
  if (!size) {
    sink({
      kind: 'missing-picture',
      where: path,
      what: 'cannot be read',
      why: 'YOLO boxes are shares of the picture, whose size must be known',
      fix: 'put the picture there, or name the folder of the pictures with --images',
      file,
    });
    return { ...picture, width: 0, height: 0, objects: [] };
  }
  const objects =
    labels === undefined ? [] : parseYoloLabels(await readText(labels), size, classes, labels, sink, file);
  return { ...picture, ...size, objects };
}

/** Label files whose picture is not there. */
async function reportUnusedLabels(entries: readonly Entry[], source: DatasetSource): Promise<void> {
  const used = new Set(entries.flatMap(entry => entry.labels.map(label => resolve(label))));
  const folders = new Set(entries.map(entry => dirname(resolve(entry.labels[0]!))));
  const seen = new Set<string>();
  for (const folder of folders)
    for (const { path } of await filesBelow(folder, source.signal, p => /\.txt$/i.test(p) && !NO_LABELS.test(p))) {
      const label = resolve(path);
      if (used.has(label) || seen.has(label)) continue;
      seen.add(label);
      const problem = { kind: 'unused-label', where: path, what: 'belongs to no picture' } as const;
      const why = 'no picture of its name was found';
      if (source.onProblem) source.onProblem({ ...problem, why, fix: 'add the picture or remove the file' });
      else source.onWarning?.(`${path} belongs to no picture: left out`);
    }
}
