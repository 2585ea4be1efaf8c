import { type Weights, weightsFrom } from '../backbone/index.ts';
import type { WeightSource } from '../onnx/index.ts';

/**
 * A lookup over the `head.*` and `depth.*` tensors of a weights file, read into memory: heads are small.
 *
 * @param names names of the file's tensors
 * @param read  gives a tensor's shape and numbers
 * @throws {DenseError} BAD_CHECKPOINT, on look-up, for a name the file does not hold
 */
export async function headWeights(
  names: Iterable<string>,
  read: (name: string) => Promise<{ readonly shape: readonly number[]; readonly data: Float32Array }>,
  origin: string,
): Promise<Weights> {
  const table = new Map<string, WeightSource>();
  for (const name of names) if (/^(head|depth)\./.test(name)) table.set(name, await read(name));
  return weightsFrom(table, origin);
}
