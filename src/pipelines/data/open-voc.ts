import { basename, dirname, join, posix } from 'node:path';
import { DenseError, throwIfAborted } from '../../core/index.ts';
import {
  CategoryTable,
  type DataPicture,
  type Dataset,
  type ProblemSink,
  parseNames,
  parseVoc,
  strictly,
} from '../../data/index.ts';
import type { DatasetSource } from './open-options.ts';
import { filesBelow, findImagesFolder, kindOf, namesIfThere, placed, readText } from './places.ts';

const SPLITS = ['train', 'val', 'test'] as const;

/**
 * Opens PASCAL VOC: a folder with Annotations/, JPEGImages/ and ImageSets/Main/, a folder of `.xml` files, or one file.
 * Splits come from ImageSets/Main/{train,val,test}.txt, or from the one list that `split` names: also one of a class
 * (`aeroplane_train`), of which the pictures that show it are taken.
 */
export async function openVoc(source: DatasetSource): Promise<Dataset> {
  const { onProblem = strictly, signal, vocOrigin } = source;
  const isFile = (await kindOf(source.annotations)) === 'file';
  const given = isFile ? dirname(source.annotations) : source.annotations;
  const inRoot = !isFile && (await kindOf(join(given, 'Annotations'))) === 'folder';
  const root = inRoot || basename(given) !== 'Annotations' ? given : dirname(given);
  const folder = inRoot ? join(given, 'Annotations') : given;
  const files = isFile
    ? [{ path: source.annotations, relative: basename(source.annotations) }]
    : await filesBelow(folder, signal, path => /\.xml$/i.test(path));
  const namesText =
    source.names === undefined ? await namesIfThere(join(root, 'classes.txt')) : await readText(source.names);
  const categories = new CategoryTable(namesText === undefined ? undefined : parseNames(namesText));
  const stems = new Set(files.map(({ relative }) => stemOf(relative)));
  const { splits, negative } = await readSplits(join(root, 'ImageSets', 'Main'), source.split, stems, onProblem);
  const pictures: DataPicture[] = [];
  for (const { path, relative } of files) {
    throwIfAborted(signal);
    const text = await readText(path);
    const stem = stemOf(relative);
    if (negative.has(stem)) continue;
    try {
      const { filename, ...read } = parseVoc(text, categories, path, onProblem, vocOrigin);
      const split = splits.get(stem);
      pictures.push({ file: fileOf(filename, stem), ...read, ...(split !== undefined && { split }) });
    } catch (error) {
      if (!(error instanceof DenseError) || onProblem === strictly) throw error;
      const { what, why, fix } = error.detail;
      onProblem({ kind: 'bad-record', where: path, what: `cannot be read (${what})`, why, fix });
    }
  }
  if (negative.size > 0)
    source.onWarning?.(`${negative.size} pictures of ${source.split}.txt do not show its class (flag -1): left out`);
  const listed = pictures.filter(p => (splits.size === 0 && negative.size === 0) || p.split !== undefined);
  if (listed.length < pictures.length)
    source.onWarning?.(`${pictures.length - listed.length} annotations stand in no list of ImageSets/Main: left out`);
  const candidates = [join(root, 'JPEGImages'), join(root, 'images'), folder, root];
  const images = source.images ?? (await findImagesFolder(candidates, listed));
  return { categories: categories.list, pictures: await placed(listed, images, signal) };
}

/** The picture's name below its folder: annotations lie in a tree like the pictures'. */
function fileOf(filename: string, stem: string): string {
  const name = filename.replaceAll('\\', '/');
  const below = posix.dirname(stem);
  if (name === '') return `${stem}.jpg`;
  const file = name.startsWith('/') || /^[a-z]:/i.test(name) ? posix.basename(name) : name;
  return below === '.' || file.startsWith(`${below}/`) ? file : posix.join(below, file);
}

const stemOf = (relative: string) => relative.replace(/\.xml$/i, '');

/**
 * Split by annotation, from the lists that are there. A class's list says of each picture whether it shows the class: 1, -1
 * for not, 0 for difficult ones only.
 *
 * @param stems names of the annotations: one that ends in a number is no name with a flag
 */
async function readSplits(
  folder: string,
  wanted: string | undefined,
  stems: ReadonlySet<string>,
  sink: ProblemSink,
): Promise<{ readonly splits: ReadonlyMap<string, string>; readonly negative: ReadonlySet<string> }> {
  const of = new Map<string, string>();
  const negative = new Set<string>();
  const hasOwn = wanted !== undefined && (await kindOf(join(folder, `${wanted}.txt`))) === 'file';
  for (const split of hasOwn ? [wanted] : SPLITS) {
    const text = await namesIfThere(join(folder, `${split}.txt`));
    for (const line of text?.split(/\r?\n/) ?? []) {
      const whole = line.trim();
      if (whole === '') continue;
      const [, name = whole, flag] = (stems.has(whole) ? null : /^(.*\S)\s+(1|-1|0)$/.exec(whole)) ?? [];
      if (flag === '-1') {
        negative.add(name);
        continue;
      }
      const stem = name;
      const before = of.get(stem) ?? split;
      if (before === split) of.set(stem, split);
      else
        sink({
          kind: 'leak',
          where: join(folder, `${split}.txt`),
          what: `names ${stem}, which ${before}.txt names too`,
          why: 'a picture belongs to one split',
          fix: 'take it out of one of the lists',
        });
    }
  }
  return { splits: of, negative };
}
