import { fail, LABEL_SETS } from '../core/index.ts';
import type { DataCategory, Dataset } from './types.ts';

/** Classes by name, numbered as they come. */
export class CategoryTable {
  readonly list: DataCategory[] = [];
  private readonly byName = new Map<string, number>();

  /** @param fixed names in their order; others are then unknown */
  constructor(private readonly fixed?: readonly string[]) {
    for (const name of fixed ?? []) this.add({ name });
  }

  /** Index of a name; met for the first time it is added, unless the names are fixed: then -1. */
  indexOf(name: string): number {
    return this.byName.get(name) ?? (this.fixed ? -1 : this.add({ name }));
  }

  private add(category: DataCategory): number {
    this.byName.set(category.name, this.list.length);
    return this.list.push(category) - 1;
  }
}

/**
 * Category ids of a COCO file: the data set's own when every class has one and no two are equal; COCO's 1..90 when the
 * names are COCO's 80 in their order; else 1, 2, 3 ...
 */
export function cocoCategoryIds(categories: readonly DataCategory[]): (number | string)[] {
  const own = categories.map(c => c.id);
  if (own.every(id => id !== undefined) && new Set(own).size === own.length) return own as (number | string)[];
  const { names, ids } = LABEL_SETS.coco80;
  const isCoco = categories.length === names.length && categories.every((c, i) => c.name === names[i]);
  return categories.map((_, i) => (isCoco ? ids[i]! : i + 1));
}

/** A class list from text: a name per line, or Open Images' and others' rows `id,name`; empty lines are passed over. */
export function parseNames(text: string): string[] {
  return text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .map(line => line.trim())
    .filter(line => line !== '');
}

/**
 * One data set of several. Classes are the same when their names are; they keep the order in which they are met. A picture
 * that two parts hold is there twice, as `data check` tells.
 */
export function mergeDatasets(parts: readonly Dataset[]): Dataset {
  if (parts.length === 1) return parts[0]!;
  const categories: DataCategory[] = [];
  const byName = new Map<string, number>();
  const idsAgree = parts.every(part => part.categories.every(c => c.id !== undefined));
  const pictures = parts.flatMap(part => {
    const to = part.categories.map(category => {
      const known = byName.get(category.name);
      if (known !== undefined) return known;
      byName.set(category.name, categories.length);
      return categories.push(category) - 1;
    });
    return part.pictures.map(picture => ({
      ...picture,
      objects: picture.objects.map(object => ({ ...object, category: to[object.category]! })),
    }));
  });
  const ids = new Map<unknown, number>();
  for (const c of categories) ids.set(c.id, (ids.get(c.id) ?? 0) + 1);
  const keepIds = idsAgree && categories.every(c => ids.get(c.id) === 1);
  return { categories: keepIds ? categories : categories.map(({ id: _, ...rest }) => rest), pictures };
}

/**
 * The data set with only the pictures of one split.
 * @throws {DenseError} BAD_USAGE when it has no such split
 */
export function takeSplit(dataset: Dataset, split: string): Dataset {
  const known = splitsOf(dataset);
  if (!known.includes(split))
    fail(
      'BAD_USAGE',
      `there is no split ${JSON.stringify(split)}`,
      `the data set has ${known.map(name => name ?? 'pictures without a split').join(', ')}`,
      'name one of those with --split',
    );
  return { ...dataset, pictures: dataset.pictures.filter(p => p.split === split) };
}

/** Splits in the order they are met. */
export function splitsOf(dataset: Dataset): (string | undefined)[] {
  return [...new Set(dataset.pictures.map(p => p.split))];
}
