import { type Detections, fail } from '../../core/index.ts';
import { best, type Scored, scoredRows, toPixels, withBoxes } from './candidates.ts';
import { classOf } from './classes.ts';
import { checkNumbers, type Grid, gridOf, numbersFrom, outputOf } from './grid.ts';
import type { DetrHead, ExternalOptions, NamedOutputs } from './types.ts';

/**
 * One picture's detections of a set-prediction head: a list of boxes, each with a score for every class, or with its
 * class beside it. No two are of one object, so they need no suppression; several classes of one box may pass, as in
 * RT-DETR's choice of the best (query, class) pairs. With `softmax` each box has its best class only, as in DETR.
 *
 * @see Carion et al. 2020, DETR, arXiv 2005.12872; Zhao et al. 2023, RT-DETR, arXiv 2304.08069;
 *   golden: test/golden/own-detectors.json
 */
export function decodeDetr(
  outputs: NamedOutputs,
  head: DetrHead,
  options: ExternalOptions,
  picture: number,
): Detections {
  const { pictures } = options;
  const boxes = gridOf(outputs, head.boxes, 'rows', pictures, picture);
  checkNumbers(boxes, head.boxes, 4, 'the edges of a box');
  const scored =
    head.classes === undefined ? byClass(outputs, head, options, picture) : beside(outputs, head, options, picture);
  const count = outputOf(outputs, head.scores).dims[1];
  if (count !== boxes.rows)
    fail(
      'BAD_MODEL',
      `output ${JSON.stringify(head.boxes)} has ${boxes.rows} boxes, ${JSON.stringify(head.scores)} scores ${count}`,
      'each box has its scores',
      'correct the names in heads.detection of model.json',
    );
  return withBoxes(scored, (row, to, at) => {
    const from = boxes.start + 4 * row;
    const [a, b, c, d] = boxes.data.subarray(from, from + 4);
    to.set(toPixels([a, b, c, d], head.boxFormat, head.boxUnit, options), at);
  });
}

/** Scores `[pictures, n, classes]`, a background class among them or not. */
function byClass(outputs: NamedOutputs, head: DetrHead, options: ExternalOptions, picture: number): Scored {
  const grid = gridOf(outputs, head.scores, 'rows', options.pictures, picture);
  const { classes } = options;
  const background = head.background === 'none' ? 0 : 1;
  checkNumbers(
    grid,
    head.scores,
    classes + background,
    `${classes} classes${background ? ' and one for nothing' : ''}`,
  );
  const objects = numbersFrom(grid, head.background === 'first' ? 1 : 0, classes);
  return head.activation === 'softmax'
    ? softmaxRows(grid, objects, options)
    : scoredRows(objects, head.activation, options);
}

/** The best class of each row by softmax over all its numbers. */
function softmaxRows(all: Grid, objects: Grid, { score, max }: ExternalOptions): Scored {
  const found: [row: number, category: number][] = [];
  const values: number[] = [];
  for (let r = 0; r < all.rows; r++) {
    const row = all.data.subarray(all.start + r * all.numbers, all.start + (r + 1) * all.numbers);
    const own = objects.data.subarray(
      objects.start + r * all.numbers,
      objects.start + r * all.numbers + objects.numbers,
    );
    let top = 0;
    for (let c = 1; c < own.length; c++) if (own[c] > own[top]) top = c;
    const most = row.reduce((a, b) => Math.max(a, b)); // the largest makes exp safe; NaN stays NaN
    const value = Math.exp(own[top] - most) / row.reduce((sum, v) => sum + Math.exp(v - most), 0);
    if (value < score) continue;
    found.push([r, top]);
    values.push(value);
  }
  return best(Float32Array.from(values), max, k => found[k]);
}

/** Scores `[pictures, n]` beside class numbers `[pictures, n]`. */
function beside(outputs: NamedOutputs, head: DetrHead, options: ExternalOptions, picture: number): Scored {
  const name = head.classes ?? '';
  const labels = outputOf(outputs, name);
  const scores = outputOf(outputs, head.scores);
  if (labels.data.length !== scores.data.length || scores.dims[0] !== options.pictures)
    fail(
      'BAD_MODEL',
      `output ${JSON.stringify(name)} is [${labels.dims.join(', ')}], ${JSON.stringify(head.scores)} [${scores.dims.join(', ')}]`,
      `both are [${options.pictures}, n] beside each other`,
      'correct the names in heads.detection of model.json',
    );
  const n = scores.data.length / options.pictures;
  const grid: Grid = { data: scores.data, rows: n, numbers: 1, start: picture * n, rowStep: 1, step: 1 };
  const scored = scoredRows(grid, head.activation === 'sigmoid' ? 'sigmoid' : 'none', options);
  const classes = scored.rows.map(row =>
    classOf(labels.data[picture * n + row], name, head.firstClass, options.classes),
  );
  const kept = Array.from(classes.keys()).filter(k => classes[k] >= 0); // padding has no class
  return {
    rows: Int32Array.from(kept, k => scored.rows[k]),
    classes: Int32Array.from(kept, k => classes[k]),
    scores: Float32Array.from(kept, k => scored.scores[k]),
  };
}
