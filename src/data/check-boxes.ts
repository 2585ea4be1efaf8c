import { boxIou } from '../core/index.ts';
import { type Finding, finding } from './findings.ts';
import type { DataObject, DataPicture, Dataset } from './types.ts';

/** Pixels a box may stick out: tools round. */
const OVER_EDGE = 1;
/** Sides below this many pixels are tiny. */
const TINY = 2;
/** Overlap from which a box repeats another of its class. */
const SAME_BOX = 0.95;

/** Faults of annotations that show without opening a picture: boxes, repeated names, classes without objects. */
export function checkBoxes(dataset: Dataset): Finding[] {
  const names = dataset.categories.map(c => c.name);
  const findings = dataset.pictures.flatMap(picture => pictureFindings(picture, names));
  const seen = new Set<string>();
  for (const { file, split } of dataset.pictures) {
    const key = `${split ?? ''}\n${file}`;
    if (seen.has(key)) findings.push(finding('repeated-name', `${file} is listed again`, { file, split }));
    seen.add(key);
  }
  for (const { name, objects } of classBalance(dataset))
    if (objects === 0) findings.push(finding('empty-class', `${name} has no objects`));
  return findings;
}

function pictureFindings(picture: DataPicture, names: readonly string[]): Finding[] {
  const { file, split, width, height, objects } = picture;
  const found: Finding[] = [];
  objects.forEach((o, object) => {
    const add = (kind: Finding['kind'], text: string) =>
      found.push(finding(kind, `${file}: ${names[o.category]} ${boxText(o)} ${text}`, { file, split, object }));
    const [w, h] = [o.x2 - o.x1, o.y2 - o.y1];
    if (!(w > 0 && h > 0)) add('empty-box', 'is empty');
    else if (width > 0 && height > 0) {
      const out = Math.max(-o.x1, -o.y1, o.x2 - width, o.y2 - height);
      if (o.x1 >= width || o.y1 >= height || o.x2 <= 0 || o.y2 <= 0)
        add('box-outside', `lies outside ${width} x ${height}`);
      else if (out > OVER_EDGE) add('box-over-edge', `sticks out of ${width} x ${height} by ${round(out)}`);
    }
    if (w > 0 && h > 0 && Math.min(w, h) < TINY) add('tiny-box', `is ${round(w)} x ${round(h)}`);
  });
  return [...found, ...repeated(picture, names)];
}

function repeated({ file, split, objects }: DataPicture, names: readonly string[]): Finding[] {
  const boxes = Float64Array.from(objects.flatMap(o => [o.x1, o.y1, o.x2, o.y2]));
  const found: Finding[] = [];
  objects.forEach((o, j) => {
    if (o.crowd) return;
    const i = objects.findIndex(
      (p, k) => k < j && p.category === o.category && !p.crowd && boxIou(boxes, k, boxes, j) >= SAME_BOX,
    );
    if (i >= 0) {
      const text = `${file}: ${names[o.category]} ${boxText(o)} repeats ${boxText(objects[i]!)}`;
      found.push(finding('duplicate-box', text, { file, split, object: j }));
    }
  });
  return found;
}

function boxText({ x1, y1, x2, y2 }: DataObject): string {
  return `[${[x1, y1, x2, y2].map(round).join(', ')}]`;
}

const round = (v: number) => Number(v.toFixed(2));

/** How often a class appears. */
export interface ClassCount {
  readonly name: string;
  /** crowds not counted */
  readonly objects: number;
  readonly crowds: number;
  /** pictures with at least one object of the class */
  readonly pictures: number;
  /** objects by split; `''` for pictures without one */
  readonly bySplit: Readonly<Record<string, number>>;
  /** by COCO's areas of boxes: below 32 x 32, up to 96 x 96, above */
  readonly small: number;
  readonly medium: number;
  readonly large: number;
}

/** Counts of each class, in the order of the categories. */
export function classBalance({ categories, pictures }: Dataset): ClassCount[] {
  const rows = categories.map(({ name }) => ({
    ...{ name, objects: 0, crowds: 0, pictures: 0, small: 0, medium: 0, large: 0 },
    bySplit: {} as Record<string, number>,
  }));
  for (const { objects, split = '' } of pictures) {
    const met = new Set<number>();
    for (const o of objects) {
      const row = rows[o.category]!;
      if (o.crowd) {
        row.crowds++;
        continue;
      }
      met.add(o.category);
      row.objects++;
      row.bySplit[split] = (row.bySplit[split] ?? 0) + 1;
      const area = (o.x2 - o.x1) * (o.y2 - o.y1);
      row[area < 32 ** 2 ? 'small' : area <= 96 ** 2 ? 'medium' : 'large']++;
    }
    for (const category of met) rows[category]!.pictures++;
  }
  return rows;
}
