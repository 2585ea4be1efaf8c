import { addBackbone, checkpointWeights, loadArch } from '../../backbone/index.ts';
import { type Checkpoint, openCheckpoint, readTensor } from '../../checkpoint/index.ts';
import { fail, type ImageBatch, LABEL_SETS, type LabelSet } from '../../core/index.ts';
import { addAnchorFreeHead, headWeights, towerDepth } from '../../heads/index.ts';
import { type AnchorFreeHead, backboneOf, isAnchorFree, type Model, openModel } from '../../model/index.ts';
import { checkDevice, type Device, type Graph, GraphBuilder, Session } from '../../onnx/index.ts';
import type { DetectionNetwork, NetworkInput } from './network.ts';

/** How a detector is loaded. */
export interface DetectorLoadOptions {
  /** Where the network runs; default `cpu`. */
  readonly device?: Device | undefined;
  /** Processor threads of the network; default one per core. */
  readonly threads?: number | undefined;
  /** Size of the network's input, pixels: one number for a square; default the model's. */
  readonly size?: number | { readonly width: number; readonly height: number } | undefined;
}

/** Where a model's JSON says nothing. */
const NMS = { kind: 'hard', iou: 0.6, score: 0.3, max: 100 } as const;

/**
 * Opens a model's detector.
 *
 * @param model a bundled name, a pulled name, or a model directory
 * @throws {DenseError} UNKNOWN_MODEL; BAD_MODEL or BAD_CHECKPOINT when its files do not fit together; BAD_INPUT for a size it
 *   cannot take; UNAVAILABLE for a device this machine lacks
 */
export async function openDetectionNetwork(
  model: string,
  options: DetectorLoadOptions = {},
): Promise<DetectionNetwork> {
  checkDevice(options.device ?? 'cpu'); // before any reading: it needs none
  const opened = await openModel(model);
  const head = detectionHeadOf(opened);
  const { height, width } = inputSizeOf(opened, options.size);
  const labels = labelsOf(opened, head.labels);
  const graph = await buildDetectorGraph(opened, head, labels.names.length, height, width);
  const { device, threads } = options;
  const session = await Session.open(graph, { ...(device && { device }), ...(threads && { threads }) });
  const { kind, ...nms } = opened.json.nms ?? NMS;
  const { mean, std, resize, color } = opened.json.input;
  // the detectors of tools/train see pictures averaged down, so they are shown so
  const input: NetworkInput = { height, width, mean, std, resize, color, antialias: true };
  return {
    name: opened.json.name,
    labels,
    input,
    strides: head.strides,
    defaults: { nms: kind, ...nms },
    run: (batch, signal) => runSession(session, batch, signal),
    close: () => session.close(),
  };
}

async function runSession(session: Session, batch: ImageBatch, signal: AbortSignal | undefined) {
  const out = await session.run({ image: { dims: [...batch.shape], data: batch.data } }, { signal });
  return { scores: out.scores.data as Float32Array, ltrb: out.ltrb.data as Float32Array };
}

/**
 * A model's backbone with its detection head: input `image` `[batch, 3, height, width]`, outputs `scores`
 * `[batch, anchors, classes]` and `ltrb` `[batch, anchors, 4]`.
 */
async function buildDetectorGraph(
  model: Model,
  head: AnchorFreeHead,
  classes: number,
  height: number,
  width: number,
): Promise<Graph> {
  const { arch, rope, taps } = backboneOf(model.json);
  const config = await loadArch(arch, { rope });
  const checkpoint = await openCheckpoint(model.files.get('weights')!.path);
  const b = new GraphBuilder();
  const image = b.input('image', 'float32', ['batch', 3, height, width]);
  const tower = addBackbone(b, image, config, await checkpointWeights(checkpoint, config, arch), { taps });
  const { names, weights } = await headTensors(checkpoint);
  const { strides, bins } = head;
  const outputs = addAnchorFreeHead(
    b,
    tower,
    config.patch,
    { taps, strides, bins, classes },
    weights,
    towerDepth(names),
  );
  b.output('scores', outputs.scores);
  b.output('ltrb', outputs.ltrb);
  return b.build();
}

async function headTensors(checkpoint: Checkpoint) {
  const names = [...checkpoint.tensors.keys()];
  const read = async (name: string) => ({
    shape: checkpoint.tensors.get(name)!.shape,
    data: await readTensor(checkpoint, name),
  });
  return { names, weights: await headWeights(names, read, checkpoint.path) };
}

function detectionHeadOf(model: Model): AnchorFreeHead {
  const head = model.json.heads.detection;
  if (isAnchorFree(head)) return head;
  return fail(
    'BAD_MODEL',
    `model ${model.json.name} cannot detect`,
    head === undefined ? 'it has no detection head' : `its detection head is of kind ${JSON.stringify(head.kind)}`,
    'use a model with an anchor-free detection head; see pe-dense models',
  );
}

/** Size of the input: the one asked for, or the model's. @throws {DenseError} BAD_INPUT naming the sizes that work */
export function inputSizeOf(model: Model, size: DetectorLoadOptions['size']): { height: number; width: number } {
  const { size: own, multipleOf } = model.json.input;
  if (size === undefined) return { height: own[0], width: own[1] };
  const { height, width } = typeof size === 'number' ? { height: size, width: size } : size;
  for (const side of [height, width])
    if (!Number.isInteger(side) || side < multipleOf || side % multipleOf !== 0)
      fail(
        'BAD_INPUT',
        `size ${width === height ? width : `${width} x ${height}`}`,
        `${model.json.name} takes multiples of ${multipleOf} pixels`,
        `try ${Math.max(1, Math.round(side / multipleOf)) * multipleOf}`,
      );
  return { height, width };
}

/** Label set a head names, or one made of its own names with ids from 1. */
export function labelsOf(model: Model, labels: string | readonly string[]): LabelSet {
  if (typeof labels !== 'string') return { names: labels, ids: labels.map((_, i) => i + 1) };
  if (Object.hasOwn(LABEL_SETS, labels)) return LABEL_SETS[labels as keyof typeof LABEL_SETS];
  return fail(
    'BAD_MODEL',
    `model ${model.json.name} has labels ${JSON.stringify(labels)}`,
    `known label sets are ${Object.keys(LABEL_SETS).join(', ')}`,
    'name one of those in model.json, or list the labels themselves',
  );
}
