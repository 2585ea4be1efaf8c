import { fail } from '../../core/index.ts';
import { withRoom } from '../json/columns.ts';
import { type JsonScanner, keyTable } from '../json/scanner.ts';
import { rleArea, rleToBbox } from '../rle/ops.ts';
import { readBox, readFinite } from './fields.ts';
import { IdTable, readId } from './ids.ts';
import { NONE, Segments } from './segments.ts';
import type { CocoAnnotations, CocoCategories, CocoImages, GroundTruthOptions } from './types.ts';

const KEYS = keyTable(['id', 'image_id', 'category_id', 'bbox', 'area', 'iscrowd', 'ignore', 'segmentation']);
const [ID, IMAGE, CATEGORY, BOX, AREA, CROWD, IGNORE, SEGMENTATION] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const MUST = [
  [ID, 'id'],
  [IMAGE, 'image_id'],
  [CATEGORY, 'category_id'],
] as const;

/** Annotations as they stand in the file; `finish` ties them to the images and categories, which may come later. */
export interface RawAnnotations {
  finish(
    file: string,
    images: CocoImages,
    categories: CocoCategories,
    options: GroundTruthOptions,
    warnings: string[],
  ): CocoAnnotations;
}

/** Reads the `annotations` list of a ground truth. */
export function readAnnotations(scan: JsonScanner, options: GroundTruthOptions): RawAnnotations {
  const wantsMasks = options.iouType === 'segm' || options.withMasks === true;
  const segments = wantsMasks ? new Segments() : undefined;
  const imageIds = new IdTable();
  const categoryIds = new IdTable();
  let id: Float64Array = new Float64Array(1024);
  let image: Int32Array = new Int32Array(1024);
  let category: Int32Array = new Int32Array(1024);
  let box: Float64Array = new Float64Array(4096);
  let area: Float64Array = new Float64Array(1024);
  let crowd: Uint8Array = new Uint8Array(1024);
  let ignore: Uint8Array = new Uint8Array(1024);
  let hasBox: Uint8Array = new Uint8Array(1024);

  let i = 0;
  let seen = 0;
  const field = (key: number): void => {
    seen |= key < 0 ? 0 : 1 << key;
    switch (key) {
      case ID:
        id[i] = readFinite(scan, 'id');
        break;
      case IMAGE:
        image[i] = imageIds.code(readId(scan, 'image_id'));
        break;
      case CATEGORY:
        category[i] = categoryIds.code(readId(scan, 'category_id'));
        break;
      case BOX:
        hasBox[i] = readBox(scan, box, 4 * i) ? 1 : 0;
        break;
      case AREA:
        area[i] = readFinite(scan, 'area');
        break;
      case CROWD:
        crowd[i] = scan.flag('0 or 1 for iscrowd') ? 1 : 0;
        break;
      case IGNORE:
        ignore[i] = scan.flag('0 or 1 for ignore') ? 1 : 0;
        break;
      case SEGMENTATION:
        if (segments) segments.read(scan, i);
        else scan.skip();
        break;
      default:
        scan.skip();
    }
  };
  const length = scan.elements('annotations', n => {
    i = n;
    seen = 0;
    if (n >= id.length) {
      id = withRoom(id, n + 1);
      image = withRoom(image, n + 1);
      category = withRoom(category, n + 1);
      box = withRoom(box, 4 * n + 4);
      area = withRoom(area, n + 1);
      crowd = withRoom(crowd, n + 1);
      ignore = withRoom(ignore, n + 1);
      hasBox = withRoom(hasBox, n + 1);
    }
    crowd[n] = ignore[n] = hasBox[n] = 0;
    area[n] = Number.NaN; // stays when the file gives none
    segments?.none(n);
    scan.fields(KEYS, field);
    segments?.commit();
    for (const [key, name] of MUST)
      if (!(seen & (1 << key)))
        scan.wrong(`has no ${name}`, 'every annotation needs id, image_id and category_id', `add ${name}`);
    if (options.iouType !== 'segm' && !hasBox[n])
      scan.wrong('has no bbox', 'boxes are compared', 'add "bbox": [x, y, width, height], or use --iou-type segm');
    if (options.iouType === 'segm' && segments?.kind(n) === NONE)
      scan.wrong('has no segmentation', 'masks are compared', 'add the mask, or use --iou-type bbox');
  });

  return {
    finish(file, images, categories, finishOptions, warnings) {
      const { skipUnknown = false } = finishOptions;
      const toImage = imageIds.ids.map(key => images.indexOf.get(key) ?? -1);
      const toCategory = categoryIds.ids.map(key => categories.indexOf.get(key) ?? -1);
      const kept = new Int32Array(length);
      let n = 0;
      let skipped = 0;
      const name = (k: number) => `${file}: annotations[${k}] (id ${id[k]})`;
      for (let k = 0; k < length; k++) {
        const known = toImage[image[k]!]! >= 0 && toCategory[category[k]!]! >= 0;
        if (known) kept[n++] = k;
        else if (skipUnknown) skipped++;
        else if (toImage[image[k]!]! < 0) unknown(name(k), 'image', imageIds.ids[image[k]!]!, 'images');
        else unknown(name(k), 'category', categoryIds.ids[category[k]!]!, 'categories');
      }
      if (skipped > 0) warnings.push(`left out ${skipped} annotations of unknown images or categories`);
      checkUnique(id, length, name);
      const order = kept.subarray(0, n);
      const nameOf = (k: number) => name(order[k]!);
      segments?.select(order);
      const result = {
        length: n,
        id: Float64Array.from(order, k => id[k]!),
        image: Int32Array.from(order, k => toImage[image[k]!]!),
        category: Int32Array.from(order, k => toCategory[category[k]!]!),
        box: skipped === 0 ? box.subarray(0, 4 * n) : boxesAt(box, order),
        area: Float64Array.from(order, k => area[k]!),
        crowd: Uint8Array.from(order, k => crowd[k]!),
        ignore: Uint8Array.from(order, k => ignore[k]!),
        segments,
        nameOf,
      };
      fillMissingAreas(
        result,
        images,
        order.map(k => hasBox[k]!),
        warnings,
      );
      if (options.iouType === 'segm') fillMissingBoxes(result, images, order, hasBox);
      const zero = result.id.indexOf(0);
      if (zero >= 0)
        warnings.push(
          `${nameOf(zero)}: pycocotools takes a match with id 0 for no match, and so does this evaluation; number annotations from 1`,
        );
      return result;
    },
  };
}

function boxesAt(box: Float64Array, order: Int32Array): Float64Array {
  const out = new Float64Array(4 * order.length);
  order.forEach((k, i) => {
    out.set(box.subarray(4 * k, 4 * k + 4), 4 * i);
  });
  return out;
}

function unknown(name: string, kind: string, id: unknown, list: string): never {
  fail(
    'BAD_INPUT',
    `${name} belongs to the ${kind} ${JSON.stringify(id)}`,
    `"${list}" lists no such ${kind}`,
    `add the ${kind}, drop the annotation, or pass --skip-unknown`,
  );
}

function checkUnique(id: Float64Array, length: number, name: (k: number) => string): void {
  const first = new Map<number, number>();
  for (let k = 0; k < length; k++) {
    const before = first.get(id[k]!);
    if (before !== undefined)
      fail(
        'BAD_INPUT',
        `${name(k)} has the id of ${name(before)}`,
        'an id names one annotation (pycocotools would count the last one twice and lose the first)',
        'give each annotation its own id',
      );
    first.set(id[k]!, k);
  }
}

/** COCO files bring their areas (of the mask); a file without them gets the mask's, else the box's. */
function fillMissingAreas(
  objects: Omit<CocoAnnotations, 'area'> & { readonly area: Float64Array },
  images: CocoImages,
  hasBox: ArrayLike<number>,
  warnings: string[],
): void {
  const { area, segments, box, image, nameOf } = objects;
  let filled = 0;
  for (let k = 0; k < objects.length; k++) {
    if (!Number.isNaN(area[k]!)) continue;
    filled++;
    const [h, w] = [images.heights[image[k]!]!, images.widths[image[k]!]!];
    const fromMask = segments && segments.kind(k) !== NONE;
    if (!fromMask && !hasBox[k])
      fail('BAD_INPUT', `${nameOf(k)} has no area`, 'it has no box and no mask to take it from', 'add the area');
    area[k] = fromMask
      ? rleArea(segments.mask(k, h, w, box.subarray(4 * k, 4 * k + 4), nameOf))
      : box[4 * k + 2]! * box[4 * k + 3]!;
  }
  if (filled > 0)
    warnings.push(
      `${filled} annotations have no area (pycocotools would stop): the area of the mask, or of the box, is taken`,
    );
}

/** Where masks are compared boxes may be left out; drawings want them. */
function fillMissingBoxes(objects: CocoAnnotations, images: CocoImages, order: Int32Array, hasBox: Uint8Array): void {
  const { segments, box, image, nameOf } = objects;
  for (let k = 0; k < objects.length; k++) {
    if (hasBox[order[k]!]) continue;
    const mask = segments!.mask(k, images.heights[image[k]!]!, images.widths[image[k]!]!, [], nameOf);
    box.set(rleToBbox(mask), 4 * k);
  }
}
