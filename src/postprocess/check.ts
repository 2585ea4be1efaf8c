import { type Detections, fail } from '../core/index.ts';

/**
 * Checks that boxes, scores and classes describe the same objects and hold finite numbers.
 * @throws {DenseError} BAD_INPUT naming the argument, the place and the value
 */
export function checkBoxes(boxes: Float32Array, scores: Float32Array, classes?: Int32Array | null): void {
  if (boxes.length !== 4 * scores.length)
    fail(
      'BAD_INPUT',
      `boxes has ${boxes.length} numbers for ${scores.length} scores`,
      `boxes is [n, 4] and scores is [n], so ${4 * scores.length} numbers were expected`,
      'pass four numbers (x1, y1, x2, y2) per score',
    );
  if (classes && classes.length !== scores.length)
    fail(
      'BAD_INPUT',
      `classes has ${classes.length} entries for ${scores.length} scores`,
      'every box has one score and one class',
      'pass as many classes as scores, or null for class-agnostic suppression',
    );
  checkFinite('boxes', boxes);
  checkFinite('scores', scores);
}

/** {@link checkBoxes} for detections. */
export function checkDetections(from: Detections): void {
  checkBoxes(from.boxes, from.scores, from.classes);
}

/** @throws {DenseError} BAD_INPUT when `values`, from number `start` on, holds NaN or an infinity */
export function checkFinite(name: string, values: Float32Array, start = 0): void {
  // A finite x has x - x = 0, NaN and the infinities do not: one subtraction tests both.
  for (let i = start; i < values.length; i++)
    if (values[i] - values[i] !== 0)
      fail(
        'BAD_INPUT',
        `${name}[${i}] is ${values[i]}`,
        'overlaps and ranks of NaN or infinite numbers are undefined',
        'drop these entries, or look for an overflow (fp16) or a wrong normalisation in the model',
      );
}

/** @throws {DenseError} BAD_INPUT unless `low <= value <= high` */
export function checkRange(name: string, value: number, low: number, high: number): void {
  if (!(value >= low && value <= high))
    fail(
      'BAD_INPUT',
      `${name} is ${value}`,
      `${name} must be ${high === Number.POSITIVE_INFINITY ? `at least ${low}` : `from ${low} to ${high}`}`,
      `pass a number in that range`,
    );
}

/** @throws {DenseError} BAD_INPUT unless `value` is a whole number of at least `low` */
export function checkCount(name: string, value: number, low: number): void {
  if (value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && value >= low)) return;
  fail('BAD_INPUT', `${name} is ${value}`, `${name} must be a whole number of at least ${low}`, 'pass such a number');
}
