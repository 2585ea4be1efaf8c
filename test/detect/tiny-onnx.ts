import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rgbImage } from '../../src/core/index.ts';
import { type ModelJsonToWrite, writeModelJson } from '../../src/model/index.ts';
import { GraphBuilder, type Value } from '../../src/onnx/index.ts';

/** Pixels: of the input, of a cell, and of every box, which is centred on its cell. */
const [SIDE, STRIDE, BOX] = [64, 8, 16];
const CELLS = (SIDE / STRIDE) ** 2;
export const TINY_COLOURS = ['red', 'green', 'blue'];

export const TINY_KINDS = ['yolox', 'joined', 'maps', 'lists', 'queries', 'rows'] as const;
export type TinyKind = (typeof TINY_KINDS)[number];

interface Options {
  /** Pictures per pass: fixed, or as many as come. */
  readonly batch?: number | 'batch';
  /** Where the network takes bytes in rows of pixels instead of floats in planes. */
  readonly bytes?: boolean;
  /** With more weights of eight bits than floats; they change nothing. */
  readonly eight?: boolean;
}

/**
 * Writes the ONNX file of a detector that sees: at each cell of 8 pixels it scores red, green and blue by the cell's mean
 * colour (0..1, red first), and its box is the 16 pixels around the cell's centre. Each kind says so in its own way.
 */
export function writeTinyOnnx(
  path: string,
  kind: TinyKind,
  { batch = 1, bytes = false, eight = false }: Options = {},
): void {
  const b = new GraphBuilder();
  const image = bytes
    ? b.mul(b.transpose(b.cast(b.input('pixels', 'uint8', [batch, SIDE, SIDE, 3]), 'float32'), [0, 3, 1, 2]), 1 / 255)
    : b.input('pixels', 'float32', [batch, 3, SIDE, SIDE]);
  const colours = b.averagePool(image, STRIDE, { stride: STRIDE }); // [batch, 3, 8, 8]
  const plain = b.transpose(b.flatten(colours, 2, 3), [0, 2, 1]); // [batch, cells, 3]
  const nothing = () => b.cast(b.slice(b.constant(new Int8Array(CELLS * 99), [1, CELLS, 99]), 2, 0, 3), 'float32');
  const scores = eight ? b.add(plain, nothing()) : plain;
  const rows = (values: readonly number[], width: number): Value =>
    b.expandBatch(b.constant(Float32Array.from(values), [1, CELLS, width]), scores);
  const perCell = (values: (x: number, y: number) => number[]) =>
    rows(Array.from({ length: CELLS }, (_, i) => values(i % 8, Math.floor(i / 8))).flat(), values(0, 0).length);
  const centre = (x: number, y: number) => [(x + 0.5) * STRIDE, (y + 0.5) * STRIDE] as const;
  const shares = perCell((x, y) => [...centre(x, y), BOX, BOX].map(v => v / SIDE));
  const corners = perCell((x, y) => [-1, 1].flatMap(s => centre(x, y).map(v => v + (s * BOX) / 2)));
  const sides = perCell(() => new Array(4).fill([-50, 50, -50]).flat()); // one stride to each side
  switch (kind) {
    case 'yolox':
      b.output('out', b.concat([perCell(() => [0.5, 0.5, Math.log(2), Math.log(2), 1]), scores], -1));
      break;
    case 'joined':
      b.output('out', b.concat([scores, sides], -1));
      break;
    case 'maps':
      b.output('cls_8', colours);
      b.output('reg_8', b.reshape(b.transpose(sides, [0, 2, 1]), [batch, 12, 8, 8]));
      break;
    case 'lists': {
      const { values, indices } = b.topK(scores, 1);
      const size = b.cast(b.input('orig_target_sizes', 'int64', [batch, 2]), 'float32');
      const scale = b.unsqueeze(b.concat([size, size], -1), [1]);
      b.output('labels', b.squeeze(indices, [2]));
      b.output('boxes', b.mul(b.div(corners, SIDE), scale));
      b.output('scores', b.squeeze(values, [2]));
      break;
    }
    case 'queries':
      b.output('logits', b.sub(b.mul(scores, 8), 4));
      b.output('pred_boxes', shares);
      break;
    case 'rows': {
      const { values, indices } = b.topK(scores, 1);
      b.output('dets', b.concat([corners, values, b.cast(indices, 'float32')], -1));
      break;
    }
  }
  writeFileSync(path, b.build().bytes);
}

const HEADS = {
  yolox: { kind: 'yolox', output: 'out', strides: [8] },
  joined: { kind: 'dfl', joined: ['out'], strides: [8], bins: 3 },
  maps: { kind: 'dfl', scores: ['cls_8'], distances: ['reg_8'], strides: [8], bins: 3, layout: 'columns' },
  lists: { kind: 'detr', boxes: 'boxes', scores: 'scores', classes: 'labels' },
  queries: {
    kind: 'detr',
    boxes: 'pred_boxes',
    scores: 'logits',
    activation: 'sigmoid',
    boxFormat: 'cxcywh',
    boxUnit: 'share',
  },
  rows: { kind: 'boxes', boxes: 'dets', columns: ['x1', 'y1', 'x2', 'y2', 'score', 'class'] },
} as const satisfies Record<TinyKind, object>;

/** Writes a model directory around {@link writeTinyOnnx}; `changes` go over its model.json, `head` over its head. */
export async function writeTinyDetector(
  directory: string,
  kind: TinyKind,
  { changes = {}, head = {}, ...options }: Options & { changes?: Record<string, unknown>; head?: object } = {},
): Promise<void> {
  mkdirSync(directory, { recursive: true });
  writeTinyOnnx(join(directory, 'detector.onnx'), kind, options);
  await writeModelJson(directory, {
    format: 1,
    name: `tiny-${kind}`,
    version: '1.0.0',
    license: 'Apache-2.0',
    origin: 'built by a test',
    data: 'none',
    input: {
      size: [SIDE, SIDE],
      resize: 'squash',
      mean: [0, 0, 0],
      std: [1, 1, 1],
      color: 'rgb',
      ...(kind === 'lists' ? { feeds: { orig_target_sizes: 'width-height' } } : {}),
      ...(options.bytes ? { layout: 'nhwc', range: 255 } : {}),
    },
    heads: { detection: { ...HEADS[kind], labels: TINY_COLOURS, ...head } },
    files: { weights: { path: 'detector.onnx', dtype: 'fp32' } },
    ...changes,
  } as unknown as ModelJsonToWrite);
}

/** A black picture with one cell of colour: class, and column and row of the cell. */
export function cellPicture(category: number, column: number, row: number, width = SIDE, height = SIDE) {
  const data = new Uint8Array(width * height * 3);
  for (let y = row * STRIDE; y < (row + 1) * STRIDE; y++)
    for (let x = column * STRIDE; x < (column + 1) * STRIDE; x++) data[3 * (y * width + x) + category] = 255;
  return rgbImage(height, width, data);
}
