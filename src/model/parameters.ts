import { openCheckpoint } from '../checkpoint/index.ts';
import type { Model } from './directory.ts';
import { isExternal } from './external.ts';

/** Parts of a model, and what the names of their tensors begin with; all else is the backbone's. */
const PARTS: Readonly<Record<string, string>> = { head: 'detection', depth: 'depth' };
/** Statistics of batch norms that only training goes on with (tools/train/export.py). */
const TRAINING = 'train';

/** How many parameters a model has, by part: `backbone`, `detection`, `depth`. */
export type ParameterCounts = Readonly<Record<string, number>>;

/**
 * Counts the parameters of each part of a model from the table of its weights; the numbers themselves are not read.
 *
 * @returns undefined for another project's detector, whose ONNX file is no table of tensors
 * @throws {DenseError} BAD_CHECKPOINT when the weights are broken
 */
export async function countParameters(model: Model): Promise<ParameterCounts | undefined> {
  if (isExternal(model.json.heads.detection)) return undefined;
  const { tensors } = await openCheckpoint(model.files.get('weights')!.path);
  const counts: Record<string, number> = {};
  for (const [name, { shape }] of tensors) {
    const first = name.split('.', 1)[0]!;
    if (first === TRAINING) continue;
    const part = Object.hasOwn(PARTS, first) ? PARTS[first]! : 'backbone';
    counts[part] = (counts[part] ?? 0) + shape.reduce((product, side) => product * side, 1);
  }
  return counts;
}
