/**
 * Detection heads of other projects' detectors, described by data: where in the outputs of an ONNX file the scores and
 * boxes lie and what their numbers mean. The decoders are src/postprocess/external.
 */
import { z } from 'zod';

const count = z.int().positive();
const output = z.string().min(1);
const labels = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);
/** `rows`: `[batch, anchors, numbers]`; `columns`: `[batch, numbers, anchors]` or `[batch, numbers, height, width]`. */
const layout = z.enum(['rows', 'columns']).default('rows');
/** What is still to be done to a score: nothing, or the sigmoid. */
const activation = z.enum(['none', 'sigmoid']).default('none');
const boxFormat = z.enum(['xyxy', 'xywh', 'cxcywh']);
/** Of the network's input: pixels, or shares of its width and height. */
const boxUnit = z.enum(['pixel', 'share']);
/** The file's number of the first label. */
const firstClass = z.int().default(0);

/** YOLOX and its kin: one output, per anchor four box numbers, an objectness, and a score per class. */
const yolox = z.strictObject({
  kind: z.literal('yolox'),
  output,
  /** False: offsets from the cell and logarithms of the size, in strides; true: boxes. */
  decoded: z.boolean().default(false),
  /** Pixels of the input per cell, one per level; not needed for decoded boxes. */
  strides: z.array(count).min(1).optional(),
  layout,
  /** Whether the fifth number is an objectness, by which the class scores are multiplied. */
  objectness: z.boolean().default(true),
  activation,
  boxFormat: boxFormat.default('cxcywh'),
  boxUnit: boxUnit.default('pixel'),
  labels,
});

/** PicoDet, NanoDet, RTMDet: per cell a score for each class and a distance (or its distribution) to each side. */
const dfl = z.strictObject({
  kind: z.literal('dfl'),
  strides: z.array(count).min(1),
  /** Numbers per side: bins of the distribution, or 1 for the distance itself. */
  bins: count,
  /** Outputs that hold the class scores: one per level, or one for all levels in the order of `strides`. */
  scores: z.array(output).min(1).optional(),
  /** Outputs that hold the distances, likewise. */
  distances: z.array(output).min(1).optional(),
  /** Instead of the two: outputs that hold, per cell, the class scores and then the distances. */
  joined: z.array(output).min(1).optional(),
  layout,
  activation,
  /** Where in its cell an anchor sits: share of the stride, and pixels besides. */
  cell: z.number().default(0.5),
  cellPixels: z.number().default(0),
  /** What one unit of distance is. */
  unit: z.enum(['stride', 'pixel']).default('stride'),
  labels,
});

/** RT-DETR, D-FINE, DEIM, DETR: a list of boxes that need no suppression. */
const detr = z.strictObject({
  kind: z.literal('detr'),
  /** `[batch, n, 4]` */
  boxes: output,
  /** `[batch, n, classes]`, or `[batch, n]` beside `classes`. */
  scores: output,
  /** `[batch, n]` class numbers. */
  classes: output.optional(),
  activation: z.enum(['none', 'sigmoid', 'softmax']).default('none'),
  /** Where a class that stands for nothing lies among the scores. */
  background: z.enum(['none', 'first', 'last']).default('none'),
  boxFormat: boxFormat.default('xyxy'),
  boxUnit: boxUnit.default('pixel'),
  firstClass,
  labels,
});

const COLUMNS = ['batch', 'class', 'score', 'x1', 'y1', 'x2', 'y2', 'cx', 'cy', 'w', 'h', 'skip'] as const;

/** Files with suppression inside: what comes out is the result. */
const boxes = z.strictObject({
  kind: z.literal('boxes'),
  /** `[batch, n, columns]`, or `[n, columns]`. */
  boxes: output,
  /** What each number of a row is. */
  columns: z
    .array(z.enum(COLUMNS))
    .refine(
      words =>
        [['x1', 'y1', 'x2', 'y2'] as const, ['x1', 'y1', 'w', 'h'] as const, ['cx', 'cy', 'w', 'h'] as const].some(
          corners => corners.every(word => words.filter(w => w === word).length === 1),
        ),
      'columns that make a box: x1 y1 x2 y2, x1 y1 w h, or cx cy w h, each once',
    )
    .default(['x1', 'y1', 'x2', 'y2']),
  /** Outputs for what is no column. Without any class, all objects are of the first label. */
  scores: output.optional(),
  classes: output.optional(),
  /** How many rows of each picture count; without it all do. Rows of a negative class never do. */
  count: output.optional(),
  boxUnit: boxUnit.default('pixel'),
  firstClass,
  labels,
});

/** What the keys of one head must have in common; a message, or nothing. */
function contradiction(
  head: z.output<typeof yolox | typeof dfl | typeof detr | typeof boxes>,
): [string, string] | undefined {
  switch (head.kind) {
    case 'yolox':
      return head.decoded || head.strides
        ? undefined
        : ['strides', 'the strides of the grid, since boxes are not decoded'];
    case 'dfl': {
      const split = head.scores !== undefined && head.distances !== undefined && head.joined === undefined;
      const joined = head.scores === undefined && head.distances === undefined && head.joined !== undefined;
      if (!split && !joined) return ['scores', 'scores and distances, or joined instead of both'];
      const wrong = ([head.scores, head.distances, head.joined] as const).some(
        list => list && list.length !== 1 && list.length !== head.strides.length,
      );
      return wrong ? ['strides', 'as many outputs as strides, or one output for all levels'] : undefined;
    }
    case 'detr':
      return head.classes && head.activation === 'softmax'
        ? ['activation', 'none or sigmoid where classes are an output of their own']
        : undefined;
    case 'boxes':
      if (head.columns.includes('score') === (head.scores !== undefined))
        return ['scores', 'a score column or an output of scores, one of them'];
      return head.columns.includes('class') && head.classes
        ? ['classes', 'a class column or an output of classes']
        : undefined;
  }
}

/** Adds what a schema of keys alone cannot say. */
function whole<S extends typeof yolox | typeof dfl | typeof detr | typeof boxes>(schema: S) {
  return schema.superRefine((head, context) => {
    const found = contradiction(head as z.output<S>);
    if (found) context.addIssue({ code: 'custom', path: [found[0]], message: found[1] });
  });
}

/** Schema of each external kind. */
export const EXTERNAL_HEADS = {
  yolox: whole(yolox),
  dfl: whole(dfl),
  detr: whole(detr),
  boxes: whole(boxes),
};

export type ExternalHead = z.output<typeof yolox | typeof dfl | typeof detr | typeof boxes>;
export type ExternalHeadInput = z.input<typeof yolox | typeof dfl | typeof detr | typeof boxes>;

/** Whether a head belongs to a detector of another project, held whole in an ONNX file. */
export const isExternal = (head: { readonly kind?: unknown } | undefined): head is ExternalHead =>
  typeof head?.kind === 'string' && Object.hasOwn(EXTERNAL_HEADS, head.kind);
