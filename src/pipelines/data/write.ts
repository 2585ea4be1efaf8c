import { copyFile, lstat, mkdir, readdir, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fail, messageOf, throwIfAborted } from '../../core/index.ts';
import {
  type DataFormat,
  type DataPicture,
  type Dataset,
  datasetToCoco,
  formatCsv,
  formatDataYaml,
  formatVoc,
  formatYoloLabels,
  lossesOf,
  splitsOf,
  withoutCrowds,
} from '../../data/index.ts';
import { writeWhole } from '../formats/atomic.ts';
import { overlapped } from '../overlap.ts';
import { classesBeside } from './open-csv.ts';

export const PICTURE_MODES = ['none', 'copy', 'link'] as const;

export interface WriteDatasetOptions {
  readonly format: DataFormat;
  /** COCO: a `.json`, or a folder for `instances_<split>.json`; CSV: a `.csv`; YOLO and VOC: a folder. */
  readonly out: string;
  /** Accept what the format cannot hold. */
  readonly lossy?: boolean | undefined;
  /** YOLO: polygons instead of boxes. */
  readonly masks?: boolean | undefined;
  /** YOLO and VOC: put the pictures into the new tree too; default none. */
  readonly pictures?: (typeof PICTURE_MODES)[number] | undefined;
  readonly onWarning?: ((text: string) => void) | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface WriteReport {
  /** Annotation files written; of YOLO and VOC, the ones beside the labels. */
  readonly files: readonly string[];
  /** Folders in which pictures are expected, by split (`''` for none); YOLO and VOC. */
  readonly imageFolders: Readonly<Record<string, string>>;
  /** What was lost, in words. */
  readonly losses: readonly string[];
}

const WRITE_AHEAD = 8;
const YOLO_SPLITS = ['train', 'val', 'test'];

/**
 * Writes a data set in a format. Nothing is written when something would be lost, unless `lossy`.
 * @throws {DenseError} BAD_INPUT saying what would be lost, or which names the format cannot keep apart; RUNTIME when the
 *   disk refuses
 */
export async function writeDataset(dataset: Dataset, options: WriteDatasetOptions): Promise<WriteReport> {
  const { format, out } = options;
  const oneFile = /\.json$/i.test(out);
  const losses = lossesOf(dataset, format, { masks: options.masks, oneFile }).map(loss => loss.text);
  if (losses.length > 0 && !options.lossy)
    fail('BAD_INPUT', `${format} cannot hold all of it`, losses.join('; '), 'pass --lossy to accept that');
  for (const loss of losses) options.onWarning?.(loss);
  checkSplits(dataset);
  checkNames(dataset, format);
  if (format === 'coco') return { files: await writeCoco(dataset, out), imageFolders: {}, losses };
  if (format === 'csv') return { files: await writeCsv(dataset, out), imageFolders: {}, losses };
  await checkFresh(out);
  await checkPictures(dataset, options);
  const kept = withoutCrowds(dataset);
  const written = format === 'yolo' ? await writeYolo(kept, options) : await writeVoc(kept, options);
  return { ...written, losses };
}

/** Splits become parts of file names, and their names may come from a file. */
function checkSplits(dataset: Dataset): void {
  for (const split of splitsOf(dataset))
    if (split !== undefined && !/^[^/\\\0]+$/.test(split))
      fail(
        'BAD_INPUT',
        `the split ${JSON.stringify(split)}`,
        'it becomes a part of file names, and this one would lead to another folder',
        'name it with letters, digits, - and _',
      );
}

/** Names that would meet, leave the folder, or be read as others. */
function checkNames({ pictures, categories }: Dataset, format: DataFormat): void {
  if (format === 'coco') return;
  const broken = categories.find(c => format !== 'yolo' && (c.name.trim() === '' || /[\r\n]/.test(c.name)));
  if (broken)
    fail(
      'BAD_INPUT',
      `the class ${JSON.stringify(broken.name)}`,
      `${format} keeps its classes in a list, a name per line`,
      'give it a name of one line',
    );
  const perFile = format === 'yolo' || format === 'voc';
  const taken = new Map<string, DataPicture>();
  for (const picture of pictures) {
    const { file } = picture;
    const split = splitFolder(picture, format);
    if (perFile && (file.startsWith('/') || /(^|[/\\])\.\.([/\\]|$)/.test(file)))
      fail(
        'BAD_INPUT',
        `the picture ${JSON.stringify(file)} lies outside its folder`,
        `${format} keeps a file per picture in a tree like the pictures'`,
        'name pictures by their path below one folder',
      );
    if (perFile && /(^|\/)\.|\/$/.test(file))
      fail(
        'BAD_INPUT',
        `the picture ${JSON.stringify(file)} is hidden or has no name`,
        'files whose names begin with a dot are passed over when a folder is read',
        'rename it',
      );
    const stem = perFile ? file.replace(/\.[^./]*$/, '') : file;
    const key = format === 'voc' ? stem : `${split}\n${stem}`;
    const before = taken.get(key);
    if (before)
      fail(
        'BAD_INPUT',
        before.file === file ? `two pictures are called ${file}` : `${before.file} and ${file} share a name`,
        splitFolder(before, format) === split || format !== 'voc'
          ? `${format} knows a picture by its name${perFile ? ' without the ending' : ''}`
          : 'VOC keeps the annotations of all splits in one folder',
        splitFolder(before, format) === split || format !== 'voc'
          ? 'rename one of them'
          : 'convert one split at a time with --split',
      );
    taken.set(key, picture);
  }
}

/** The split a picture is written to; YOLO has none for those without. */
function splitFolder({ split }: DataPicture, format: DataFormat): string {
  return split ?? (format === 'yolo' ? 'train' : '');
}

/** Labels of an earlier data set would be taken for this one's. */
async function checkFresh(out: string): Promise<void> {
  const there = await readdir(out).catch(() => []);
  const mine = there.filter(name => ['labels', 'Annotations', 'ImageSets', 'data.yaml'].includes(name));
  if (mine.length > 0)
    fail('BAD_INPUT', `${out} holds a data set`, `there is ${mine.join(', ')}`, 'name another folder, or remove those');
}

/** Pictures that are to be brought must be there before anything is written: a partial tree would refuse the next run. */
async function checkPictures(dataset: Dataset, { pictures = 'none', signal }: WriteDatasetOptions): Promise<void> {
  if (pictures === 'none') return;
  for await (const _ of overlapped(dataset.pictures, WRITE_AHEAD, checkPicture)) throwIfAborted(signal);
}

async function checkPicture({ path, file }: DataPicture): Promise<void> {
  if (path === undefined)
    return fail('BAD_INPUT', `where ${file} lies is not known`, 'it is to be copied', 'name its folder with --images');
  const reason = await stat(path).then(
    found => (found.isFile() ? undefined : 'it is not a file'),
    (error: unknown) => messageOf(error),
  );
  if (reason !== undefined)
    fail('BAD_INPUT', `the picture ${path} is not there`, reason, 'check --images, or convert without --pictures');
}

async function writeCoco(dataset: Dataset, out: string): Promise<string[]> {
  const splits = /\.json$/i.test(out) ? [undefined] : splitsOf(dataset);
  const files: string[] = [];
  for (const split of splits) {
    const whole = splits.length === 1;
    const part = whole ? dataset : { ...dataset, pictures: dataset.pictures.filter(p => p.split === split) };
    const name = (whole ? splitsOf(dataset)[0] : split) ?? '';
    const file = /\.json$/i.test(out) ? out : join(out, name === '' ? 'instances.json' : `instances_${name}.json`);
    await writeWhole(file, cocoJson(part));
    files.push(file);
  }
  return files;
}

/** One record per line: long enough files stay readable, short enough lines stay comparable. */
function cocoJson(dataset: Dataset): string {
  const lists = Object.entries(datasetToCoco(dataset)) as [string, unknown[]][];
  const parts = lists.map(([key, rows]) => {
    const lines = rows.map(row => JSON.stringify(row)).join(',\n');
    return `${JSON.stringify(key)}: [${lines === '' ? '' : `\n${lines}\n`}]`;
  });
  return `{${parts.join(',\n')}}\n`;
}

async function writeCsv(dataset: Dataset, out: string): Promise<string[]> {
  const file = /\.csv$/i.test(out) ? out : join(out, 'annotations.csv');
  const classes = classesBeside(file);
  await writeWhole(file, formatCsv(dataset));
  await writeWhole(classes, namesText(dataset));
  return [file, classes];
}

const namesText = ({ categories }: Dataset) => categories.map(c => `${c.name}\n`).join('');

async function writeYolo(dataset: Dataset, options: WriteDatasetOptions) {
  const { out, masks } = options;
  const splits = new Map<string, string>();
  for (const given of splitsOf(dataset)) {
    const split = given ?? 'train'; // as splitFolder has it
    if (!YOLO_SPLITS.includes(split))
      fail(
        'BAD_INPUT',
        `the split ${JSON.stringify(split)}`,
        `data.yaml knows ${YOLO_SPLITS.join(', ')}`,
        'name it one of those: --annotations train=FILE, or --split',
      );
    splits.set(split, `images/${split}`);
  }
  const unsized = dataset.pictures.find(p => !(p.width > 0 && p.height > 0));
  if (unsized)
    fail(
      'BAD_INPUT',
      `the size of ${unsized.file} is not known`,
      'YOLO boxes are shares of the picture',
      'name the folder of the pictures with --images',
    );
  await bringAll(dataset, picture => join(out, 'images', splitFolder(picture, 'yolo'), picture.file), options);
  await eachPicture(dataset, options, async picture => {
    const [split, stem] = [splitFolder(picture, 'yolo'), picture.file.replace(/\.[^./]*$/, '')];
    await writeWhole(join(out, 'labels', split, `${stem}.txt`), formatYoloLabels(picture, masks));
  });
  const file = join(out, 'data.yaml');
  await writeWhole(
    file,
    formatDataYaml(
      dataset.categories.map(c => c.name),
      splits,
    ),
  );
  if (!splits.has('val') && options.onWarning)
    options.onWarning('data.yaml has no val split; most trainers ask for one');
  return { files: [file], imageFolders: Object.fromEntries([...splits].map(([s, path]) => [s, join(out, path)])) };
}

async function writeVoc(dataset: Dataset, options: WriteDatasetOptions) {
  const { out } = options;
  await bringAll(dataset, picture => join(out, 'JPEGImages', picture.file), options);
  await eachPicture(dataset, options, async picture => {
    const stem = picture.file.replace(/\.[^./]*$/, '');
    await writeWhole(join(out, 'Annotations', `${stem}.xml`), formatVoc(picture, dataset.categories));
  });
  const files = [join(out, 'classes.txt')];
  await writeWhole(files[0]!, namesText(dataset));
  for (const split of splitsOf(dataset)) {
    if (split === undefined) continue;
    const stems = dataset.pictures.filter(p => p.split === split).map(p => `${p.file.replace(/\.[^./]*$/, '')}\n`);
    files.push(join(out, 'ImageSets', 'Main', `${split}.txt`));
    await writeWhole(files.at(-1)!, stems.join(''));
  }
  return { files, imageFolders: { '': join(out, 'JPEGImages') } };
}

async function eachPicture(
  { pictures }: Dataset,
  { signal, onProgress }: WriteDatasetOptions,
  work: (picture: DataPicture) => Promise<void>,
): Promise<void> {
  let done = 0;
  for await (const _ of overlapped(pictures, WRITE_AHEAD, work)) {
    throwIfAborted(signal);
    onProgress?.(++done, pictures.length);
  }
}

/** Pictures come before labels: a run that stops among them leaves nothing that the next one refuses. */
async function bringAll(dataset: Dataset, to: (picture: DataPicture) => string, options: WriteDatasetOptions) {
  if ((options.pictures ?? 'none') === 'none') return;
  const quiet = { ...options, onProgress: undefined }; // progress is told with the labels
  await eachPicture(dataset, quiet, picture => bring(picture, to(picture), options));
}

/**
 * Copies or links a picture into the new tree. One that lies there already stays as it is, and an earlier link makes room:
 * writing through it would change the picture it leads to.
 */
async function bring({ path }: DataPicture, to: string, { pictures }: WriteDatasetOptions): Promise<void> {
  if (path === undefined) return; // refused by checkPicture
  try {
    await mkdir(dirname(to), { recursive: true });
    const there = await lstat(to).catch(() => undefined);
    const given = await stat(path).catch(() => undefined);
    if (there && given && there.ino === given.ino && there.dev === given.dev) return;
    if (there?.isSymbolicLink()) await rm(to);
    if (pictures === 'copy') await copyFile(path, to);
    else await symlink(resolve(path), to);
  } catch (error) {
    return fail('BAD_INPUT', `cannot bring ${path} to ${to}`, messageOf(error), 'check both places', error);
  }
}
