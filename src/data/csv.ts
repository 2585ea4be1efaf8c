import type { CategoryTable } from './categories.ts';
import { segmentationOf } from './coco.ts';
import { csvLine, parseCsv } from './csv-cells.ts';
import type { DataObject, DataPicture, Dataset, ProblemSink, Segmentation } from './types.ts';

/** Names under which a column is known; lower case, without separators. */
const COLUMNS = {
  file: ['filename', 'file', 'image', 'imagepath', 'imagename', 'path', 'imageid'],
  width: ['width', 'imagewidth', 'imgwidth'],
  height: ['height', 'imageheight', 'imgheight'],
  name: ['class', 'classname', 'label', 'labelname', 'category', 'categoryname', 'name'],
  x1: ['xmin', 'x1', 'left'],
  y1: ['ymin', 'y1', 'top'],
  x2: ['xmax', 'x2', 'right'],
  y2: ['ymax', 'y2', 'bottom'],
  split: ['split', 'set', 'subset'],
  crowd: ['crowd', 'iscrowd', 'isgroupof'],
  difficult: ['difficult'],
  truncated: ['truncated', 'istruncated'],
  occluded: ['occluded', 'isoccluded'],
  pose: ['pose'],
  area: ['area'],
  segmentation: ['segmentation'],
} as const;
type Column = keyof typeof COLUMNS;

/** A CSV's pictures before anyone looked at them: sizes may be missing, boxes may be shares. */
export interface CsvPicture {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly split?: string;
  readonly objects: DataObject[];
}

export interface CsvTable {
  readonly pictures: readonly CsvPicture[];
  /** boxes are shares of the picture (Open Images): multiply them by its size */
  readonly normalised: boolean;
}

/**
 * Reads boxes from CSV, columns known by their names in any order: our own and TensorFlow's tutorials'
 * (`filename,width,height,class,xmin,ymin,xmax,ymax`), Open Images' (`ImageID,...,LabelName,...,XMin,XMax,YMin,YMax`,
 * shares), and without a header RetinaNet's (`path,x1,y1,x2,y2,class`). A row with a file and nothing else is a picture
 * without objects.
 *
 * @param names Open Images: class by label id
 */
export function parseCsvTable(
  text: string,
  categories: CategoryTable,
  source: string,
  sink: ProblemSink,
  names?: ReadonlyMap<string, string>,
): CsvTable {
  const rows = parseCsv(text.replace(/^\ufeff/, ''));
  const head = columnsOf(rows[0] ?? []);
  const column = head ?? RETINANET;
  const normalised = head !== undefined && rows[0]!.some(cell => /^ImageID$/i.test(cell.trim()));
  const missing = (['file', 'name', 'x1', 'y1', 'x2', 'y2'] as const).filter(key => column[key] === undefined);
  if (missing.length > 0) {
    const what = `has no column for ${missing.join(', ')}`;
    const fix = 'name the columns filename,width,height,class,xmin,ymin,xmax,ymax';
    sink({ kind: 'bad-record', where: `${source}: line 1`, what, why: 'each row is a picture and a box', fix });
    return { pictures: [], normalised };
  }
  const pictures = new Map<string, CsvPicture>();
  const readRow = (cells: readonly string[], i: number) => {
    const whole = (key: Column) => (column[key] === undefined ? '' : (cells[column[key]] ?? ''));
    const cell = (key: Column) => whole(key).trim();
    if (cells.every(text => text.trim() === '')) return;
    const file = whole('file').replaceAll('\\', '/');
    const split = cell('split');
    const where = `${source}: line ${i + (head ? 2 : 1)}`;
    const [width, height] = [Number(cell('width')), Number(cell('height'))];
    if (file.trim() === '' || !(width >= 0 && height >= 0))
      return sink({
        kind: 'bad-record',
        where,
        what: file.trim() === '' ? 'names no picture' : `has the size ${cell('width')} x ${cell('height')}`,
        why: 'each row is a picture and a box',
        fix: 'correct or remove the row',
      });
    const key = `${split}\n${file}`;
    let picture = pictures.get(key);
    if (!picture) {
      picture = { file, width, height, ...(split && { split }), objects: [] };
      pictures.set(key, picture);
    }
    const box = (['x1', 'y1', 'x2', 'y2'] as const).map(cell);
    const label = cell('name');
    if (label === '' && box.every(text => text === '')) return;
    const [x1, y1, x2, y2] = box.map(text => (text === '' ? Number.NaN : Number(text))) as [
      number,
      number,
      number,
      number,
    ];
    if (label === '' || ![x1, y1, x2, y2].every(Number.isFinite))
      return sink({
        kind: 'bad-record',
        where,
        what: label === '' ? 'names no class' : `has the box ${box.join(', ')}`,
        why: 'a box has a class and four numbers',
        fix: 'correct or remove the row',
        file,
      });
    const name = names ? names.get(label) : label;
    const category = name === undefined ? -1 : categories.indexOf(name);
    if (category < 0)
      return sink({
        kind: 'unknown-class',
        where,
        what: `has the class ${JSON.stringify(label)}`,
        why: 'the list of classes does not name it',
        fix: 'add it to the list of classes, or correct the row',
        file,
      });
    picture.objects.push({ x1, y1, x2, y2, category, ...extras(cell) });
  };
  (head ? rows.slice(1) : rows).forEach(readRow);
  return { pictures: [...pictures.values()], normalised };
}

type ColumnMap = Partial<Record<Column, number>>;
const RETINANET: ColumnMap = { file: 0, x1: 1, y1: 2, x2: 3, y2: 4, name: 5 };

/** Where each column stands; undefined when the row is no header. */
function columnsOf(row: readonly string[]): ColumnMap | undefined {
  const known = row.map(cell => cell.toLowerCase().replace(/[^a-z0-9]/g, ''));
  const found: ColumnMap = {};
  for (const key of Object.keys(COLUMNS) as Column[]) {
    const names: readonly string[] = COLUMNS[key];
    const at = names.map(name => known.indexOf(name)).find(k => k >= 0);
    if (at !== undefined) found[key] = at;
  }
  const isRetinaNet = row.length === 6 && row.slice(1, 5).every(cell => cell === '' || Number.isFinite(Number(cell)));
  return isRetinaNet ? undefined : found;
}

function extras(cell: (key: Column) => string): Partial<DataObject> {
  const yes = (key: Column) => /^(1|true)$/i.test(cell(key));
  const segmentation = cell('segmentation') === '' ? undefined : parsedJson(cell('segmentation'));
  return {
    ...(yes('crowd') && { crowd: true }),
    ...(yes('difficult') && { difficult: true }),
    ...(yes('truncated') && { truncated: true }),
    ...(yes('occluded') && { occluded: true }),
    ...(cell('pose') && { pose: cell('pose') }),
    ...(cell('area') !== '' && Number.isFinite(Number(cell('area'))) && { area: Number(cell('area')) }),
    ...(segmentation && { segmentation }),
  };
}

function parsedJson(text: string): Segmentation | undefined {
  try {
    return segmentationOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

const BASE = ['filename', 'width', 'height', 'class', 'xmin', 'ymin', 'xmax', 'ymax'] as const;

/**
 * The text of a CSV file: the columns of TensorFlow's tutorials, pixels from 0 and unrounded; then, only where some
 * object needs them, `crowd`, `difficult`, `truncated`, `occluded`, `pose`, `area`, `segmentation` (JSON as in COCO), and
 * `split`. A picture without objects is a row with its file and size alone.
 */
export function formatCsv({ pictures, categories }: Dataset): string {
  const flags = (['crowd', 'difficult', 'truncated', 'occluded'] as const).filter(flag =>
    pictures.some(p => p.objects.some(o => o[flag])),
  );
  const values = (['pose', 'area', 'segmentation'] as const).filter(key =>
    pictures.some(p => p.objects.some(o => o[key] !== undefined)),
  );
  const split = pictures.some(p => p.split !== undefined) ? ['split'] : [];
  const rows = pictures.flatMap((p: DataPicture) => {
    const end = split.map(() => p.split ?? '');
    const begin = [p.file, p.width, p.height];
    if (p.objects.length === 0)
      return [csvLine([...begin, '', '', '', '', '', ...flags.map(() => ''), ...values.map(() => ''), ...end])];
    return p.objects.map(o =>
      csvLine([
        ...begin,
        categories[o.category]!.name,
        ...[o.x1, o.y1, o.x2, o.y2].map(v => Number(v.toFixed(6))),
        ...flags.map(flag => (o[flag] ? 1 : 0)),
        ...values.map(key => {
          const value = o[key];
          return value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : value;
        }),
        ...end,
      ]),
    );
  });
  return csvLine([...BASE, ...flags, ...values, ...split]) + rows.join('');
}
