/** What can be exported: a network's parts found and described, no graph yet. */
import { type BackboneConfig, checkpointWeights, loadArch, patchGrid, type Weights } from '../../backbone/index.ts';
import { type Checkpoint, openCheckpoint, readTensor } from '../../checkpoint/index.ts';
import { fail, type LabelSet } from '../../core/index.ts';
import { headWeights } from '../../heads/index.ts';
import {
  type AnchorFreeHead,
  backboneOf,
  type DptHead,
  isAnchorFree,
  isDpt,
  type Model,
  type ModelJson,
  openModel,
} from '../../model/index.ts';
import { inputSizeOf, labelsOf, type NetworkOptions, networkInputOf } from '../detect/model-parts.ts';
import type { NetworkInput } from '../detect/network.ts';
import { findTower } from '../features/tower.ts';

export const EXPORT_HEADS = ['detection', 'depth', 'features'] as const;
/** What an exported network computes. */
export type ExportHead = (typeof EXPORT_HEADS)[number];

/** Where a model's JSON says nothing, as detect does. */
const NMS = { kind: 'hard', iou: 0.6, score: 0.3, max: 100 } as const;

/** Whose network, and at which size. */
export interface ExportSource {
  /** Bundled name, pulled name or model directory; default `dense-t16`. */
  readonly model?: string | undefined;
  /** Instead of a model: a Perception Encoder checkpoint, of which the features are exported. */
  readonly checkpoint?: string | undefined;
  /** Its architecture; default found out. */
  readonly arch?: string | undefined;
  readonly rope?: 'meta' | 'timm' | undefined;
  /** Input size, pixels; default the model's, or the trained one. */
  readonly size?: NetworkOptions['size'];
}

/** A head's tensors. */
export interface HeadTensors {
  readonly names: readonly string[];
  readonly weights: Weights;
}

/** A network found. */
export interface FoundNetwork {
  readonly name: string;
  readonly config: BackboneConfig;
  readonly weights: Weights;
  readonly input: NetworkInput;
  /** Absent for a bare checkpoint. */
  readonly model?: Model;
  readonly heads?: HeadTensors;
  readonly detection?: {
    readonly head: AnchorFreeHead;
    readonly taps: readonly number[];
    readonly labels: LabelSet;
    readonly nms: NonNullable<ModelJson['nms']>;
  };
  readonly depth?: { readonly head: DptHead; readonly taps: readonly number[] };
}

/**
 * Finds a network's weights, heads and input.
 *
 * @param heads which of its heads are wanted; default all it has (the features of a bare checkpoint)
 * @throws {DenseError} UNKNOWN_MODEL, BAD_MODEL, BAD_CHECKPOINT; BAD_INPUT for a size it cannot take; BAD_USAGE for a head it
 *   does not have
 */
export async function findNetwork(
  source: ExportSource,
  heads?: readonly ExportHead[],
): Promise<{ network: FoundNetwork; heads: readonly ExportHead[] }> {
  const network = source.checkpoint === undefined ? await fromModel(source) : await fromCheckpoint(source);
  const has: ExportHead[] = [];
  if (network.detection) has.push('detection');
  if (network.depth) has.push('depth');
  const wanted = heads ?? (has.length > 0 ? has : ['features']);
  const missing = wanted.find(head => head !== 'features' && !has.includes(head));
  if (missing !== undefined)
    fail(
      'BAD_USAGE',
      `--heads ${wanted.join(',')}`,
      `${network.name} has no ${missing} head`,
      `it can give: ${[...has, 'features'].join(', ')}`,
    );
  return { network, heads: EXPORT_HEADS.filter(head => wanted.includes(head)) };
}

async function fromModel(source: ExportSource): Promise<FoundNetwork> {
  if (source.arch !== undefined)
    fail(
      'BAD_USAGE',
      '--arch without --checkpoint',
      'a model says itself what it is',
      'name the file with --checkpoint',
    );
  const model = await openModel(source.model ?? 'dense-t16');
  const { json } = model;
  const { arch, rope, taps } = backboneOf(json);
  const size = inputSizeOf(model, source.size);
  const config = await loadArch(arch, { rope: source.rope ?? rope });
  patchGrid(config, size.height, size.width);
  const checkpoint = await openCheckpoint(model.files.get('weights')!.path);
  const own = model.files.get('heads');
  const { detection, depth } = json.heads;
  const head = isAnchorFree(detection) ? detection : undefined;
  return {
    name: json.name,
    config,
    weights: await checkpointWeights(checkpoint, config, arch),
    input: networkInputOf(model, size, true),
    model,
    heads: await tensorsOf(own ? await openCheckpoint(own.path) : checkpoint),
    ...(head && {
      detection: {
        head,
        taps: head.taps ?? taps,
        labels: labelsOf(model, head.labels),
        nms: json.nms ?? NMS,
      },
    }),
    ...(isDpt(depth) && { depth: { head: depth, taps: depth.taps ?? taps } }),
  };
}

async function fromCheckpoint({ size, ...source }: ExportSource): Promise<FoundNetwork> {
  const { name, checkpoint, config, ...own } = await findTower(source);
  const { height, width } = size === undefined ? own : typeof size === 'number' ? { height: size, width: size } : size;
  patchGrid(config, height, width);
  const { mean, std, antialias } = config;
  return {
    name,
    config,
    weights: await checkpointWeights(checkpoint, config, name),
    input: { height, width, mean, std, antialias, resize: 'squash', color: 'rgb' },
  };
}

async function tensorsOf(checkpoint: Checkpoint): Promise<HeadTensors> {
  const names = [...checkpoint.tensors.keys()];
  const read = async (name: string) => ({
    shape: checkpoint.tensors.get(name)!.shape,
    data: await readTensor(checkpoint, name),
  });
  return { names, weights: await headWeights(names, read, checkpoint.path) };
}
