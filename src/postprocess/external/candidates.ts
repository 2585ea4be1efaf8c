import { type Detections, detections } from '../../core/index.ts';
import { checkFinite } from '../check.ts';
import { topK } from '../order.ts';
import type { Grid } from './grid.ts';
import type { BoxFormat, BoxUnit, ExternalOptions } from './types.ts';

/** Rows that scored, before their boxes are worked out. */
export interface Scored {
  readonly rows: Int32Array;
  readonly classes: Int32Array;
  readonly scores: Float32Array;
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/**
 * Every (row, class) with at least `score`, the best `max`, best first; equal scores keep the order of (row, class).
 *
 * @param grid    class scores
 * @param factors per row, multiplied into its scores; at most 1
 */
export function scoredRows(
  grid: Grid,
  activation: 'none' | 'sigmoid',
  { score, max }: Pick<ExternalOptions, 'score' | 'max'>,
  factors?: (row: number) => number,
): Scored {
  const { data, rows, numbers, start, rowStep, step } = grid;
  const found: number[] = [];
  const values: number[] = [];
  for (let r = 0; r < rows; r++) {
    const factor = factors ? factors(r) : 1;
    if (factor < score) continue;
    // the threshold moves in front of the activation, so that most numbers cost one comparison
    const limit = activation === 'sigmoid' ? logit(Math.min(1, score / factor)) : score / factor;
    for (let c = 0, at = start + r * rowStep; c < numbers; c++, at += step) {
      const raw = data[at];
      if (raw < limit) continue; // NaN goes on, to be reported
      found.push(r * numbers + c);
      values.push((activation === 'sigmoid' ? sigmoid(raw) : raw) * factor);
    }
  }
  return best(Float32Array.from(values), max, k => [Math.floor(found[k] / numbers), found[k] % numbers]);
}

/** The best `max` of scores that passed, with their rows and classes. */
export function best(values: Float32Array, max: number, place: (k: number) => readonly [number, number]): Scored {
  checkFinite('scores', values);
  const order = topK(values, max);
  const rows = new Int32Array(order.length);
  const classes = new Int32Array(order.length);
  const scores = new Float32Array(order.length);
  order.forEach((k, i) => {
    [rows[i], classes[i]] = place(k);
    scores[i] = values[k];
  });
  return { rows, classes, scores };
}

function logit(p: number): number {
  return Math.log(p / (1 - p));
}

/** Detections from what scored and a function that writes a row's box, xyxy, to `boxes[at...]`. */
export function withBoxes(scored: Scored, write: (row: number, boxes: Float32Array, at: number) => void): Detections {
  const boxes = new Float32Array(4 * scored.rows.length);
  scored.rows.forEach((row, k) => {
    write(row, boxes, 4 * k);
  });
  checkFinite('decoded boxes', boxes);
  return detections(boxes, scored.scores, scored.classes);
}

/** Four numbers of some format and unit, as xyxy pixels of the network's input. */
export function toPixels(
  [a, b, c, d]: readonly [number, number, number, number],
  format: BoxFormat,
  unit: BoxUnit,
  { height, width }: Pick<ExternalOptions, 'height' | 'width'>,
): readonly [number, number, number, number] {
  const [sx, sy] = unit === 'share' ? [width, height] : [1, 1];
  switch (format) {
    case 'xyxy':
      return [a * sx, b * sy, c * sx, d * sy];
    case 'xywh':
      return [a * sx, b * sy, (a + c) * sx, (b + d) * sy];
    case 'cxcywh':
      return [(a - c / 2) * sx, (b - d / 2) * sy, (a + c / 2) * sx, (b + d / 2) * sy];
  }
}
