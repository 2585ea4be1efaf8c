import { fail } from '../core/index.ts';
import { cocoCategoryIds } from './categories.ts';
import type { DataCategory, DataObject, DataPicture, Dataset, ProblemSink, Segmentation } from './types.ts';

type Json = Record<string, unknown>;
type Id = number | string;

/**
 * A data set from a COCO instances file's value. Boxes xywh become xyxy; masks, crowds, areas and ids are kept; pictures
 * without objects and classes without objects too. An object without a box takes the extent of its polygons.
 *
 * @param source what errors call the file
 * @param sink takes records that cannot be used
 * @throws {DenseError} BAD_INPUT when it is not a COCO file at all
 */
export function datasetFromCoco(value: unknown, source: string, sink: ProblemSink): Dataset {
  const lists = ['images', 'annotations', 'categories'] as const;
  for (const name of lists)
    if (!isObject(value) || !Array.isArray(value[name]))
      fail(
        'BAD_INPUT',
        `${source} has no list "${name}"`,
        Array.isArray(value)
          ? 'it is a list, as results of a detector are'
          : 'a COCO file is an object with images, annotations and categories',
        'give the instances file itself, for example instances_val2017.json',
      );
  const file = value as Record<(typeof lists)[number], unknown[]>;
  const bad = (where: string, what: string, fix: string, picture?: string) =>
    sink({ kind: 'bad-record', where: `${source}: ${where}`, what, why: 'COCO files need it', fix, file: picture });

  const categories: DataCategory[] = [];
  const categoryOf = new Map<Id, number>();
  const readCategory = (row: unknown, i: number) => {
    if (!isObject(row) || !isId(row.id) || typeof row.name !== 'string' || categoryOf.has(row.id))
      return bad(`categories[${i}]`, 'has no id and name of its own', 'give each category an id and a name');
    categoryOf.set(row.id, categories.length);
    const supercategory = typeof row.supercategory === 'string' ? { supercategory: row.supercategory } : {};
    categories.push({ id: row.id, name: row.name, ...supercategory });
  };
  file.categories.forEach(readCategory);

  const objects: DataObject[][] = [];
  const pictures: DataPicture[] = [];
  const pictureOf = new Map<Id, number>();
  const readPicture = (row: unknown, i: number) => {
    if (!isObject(row) || !isId(row.id) || pictureOf.has(row.id))
      return bad(`images[${i}]`, 'has no id of its own', 'give each image an id');
    const name = row.file_name ?? (typeof row.coco_url === 'string' ? row.coco_url.split('/').at(-1) : undefined);
    if (typeof name !== 'string' || name === '')
      return bad(`images[${i}] (id ${row.id})`, 'has no file_name', 'give each image its file_name');
    pictureOf.set(row.id, pictures.length);
    const list: DataObject[] = [];
    objects.push(list);
    pictures.push({
      file: slashed(name),
      width: sizeOf(row.width),
      height: sizeOf(row.height),
      id: row.id,
      ...(typeof row.split === 'string' && { split: row.split }),
      objects: list,
    });
  };
  file.images.forEach(readPicture);

  const ids = new Set<unknown>();
  const readAnnotation = (row: unknown, i: number) => {
    const where = `annotations[${i}]${isObject(row) && isId(row.id) ? ` (id ${row.id})` : ''}`;
    if (!isObject(row)) return bad(where, 'is no object', 'write {"id", "image_id", "category_id", "bbox"}');
    const picture = pictureOf.get(row.image_id as Id);
    const category = categoryOf.get(row.category_id as Id);
    const name = picture === undefined ? undefined : pictures[picture]!.file;
    if (picture === undefined)
      return sink({
        kind: 'unknown-picture',
        where: `${source}: ${where}`,
        what: `belongs to the image ${JSON.stringify(row.image_id)}`,
        why: '"images" lists no such image',
        fix: 'add the image or drop the annotation',
      });
    if (category === undefined)
      return sink({
        kind: 'unknown-class',
        where: `${source}: ${where}`,
        what: `has the category ${JSON.stringify(row.category_id)}`,
        why: '"categories" lists no such category',
        fix: 'add the category or drop the annotation',
        file: name,
      });
    if (row.id !== undefined && ids.has(row.id))
      bad(where, 'has the id of an earlier annotation', 'give each annotation its own id', name);
    ids.add(row.id);
    const segmentation = segmentationOf(row.segmentation);
    const box = boxOf(row.bbox) ?? extentOf(segmentation);
    if (!box) return bad(where, `has the bbox ${JSON.stringify(row.bbox)}`, 'write [x, y, width, height]', name);
    objects[picture]!.push({
      ...box,
      category,
      ...(truth(row.iscrowd) && { crowd: true }),
      ...((truth(row.difficult) || truth(row.ignore)) && { difficult: true }),
      ...(truth(row.truncated) && { truncated: true }),
      ...(truth(row.occluded) && { occluded: true }),
      ...(typeof row.pose === 'string' && { pose: row.pose }),
      ...(segmentation && { segmentation }),
      ...(typeof row.area === 'number' && Number.isFinite(row.area) && { area: row.area }),
      ...(typeof row.id === 'number' && { id: row.id }),
    });
  };
  file.annotations.forEach(readAnnotation);
  return { categories, pictures };
}

/**
 * The value of a COCO instances file. Ids are kept where all are there and unique; otherwise pictures get the number in
 * their names when all names are numbers (as COCO's are), else 1, 2, 3 ..., and classes {@link cocoCategoryIds}.
 * `area` is the file's, else the box's. What VOC adds (`difficult`, `truncated`, `occluded`, `pose`) stands in keys of
 * those names, which other readers pass over; `difficult` is also written as `ignore`.
 */
export function datasetToCoco(dataset: Dataset): Record<string, unknown> {
  const categoryIds = cocoCategoryIds(dataset.categories);
  const pictureIds = cocoPictureIds(dataset.pictures);
  const own = dataset.pictures.flatMap(p => p.objects.map(o => o.id));
  const keepIds = own.every(id => id !== undefined) && new Set(own).size === own.length;
  let next = 1;
  const annotations = dataset.pictures.flatMap((picture, i) =>
    picture.objects.map(o => {
      const [width, height] = [exact(o.x2 - o.x1), exact(o.y2 - o.y1)];
      return {
        id: keepIds ? o.id : next++,
        image_id: pictureIds[i],
        category_id: categoryIds[o.category],
        bbox: [exact(o.x1), exact(o.y1), width, height],
        area: o.area ?? exact(Math.max(0, width) * Math.max(0, height)),
        iscrowd: o.crowd ? 1 : 0,
        ...(o.segmentation && { segmentation: o.segmentation }),
        ...(o.difficult && { difficult: 1, ignore: 1 }),
        ...(o.truncated && { truncated: 1 }),
        ...(o.occluded && { occluded: 1 }),
        ...(o.pose !== undefined && { pose: o.pose }),
      };
    }),
  );
  return {
    images: dataset.pictures.map(({ file, width, height }, i) => ({
      id: pictureIds[i],
      file_name: file,
      width,
      height,
    })),
    categories: dataset.categories.map(({ name, supercategory }, i) => ({
      id: categoryIds[i],
      name,
      ...(supercategory !== undefined && { supercategory }),
    })),
    annotations,
  };
}

/** Ids of the pictures in a COCO file; see {@link datasetToCoco}. */
export function cocoPictureIds(pictures: readonly DataPicture[]): (number | string)[] {
  const unique = (ids: readonly unknown[]) => new Set(ids).size === ids.length;
  const own = pictures.map(p => p.id);
  if (own.every(id => id !== undefined) && unique(own)) return own as (number | string)[];
  const stems = pictures.map(p => p.file.replace(/^.*\//, '').replace(/\.[^.]*$/, ''));
  const numbers = stems.map(Number);
  const allNumbers = stems.every(s => /^\d+$/.test(s)) && numbers.every(Number.isSafeInteger);
  return allNumbers && unique(numbers) ? numbers : pictures.map((_, i) => i + 1);
}

/** Drops the noise of `x + w - x` in binary (1e-9 of a pixel), so that files read as they were written. */
function exact(value: number): number {
  const rounded = Number(value.toFixed(6));
  return Math.abs(rounded - value) < 1e-8 ? rounded : value;
}

function boxOf(bbox: unknown) {
  if (!Array.isArray(bbox) || bbox.length !== 4 || !bbox.every(v => typeof v === 'number' && Number.isFinite(v)))
    return undefined;
  const [x1, y1, w, h] = bbox as [number, number, number, number];
  return { x1, y1, x2: x1 + w, y2: y1 + h };
}

/** The smallest box around polygons. */
export function extentOf(segmentation: Segmentation | undefined) {
  if (!Array.isArray(segmentation) || segmentation.length === 0) return undefined;
  let [x1, y1, x2, y2] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const ring of segmentation as readonly (readonly number[])[])
    for (let i = 0; i + 1 < ring.length; i += 2) {
      x1 = Math.min(x1, ring[i]!);
      x2 = Math.max(x2, ring[i]!);
      y1 = Math.min(y1, ring[i + 1]!);
      y2 = Math.max(y2, ring[i + 1]!);
    }
  return x1 <= x2 ? { x1, y1, x2, y2 } : undefined;
}

/** A mask in one of COCO's spellings; undefined for anything else and for an empty list. */
export function segmentationOf(value: unknown): Segmentation | undefined {
  const isRing = (ring: unknown) => Array.isArray(ring) && ring.every(v => typeof v === 'number');
  if (Array.isArray(value)) return value.length > 0 && value.every(isRing) ? (value as number[][]) : undefined;
  return isObject(value) && Array.isArray(value.size) && value.counts !== undefined
    ? (value as unknown as Segmentation)
    : undefined;
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isId = (value: unknown): value is Id => typeof value === 'number' || typeof value === 'string';
const truth = (value: unknown) => value === 1 || value === true;
const sizeOf = (value: unknown) => (typeof value === 'number' && value > 0 && Number.isFinite(value) ? value : 0);
const slashed = (path: string) => path.replaceAll('\\', '/').replace(/^\.\//, '');
