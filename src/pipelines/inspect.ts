import { BACKBONE_NAMES, BACKBONES, type BackboneConfig, expectedTensors, loadArch } from '../backbone/index.ts';
import {
  type ArchitectureFit,
  assertFits,
  type Checkpoint,
  DTYPE_BYTES,
  describeVision,
  fitArchitecture,
  type IgnoredTensor,
  type Naming,
  openCheckpoint,
  type Recognition,
  type ResolvedKeys,
  recognise,
  resolveKeys,
  type StoredDtype,
  type StoredTensor,
  type VisionDescription,
} from '../checkpoint/index.ts';
import { DenseError } from '../core/index.ts';

/** One tensor of an inspected file. */
export interface InspectedTensor {
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  /** Bytes it takes in the file, first to last element. */
  readonly bytes: number;
  readonly offset: number;
  /** False where strides must be honoured, so that its bytes cannot be used in place. */
  readonly contiguous: boolean;
  /** First tensor in the file whose bytes it shares. */
  readonly sharedWith?: string;
}

/** Totals of one dtype. Shared bytes are counted once, with the tensor that comes first. */
export interface DtypeTotal {
  readonly dtype: StoredDtype;
  readonly tensors: number;
  readonly elements: number;
  readonly bytes: number;
}

/** One field in which a file and a registry row differ. */
export interface Difference {
  readonly field: keyof VisionDescription;
  readonly file: VisionDescription[keyof VisionDescription];
  readonly row: VisionDescription[keyof VisionDescription];
}

/** The registry row a vision tower fits, or the nearest one. */
export interface RowFit {
  readonly row: string;
  /** Every name and shape agrees. */
  readonly exact: boolean;
  readonly differences: readonly Difference[];
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  readonly wrongShape: ArchitectureFit['wrongShape'];
  /** Integers where weights are needed. */
  readonly wrongType: readonly string[];
}

/** What is known of a checkpoint without reading its data. */
export interface Inspection extends Recognition {
  /** Real path. */
  readonly path: string;
  readonly format: Checkpoint['format'];
  /** Of the file. */
  readonly bytes: number;
  /** Key the tensors lie under. */
  readonly wrapper?: string;
  readonly tensors: readonly InspectedTensor[];
  readonly totals: readonly DtypeTotal[];
  /** Elements of floating point tensors, shared ones once. */
  readonly parameters: number;
  /** Names that share bytes, file order. */
  readonly shared: readonly (readonly string[])[];
  readonly naming?: Naming;
  readonly vision?: VisionDescription;
  readonly fit?: RowFit;
  /** Why there is no vision tower, where there is none. */
  readonly problem?: string;
  readonly ignored: readonly IgnoredTensor[];
  readonly skipped: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Looks at a checkpoint: tensors, totals, what kind of file it is, and which registry row its vision tower fits. Reads
 * the index only.
 *
 * @param options.arch a row's name or a JSON file: instead of finding the row, demand this one
 * @throws {DenseError} BAD_CHECKPOINT when the file cannot be read, or, with `arch`, when a tensor does not fit
 */
export async function inspectCheckpoint(path: string, options: { readonly arch?: string } = {}): Promise<Inspection> {
  const checkpoint = await openCheckpoint(path);
  const recognition = recognise(checkpoint);
  const regions = regionsOf([...checkpoint.tensors.values()]);
  const totals = totalsOf(checkpoint, regions);
  const tower = await lookAtTower(checkpoint, recognition, options.arch);
  return {
    ...recognition,
    path: checkpoint.path,
    format: checkpoint.format,
    bytes: checkpoint.bytes,
    ...(checkpoint.wrapper === undefined ? {} : { wrapper: checkpoint.wrapper }),
    tensors: [...checkpoint.tensors.values()].map(tensor => {
      const first = regions.get(tensor.name)?.names[0];
      const { name, dtype, shape, length, offset, contiguous } = tensor;
      const sharedWith = first === undefined || first === name ? {} : { sharedWith: first };
      return { name, dtype, shape, bytes: length, offset, contiguous, ...sharedWith };
    }),
    totals,
    parameters: totals.reduce((sum, t) => sum + (FLOATS.has(t.dtype) ? t.elements : 0), 0),
    shared: [...new Set(regions.values())].filter(region => region.names.length > 1).map(region => region.names),
    skipped: checkpoint.skipped ?? [],
    metadata: checkpoint.metadata,
    ...tower,
  };
}

const FLOATS: ReadonlySet<StoredDtype> = new Set(['f64', 'f32', 'f16', 'bf16']);

/** A stretch of the file that one or more tensors cover together. */
interface Region {
  readonly names: string[];
  bytes: number;
}

/** Tensors that share bytes fall into one region; empty tensors belong to none. */
function regionsOf(tensors: readonly StoredTensor[]): Map<string, Region> {
  const order = new Map(tensors.map((tensor, i) => [tensor.name, i]));
  const regions = new Map<string, Region>();
  let region: Region | undefined;
  let end = -1;
  const byOffset = tensors.filter(t => t.length > 0).sort((a, b) => a.offset - b.offset);
  for (const { name, offset, length } of byOffset) {
    if (region === undefined || offset >= end) {
      region = { names: [], bytes: 0 };
      end = offset;
    }
    const newEnd = Math.max(end, offset + length);
    region.names.push(name);
    region.bytes += newEnd - end;
    end = newEnd;
    regions.set(name, region);
  }
  for (const { names } of new Set(regions.values())) names.sort((a, b) => order.get(a)! - order.get(b)!);
  return regions;
}

function totalsOf(checkpoint: Checkpoint, regions: ReadonlyMap<string, Region>): DtypeTotal[] {
  const totals = new Map<StoredDtype, { tensors: number; elements: number; bytes: number }>();
  for (const { name, dtype } of checkpoint.tensors.values()) {
    const total = totals.get(dtype) ?? { tensors: 0, elements: 0, bytes: 0 };
    totals.set(dtype, total);
    total.tensors++;
    const region = regions.get(name);
    if (region?.names[0] !== name) continue;
    total.bytes += region.bytes;
    total.elements += region.bytes / DTYPE_BYTES[dtype];
  }
  return [...totals].map(([dtype, total]) => ({ dtype, ...total })).sort((a, b) => b.bytes - a.bytes);
}

async function lookAtTower(
  checkpoint: Checkpoint,
  recognition: Recognition,
  arch: string | undefined,
): Promise<Pick<Inspection, 'naming' | 'vision' | 'fit' | 'problem' | 'ignored'>> {
  // a detector's tower lies among other parts: whatever has no place in the row belongs to those
  const allowExtra = recognition.kind !== 'vision' && recognition.kind !== 'clip';
  if (arch !== undefined) {
    const resolved = resolveKeys(checkpoint, recognition.prefix);
    assertFits(checkpoint, resolved, expectedTensors(await loadArch(arch)), arch, { allowExtra });
    const vision = describeVision(checkpoint, resolved);
    const fit = { row: arch, exact: true, differences: [], missing: [], extra: [], wrongShape: [], wrongType: [] };
    return { naming: resolved.naming, vision, ignored: resolved.ignored, fit };
  }
  let resolved: ResolvedKeys | undefined;
  try {
    resolved = resolveKeys(checkpoint, recognition.prefix);
    const vision = describeVision(checkpoint, resolved);
    const fit = nearestRow(resolved, allowExtra, vision);
    return { naming: resolved.naming, vision, ignored: resolved.ignored, fit };
  } catch (error) {
    if (!(error instanceof DenseError) || error.code !== 'BAD_CHECKPOINT') throw error;
    const problem = `${error.detail.what}: ${error.detail.why}`;
    if (resolved === undefined) return { problem, ignored: [] };
    const fit = nearestRow(resolved, allowExtra);
    return { naming: resolved.naming, problem, ignored: resolved.ignored, fit };
  }
}

/**
 * The registry row with the fewest differing fields; among equals, the one whose tensors disagree least. A tower that
 * cannot be described (a tensor of it is missing) goes by its tensors alone.
 */
function nearestRow(resolved: ResolvedKeys, allowExtra: boolean, vision?: VisionDescription): RowFit {
  const fits = BACKBONE_NAMES.map(row => {
    const config: BackboneConfig = BACKBONES[row];
    const { missing, extra, wrongShape, wrongType } = fitArchitecture(resolved, expectedTensors(config));
    const differences = vision ? differencesOf(vision, describeRow(config)) : [];
    const fit: RowFit = {
      row,
      exact: missing.length + wrongShape.length + wrongType.length + (allowExtra ? 0 : extra.length) === 0,
      differences,
      missing: missing.map(tensor => tensor.name),
      extra: allowExtra ? [] : extra,
      wrongShape,
      wrongType: wrongType.map(tensor => tensor.stored),
    };
    const disagreements = fit.missing.length + fit.extra.length + wrongShape.length + wrongType.length;
    const distance = vision ? Math.abs(Math.log(vision.width / config.width)) : 0;
    return { fit, rank: [fit.exact ? 0 : 1, differences.length, distance, disagreements] };
  });
  return fits.sort((a, b) => compareRanks(a.rank, b.rank))[0]!.fit;
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

/** A registry row in the terms of a described file. */
function describeRow(config: BackboneConfig): VisionDescription {
  return {
    width: config.width,
    layers: config.layers,
    heads: config.heads,
    patch_size: config.patch,
    image_size: config.imageSize,
    use_cls_token: config.classToken,
    use_ln_post: config.lnPost,
    pool_type: config.pool === 'attn' ? 'attn' : 'none',
    layer_scale: config.layerScale,
    mlp_ratio: config.mlpWidth / config.width,
    output_dim: config.outputDim,
  };
}

function differencesOf(file: VisionDescription, row: VisionDescription): Difference[] {
  const fields = Object.keys(row) as (keyof VisionDescription)[];
  return fields
    .filter(field => file[field] !== row[field] && !(field === 'heads' && file.heads === null))
    .map(field => ({ field, file: file[field], row: row[field] }));
}
