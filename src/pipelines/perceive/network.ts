/** One backbone with the heads that are asked for behind it: what Detector, DepthEstimator and Perceiver run. */
import { addBackbone, type BackboneGraph, checkpointWeights, loadArch } from '../../backbone/index.ts';
import { type Checkpoint, openCheckpoint, readTensor } from '../../checkpoint/index.ts';
import { type Features, type ImageBatch, tensor } from '../../core/index.ts';
import { addAnchorFreeHead, addDptHead, dptSize, headWeights, towerDepth } from '../../heads/index.ts';
import { type AnchorFreeHead, backboneOf, type DptHead, type Model } from '../../model/index.ts';
import { type Graph, GraphBuilder, type Outputs, quantise, Session } from '../../onnx/index.ts';
import type { NetworkDepth } from '../depth/fit.ts';
import { inputSizeOf, type NetworkOptions, networkInputOf } from '../detect/model-parts.ts';
import type { DetectionOutputs, NetworkInput } from '../detect/network.ts';
import { weightFloats } from '../export/weights.ts';
import { type ChosenWeights, chooseWeights } from './dtype.ts';

/** What one pass is to give. */
export interface NetworkParts {
  readonly detection?: { readonly head: AnchorFreeHead; readonly classes: number } | undefined;
  readonly depth?: DptHead | undefined;
  /** Blocks whose patch features are handed out, counted from 1; they need not be taps of a head. */
  readonly features?: readonly number[] | undefined;
}

/** What one pass gave. */
export interface NetworkOutputs {
  readonly detection?: DetectionOutputs;
  /** By picture of the batch. */
  readonly depth?: readonly NetworkDepth[];
  /** By block, `[batch, gridY, gridX, channel]`. */
  readonly features?: ReadonlyMap<number, Features>;
}

/** A loaded network. */
export interface Network {
  readonly input: NetworkInput;
  /** @param batch `[batch, 3, height, width]`, normalised */
  run(batch: ImageBatch, signal?: AbortSignal): Promise<NetworkOutputs>;
  close(): Promise<void>;
}

/**
 * Opens a model's backbone with some of its heads in one graph, so that one pass serves them all.
 *
 * @throws {DenseError} BAD_MODEL or BAD_CHECKPOINT when the model's files do not fit together, BAD_MODEL for a dtype that it
 *   lacks; BAD_INPUT for a size or a block it does not have; UNAVAILABLE for a device this machine lacks
 */
export async function openNetwork(model: Model, parts: NetworkParts, options: NetworkOptions = {}): Promise<Network> {
  const { height, width } = inputSizeOf(model, options.size);
  const chosen = chooseWeights(model, options.dtype);
  const { graph, grid } = await buildGraph(model, parts, chosen, height, width);
  const { device, threads } = options;
  const session = await Session.open(graph, { ...(device && { device }), ...(threads && { threads }) });
  const mapSize = parts.depth && dptSize(parts.depth, height, width);
  return {
    // the heads of tools/train see pictures averaged down, so they are shown so
    input: networkInputOf(model, { height, width }, true),
    run: async (batch, signal) => {
      const out = await session.run({ image: { dims: [...batch.shape], data: batch.data } }, { signal });
      return outputsOf(out, parts, grid, mapSize);
    },
    close: () => session.close(),
  };
}

/**
 * Input `image` `[batch, 3, height, width]`; outputs `scores` `[batch, anchors, classes]` and `ltrb` `[batch, anchors, 4]`
 * of the detection head, `depth` `[batch, rows, columns]`, `features.<block>` `[batch, patches, channels]`.
 */
async function buildGraph(
  model: Model,
  parts: NetworkParts,
  chosen: ChosenWeights,
  height: number,
  width: number,
): Promise<{ graph: Graph; grid: readonly [number, number] }> {
  const { arch, rope, taps } = backboneOf(model.json);
  const config = await loadArch(arch, { rope });
  const checkpoint = await openCheckpoint(chosen.file.path);
  const { detection, depth, features = [] } = parts;
  const detectionTaps = detection?.head.taps ?? taps;
  const depthTaps = depth?.taps ?? taps;
  const wanted = new Set([...(detection ? detectionTaps : []), ...(depth ? depthTaps : []), ...features]);
  const b = new GraphBuilder();
  const image = b.input('image', 'float32', ['batch', 3, height, width]);
  const weights = await checkpointWeights(checkpoint, config, arch);
  const tower = addBackbone(b, image, config, weights, { taps: [...wanted] });
  const own = model.files.get('heads');
  const heads = await headTensors(own ? await openCheckpoint(own.path) : checkpoint);
  if (detection) {
    const { strides, bins } = detection.head;
    const { classes } = detection;
    const described = { taps: detectionTaps, strides, bins, classes };
    const out = addAnchorFreeHead(b, tower, config.patch, described, heads.weights, towerDepth(heads.names));
    b.output('scores', out.scores);
    b.output('ltrb', out.ltrb);
  }
  if (depth) b.output('depth', addDptHead(b, tower, { height, width }, { ...depth, taps: depthTaps }, heads));
  for (const tap of new Set(features)) b.output(`features.${tap}`, patchTokens(b, tower, tap));
  if (chosen.quantise) quantise(b, { mode: 'dynamic', read: weightFloats });
  return { graph: b.build(), grid: [tower.gridHeight, tower.gridWidth] };
}

function patchTokens(b: GraphBuilder, tower: BackboneGraph, tap: number) {
  const tokens = tower.taps.get(tap)!;
  return tower.prefixTokens ? b.slice(tokens, 1, tower.prefixTokens) : tokens;
}

async function headTensors(checkpoint: Checkpoint) {
  const names = [...checkpoint.tensors.keys()];
  const read = async (name: string) => ({
    shape: checkpoint.tensors.get(name)!.shape,
    data: await readTensor(checkpoint, name),
  });
  return { names, weights: await headWeights(names, read, checkpoint.path) };
}

function outputsOf(
  out: Outputs,
  parts: NetworkParts,
  [gridY, gridX]: readonly [number, number],
  mapSize: { readonly width: number; readonly height: number } | undefined,
): NetworkOutputs {
  const numbers = (name: string) => out[name]!.data as Float32Array;
  const gridded = (tap: number): Features => {
    const [batch, , channels] = out[`features.${tap}`]!.dims as readonly [number, number, number];
    const shape = [batch, gridY, gridX, channels] as const;
    return tensor(['batch', 'gridY', 'gridX', 'channel'] as const, shape, numbers(`features.${tap}`));
  };
  const maps = (kind: NetworkDepth['kind'], size: { width: number; height: number }): NetworkDepth[] => {
    const area = size.width * size.height;
    const all = numbers('depth');
    const of = (i: number) => ({ kind, ...size, values: all.subarray(i * area, (i + 1) * area) });
    return Array.from({ length: all.length / area }, (_, i) => of(i));
  };
  return {
    ...(parts.detection && { detection: { scores: numbers('scores'), ltrb: numbers('ltrb') } }),
    ...(parts.depth && mapSize && { depth: maps(parts.depth.output, mapSize) }),
    ...(parts.features && { features: new Map(parts.features.map(tap => [tap, gridded(tap)])) }),
  };
}
