import { splitsOf } from './categories.ts';
import type { DataFormat, DataObject, Dataset } from './types.ts';
import { oneRing } from './yolo.ts';

/** Something a format has no place for. */
export interface Loss {
  /** what becomes of it, with a count: `14 crowd regions are left out` */
  readonly text: string;
  readonly count: number;
}

export interface WriteOptions {
  /** YOLO: polygons instead of boxes */
  readonly masks?: boolean | undefined;
  /** COCO: one file for everything, so that splits have no place */
  readonly oneFile?: boolean | undefined;
}

/**
 * What a data set loses when it is written in a format. Rounding (whole pixels in VOC, seven digits in YOLO), ids and
 * supercategories are no loss.
 */
export function lossesOf(dataset: Dataset, format: DataFormat, options: WriteOptions = {}): Loss[] {
  const losses: Loss[] = [];
  const objects = dataset.pictures.flatMap(p => p.objects);
  const lose = (count: number, one: string, many: string) => {
    if (count > 0) losses.push({ count, text: count === 1 ? `1 ${one}` : `${count} ${many}` });
  };
  const count = (test: (o: DataObject) => unknown) => objects.reduce((n, o) => n + (test(o) ? 1 : 0), 0);
  if (format === 'coco' && options.oneFile && splitsOf(dataset).length > 1)
    lose(splitsOf(dataset).length, 'split is mixed with others', 'splits are mixed');
  if (format === 'yolo' || format === 'voc') {
    lose(
      count(o => o.crowd),
      'crowd region is left out',
      'crowd regions are left out',
    );
    const kept = (o: DataObject) => !o.crowd;
    const hasMask = (o: DataObject) => kept(o) && o.segmentation !== undefined;
    if (format === 'voc' || !options.masks) lose(count(hasMask), 'mask becomes a box', 'masks become boxes');
    else
      lose(
        count(o => hasMask(o) && !oneRing(o)),
        'mask that is not a single polygon becomes a box',
        'masks that are not a single polygon become boxes',
      );
  }
  if (format === 'yolo') {
    const kept = objects.filter(o => !o.crowd);
    const flagged = (flag: 'difficult' | 'truncated' | 'occluded') => kept.filter(o => o[flag]).length;
    lose(flagged('difficult'), 'object is no longer difficult', 'objects are no longer marked difficult');
    lose(flagged('truncated'), 'object is no longer truncated', 'objects are no longer marked truncated');
    lose(flagged('occluded'), 'object is no longer occluded', 'objects are no longer marked occluded');
    lose(kept.filter(o => o.pose !== undefined).length, 'pose is lost', 'poses are lost');
  }
  if (format === 'voc' || format === 'csv') {
    const names = dataset.categories.map(c => c.name);
    lose(names.length - new Set(names).size, 'class joins another of its name', 'classes join others of their name');
    const spaced = names.filter(name => name !== name.trim()).length;
    lose(spaced, 'class name loses the spaces around it', 'class names lose the spaces around them');
  }
  return losses;
}

/** The data set without what {@link lossesOf} says is left out. */
export function withoutCrowds(dataset: Dataset): Dataset {
  if (!dataset.pictures.some(p => p.objects.some(o => o.crowd))) return dataset;
  const pictures = dataset.pictures.map(p => ({ ...p, objects: p.objects.filter(o => !o.crowd) }));
  return { ...dataset, pictures };
}
