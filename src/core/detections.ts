import { fail } from './errors.ts';

/**
 * What a detector found in one picture: parallel arrays, best score first where a function says so.
 * Boxes are xyxy pixels of the original picture (after EXIF rotation), x2 and y2 exclusive.
 */
export interface Detections {
  readonly length: number;
  /** `[n, 4]` xyxy */
  readonly boxes: Float32Array;
  /** `[n]`, 0..1 */
  readonly scores: Float32Array;
  /** `[n]` index into the model's labels, 0-based */
  readonly classes: Int32Array;
}

/**
 * Makes detections and checks that the arrays agree.
 * @throws {DenseError} BAD_INPUT when lengths disagree
 */
export function detections(boxes: Float32Array, scores: Float32Array, classes: Int32Array): Detections {
  if (boxes.length !== 4 * scores.length || classes.length !== scores.length)
    fail(
      'BAD_INPUT',
      `detections got ${boxes.length / 4} boxes, ${scores.length} scores and ${classes.length} classes`,
      'the three arrays describe the same objects',
      'pass arrays of equal length',
    );
  return { length: scores.length, boxes, scores, classes };
}

/** No detections. */
export function noDetections(): Detections {
  return detections(new Float32Array(0), new Float32Array(0), new Int32Array(0));
}

/** The detections at `indices`, in that order. */
export function selectDetections(from: Detections, indices: readonly number[]): Detections {
  const boxes = new Float32Array(4 * indices.length);
  const scores = new Float32Array(indices.length);
  const classes = new Int32Array(indices.length);
  indices.forEach((i, k) => {
    boxes.set(from.boxes.subarray(4 * i, 4 * i + 4), 4 * k);
    scores[k] = from.scores[i]!;
    classes[k] = from.classes[i]!;
  });
  return detections(boxes, scores, classes);
}

/** All detections of several lists, one after the other. */
export function concatDetections(lists: readonly Detections[]): Detections {
  const n = lists.reduce((sum, d) => sum + d.length, 0);
  const boxes = new Float32Array(4 * n);
  const scores = new Float32Array(n);
  const classes = new Int32Array(n);
  let at = 0;
  for (const d of lists) {
    boxes.set(d.boxes, 4 * at);
    scores.set(d.scores, at);
    classes.set(d.classes, at);
    at += d.length;
  }
  return detections(boxes, scores, classes);
}
