import { withRoom } from '../json/columns.ts';
import { JsonScanner, keyTable } from '../json/scanner.ts';
import { type JsonInput, openSource } from '../json/source.ts';
import { bboxOfRuns } from '../rle/ops.ts';
import { readBox, readFinite } from './fields.ts';
import { readId } from './ids.ts';
import { NONE, RUNS, Segments } from './segments.ts';
import type { CocoGroundTruth, CocoResults, Id, IouType } from './types.ts';

const KEYS = keyTable(['image_id', 'category_id', 'bbox', 'score', 'segmentation']);
const [IMAGE, CATEGORY, BOX, SCORE, SEGMENTATION] = [0, 1, 2, 3, 4] as const;

/** How to read results. */
export interface ResultsOptions {
  readonly iouType?: IouType | undefined;
  /** read masks even for `bbox`, to draw them */
  readonly withMasks?: boolean | undefined;
  /** leave out results of unknown images or categories, with a warning, instead of failing */
  readonly skipUnknown?: boolean | undefined;
}

/**
 * Reads a COCO results file (a list of `{image_id, category_id, bbox | segmentation, score}`) into columns, in one pass
 * over the bytes.
 *
 * As `COCO.loadRes` does, the first result decides what the file holds: with a box there, areas are those of the boxes
 * (for masks too) and a result without a mask gets its box's; without one, areas and boxes are those of the masks.
 *
 * @param input path (`-` for standard input), bytes, or the list itself
 * @throws {DenseError} BAD_INPUT naming the file, the result's index and the field: broken or cut-off JSON, NaN, negative
 *   sizes, unknown image or category, a missing field
 */
export function loadResults(input: JsonInput, truth: CocoGroundTruth, options: ResultsOptions = {}): CocoResults {
  const { images, categories } = truth;
  const { iouType = 'bbox', skipUnknown = false } = options;
  const source = openSource(input, 'results');
  try {
    const scan = new JsonScanner(source);
    if (!scan.isList())
      scan.wrong(
        'is not a list',
        'a results file is a list [{"image_id", "category_id", "bbox", "score"}, ...]',
        'give the file the detector wrote; the ground truth goes to --gt',
      );
    let image: Int32Array = new Int32Array(1024);
    let category: Int32Array = new Int32Array(1024);
    let score: Float64Array = new Float64Array(1024);
    let area: Float64Array = new Float64Array(1024);
    let box: Float64Array = new Float64Array(4096);
    /** index in the file of what was kept; only filled once a result was left out */
    let fileIndex: Int32Array | undefined;
    const keepMasks = iouType === 'segm' || options.withMasks === true;
    /** every mask when they are kept, else only the present result's, until the first one has shown a box */
    const segments = new Segments(keepMasks ? source.size : 0);
    const slot = () => (keepMasks ? n : 0);
    const here = () => scan.place;
    const nameOf = (i: number) => {
      const id = images.ids[image[i]!];
      return `${source.name}: results[${fileIndex ? fileIndex[i] : i}] (image_id ${JSON.stringify(id)})`;
    };

    let n = 0;
    let skipped = 0;
    let seen = 0;
    let hasBox = false;
    let lastImage: Id | undefined;
    let lastImageIndex = -1;
    let unknownImage: Id | undefined;
    let unknownCategory: Id | undefined;
    let boxesRule: boolean | undefined;
    const field = (key: number): void => {
      seen |= key < 0 ? 0 : 1 << key;
      switch (key) {
        case IMAGE: {
          const id = readId(scan, 'image_id');
          if (id !== lastImage) {
            lastImageIndex = images.indexOf.get(id) ?? -1;
            lastImage = id;
          }
          image[n] = lastImageIndex;
          if (lastImageIndex < 0) unknownImage = id;
          break;
        }
        case CATEGORY: {
          const id = readId(scan, 'category_id');
          const k = categories.indexOf.get(id);
          category[n] = k ?? -1;
          if (k === undefined) unknownCategory = id;
          break;
        }
        case BOX:
          hasBox = readBox(scan, box, 4 * n);
          break;
        case SCORE:
          score[n] = readFinite(scan, 'score');
          break;
        case SEGMENTATION:
          if (keepMasks || boxesRule !== true) segments.read(scan, slot());
          else scan.skip();
          break;
        default:
          scan.skip();
      }
    };
    scan.elements('results', index => {
      seen = 0;
      hasBox = false;
      unknownImage = unknownCategory = undefined;
      if (n >= image.length) {
        image = withRoom(image, n + 1);
        category = withRoom(category, n + 1);
        score = withRoom(score, n + 1);
        area = withRoom(area, n + 1);
        box = withRoom(box, 4 * n + 4);
        if (fileIndex) fileIndex = withRoom(fileIndex, n + 1);
      }
      segments.none(slot());
      scan.fields(KEYS, field);
      if ((seen & MUST) !== MUST) missingField(scan, seen);
      if (unknownImage !== undefined || unknownCategory !== undefined) {
        if (!skipUnknown) unknown(scan, unknownImage, unknownCategory);
        skipped++;
        fileIndex ??= Int32Array.from(image, (_, i) => i);
        return;
      }
      if (fileIndex) fileIndex[n] = index;
      boxesRule ??= hasBox;
      if (boxesRule) {
        if (!hasBox) scan.wrong('has no bbox', 'the first result has one, so every result needs one', 'add "bbox"');
        area[n] = box[4 * n + 2]! * box[4 * n + 3]!;
      } else {
        const k = slot();
        const { counts, end, size } = runsOf(
          segments,
          k,
          images.heights[image[n]!]!,
          images.widths[image[n]!]!,
          scan,
          here,
        );
        area[n] = areaOfRuns(counts, end);
        if (!hasBox) bboxOfRuns(counts, 0, end, size[0], size[1], box, 4 * n);
      }
      if (keepMasks) segments.commit();
      n++;
    });
    scan.finish();
    const warnings: string[] = [];
    if (skipped > 0) warnings.push(`left out ${skipped} results of unknown images or categories`);
    return {
      length: n,
      image: image.subarray(0, n),
      category: category.subarray(0, n),
      score: score.subarray(0, n),
      box: box.subarray(0, 4 * n),
      area: area.subarray(0, n),
      segments: keepMasks ? segments : undefined,
      nameOf,
      warnings,
    };
  } finally {
    source.close();
  }
}

const MUST = (1 << IMAGE) | (1 << CATEGORY) | (1 << SCORE);

function missingField(scan: JsonScanner, seen: number): never {
  const name = KEYS.names.find((_, key) => MUST & (1 << key) && !(seen & (1 << key)));
  scan.wrong(`has no ${name}`, 'every result needs image_id, category_id and score', `add ${name}`);
}

function unknown(scan: JsonScanner, image: Id | undefined, category: Id | undefined): never {
  const kind = image !== undefined ? 'image' : 'category';
  const list = image !== undefined ? 'images' : 'categories';
  scan.wrong(
    `has the ${kind}_id ${JSON.stringify(image ?? category)}`,
    `the ground truth lists no such ${kind}`,
    `check that both files are of one data set (${list} of the ground truth), or pass --skip-unknown`,
  );
}

let scratch: Uint32Array = new Uint32Array(4096);

/** Run lengths of a result's mask, valid until the next call. */
function runsOf(
  segments: Segments,
  k: number,
  height: number,
  width: number,
  scan: JsonScanner,
  nameOf: () => string,
): { counts: Uint32Array; end: number; size: [number, number] } {
  if (segments.kind(k) === NONE)
    scan.wrong(
      'has neither bbox nor segmentation',
      'a result is a box or a mask',
      'add "bbox": [x, y, width, height] or "segmentation"',
    );
  const size = segments.sizeOf(k, height, width);
  if (segments.kind(k) !== RUNS) {
    const { counts } = segments.mask(k, height, width, [], nameOf);
    return { counts, end: counts.length, size };
  }
  scratch = withRoom(scratch, segments.roomFor(k));
  return { counts: scratch, end: segments.unpack(k, scratch, 0, nameOf), size };
}

function areaOfRuns(counts: Uint32Array, end: number): number {
  let area = 0;
  for (let k = 1; k < end; k += 2) area += counts[k]!;
  return area;
}
