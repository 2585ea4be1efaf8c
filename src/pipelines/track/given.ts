import { readFile } from 'node:fs/promises';
import {
  type Detections,
  detections,
  fail,
  LABEL_SETS,
  type LabelSet,
  messageOf,
  parseMotText,
} from '../../core/index.ts';
import { motDetectionsByFrame } from '../../track/index.ts';

/** Detections from a file, by 1-based frame number, with the classes they name. */
export interface GivenDetections {
  readonly byFrame: ReadonlyMap<number, Detections>;
  readonly labels: LabelSet;
}

/** MOTChallenge's detections do not say of what they are. */
const UNNAMED: LabelSet = { names: ['object'], ids: [1] };

/**
 * Reads detections: MOTChallenge text (`frame,-1,x,y,w,h,score`) or COCO results, in which `image_id` is the frame
 * counted from 1.
 * @throws {DenseError} BAD_INPUT naming the file and the row
 */
export async function readGivenDetections(path: string): Promise<GivenDetections> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    return fail('BAD_INPUT', `cannot read detections ${path}`, messageOf(error), 'check the path', error);
  }
  return /^\s*[[{]/.test(text) ? fromCoco(text, path) : fromMot(text, path);
}

function fromMot(text: string, path: string): GivenDetections {
  return { byFrame: motDetectionsByFrame(parseMotText(text, path)), labels: UNNAMED };
}

interface Row {
  readonly frame: number;
  readonly category: number;
  readonly name: string | undefined;
  readonly box: readonly number[];
  readonly score: number;
}

function fromCoco(text: string, path: string): GivenDetections {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    fail(
      'BAD_INPUT',
      `cannot read detections ${path}`,
      messageOf(error),
      'give MOTChallenge text or a COCO results array',
    );
  }
  const list = Array.isArray(parsed) ? parsed : (parsed as { annotations?: unknown }).annotations;
  if (!Array.isArray(list))
    fail(
      'BAD_INPUT',
      `${path} holds no detections`,
      'it is no array and has no "annotations"',
      'give a COCO results array',
    );
  const rows = list.map((row, i) => checkedRow(row, `${path} row ${i + 1}`));
  const labels = labelsFor(rows);
  const indexOf = new Map(labels.ids.map((id, i) => [id, i]));
  const grouped = new Map<number, Row[]>();
  for (const row of rows) {
    const frame = grouped.get(row.frame);
    if (frame) frame.push(row);
    else grouped.set(row.frame, [row]);
  }
  const byFrame = new Map<number, Detections>();
  for (const [frame, own] of grouped) {
    const boxes = Float32Array.from(own.flatMap(({ box: [x, y, w, h] }) => [x, y, x + w, y + h]));
    const classes = Int32Array.from(own, row => indexOf.get(row.category)!);
    byFrame.set(
      frame,
      detections(
        boxes,
        Float32Array.from(own, row => row.score),
        classes,
      ),
    );
  }
  return { byFrame, labels };
}

function checkedRow(row: unknown, where: string): Row {
  const r = (row ?? {}) as Record<string, unknown>;
  const broken = (key: string, wants: string) =>
    fail('BAD_INPUT', `${where}: ${key} is ${JSON.stringify(r[key])}`, `it must be ${wants}`, 'correct the row');
  const frame = r.image_id;
  if (!(Number.isSafeInteger(frame) && (frame as number) >= 1)) broken('image_id', 'a frame number, counted from 1');
  const box = r.bbox;
  if (!(Array.isArray(box) && box.length === 4 && box.every(Number.isFinite))) broken('bbox', '[x, y, width, height]');
  const score = r.score ?? 1;
  if (!(typeof score === 'number' && score >= 0 && score <= 1)) broken('score', 'a number from 0 to 1');
  if (!Number.isSafeInteger(r.category_id)) broken('category_id', 'a whole number');
  return {
    frame: frame as number,
    category: r.category_id as number,
    name: typeof r.category_name === 'string' ? r.category_name : undefined,
    box: box as number[],
    score: score as number,
  };
}

/** COCO's 80 classes where the ids (and names, if any) are theirs; else those of the file. */
function labelsFor(rows: readonly Row[]): LabelSet {
  const coco: LabelSet = LABEL_SETS.coco80;
  const nameOf = (id: number) => coco.names[coco.ids.indexOf(id)];
  if (
    rows.every(row => nameOf(row.category) !== undefined && (row.name ?? nameOf(row.category)) === nameOf(row.category))
  )
    return coco;
  const names = new Map<number, string>();
  for (const { category, name } of rows)
    if (name !== undefined || !names.has(category)) names.set(category, name ?? `class ${category}`);
  const ids = [...names.keys()].sort((a, b) => a - b);
  return { names: ids.map(id => names.get(id)!), ids };
}
