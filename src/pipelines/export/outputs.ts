/** What is added behind a detection head so that other runtimes need no decoder of ours: boxes, suppression. */
import type { GraphBuilder, Value } from '../../onnx/index.ts';
import { type AnchorLevels, cellAnchors } from '../../postprocess/index.ts';

/** Suppression inside the graph. */
export interface GraphNms {
  /** Boxes of one class that overlap a better one by more than this (0..1) go. */
  readonly iou: number;
  /** Boxes must score above this, 0..1. */
  readonly score: number;
  /** Boxes per picture, the best. */
  readonly max: number;
}

/**
 * Boxes from distances.
 * @param ltrb `[batch, A, 4]` from the cell's centre to left, top, right, bottom, pixels of the input
 * @returns `[batch, A, 4]` xyxy, pixels of the input, not clipped
 */
export function addBoxes(b: GraphBuilder, ltrb: Value, levels: AnchorLevels): Value {
  const anchors = cellAnchors(levels); // x, y, stride
  const count = anchors.length / 3;
  const xy = Float32Array.from({ length: 2 * count }, (_, i) => anchors[3 * Math.floor(i / 2) + (i % 2)]!);
  return b.scope('boxes', () => {
    const centres = b.constant(xy, [1, count, 2], 'centres');
    const [leftTop, rightBottom] = b.split(ltrb, [2, 2], -1) as [Value, Value];
    return b.concat([b.sub(centres, leftTop), b.add(centres, rightBottom)], -1);
  });
}

/** Lists of a fixed length per picture, best first; rows behind `count` are empty: score 0, class -1, box of zeros. */
export interface SuppressedOutputs {
  /** `[batch, max, 4]` xyxy, pixels of the input, clipped to it */
  readonly boxes: Value;
  /** `[batch, max]` */
  readonly scores: Value;
  /** `[batch, max]` int64 */
  readonly classes: Value;
  /** `[batch]` int64 */
  readonly count: Value;
}

/**
 * Hard suppression within each class by the NonMaxSuppression operator, then the best `max` of each picture.
 *
 * Its list of kept (picture, class, box) triples is scattered back into the table of scores, so that TopK can take the
 * best of each picture at any batch size.
 *
 * @param boxes  `[batch, A, 4]` xyxy, pixels of the input
 * @param scores `[batch, A, classes]`
 */
export function addSuppression(
  b: GraphBuilder,
  boxes: Value,
  scores: Value,
  { iou, score, max }: GraphNms,
  size: { readonly height: number; readonly width: number },
): SuppressedOutputs {
  return b.scope('nms', () => {
    const [batch, anchors, classes] = scores.shape as readonly [string, number, number];
    const length = Math.min(max, anchors * classes);
    const zero = Float32Array.of(0);
    const edges = b.constant(Float32Array.of(size.width, size.height, size.width, size.height), [1, 1, 4], 'edges');
    const clipped = b.min(b.max(boxes, 0), edges);
    const [widths, heights] = b.split(b.sub(b.slice(clipped, 2, 2), b.slice(clipped, 2, 0, 2)), [1, 1], 2) as [
      Value,
      Value,
    ];
    // what clipping leaves without an area is no candidate: 1 or 0 by which its scores are multiplied
    const area = b.mul(widths, heights);
    const real = b.cast(b.op('Greater', [area, b.scalar(0)], [{ dtype: 'bool', shape: area.shape }])[0]!, 'float32');
    const byClass = b.transpose(b.mul(scores, real), [0, 2, 1]); // [batch, classes, A]
    const limits = [
      b.constant(BigInt64Array.of(BigInt(Math.min(max, anchors))), [1], 'max'),
      b.constant(Float32Array.of(iou), [1], 'iou'),
      b.constant(Float32Array.of(score), [1], 'score'),
    ];
    const kept = b.op('NonMaxSuppression', [clipped, byClass, ...limits], [{ dtype: 'int64', shape: ['kept', 3] }])[0]!;
    const values = b.op('GatherND', [byClass, kept], [{ dtype: 'float32', shape: ['kept'] }])[0]!;
    const shape = b.op('Shape', [byClass], [{ dtype: 'int64', shape: [3] }])[0]!;
    const none = b.op('ConstantOfShape', [shape], [{ dtype: 'float32', shape: byClass.shape }])[0]!;
    const table = b.op('ScatterND', [none, kept, values], [{ dtype: 'float32', shape: byClass.shape }])[0]!;
    const top = b.topK(b.reshape(table, [batch, classes * anchors]), length, 1); // [batch, max]
    const found = b.op(
      'Greater',
      [top.values, b.constant(zero, [], 'nothing')],
      [{ dtype: 'bool', shape: top.values.shape }],
    )[0]!;
    const perClass = b.ints([anchors]);
    const number = b.op('Div', [top.indices, perClass], [{ dtype: 'int64', shape: top.indices.shape }])[0]!;
    const anchor = b.op('Mod', [top.indices, perClass], [{ dtype: 'int64', shape: top.indices.shape }])[0]!;
    const at = b.unsqueeze(anchor, [2]); // [batch, max, 1]
    const four = b.concat([at, at, at, at], 2);
    const picked = b.gatherElements(clipped, four, 1); // [batch, max, 4]
    const where = (condition: Value, x: Value, y: Value, dtype: 'float32' | 'int64') =>
      b.op('Where', [condition, x, y], [{ dtype, shape: x.shape }])[0]!;
    return {
      boxes: where(b.unsqueeze(found, [2]), picked, b.scalar(0), 'float32'),
      scores: top.values,
      classes: where(found, number, b.ints([-1]), 'int64'),
      count: b.sum(b.cast(found, 'int64'), [1]),
    };
  });
}
