/** What an ONNX file's outline says about itself, in the terms a proposal needs. */
import type { ModelNode, ModelSummary, ModelValue } from '../../onnx/index.ts';

/** Strides of the usual heads, the commonest first. */
const STRIDES = [[8, 16, 32], [8, 16, 32, 64], [4, 8, 16, 32], [8, 16, 32, 64, 128], [4], [8], [16]] as const;

/** Of the network's input, pixels. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

/** Cells of grids laid over the input. */
function cellCount(strides: readonly number[], { height, width }: Size): number {
  return strides.reduce((sum, s) => sum + Math.ceil(height / s) * Math.ceil(width / s), 0);
}

/** The usual strides that make so many cells. */
export function stridesOf(cells: number, size: Size): readonly number[] | undefined {
  return STRIDES.find(strides => cellCount(strides, size) === cells);
}

/** The stride of one level with so many cells. */
export function strideOf(cells: number, size: Size): number | undefined {
  return [4, 8, 16, 32, 64, 128].find(stride => cellCount([stride], size) === cells);
}

/** Operators through which numbers pass unchanged, or in another order. */
const PASSING = new Set([
  'Identity',
  'Reshape',
  'Transpose',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Concat',
  'Slice',
  'Split',
  'Cast',
  'Gather',
  'GatherElements',
  'GatherND',
  'TopK',
  'ReduceMax',
  'Dropout',
]);

/** Steps followed back from an output. */
const DEEPEST = 30;

/** The activation behind which an output lies: the last step of its numbers, or of a part of them where parts are joined. */
export function activationBehind(model: ModelSummary, output: string): 'Sigmoid' | 'Softmax' | undefined {
  const makers = new Map<string, ModelNode>();
  for (const node of model.nodes) for (const name of node.outputs) makers.set(name, node);
  const behind = (name: string | undefined, steps: number): 'Sigmoid' | 'Softmax' | undefined => {
    const node = name === undefined || steps === 0 ? undefined : makers.get(name);
    if (node === undefined) return undefined;
    if (node.type === 'Sigmoid' || node.type === 'HardSigmoid') return 'Sigmoid';
    if (node.type === 'Softmax') return 'Softmax';
    // a product of scores is one of objectness and class
    if (node.type !== 'Mul' && !PASSING.has(node.type)) return undefined;
    const parts = node.type === 'Concat' || node.type === 'Mul' ? node.inputs : node.inputs.slice(0, 1);
    for (const part of parts) {
      const found = behind(part, steps - 1);
      if (found) return found;
    }
    return undefined;
  };
  return behind(output, DEEPEST);
}

/** Whether the file suppresses by itself. */
export function hasSuppression(model: ModelSummary): boolean {
  return model.nodes.some(({ type }) => /nonmaxsuppression|nms/i.test(type));
}

export const isPaddle = (model: ModelSummary) => /paddle/i.test(model.producer);

export const isWhole = ({ dtype }: ModelValue) => /^u?int/.test(dtype);

/** A dimension as a number, if it is one. */
export const known = (dim: number | string | undefined) => (typeof dim === 'number' && dim > 0 ? dim : undefined);

/** The only output that matches, if it is the only one. */
export function only(values: readonly ModelValue[], matches: (value: ModelValue) => boolean): ModelValue | undefined {
  const found = values.filter(matches);
  return found.length === 1 ? found[0] : undefined;
}
