import { fail } from '../core/index.ts';
import { timmNamesOf } from './key-map.ts';
import { formatShape } from './layout.ts';
import type { IgnoredTensor, ResolvedKeys } from './resolve.ts';
import { printable } from './show.ts';
import type { Checkpoint, StoredDtype } from './types.ts';

/** A tensor an architecture needs, under Meta's name. */
export interface ExpectedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** May be absent (a pooling head that is not run). */
  readonly optional?: boolean;
}

/** How a checkpoint and an architecture agree. */
export interface ArchitectureFit {
  /** Nothing missing, extra, wrong or of an unusable type. */
  readonly fits: boolean;
  readonly missing: readonly ExpectedTensor[];
  /** Stored names of the vision tower that the architecture has no place for. */
  readonly extra: readonly string[];
  readonly wrongShape: readonly {
    readonly name: string;
    /** As stored. */
    readonly stored: string;
    readonly expected: readonly number[];
    readonly given: readonly number[];
  }[];
  /** Integers or booleans where weights are needed. */
  readonly wrongType: readonly { readonly name: string; readonly stored: string; readonly given: StoredDtype }[];
  /** Left aside with a reason: text tower, other heads. */
  readonly ignored: readonly IgnoredTensor[];
}

const FLOATS: ReadonlySet<StoredDtype> = new Set(['f32', 'f64', 'f16', 'bf16']);

/** Compares names and shapes of a checkpoint's vision tower with what an architecture needs. */
export function fitArchitecture(resolved: ResolvedKeys, expected: readonly ExpectedTensor[]): ArchitectureFit {
  const missing: ExpectedTensor[] = [];
  const wrongShape: ArchitectureFit['wrongShape'][number][] = [];
  const wrongType: ArchitectureFit['wrongType'][number][] = [];
  const wanted = new Set(expected.map(tensor => tensor.name));
  for (const tensor of expected) {
    const source = resolved.sources.get(tensor.name);
    if (source === undefined) {
      if (!tensor.optional) missing.push(tensor);
    } else if (!sameShape(source.shape, tensor.shape))
      wrongShape.push({ name: tensor.name, stored: source.name, expected: tensor.shape, given: source.shape });
    else if (!FLOATS.has(source.dtype)) wrongType.push({ name: tensor.name, stored: source.name, given: source.dtype });
  }
  const extra = [...resolved.sources].filter(([name]) => !wanted.has(name)).map(([, source]) => source.name);
  const fits = missing.length + wrongShape.length + wrongType.length + extra.length === 0;
  return { fits, missing, extra, wrongShape, wrongType, ignored: resolved.ignored };
}

/**
 * Refuses a checkpoint that does not fit.
 *
 * @param arch          name of the architecture, for the message
 * @param allowExtra    tensors without a place are let pass (a backbone inside a file with heads)
 * @throws {DenseError} BAD_CHECKPOINT naming the first tensor that is wrong, missing or extra, and how many more
 */
export function assertFits(
  checkpoint: Checkpoint,
  resolved: ResolvedKeys,
  expected: readonly ExpectedTensor[],
  arch: string,
  { allowExtra = false }: { allowExtra?: boolean } = {},
): ArchitectureFit {
  const fit = fitArchitecture(resolved, expected);
  const refuse = (what: string, why: string, others: number): never =>
    fail(
      'BAD_CHECKPOINT',
      what,
      others > 0 ? `${why}; ${others} more tensors are wrong in the same way` : why,
      `see which architecture the file fits with: pe-dense inspect ${checkpoint.path}`,
    );
  const shape = fit.wrongShape[0];
  if (shape)
    refuse(
      `tensor ${shape.stored} of ${checkpoint.path} has shape ${formatShape(shape.given)}`,
      `${arch} needs ${formatShape(shape.expected)} for ${shape.name}`,
      fit.wrongShape.length - 1,
    );
  const lost = fit.missing[0];
  if (lost) {
    const timm = resolved.naming === 'timm' ? timmNamesOf(lost.name).join(' and ') : '';
    refuse(
      `tensor ${lost.name}${timm === '' ? '' : ` (timm: ${timm})`} is missing from ${checkpoint.path}`,
      `${arch} needs it with shape ${formatShape(lost.shape)}`,
      fit.missing.length - 1,
    );
  }
  const type = fit.wrongType[0];
  if (type)
    refuse(
      `tensor ${type.stored} of ${checkpoint.path} holds ${type.given}`,
      `${type.name} of ${arch} is a weight: f32, f16, bf16 or f64`,
      fit.wrongType.length - 1,
    );
  if (fit.extra.length > 0 && !allowExtra)
    refuse(
      `tensor ${printable(fit.extra[0]!)} of ${checkpoint.path} has no place in ${arch}`,
      'a network with more parts than this one was saved there',
      fit.extra.length - 1,
    );
  return fit;
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((length, i) => length === b[i]);
}
