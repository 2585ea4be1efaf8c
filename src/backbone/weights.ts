import {
  assertFits,
  type Checkpoint,
  readResolved,
  recognise,
  resolveKeys,
  type StoredDtype,
} from '../checkpoint/index.ts';
import { fail } from '../core/index.ts';
import { DTYPES, type Dtype, type WeightSource } from '../onnx/index.ts';
import type { BackboneConfig } from './config.ts';
import type { Weights } from './graph.ts';
import { expectedTensors } from './tensors.ts';

const DTYPE_OF: Readonly<Partial<Record<StoredDtype, Dtype>>> = {
  f32: 'float32',
  f64: 'float64',
  f16: 'float16',
  bf16: 'bfloat16',
};

/** Tensors that the graph may have to change, so that their numbers are needed. */
const IN_MEMORY: ReadonlySet<string> = new Set(['positional_embedding']);

/** A lookup over a table. @throws {DenseError} BAD_CHECKPOINT for a name it does not hold */
export function weightsFrom(table: ReadonlyMap<string, WeightSource>, origin: string): Weights {
  return name =>
    table.get(name) ??
    fail(
      'BAD_CHECKPOINT',
      `tensor ${name} is missing from ${origin}`,
      'the network needs it',
      'use a checkpoint that fits the architecture',
    );
}

/**
 * The weights of a tower where they lie in a checkpoint, stored under Meta's names or timm's. Only tensors that cannot be
 * used in place (split, transposed or strided ones, and the position grid) are read.
 *
 * @param arch name for error messages
 * @param prefix where the tower lies in a larger network; default: found out
 * @throws {DenseError} BAD_CHECKPOINT when names, shapes or types do not fit the architecture
 */
export async function checkpointWeights(
  checkpoint: Checkpoint,
  config: BackboneConfig,
  arch: string,
  prefix?: string,
): Promise<Weights> {
  const kind = recognise(checkpoint);
  const resolved = resolveKeys(checkpoint, prefix ?? kind.prefix);
  const expected = expectedTensors(config);
  const whole = kind.kind === 'vision' || kind.kind === 'clip';
  assertFits(checkpoint, resolved, expected, arch, { allowExtra: !whole });
  const table = new Map<string, WeightSource>();
  for (const { name, shape } of expected) {
    const source = resolved.sources.get(name)!;
    const stored = checkpoint.tensors.get(source.name)!;
    const dtype = DTYPE_OF[source.dtype]!;
    const bytes = shape.reduce((p, d) => p * d, DTYPES[dtype].bytes);
    if (source.inPlace && stored.length === bytes && !IN_MEMORY.has(name))
      table.set(name, { shape, dtype, path: checkpoint.path, offset: stored.offset, length: stored.length });
    else table.set(name, { shape, data: await readResolved(checkpoint, resolved, name) });
  }
  return weightsFrom(table, checkpoint.path);
}
