import { type Detections, fail } from '../../core/index.ts';
import { best, toPixels, withBoxes } from './candidates.ts';
import { classOf } from './classes.ts';
import { outputOf } from './grid.ts';
import type { BoxColumn, BoxesHead, BoxFormat, ExternalOptions, NamedOutputs } from './types.ts';

/** The columns that make a box, by format. */
const CORNERS = {
  xyxy: ['x1', 'y1', 'x2', 'y2'],
  xywh: ['x1', 'y1', 'w', 'h'],
  cxcywh: ['cx', 'cy', 'w', 'h'],
} as const satisfies Record<BoxFormat, readonly BoxColumn[]>;

/**
 * One picture's detections of a file with suppression inside: rows of box, score and class, in one output or beside
 * each other; of several pictures one after the other (a `batch` column, a `count` output) or padded to one length.
 */
export function decodeBoxes(
  outputs: NamedOutputs,
  head: BoxesHead,
  options: ExternalOptions,
  picture: number,
): Detections {
  const { columns } = head;
  const { dims, data } = outputOf(outputs, head.boxes);
  const wide = dims.at(-1) ?? 0;
  if (wide !== columns.length)
    fail(
      'BAD_MODEL',
      `output ${JSON.stringify(head.boxes)} is [${dims.join(', ')}]`,
      `heads.detection.columns names ${columns.length} numbers per row`,
      'correct columns in model.json',
    );
  const column = (name: BoxColumn) => columns.indexOf(name);
  const rows = ownRows(outputs, head, options, picture);
  const beside = (name: string | undefined) =>
    name === undefined ? undefined : sameRows(outputs, name, data.length / wide);
  const scores = beside(head.scores);
  const labels = beside(head.classes);
  const value = (row: number, name: BoxColumn, other: Float32Array | undefined) =>
    other ? other[row] : data[row * wide + column(name)];

  const hasClass = labels !== undefined || column('class') >= 0;
  const found: [row: number, category: number][] = [];
  const values: number[] = [];
  for (let row = rows.from; row < rows.to; row++) {
    if (column('batch') >= 0 && data[row * wide + column('batch')] !== picture) continue;
    const score = value(row, 'score', scores);
    if (score < options.score) continue;
    const number = hasClass ? value(row, 'class', labels) : head.firstClass;
    const category = classOf(number, head.classes ?? head.boxes, head.firstClass, options.classes);
    if (category < 0) continue;
    found.push([row, category]);
    values.push(score);
  }
  const format = (Object.keys(CORNERS) as BoxFormat[]).find(f => CORNERS[f].every(word => column(word) >= 0));
  const corners = CORNERS[format ?? 'xyxy'].map(column);
  return withBoxes(
    best(Float32Array.from(values), options.max, k => found[k]),
    (row, boxes, at) => {
      const [a, b, c, d] = corners.map(k => data[row * wide + k]);
      boxes.set(toPixels([a, b, c, d], format ?? 'xyxy', head.boxUnit, options), at);
    },
  );
}

/** Rows among which a picture's are: first, and one behind the last. */
function ownRows(outputs: NamedOutputs, head: BoxesHead, { pictures }: ExternalOptions, picture: number) {
  const { dims, data } = outputOf(outputs, head.boxes);
  const total = data.length / head.columns.length;
  const marked = head.columns.includes('batch');
  // one list for all pictures, also as [1, rows, columns] or [1, 1, rows, columns]
  if (marked && (dims.length < 3 || dims[0] !== pictures)) return { from: 0, to: total };
  const counts = head.count === undefined ? undefined : outputOf(outputs, head.count).data;
  if (counts && counts.length !== pictures)
    fail(
      'BAD_MODEL',
      `output ${JSON.stringify(head.count)} has ${counts.length} numbers`,
      `it says how many rows each of ${pictures} pictures has`,
      'correct count in heads.detection of model.json',
    );
  if (dims.length >= 3) {
    const each = total / dims[0];
    if (dims[0] !== pictures)
      fail(
        'BAD_MODEL',
        `output ${JSON.stringify(head.boxes)} is [${dims.join(', ')}]`,
        `there are ${pictures} pictures`,
        'the file may take one picture at a time only: give its first input axis a fixed length of 1',
      );
    const from = picture * each;
    return { from, to: counts ? from + Math.min(each, counts[picture]) : from + each };
  }
  if (counts) {
    const from = counts.subarray(0, picture).reduce((sum, n) => sum + n, 0);
    return { from, to: Math.min(total, from + counts[picture]) };
  }
  if (pictures === 1) return { from: 0, to: total };
  return fail(
    'BAD_MODEL',
    `output ${JSON.stringify(head.boxes)} is [${dims.join(', ')}] for ${pictures} pictures`,
    'nothing says which row belongs to which picture',
    'name a count output or a batch column in heads.detection of model.json, or run with --batch 1',
  );
}

/** An output with one number per row of boxes. */
function sameRows(outputs: NamedOutputs, name: string, rows: number): Float32Array {
  const { dims, data } = outputOf(outputs, name);
  if (data.length === rows) return data;
  return fail(
    'BAD_MODEL',
    `output ${JSON.stringify(name)} is [${dims.join(', ')}]`,
    `there are ${rows} boxes`,
    'correct the names in heads.detection of model.json',
  );
}
