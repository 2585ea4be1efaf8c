import { fail } from '../core/index.ts';
import { ASIDE, type KeyTransformKind, NAMING_SIGNS, type Naming, rowOfTimm, TIMM_ONLY } from './key-map.ts';
import { isContiguous } from './layout.ts';
import { readTensor } from './read.ts';
import type { Checkpoint, StoredDtype, StoredTensor } from './types.ts';

/** Where a canonical (Meta) tensor comes from. */
export interface KeySource {
  /** Stored name; for `concat` the first of {@link names}. */
  readonly name: string;
  /** All stored names it is made of, in order. */
  readonly names: readonly string[];
  readonly dtype: StoredDtype;
  /** Shape under Meta's name, after the transform. */
  readonly shape: readonly number[];
  /** Absent when the stored tensor is the canonical one as it stands. */
  readonly transform?: KeyTransformKind;
  /** The stored bytes at `offset`, `length` are the canonical tensor's: it may be used in place. */
  readonly inPlace: boolean;
}

/** A tensor the map leaves out on purpose. */
export interface IgnoredTensor {
  readonly name: string;
  readonly reason: string;
}

/** The vision tower of a checkpoint under Meta's names. */
export interface ResolvedKeys {
  readonly naming: Naming;
  /** Stripped from stored names: `visual.`, or the prefix asked for; '' for none. */
  readonly prefix: string;
  /** Canonical name -> source, in file order. Names the map does not know stay as they are. */
  readonly sources: ReadonlyMap<string, KeySource>;
  /** Tensors of other parts (text tower, heads) and those without a counterpart. */
  readonly ignored: readonly IgnoredTensor[];
}

/**
 * Names a checkpoint's vision tower as Meta does, whether stored by Meta or by timm. Segments `module.` (a
 * DataParallel wrapper) are dropped; when any `visual.` key exists only those are kept, as Meta's loader does, and the
 * text tower is ignored.
 *
 * @param prefix where the tower lies in a larger network (`backbone.net.` of the official Mask R-CNN); keys outside it
 *   are ignored
 * @throws {DenseError} BAD_CHECKPOINT when no vision tower is found or two stored names mean the same tensor
 */
export function resolveKeys(checkpoint: Checkpoint, prefix?: string): ResolvedKeys {
  const stored = new Map<string, StoredTensor>();
  for (const tensor of checkpoint.tensors.values()) {
    const name = withoutModule(tensor.name);
    const other = stored.get(name);
    if (other)
      fail(
        'BAD_CHECKPOINT',
        `tensors ${other.name} and ${tensor.name} of ${checkpoint.path} are one and the same`,
        `both are ${name} once module. is dropped`,
        'save the state dict of the model without its DataParallel wrapper',
      );
    stored.set(name, tensor);
  }
  const tower = prefix ?? ([...stored.keys()].some(name => name.startsWith('visual.')) ? 'visual.' : '');
  const inside = new Map<string, StoredTensor>();
  const ignored: IgnoredTensor[] = [];
  for (const [name, tensor] of stored)
    if (name.startsWith(tower)) inside.set(name.slice(tower.length), tensor);
    else ignored.push({ name: tensor.name, reason: `outside the vision tower (${tower})` });
  const naming = namingOf(checkpoint, inside, tower);
  const sources = naming === 'meta' ? fromMeta(inside, ignored) : fromTimm(checkpoint, inside, ignored);
  return { naming, prefix: tower, sources, ignored };
}

/**
 * Values of a canonical tensor as float32, its transform applied.
 * @throws {DenseError} BAD_CHECKPOINT when the checkpoint has no such tensor
 */
export async function readResolved(
  checkpoint: Checkpoint,
  resolved: ResolvedKeys,
  canonical: string,
): Promise<Float32Array> {
  const source = resolved.sources.get(canonical);
  if (source === undefined)
    fail(
      'BAD_CHECKPOINT',
      `tensor ${canonical} is missing from ${checkpoint.path}`,
      `the file names its tensors as ${resolved.naming === 'meta' ? 'Meta' : 'timm'} does, and none of them is this one`,
      `see what it holds with: pe-dense inspect ${checkpoint.path} --all`,
    );
  const parts = await Promise.all(source.names.map(name => readTensor(checkpoint, name)));
  const joined = parts.length === 1 ? parts[0]! : concat(parts);
  return source.transform === 'transpose' ? transposed(joined, source.shape) : joined;
}

function withoutModule(name: string): string {
  return name
    .split('.')
    .filter(segment => segment !== 'module')
    .join('.');
}

function namingOf(checkpoint: Checkpoint, inside: ReadonlyMap<string, StoredTensor>, tower: string): Naming {
  for (const naming of ['meta', 'timm'] as const) if (inside.has(NAMING_SIGNS[naming])) return naming;
  const first = [...checkpoint.tensors.keys()].slice(0, 3).join(', ');
  fail(
    'BAD_CHECKPOINT',
    `${checkpoint.path} holds no Perception Encoder vision tower`,
    `neither ${tower}${NAMING_SIGNS.meta} (Meta's name) nor ${tower}${NAMING_SIGNS.timm} (timm's) is in it; it begins with ${first}`,
    `see what it holds with: pe-dense inspect ${checkpoint.path}`,
  );
}

function fromMeta(inside: ReadonlyMap<string, StoredTensor>, ignored: IgnoredTensor[]): Map<string, KeySource> {
  const sources = new Map<string, KeySource>();
  for (const [name, tensor] of inside) {
    const aside = ASIDE.find(({ pattern }) => pattern.test(name));
    if (aside) {
      ignored.push({ name: tensor.name, reason: aside.reason });
      continue;
    }
    // the official detectors keep timm's batch axis on this one
    const batched = name === 'positional_embedding' && tensor.shape.length === 3 && tensor.shape[0] === 1;
    sources.set(
      name,
      sourceOf([tensor], batched ? tensor.shape.slice(1) : tensor.shape, batched ? 'reshape' : undefined),
    );
  }
  return sources;
}

function fromTimm(
  checkpoint: Checkpoint,
  inside: ReadonlyMap<string, StoredTensor>,
  ignored: IgnoredTensor[],
): Map<string, KeySource> {
  const sources = new Map<string, KeySource>();
  for (const [name, tensor] of inside) {
    const found = rowOfTimm(name);
    if (found === undefined) {
      if (Object.hasOwn(TIMM_ONLY, name)) ignored.push({ name: tensor.name, reason: TIMM_ONLY[name]! });
      else sources.set(name, sourceOf([tensor], tensor.shape));
      continue;
    }
    if (found.part > 0) continue; // joined where its first part is met
    const { row, meta } = found;
    const parts = [tensor, ...row.timm.slice(1).map(template => partOf(checkpoint, inside, tensor, name, template))];
    sources.set(meta, sourceOf(parts, canonicalShape(parts, row.transform, row.axes), row.transform));
  }
  return sources;
}

/** The other parts of a split tensor: same name but for the last letters of the template. */
function partOf(
  checkpoint: Checkpoint,
  inside: ReadonlyMap<string, StoredTensor>,
  first: StoredTensor,
  name: string,
  template: string,
): StoredTensor {
  const wanted = template.replace('{p}', name.endsWith('weight') ? 'weight' : 'bias');
  const part = inside.get(wanted);
  if (part?.dtype === first.dtype) return part;
  fail(
    'BAD_CHECKPOINT',
    `tensor ${wanted} of ${checkpoint.path} is ${part ? `of ${part.dtype}` : 'missing'}`,
    `it belongs with ${first.name} (${first.dtype})`,
    'save the whole state dict again',
  );
}

function canonicalShape(
  parts: readonly StoredTensor[],
  transform: KeyTransformKind | undefined,
  axes: number | undefined,
): readonly number[] {
  const shape = parts[0]!.shape;
  if (transform === 'transpose') return shape.toReversed();
  if (transform === 'concat') return [parts.reduce((sum, part) => sum + (part.shape[0] ?? 0), 0), ...shape.slice(1)];
  const extra = shape.length - (axes ?? shape.length);
  return extra > 0 && shape.slice(0, extra).every(length => length === 1) ? shape.slice(extra) : shape;
}

function sourceOf(parts: readonly StoredTensor[], shape: readonly number[], transform?: KeyTransformKind): KeySource {
  const first = parts[0]!;
  return {
    name: first.name,
    names: parts.map(part => part.name),
    dtype: first.dtype,
    shape,
    ...(transform === undefined ? {} : { transform }),
    inPlace: isContiguous(first.shape, first.strides) && (transform === undefined || transform === 'reshape'),
  };
}

function concat(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** @param shape of the result `[rows, columns]`; `values` is `[columns, rows]` */
function transposed(values: Float32Array, shape: readonly number[]): Float32Array {
  const [rows, columns] = shape as readonly [number, number];
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[r * columns + c] = values[c * rows + r]!;
  return out;
}
