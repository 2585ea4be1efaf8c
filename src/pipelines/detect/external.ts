import { float16FromFloat32, float32FromFloat16 } from '../../checkpoint/index.ts';
import { fail, type ImageBatch, sizeOf } from '../../core/index.ts';
import type { ExternalHead, Model } from '../../model/index.ts';
import { type ArrayTensor, type Feeds, type Outputs, type PortInfo, Session } from '../../onnx/index.ts';
import { decodeExternal, type OutputTensor } from '../../postprocess/index.ts';
import { chooseWeights } from '../perceive/dtype.ts';
import { type DetectorLoadOptions, inputSizeOf, labelsOf, networkInputOf } from './model-parts.ts';
import type { CandidateOutputs, DetectionDefaults, DetectionNetwork } from './network.ts';

/** Where a model's JSON says nothing: heads that give one box per object need no suppression. */
const DEFAULTS: Readonly<Record<ExternalHead['kind'], DetectionDefaults>> = {
  yolox: { nms: 'hard', iou: 0.65, score: 0.3, max: 100 },
  dfl: { nms: 'hard', iou: 0.6, score: 0.3, max: 100 },
  detr: { nms: 'none', iou: 1, score: 0.3, max: 100 },
  boxes: { nms: 'none', iou: 1, score: 0.3, max: 100 },
};

/**
 * Opens another project's detector: an ONNX file with its weights inside, read as its model.json says.
 *
 * @throws {DenseError} BAD_MODEL when the file and its model.json do not fit together; BAD_INPUT for a size it cannot take;
 *   UNAVAILABLE for a device this machine lacks
 */
export async function openExternalNetwork(
  model: Model,
  head: ExternalHead,
  { device, threads, size, dtype }: DetectorLoadOptions,
): Promise<DetectionNetwork> {
  const { name, input: own, nms } = model.json;
  const { height, width } = inputSizeOf(model, size);
  const labels = labelsOf(model, head.labels);
  const file = chooseWeights(model, dtype, true).file.path;
  const session = await Session.open(file, { ...(device && { device }), ...(threads && { threads }) });
  try {
    const port = imagePort(session.inputs, own.name, name);
    const layout = own.layout ?? 'nchw';
    checkPort(port, layout, height, width, name);
    const wanted = outputsOf(head);
    checkOutputs(wanted, session.outputs, name);
    const sides = sideFeeds(session.inputs, port, own.feeds ?? {}, { height, width }, name);
    const fixed = typeof port.shape[0] === 'number' && port.shape[0] > 0 ? port.shape[0] : undefined;
    const run = async (batch: ImageBatch, signal?: AbortSignal): Promise<CandidateOutputs> => {
      const parts: {
        readonly pictures: number;
        readonly run: number;
        readonly outputs: Record<string, OutputTensor>;
      }[] = [];
      const each = fixed ?? batch.shape[0];
      for (let from = 0; from < batch.shape[0]; from += each) {
        const pictures = Math.min(each, batch.shape[0] - from);
        const pixels = asPixels(port.dtype, picturesFrom(batch, from, each), layout, height, width);
        const dims = layout === 'nchw' ? [each, 3, height, width] : [each, height, width, 3];
        const found = await session.run(
          { [port.name]: { dims, data: pixels }, ...sides(each) },
          { signal, outputs: wanted },
        );
        parts.push({ pictures, run: each, outputs: widened(found) });
      }
      const options = { height, width, classes: labels.names.length };
      return {
        candidates: want =>
          parts.flatMap(part =>
            decodeExternal(part.outputs, head, { ...options, ...want, pictures: part.run }).slice(0, part.pictures),
          ),
      };
    };
    return {
      name,
      labels,
      input: networkInputOf(model, { height, width }, false),
      strides: [],
      defaults: nms ? { nms: nms.kind, iou: nms.iou, score: nms.score, max: nms.max } : DEFAULTS[head.kind],
      run,
      close: () => session.close(),
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}

function imagePort(inputs: readonly PortInfo[], wanted: string | undefined, model: string): PortInfo {
  const pictures = inputs.filter(i => (wanted === undefined ? i.shape.length === 4 : i.name === wanted));
  if (pictures.length === 1) return pictures[0];
  return fail(
    'BAD_MODEL',
    wanted === undefined
      ? `the network of ${model} has ${pictures.length} inputs of four axes`
      : `the network of ${model} has no input ${JSON.stringify(wanted)}`,
    `its inputs are ${inputs.map(i => `${i.name} [${i.shape.join(', ')}]`).join(', ')}`,
    'name the one that takes the pixels in input.name of model.json',
  );
}

function checkPort(port: PortInfo, layout: 'nchw' | 'nhwc', height: number, width: number, model: string): void {
  if (!['float32', 'float16', 'uint8'].includes(port.dtype))
    fail(
      'BAD_MODEL',
      `input ${JSON.stringify(port.name)} of ${model} takes ${port.dtype}`,
      'pixels can be given as float32, float16 or uint8',
      'export the network with such an input',
    );
  const [, ...want] = layout === 'nchw' ? [0, 3, height, width] : [0, height, width, 3];
  const takes = port.shape.slice(1);
  const differs = (axis: number) => typeof takes[axis] === 'number' && takes[axis] >= 0 && takes[axis] !== want[axis];
  if (!want.some((_, axis) => differs(axis))) return;
  const channel = layout === 'nchw' ? 0 : 2;
  if (differs(channel))
    fail(
      'BAD_MODEL',
      `input ${JSON.stringify(port.name)} of ${model} is [${port.shape.join(', ')}]`,
      `layout ${JSON.stringify(layout)} has its 3 colours on axis ${channel + 1}`,
      'correct input.layout in model.json',
    );
  const [fixedHeight, fixedWidth] = layout === 'nchw' ? [takes[1], takes[2]] : [takes[0], takes[1]];
  fail(
    'BAD_INPUT',
    `size ${width} x ${height}`,
    `the network of ${model} takes ${fixedWidth} x ${fixedHeight} only`,
    'leave --size out and set input.size in model.json to that, or export the network with free sides',
  );
}

/** Names of the outputs a head reads. */
function outputsOf(head: ExternalHead): string[] {
  switch (head.kind) {
    case 'yolox':
      return [head.output];
    case 'dfl':
      return [...(head.joined ?? []), ...(head.scores ?? []), ...(head.distances ?? [])];
    case 'detr':
      return [head.boxes, head.scores, ...(head.classes === undefined ? [] : [head.classes])];
    case 'boxes':
      return [head.boxes, head.scores, head.classes, head.count].filter(name => name !== undefined);
  }
}

function checkOutputs(wanted: readonly string[], outputs: readonly PortInfo[], model: string): void {
  for (const name of wanted)
    if (!outputs.some(o => o.name === name))
      fail(
        'BAD_MODEL',
        `the network of ${model} has no output ${JSON.stringify(name)}`,
        `its outputs are ${outputs.map(o => o.name).join(', ')}`,
        'correct the names in heads.detection of model.json (pe-dense inspect proposes them)',
      );
}

/** What the inputs besides the pixels are fed. */
function sideFeeds(
  inputs: readonly PortInfo[],
  image: PortInfo,
  feeds: Readonly<Record<string, 'width-height' | 'height-width' | 'ones'>>,
  { height, width }: { readonly height: number; readonly width: number },
  model: string,
): (pictures: number) => Feeds {
  const others = inputs.filter(i => i !== image);
  const unknown = Object.keys(feeds).find(name => !others.some(i => i.name === name));
  const unfed = others.find(i => !Object.hasOwn(feeds, i.name));
  if (unknown !== undefined || unfed)
    fail(
      'BAD_MODEL',
      unfed
        ? `input ${JSON.stringify(unfed.name)} of ${model} is not fed`
        : `the network of ${model} has no input ${JSON.stringify(unknown)}`,
      `besides the pixels it takes ${others.map(i => i.name).join(', ') || 'nothing'}`,
      'correct input.feeds in model.json: width-height, height-width or ones for each of them',
    );
  const pairs = { 'width-height': [width, height], 'height-width': [height, width], ones: [1, 1] };
  return pictures =>
    Object.fromEntries(
      others.map(({ name, dtype }) => {
        const values = Array.from({ length: pictures }, () => pairs[feeds[name]]).flat();
        return [name, { dims: [pictures, 2], data: asNumbers(dtype, values, name) }];
      }),
    );
}

function asNumbers(dtype: string, values: readonly number[], name: string): ArrayTensor['data'] {
  switch (dtype) {
    case 'int64':
      return BigInt64Array.from(values, BigInt);
    case 'int32':
      return Int32Array.from(values);
    case 'float32':
      return Float32Array.from(values);
    case 'float64':
      return Float64Array.from(values);
    default:
      return fail(
        'BAD_MODEL',
        `input ${JSON.stringify(name)} takes ${dtype}`,
        'sizes can be given as int64, int32, float32 or float64',
        'export the network with such an input',
      );
  }
}

/** `count` pictures of a batch from one on; behind the last there is black. */
function picturesFrom({ data, shape }: ImageBatch, from: number, count: number): Float32Array {
  const each = sizeOf(shape.slice(1));
  if (from + count <= shape[0]) return data.subarray(from * each, (from + count) * each);
  const padded = new Float32Array(count * each);
  padded.set(data.subarray(from * each));
  return padded;
}

/** Normalised planes in the order and number type that an input takes. */
function asPixels(
  dtype: string,
  planes: Float32Array,
  layout: 'nchw' | 'nhwc',
  height: number,
  width: number,
): ArrayTensor['data'] {
  const values = layout === 'nchw' ? planes : interleaved(planes, height * width);
  if (dtype === 'float16') return float16FromFloat32(values);
  if (dtype === 'uint8') return Uint8Array.from(Uint8ClampedArray.from(values)); // rounds and clips
  return values;
}

function interleaved(planes: Float32Array, area: number): Float32Array {
  const out = new Float32Array(planes.length);
  for (let picture = 0; picture < planes.length; picture += 3 * area)
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < area; i++) out[picture + 3 * i + c] = planes[picture + c * area + i];
  return out;
}

/** Outputs with their numbers as float32. */
function widened(outputs: Outputs): Record<string, OutputTensor> {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { dims, dtype, data }]) => [name, { dims, data: asFloats(dtype, data) }]),
  );
}

function asFloats(dtype: string, data: ArrayTensor['data']): Float32Array {
  if (data instanceof Float32Array) return data;
  if (dtype === 'float16') return float32FromFloat16(data as Uint16Array);
  return Float32Array.from(data as ArrayLike<number | bigint>, Number);
}
