/** What an exported file says about itself, in its metadata and in the model.json beside it. */
import type { ModelJsonToWrite } from '../../model/index.ts';
import type { Graph } from '../../onnx/index.ts';
import { type ExportInput, INPUT_NAME } from './graph.ts';
import type { GraphNms } from './outputs.ts';
import type { ExportHead, FoundNetwork } from './source.ts';

export const EXPORT_DTYPES = ['fp32', 'fp16', 'int8'] as const;
/** Numbers in the file: fp16 stores weights in half precision and computes in float32. */
export type ExportDtype = (typeof EXPORT_DTYPES)[number];

/** What was chosen for one file. */
export interface ExportFacts {
  readonly heads: readonly ExportHead[];
  readonly dtype: ExportDtype;
  readonly input: ExportInput;
  readonly opset: number;
  readonly nms?: GraphNms | undefined;
  /** `dynamic`, or how static ranges were measured; int8 only. */
  readonly quantisation?: string | undefined;
}

/** Key-value pairs for the file's metadata_props; lists and numbers as JSON. */
export function exportMetadata(network: FoundNetwork, facts: ExportFacts): Record<string, string> {
  const { input, model, detection, depth } = network;
  const { heads, nms } = facts;
  const json = model?.json;
  const detects = heads.includes('detection') && detection;
  const measures = heads.includes('depth') && depth;
  const pairs: Record<string, unknown> = {
    name: network.name,
    version: json?.version,
    license: json?.license,
    origin: json?.origin,
    data: json?.data,
    heads: heads.join(','),
    dtype: facts.dtype,
    quantisation: facts.quantisation,
    input:
      facts.input === 'uint8' ? 'NHWC uint8 0..255, normalised inside' : 'NCHW float32, (value / 255 - mean) / std',
    size: [input.height, input.width],
    size_is_fixed: true,
    resize: input.resize,
    antialias: input.antialias,
    color: input.color ?? 'rgb',
    mean: input.mean,
    std: input.std,
    labels: detects ? detects.labels.names : undefined,
    label_ids: detects ? detects.labels.ids : undefined,
    boxes: detects ? 'xyxy, pixels of the input' : undefined,
    nms: detects ? (nms ?? 'none inside') : undefined,
    depth_kind: measures ? measures.head.output : undefined,
    depth_unit: measures
      ? measures.head.output === 'metric'
        ? 'metres along the optical axis'
        : 'inverse depth up to scale and shift, larger is nearer'
      : undefined,
  };
  return Object.fromEntries(
    Object.entries(pairs)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

/**
 * The model.json by which this toolkit runs the file again; nothing for a file without boxes, which only other runtimes
 * can use.
 */
export function exportedModelJson(
  network: FoundNetwork,
  facts: ExportFacts,
  files: ModelJsonToWrite['files'],
): ModelJsonToWrite | undefined {
  const { detection, model, input } = network;
  if (!detection || !model || !facts.heads.includes('detection')) return undefined;
  const { json } = model;
  const { nms } = facts;
  const { labels } = detection.head;
  const raw = facts.input === 'uint8';
  const triple = (v: readonly [number, number, number]): [number, number, number] => [...v];
  return {
    format: 1,
    name: `${json.name.slice(0, 54)}-onnx-${facts.dtype}`,
    version: json.version,
    license: json.license,
    origin: `${json.origin}; exported to ONNX`,
    data: json.data,
    input: {
      size: [input.height, input.width],
      multipleOf: json.input.multipleOf,
      resize: input.resize,
      mean: raw ? [0, 0, 0] : triple(input.mean),
      std: raw ? [1, 1, 1] : triple(input.std),
      ...(raw && { range: 255 as const, layout: 'nhwc' as const }),
      color: input.color ?? 'rgb',
      antialias: input.antialias,
      ...(input.align && { align: input.align }),
      ...(input.rounding && { rounding: input.rounding }),
      ...(input.pad !== undefined && {
        pad: typeof input.pad === 'number' ? input.pad : triple(input.pad),
      }),
      name: INPUT_NAME,
    },
    heads: {
      detection: nms
        ? { kind: 'boxes', boxes: 'boxes', scores: 'scores', classes: 'classes', count: 'count', labels }
        : { kind: 'detr', boxes: 'boxes', scores: 'scores', labels },
    },
    nms: nms ? { kind: 'none', iou: 1, score: nms.score, max: nms.max } : detection.nms,
    files,
    metrics: [],
  };
}

/** Name, type and shape of what a graph takes or gives. */
export interface ExportedPort {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

export const portsOf = (values: Graph['inputs']): ExportedPort[] =>
  values.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
