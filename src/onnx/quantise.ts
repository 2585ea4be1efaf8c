/**
 * Eight-bit weights, and eight-bit inputs of the layers that have them. Symmetric int8 weights with one scale per output
 * channel; uint8 activations with one scale and zero point per tensor.
 *
 * `dynamic`: a linear layer's input is measured at every run (DynamicQuantizeLinear, MatMulInteger); convolutions stay.
 * `static`: ranges were measured before (calibration); QuantizeLinear and DequantizeLinear around linear layers and
 * convolutions, which runtimes fuse into integer kernels.
 * Products of two activations (attention), norms and activations stay in float32.
 *
 * @see Jacob et al. 2018, arXiv 1712.05877, section 2; ONNX operators DynamicQuantizeLinear, MatMulInteger, QuantizeLinear
 */
import { fail } from '../core/index.ts';
import type { GraphBuilder } from './graph.ts';
import type { GraphNode, Value, WeightSource } from './model.ts';

/** Smallest and largest value that a tensor takes, as calibration found. */
export interface ActivationRange {
  readonly low: number;
  readonly high: number;
}

export interface QuantiseOptions {
  readonly mode: 'dynamic' | 'static';
  /** A weight's numbers in float32. */
  readonly read: (source: WeightSource) => Float32Array;
  /** By value name, for `static`: of every value that {@link quantisedInputs} lists. */
  readonly ranges?: ReadonlyMap<string, ActivationRange>;
  /** Layers, by the name of their weight, that stay in float32. */
  readonly skip?: (weight: string) => boolean;
  /** Seven bits instead of eight for weights: for x86 processors without VNNI, whose 16-bit sums saturate. */
  readonly reduceRange?: boolean;
}

/** A layer whose weight is stored: a Gemm by `[out, in]` or `[in, out]`, or a Conv. */
interface Layer {
  readonly node: GraphNode;
  readonly x: Value;
  readonly weight: string;
  readonly source: WeightSource;
  readonly bias: WeightSource | undefined;
  readonly biasValue: Value | undefined;
  /** Whether the output channel is the weight's first axis. */
  readonly outFirst: boolean;
}

/** Reads a node as a layer, if it is one that this mode quantises. */
function layerOf(b: GraphBuilder, node: GraphNode, options: Pick<QuantiseOptions, 'mode' | 'skip'>): Layer | undefined {
  if (node.domain !== '' || (node.type !== 'Gemm' && (node.type !== 'Conv' || options.mode === 'dynamic'))) return;
  const [x, w, biasValue] = node.inputs;
  const found = w && b.sourceOf(w);
  if (!x || !found || b.sourceOf(x) || options.skip?.(found.name)) return; // a layer of constants is folded anyway
  const bias = biasValue && b.sourceOf(biasValue)?.source;
  if (biasValue && !bias) return;
  const transB = node.attributes.transB;
  const outFirst = node.type === 'Conv' || (transB !== undefined && 'int' in transB && transB.int === 1);
  return { node, x, weight: found.name, source: found.source, bias, biasValue, outFirst };
}

/** Names of the values whose ranges `static` needs: inputs of its layers, and outputs of its convolutions. */
export function quantisedInputs(b: GraphBuilder, skip?: (weight: string) => boolean): Value[] {
  const found = new Map<string, Value>();
  b.rewrite(node => {
    const layer = layerOf(b, node, skip ? { mode: 'static', skip } : { mode: 'static' });
    if (!layer) return undefined;
    found.set(layer.x.name, layer.x);
    if (node.type === 'Conv') found.set(node.outputs[0]!.name, node.outputs[0]!);
    return undefined;
  });
  return [...found.values()];
}

/** An int8 weight. */
export interface QuantisedWeight {
  /** As the weight's shape. */
  readonly data: Int8Array;
  /** One per output channel. */
  readonly scales: Float32Array;
}

/**
 * Symmetric int8 weights, one scale per output channel: the largest magnitude of a channel becomes 127 (63 with
 * `reduceRange`).
 *
 * @param outFirst whether the output channel is the first of the weight's axes, or the last
 */
export function quantiseWeight(
  values: Float32Array,
  channels: number,
  outFirst: boolean,
  reduceRange = false,
): QuantisedWeight {
  const top = reduceRange ? 63 : 127;
  const each = values.length / channels;
  const channelOf = outFirst ? (i: number) => Math.floor(i / each) : (i: number) => i % channels;
  const largest = new Float32Array(channels);
  values.forEach((v, i) => {
    const c = channelOf(i);
    largest[c] = Math.max(largest[c]!, Math.abs(v));
  });
  const scales = largest.map(m => (m > 0 ? m / top : 1));
  const data = Int8Array.from(values, (v, i) => Math.max(-top, Math.min(top, Math.round(v / scales[channelOf(i)]!))));
  return { data, scales };
}

/** Scale and zero point of a uint8 tensor; zero is always exact, as paddings and ReLUs need it. */
export function activationScale({ low, high }: ActivationRange): { scale: number; zero: number } {
  const [from, to] = [Math.min(low, 0), Math.max(high, 0)];
  const scale = Math.fround((to - from) / 255) || 1;
  return { scale, zero: Math.max(0, Math.min(255, Math.round(-from / scale))) };
}

/**
 * Rewrites a graph's layers to eight bits.
 *
 * @returns names of the weights that were quantised
 * @throws {DenseError} BAD_INPUT when `static` lacks a range, or when nothing could be quantised
 */
export function quantise(b: GraphBuilder, options: QuantiseOptions): string[] {
  const done: string[] = [];
  const pieces: Pieces = { b, options, inputs: new Map(), weights: new Map() };
  b.rewrite(node => {
    const layer = layerOf(b, node, options);
    if (!layer) return undefined;
    done.push(layer.weight);
    return options.mode === 'dynamic' ? dynamicLinear(pieces, layer) : staticLayer(pieces, layer);
  });
  if (done.length === 0)
    fail('BAD_INPUT', 'there is nothing to quantise', 'no layer with a stored weight is left', 'skip fewer layers');
  return done;
}

/** What is made once and used by several layers. */
interface Pieces {
  readonly b: GraphBuilder;
  readonly options: QuantiseOptions;
  readonly inputs: Map<string, readonly Value[]>;
  readonly weights: Map<string, QuantisedWeight>;
}

function weightOf({ options, weights }: Pieces, { weight, source, outFirst }: Layer): QuantisedWeight {
  const known = weights.get(weight);
  if (known) return known;
  const channels = outFirst ? source.shape[0]! : source.shape.at(-1)!;
  const made = quantiseWeight(options.read(source), channels, outFirst, options.reduceRange);
  weights.set(weight, made);
  return made;
}

/** x `[rows, in]`: DynamicQuantizeLinear, MatMulInteger, and the scales multiplied back. */
function dynamicLinear(pieces: Pieces, layer: Layer): Value {
  const { b } = pieces;
  const { x, node, weight, source, outFirst } = layer;
  let input = pieces.inputs.get(x.name);
  if (!input) {
    const types = [
      { dtype: 'uint8' as const, shape: x.shape },
      { dtype: 'float32' as const, shape: [] },
      { dtype: 'uint8' as const, shape: [] },
    ];
    input = b.op('DynamicQuantizeLinear', [x], types, { name: `${x.name}/quantised` });
    pieces.inputs.set(x.name, input);
  }
  const [quantised, scale, zero] = input as readonly [Value, Value, Value];
  const { data, scales } = weightOf(pieces, layer);
  const [rows, columns] = (outFirst ? [source.shape[1], source.shape[0]] : source.shape) as [number, number];
  const w = b.constant(outFirst ? transposed(data, columns, rows) : data, [rows, columns], `${weight}/int8`);
  const wScale = b.constant(scales, [columns], `${weight}/scale`);
  const shape = node.outputs[0]!.shape;
  const integers = b.op('MatMulInteger', [quantised, w, zero], [{ dtype: 'int32', shape }], {
    name: `${node.name}/integer`,
  });
  const y = b.mul(b.cast(integers[0]!, 'float32'), b.mul(scale, wScale));
  return layer.biasValue ? b.add(y, layer.biasValue) : y;
}

/** QuantizeLinear and DequantizeLinear around the input, the weight and (of a convolution) the output. */
function staticLayer(pieces: Pieces, layer: Layer): Value {
  const { b, options } = pieces;
  const { x, node, weight, source, bias, outFirst } = layer;
  const [input] = quantisedValue(pieces, x, x.name);
  const { scale } = activationScale(rangeOf(options, x.name));
  const { data, scales } = weightOf(pieces, layer);
  const w = dequantised(b, b.constant(data, source.shape, `${weight}/int8`), scales, outFirst ? 0 : 1, weight);
  let biasInput: Value | undefined;
  if (bias) {
    // integer kernels add the bias before scaling: it takes the scale of the products
    const products = scales.map(s => s * scale);
    const values = Int32Array.from(options.read(bias), (v, i) => clampInt32(Math.round(v / products[i]!)));
    const stored = b.constant(values, [values.length], `${node.name}/bias`);
    biasInput = dequantised(b, stored, products, 0, `${node.name}/bias`);
  }
  const { dtype, shape } = node.outputs[0]!;
  const y = b.op(node.type, [input!, w, biasInput], [{ dtype, shape }], {
    attributes: node.attributes,
    name: `${node.name}/int8`,
  })[0]!;
  return node.type === 'Conv' ? quantisedValue(pieces, y, node.outputs[0]!.name)[0]! : y;
}

const clampInt32 = (v: number) => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, v));

/** A value through eight bits and back. */
function quantisedValue(pieces: Pieces, x: Value, name: string): readonly Value[] {
  const known = pieces.inputs.get(x.name);
  if (known) return known;
  const { b, options } = pieces;
  const { scale, zero } = activationScale(rangeOf(options, name));
  const numbers = [
    b.constant(Float32Array.of(scale), [], `${name}/scale`),
    b.constant(Uint8Array.of(zero), [], `${name}/zero`),
  ];
  const [q] = b.op('QuantizeLinear', [x, ...numbers], [{ dtype: 'uint8', shape: x.shape }], {
    name: `${name}/quantised`,
  });
  const back = b.op('DequantizeLinear', [q!, ...numbers], [{ dtype: 'float32', shape: x.shape }], {
    name: `${name}/dequantised`,
  });
  pieces.inputs.set(x.name, back);
  pieces.inputs.set(back[0]!.name, back); // a next layer need not quantise it again
  return back;
}

function dequantised(b: GraphBuilder, q: Value, scales: Float32Array, axis: number, name: string): Value {
  const zeros = q.dtype === 'int8' ? new Int8Array(scales.length) : new Int32Array(scales.length);
  const inputs = [
    q,
    b.constant(scales, [scales.length], `${name}/scale`),
    b.constant(zeros, [scales.length], `${name}/zero`),
  ];
  return b.op('DequantizeLinear', inputs, [{ dtype: 'float32', shape: q.shape }], {
    attributes: { axis: { int: axis } },
    name: `${name}/dequantised`,
  })[0]!;
}

function rangeOf({ ranges }: QuantiseOptions, name: string): ActivationRange {
  return (
    ranges?.get(name) ??
    fail('BAD_INPUT', `no range for ${name}`, 'static quantisation needs one for every layer', 'calibrate this graph')
  );
}

/** `[rows, columns]` to `[columns, rows]`. */
function transposed(data: Int8Array, rows: number, columns: number): Int8Array {
  const out = new Int8Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c]!;
  return out;
}
