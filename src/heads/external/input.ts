/** Guesses how a network wants its pictures: what its file says, and what the detectors of its family publish. */
import { fail } from '../../core/index.ts';
import type { ModelSummary, ModelValue } from '../../onnx/index.ts';
import { known, type Size } from './outline.ts';

/** Recipes by family, as published: YOLOX, PaddleDetection, NanoDet, and RT-DETR with its kin. */
export const RECIPES = {
  yolox: {
    resize: 'letterbox',
    align: 'corner',
    rounding: 'down',
    pad: 114,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    range: 255,
    color: 'bgr',
  },
  paddle: { resize: 'squash', mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], color: 'rgb' },
  nanodet: {
    resize: 'squash',
    mean: [103.53, 116.28, 123.675],
    std: [57.375, 57.12, 58.395],
    range: 255,
    color: 'bgr',
  },
  detr: { resize: 'squash', mean: [0, 0, 0], std: [1, 1, 1], color: 'rgb' },
} as const;

export type Recipe = keyof typeof RECIPES;

/** What the file itself says about its input. */
export interface ImageInput {
  readonly port: ModelValue;
  readonly size: Size;
  /** Keys of model.json's `input` that follow from the file. */
  readonly keys: Readonly<Record<string, unknown>>;
  readonly notes: readonly string[];
}

/** The input of pixels. @throws {DenseError} BAD_MODEL when there is none, or more than one */
export function imageInput(model: ModelSummary): ImageInput {
  const pictures = model.inputs.filter(i => i.shape.length === 4);
  if (pictures.length !== 1)
    fail(
      'BAD_MODEL',
      `the network has ${pictures.length} inputs of four axes`,
      `a detector takes one batch of pictures; this file takes ${model.inputs.map(i => `${i.name} [${i.shape.join(', ')}]`).join(', ') || 'nothing'}`,
      'write model.json by hand if it is a detector after all (docs/own-detector.md)',
    );
  const port = pictures[0]!;
  const nhwc = known(port.shape[3]) === 3 && known(port.shape[1]) !== 3;
  const [height, width] = nhwc ? [port.shape[1], port.shape[2]] : [port.shape[2], port.shape[3]];
  const free = known(height) === undefined || known(width) === undefined;
  const size = { height: known(height) ?? 640, width: known(width) ?? 640 };
  const feeds = sideInputs(model.inputs.filter(i => i !== port));
  return {
    port,
    size,
    keys: {
      size: [size.height, size.width],
      multipleOf: free ? 32 : 1,
      ...(nhwc ? { layout: 'nhwc' } : {}),
      ...(Object.keys(feeds.feeds).length > 0 ? { feeds: feeds.feeds } : {}),
    },
    notes: [
      ...(free ? [`input.size: the network takes any size; ${size.width} x ${size.height} is a guess`] : []),
      ...feeds.notes,
    ],
  };
}

/** Other inputs by the names the families give them. Boxes then come in pixels of the network's input. */
function sideInputs(inputs: readonly ModelValue[]) {
  const feeds: Record<string, string> = {};
  const notes: string[] = [];
  for (const { name } of inputs) {
    if (/scale/i.test(name)) feeds[name] = 'ones';
    else if (/im_shape|image_shape/i.test(name)) feeds[name] = 'height-width';
    else {
      feeds[name] = 'width-height';
      if (!/orig|target|size/i.test(name)) notes.push(`input.feeds: what ${name} takes is a guess`);
    }
  }
  return { feeds, notes };
}
