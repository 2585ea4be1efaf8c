import { fail } from '../../core/index.ts';
import { JsonScanner } from '../json/scanner.ts';
import { type JsonInput, openSource } from '../json/source.ts';
import { readAnnotations } from './annotations.ts';
import { compareIds } from './ids.ts';
import type { CocoCategories, CocoGroundTruth, CocoImages, GroundTruthOptions, Id, LvisFields } from './types.ts';

interface Row {
  readonly at: string;
  /** place in the file's list */
  readonly place: number;
  readonly id: Id;
  readonly value: Record<string, unknown>;
}

/**
 * Reads a COCO (or LVIS) instances file into columns.
 *
 * @param input path (`-` for standard input), bytes, or the parsed value
 * @throws {DenseError} BAD_INPUT naming the file, the record and the field: broken JSON, NaN, negative sizes, an id
 *   met twice, an annotation of an unknown image or category, a missing field
 */
export function loadGroundTruth(input: JsonInput, options: GroundTruthOptions = {}): CocoGroundTruth {
  const source = openSource(input, 'ground truth');
  try {
    const scan = new JsonScanner(source);
    let images: Row[] | undefined;
    let categories: Row[] | undefined;
    let raw: ReturnType<typeof readAnnotations> | undefined;
    if (scan.isList())
      scan.wrong(
        'is a list',
        'a ground truth is an object with images, annotations and categories',
        'did you swap the ground truth and the results?',
      );
    scan.topFields(name => {
      if (name === 'images') images = readRows(scan, name);
      else if (name === 'categories') categories = readRows(scan, name);
      else if (name === 'annotations') raw = readAnnotations(scan, options);
      else scan.skipLarge();
    });
    scan.finish();
    if (images === undefined) missing(source.name, 'images');
    if (categories === undefined) missing(source.name, 'categories');
    if (raw === undefined) missing(source.name, 'annotations');
    const sortedImages = sortRows(images);
    const sortedCategories = sortRows(categories);
    const imageList = toImages(sortedImages);
    const categoryList = toCategories(sortedCategories);
    const warnings: string[] = [];
    const annotations = raw.finish(source.name, imageList, categoryList, options, warnings);
    const lvis = options.lvis ? lvisFields(sortedImages, sortedCategories, categoryList) : undefined;
    return { images: imageList, categories: categoryList, annotations, lvis, warnings };
  } finally {
    source.close();
  }
}

function missing(file: string, field: string): never {
  fail(
    'BAD_INPUT',
    `${file} has no "${field}"`,
    'a ground truth is an object with images, annotations and categories',
    'give the instances file itself, for example instances_val2017.json',
  );
}

function readRows(scan: JsonScanner, label: string): Row[] {
  const rows: Row[] = [];
  scan.elements(label, place => {
    const value = scan.value();
    const id = (value as Record<string, unknown> | null)?.id;
    if (typeof value !== 'object' || value === null || (typeof id !== 'number' && typeof id !== 'string'))
      scan.wrong('has no id', 'every entry is an object with an id', 'add the id');
    rows[place] = { at: scan.place, place, id, value: value as Record<string, unknown> };
  });
  return rows;
}

function sortRows(rows: Row[]): Row[] {
  const sorted = rows.slice().sort((a, b) => compareIds(a.id, b.id));
  sorted.forEach((row, i) => {
    const before = sorted[i - 1];
    if (before && before.id === row.id)
      fail(
        'BAD_INPUT',
        `${row.at} has the id ${JSON.stringify(row.id)} of ${before.at}`,
        'an id names one entry',
        'give each its own id',
      );
  });
  return sorted;
}

function toImages(rows: readonly Row[]): CocoImages {
  const fileOrder = new Int32Array(rows.length);
  rows.forEach((row, i) => {
    fileOrder[row.place] = i;
  });
  const size = (value: unknown) => (typeof value === 'number' && value > 0 && value < 2 ** 31 ? value : 0);
  return {
    ids: rows.map(row => row.id),
    indexOf: new Map(rows.map((row, i) => [row.id, i])),
    heights: Int32Array.from(rows, row => size(row.value.height)),
    widths: Int32Array.from(rows, row => size(row.value.width)),
    fileNames: rows.map(row => String(row.value.file_name ?? fileOf(row.value.coco_url) ?? row.id)),
    fileOrder,
  };
}

function fileOf(url: unknown): string | undefined {
  return typeof url === 'string' ? url.split('/').at(-1) : undefined;
}

function toCategories(rows: readonly Row[]): CocoCategories {
  const seen = new Set<string>();
  const names = rows.map(({ id, value }) => {
    const plain = String(value.name ?? id);
    const name = seen.has(plain) ? `${plain} (${id})` : plain;
    seen.add(name);
    return name;
  });
  return { ids: rows.map(row => row.id), indexOf: new Map(rows.map((row, i) => [row.id, i])), names };
}

function lvisFields(images: readonly Row[], categories: readonly Row[], list: CocoCategories): LvisFields {
  const idsOf = (row: Row, field: string) => {
    const ids = row.value[field];
    if (!Array.isArray(ids))
      fail(
        'BAD_INPUT',
        `${row.at} has no ${field}`,
        'an LVIS ground truth says per image which categories are absent and which are not fully annotated',
        'give an LVIS file, or use: evaluate coco',
      );
    return Int32Array.from(ids.map(id => list.indexOf.get(id) ?? -1).filter(k => k >= 0));
  };
  return {
    frequency: categories.map(row => {
      const f = row.value.frequency;
      if (f !== 'r' && f !== 'c' && f !== 'f')
        fail(
          'BAD_INPUT',
          `${row.at} has the frequency ${JSON.stringify(f)}`,
          'LVIS categories are "r" (rare), "c" (common) or "f" (frequent)',
          'give an LVIS file, or use: evaluate coco',
        );
      return f;
    }),
    negative: images.map(row => idsOf(row, 'neg_category_ids')),
    notExhaustive: images.map(row => idsOf(row, 'not_exhaustive_category_ids')),
  };
}
