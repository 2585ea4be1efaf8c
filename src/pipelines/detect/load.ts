import { fail, type LabelSet } from '../../core/index.ts';
import { type AnchorFreeHead, backboneOf, isAnchorFree, isExternal, type Model, openModel } from '../../model/index.ts';
import { checkDevice } from '../../onnx/index.ts';
import { type Network, openNetwork } from '../perceive/network.ts';
import { openExternalNetwork } from './external.ts';
import { type DetectorLoadOptions, labelsOf } from './model-parts.ts';
import type { DetectionDefaults, DetectionNetwork } from './network.ts';

export { type DetectorLoadOptions, inputSizeOf, labelsOf } from './model-parts.ts';

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
  const { detection } = opened.json.heads;
  if (options.features?.length) backboneOf(opened.json); // another project's detector has none to hand out
  const { features, dtype } = options;
  if (isExternal(detection)) return { ...(await openExternalNetwork(opened, detection, options)), dtype };
  const part = detectionPart(opened);
  const network = await openNetwork(opened, { detection: part, features }, options);
  return { ...asDetectionNetwork(opened, part, network, features), dtype };
}

/** A model's detection head with the labels it counts. */
export interface DetectionPart {
  readonly head: AnchorFreeHead;
  readonly labels: LabelSet;
  readonly classes: number;
}

/** @throws {DenseError} BAD_MODEL for a model without a detection head, or with an unknown label set */
export function detectionPart(model: Model): DetectionPart {
  const head = detectionHeadOf(model);
  const labels = labelsOf(model, head.labels);
  return { head, labels, classes: labels.names.length };
}

/** What the detection pipeline runs, around a network with a detection head. */
export function asDetectionNetwork(
  model: Model,
  { head, labels }: DetectionPart,
  network: Network,
  features: readonly number[] = [],
): DetectionNetwork {
  return {
    name: model.json.name,
    labels,
    input: network.input,
    strides: head.strides,
    defaults: detectionDefaults(model),
    features,
    run: async (batch, signal) => {
      const { detection, features: taps } = await network.run(batch, signal);
      return { ...detection!, ...(taps && { features: taps }) };
    },
    close: () => network.close(),
  };
}

/** What a model recommends for its detections. */
function detectionDefaults(model: Model): DetectionDefaults {
  const { kind, ...nms } = model.json.nms ?? NMS;
  return { nms: kind, ...nms };
}

/** A model's detection head, of the kind that runs on its backbone. @throws {DenseError} BAD_MODEL for a model without */
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
