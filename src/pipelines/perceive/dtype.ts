import { fail } from '../../core/index.ts';
import type { Model, ModelFile } from '../../model/index.ts';

export const NETWORK_DTYPES = ['fp32', 'fp16', 'int8'] as const;
/**
 * Numbers that a network runs with: `fp32` computed in float32, `fp16` from weights stored in half precision, `int8` linear
 * layers in eight bits, their inputs measured at every run.
 */
export type NetworkDtype = (typeof NETWORK_DTYPES)[number];

/** Which file a network is made from. */
export interface ChosenWeights {
  readonly file: ModelFile;
  /** Whether linear layers are to be rewritten to eight bits. */
  readonly quantise: boolean;
}

/** What a network on one of our backbones makes at load of weights stored as ...: it computes in float32, or in eight bits. */
const MADE: Readonly<Record<NetworkDtype, readonly string[]>> = {
  fp32: ['fp32', 'fp16', 'bf16'],
  fp16: ['fp16'],
  int8: ['fp32', 'fp16', 'bf16'],
};

/**
 * Chooses among a model's files: the variant `weights-<dtype>` where there is one, else `weights` where the wanted numbers
 * can be had from it.
 *
 * @param dtype default: `weights`, as they are
 * @param whole whether the file is another project's whole network (ONNX), whose numbers stay as they are
 * @throws {DenseError} BAD_INPUT for an unknown dtype; BAD_MODEL, naming what the model has, for one it lacks
 */
export function chooseWeights(model: Model, dtype: NetworkDtype | undefined, whole = false): ChosenWeights {
  const own = model.files.get('weights')!;
  if (dtype === undefined) return { file: own, quantise: false };
  if (!NETWORK_DTYPES.includes(dtype))
    fail(
      'BAD_INPUT',
      `dtype ${JSON.stringify(dtype)}`,
      'no such number type',
      `use one of: ${NETWORK_DTYPES.join(', ')}`,
    );
  const file = model.files.get(`weights-${dtype}`) ?? own;
  const fits = file !== own || own.dtype === dtype || (!whole && MADE[dtype].includes(own.dtype));
  if (fits) return { file, quantise: !whole && dtype === 'int8' };
  const variants = [...model.files].filter(([variant]) => /^weights(-|$)/.test(variant));
  const usable = NETWORK_DTYPES.filter(
    other => model.files.has(`weights-${other}`) || own.dtype === other || (!whole && MADE[other].includes(own.dtype)),
  );
  return fail(
    'BAD_MODEL',
    `model ${model.json.name} has no ${dtype} weights`,
    `it has ${variants.map(([variant, { dtype: stored }]) => `${variant} (${stored})`).join(', ')}`,
    usable.length > 0 ? `use --dtype ${usable.join(' or ')}, or leave it out` : 'leave --dtype out',
  );
}
