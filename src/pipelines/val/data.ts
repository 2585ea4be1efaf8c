import { access } from 'node:fs/promises';
import { fail } from '../../core/index.ts';
import {
  cocoCategoryIds,
  cocoPictureIds,
  type DataCategory,
  type DataFormat,
  type DataPicture,
  type Dataset,
  datasetToCoco,
  splitsOf,
} from '../../data/index.ts';
import { openDataset } from '../data/index.ts';
import type { ValDataOptions, ValTalk } from './options.ts';

/** A picture with its file and its id in results. */
export type ValPicture = DataPicture & { readonly path: string; readonly id: number | string };

/** The pictures a model is measured on. */
export interface ValData {
  readonly format: DataFormat;
  readonly categories: readonly DataCategory[];
  readonly pictures: readonly ValPicture[];
  /** Objects of each class, crowds too. */
  readonly objects: Int32Array;
}

/** Files looked for before any network starts. */
const PROBES = 40;

/**
 * Opens the data set, chooses its split and its first pictures, and sees that there are pictures at all.
 * @throws {DenseError} BAD_INPUT naming the file or record; BAD_USAGE for a split that is not there or not chosen
 */
export async function openValData(
  options: ValDataOptions & Pick<ValTalk, 'onInfo' | 'onWarning'> & { readonly signal?: AbortSignal | undefined },
): Promise<ValData> {
  const { gt, images, format, names, onWarning, signal, limit } = options;
  const opened = await openDataset({ annotations: gt, images, format, names, onWarning, signal });
  const chosen = chooseSplit(opened, options);
  const ids = cocoPictureIds(chosen);
  const categoryIds = cocoCategoryIds(opened.categories);
  const pictures = chosen.slice(0, limit ?? Number.POSITIVE_INFINITY).map((picture, i): ValPicture => {
    const { path, file } = picture;
    if (path !== undefined) return { ...picture, path, id: ids[i]! };
    return fail('BAD_INPUT', `where ${file} lies is not known`, `${gt} does not say`, 'give its folder with --images');
  });
  if (pictures.length === 0)
    fail('BAD_INPUT', `${gt} lists no pictures`, 'there is nothing to measure', 'give a data set with pictures');
  await checkThere(pictures, options);
  const objects = new Int32Array(opened.categories.length);
  for (const picture of pictures) for (const { category } of picture.objects) objects[category]!++;
  return {
    format: opened.format,
    categories: opened.categories.map((category, k) => ({ ...category, id: categoryIds[k]! })),
    pictures,
    objects,
  };
}

function chooseSplit(
  dataset: Dataset,
  { split, gt, onInfo }: ValDataOptions & Pick<ValTalk, 'onInfo'>,
): readonly DataPicture[] {
  const splits = splitsOf(dataset);
  if (split === 'all') return dataset.pictures;
  const wanted = split ?? (splits.length > 1 && splits.includes('val') ? 'val' : undefined);
  const listed = splits.map(name => name ?? 'pictures of no split').join(', ');
  if (wanted === undefined) {
    if (splits.length <= 1) return dataset.pictures;
    return fail(
      'BAD_USAGE',
      `${gt} has several splits`,
      `${listed}: a figure over pictures a model was trained on says nothing`,
      'choose one with --split, or --split all',
    );
  }
  if (!splits.includes(wanted))
    fail('BAD_USAGE', `--split ${wanted}`, `${gt} has ${listed}`, 'choose one of those, or --split all');
  const pictures = dataset.pictures.filter(p => p.split === wanted);
  if (split === undefined)
    onInfo?.(
      `scoring the split ${wanted}: ${pictures.length} of ${dataset.pictures.length} pictures (--split chooses)`,
    );
  return pictures;
}

async function checkThere(pictures: readonly ValPicture[], { gt, images }: ValDataOptions): Promise<void> {
  const step = Math.max(1, Math.floor(pictures.length / PROBES));
  const probes = pictures.filter((_, i) => i % step === 0);
  for (const { path } of probes)
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return;
  fail(
    'BAD_INPUT',
    `the pictures of ${gt} are not there`,
    `looked for ${probes.length} of them, for example ${probes[0]!.path}`,
    images === undefined
      ? 'give their folder with --images'
      : 'check --images: it is the folder that holds these names',
  );
}

/**
 * The ground truth's value as COCO writes it, of the classes and pictures that are scored. What another format calls
 * difficult becomes a crowd, which counts neither way; in a COCO file it has no meaning, as in pycocotools.
 */
export function truthValue(
  { format, categories }: ValData,
  pictures: readonly ValPicture[],
  scored: readonly number[],
) {
  const to = new Map(scored.map((k, i) => [k, i]));
  const kept = pictures.map(picture => ({
    ...picture,
    objects: picture.objects.flatMap(o => {
      const category = to.get(o.category);
      if (category === undefined) return [];
      return [{ ...o, category, ...(format !== 'coco' && o.difficult && { crowd: true }) }];
    }),
  }));
  const value = datasetToCoco({ categories: scored.map(k => categories[k]!), pictures: kept });
  // a mask's area is not its box's: where the file does not say it, it is measured
  kept
    .flatMap(p => p.objects)
    .forEach((o, i) => {
      if (o.area === undefined && o.segmentation) delete (value.annotations as { area?: number }[])[i]!.area;
    });
  return value;
}
