import { basename, dirname, extname, join } from 'node:path';
import { fail, messageOf } from '../../core/index.ts';
import {
  type DataFormat,
  type Dataset,
  datasetFromCoco,
  mergeDatasets,
  strictly,
  takeSplit,
} from '../../data/index.ts';
import { openCsv } from './open-csv.ts';
import type { DatasetSource, OpenedDataset } from './open-options.ts';
import { openVoc } from './open-voc.ts';
import { openYolo } from './open-yolo.ts';
import { filesBelow, findImagesFolder, kindOf, placed, readText } from './places.ts';

/**
 * Opens an annotated data set in any format that is read: COCO, YOLO (data.yaml, Darknet's .data, folders), PASCAL VOC,
 * CSV. Boxes are xyxy pixels; each picture says where it lies when that is known (it need not exist: decoding will say
 * so). Several sources are joined, classes by name.
 *
 * @param source path of the annotations, or where everything lies
 * @throws {DenseError} BAD_INPUT naming the file and the record; BAD_USAGE for a split that is not there
 *
 * @example
 * const { pictures, categories } = await openDataset('pets/data.yaml');
 */
export async function openDataset(source: string | DatasetSource | readonly DatasetSource[]): Promise<OpenedDataset> {
  if (typeof source === 'string') return openOne({ annotations: source });
  if (!isList(source)) return openOne(source);
  const parts: OpenedDataset[] = [];
  for (const one of source) parts.push(await openOne(one));
  if (parts.length === 0) fail('BAD_USAGE', 'no annotations', 'there is nothing to open', 'name a data set');
  return { ...mergeDatasets(parts), format: parts[0]!.format };
}

const isList = (source: DatasetSource | readonly DatasetSource[]): source is readonly DatasetSource[] =>
  Array.isArray(source);

const OPEN = { coco: openCoco, yolo: openYolo, voc: openVoc, csv: openCsv } as const satisfies Record<
  DataFormat,
  (source: DatasetSource) => Promise<Dataset>
>;

async function openOne(source: DatasetSource): Promise<OpenedDataset> {
  if ((await kindOf(source.annotations)) === 'missing')
    fail('BAD_INPUT', `cannot read ${source.annotations}`, 'there is no such file or folder', 'check the path');
  const format = source.format ?? (await findFormat(source.annotations, source.signal));
  const { split } = source;
  const dataset = await OPEN[format](source);
  const hasSplits = dataset.pictures.some(p => p.split !== undefined);
  if (split === undefined) return { ...dataset, format };
  if (hasSplits) return { ...takeSplit(dataset, split), format };
  return { ...dataset, pictures: dataset.pictures.map(p => ({ ...p, split })), format };
}

/**
 * The format of annotations, from their name or what lies in their folder.
 * @throws {DenseError} BAD_INPUT when nothing fits
 */
export async function findFormat(path: string, signal?: AbortSignal): Promise<DataFormat> {
  const byEnding: Record<string, DataFormat> = {
    '.json': 'coco',
    '.yaml': 'yolo',
    '.yml': 'yolo',
    '.data': 'yolo',
    '.csv': 'csv',
    '.xml': 'voc',
  };
  const ending = byEnding[extname(path).toLowerCase()];
  if ((await kindOf(path)) === 'file' && ending) return ending;
  const is = async (name: string, kind: 'file' | 'folder') => (await kindOf(join(path, name))) === kind;
  if ((await is('data.yaml', 'file')) || (await is('data.yml', 'file'))) return 'yolo';
  if (await is('Annotations', 'folder')) return 'voc';
  if ((await is('labels', 'folder')) || (await is('classes.txt', 'file')) || (await is('obj.names', 'file')))
    return 'yolo';
  const found = await filesBelow(path, signal, file => /\.(xml|txt|ya?ml|json|csv)$/i.test(file));
  const ends = (pattern: RegExp) => found.some(file => pattern.test(file.path));
  if (ends(/\.ya?ml$/i)) return 'yolo';
  if (ends(/\.xml$/i)) return 'voc';
  if (ends(/(_annotations\.coco|instances[^/\\]*)\.json$/i)) return 'coco';
  if (ends(/\.txt$/i)) return 'yolo';
  return fail(
    'BAD_INPUT',
    `the format of ${path} is not clear`,
    'it is no COCO .json, data.yaml, .data, .csv or VOC folder',
    'name the file of the annotations, or the format',
  );
}

async function openCoco(source: DatasetSource): Promise<Dataset> {
  const { onProblem = strictly, signal } = source;
  const path = (await kindOf(source.annotations)) === 'folder' ? await onlyCoco(source) : source.annotations;
  const text = await readText(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    fail('BAD_INPUT', `${path} is no JSON`, messageOf(error), 'write it again, or copy it again', error);
  }
  const dataset = datasetFromCoco(value, path, onProblem);
  const folder = dirname(path);
  const name = basename(path, '.json').replace(/^instances_/, '');
  // where pictures lie beside annotations: COCO's tree, ours, Roboflow's
  const candidates = ['.', 'images', `../${name}`, `../images/${name}`, '../images', '..'].map(c => join(folder, c));
  const images = source.images ?? (await findImagesFolder(candidates, dataset.pictures));
  return { ...dataset, pictures: await placed(dataset.pictures, images, signal) };
}

async function onlyCoco({ annotations, signal }: DatasetSource): Promise<string> {
  const files = await filesBelow(annotations, signal, file => /\.json$/i.test(file));
  if (files.length === 1) return files[0]!.path;
  return fail(
    'BAD_INPUT',
    `${annotations} holds ${files.length} JSON files`,
    'one of them is the data set',
    'name the file',
  );
}
