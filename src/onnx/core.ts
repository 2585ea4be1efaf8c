import { fail, sizeOf } from '../core/index.ts';
import { DTYPES, type Dtype, dtypeOf, type InlineData } from './dtype.ts';
import {
  type Attributes,
  checkLocations,
  type DataFile,
  type Graph,
  type GraphNode,
  nodeMessage,
  sourceDtype,
  sourceLength,
  type Value,
  valueMessage,
  type WeightSource,
  weightMessage,
} from './model.ts';
import { Message } from './proto.ts';
import { type Shape, shapeText } from './shape.ts';

/** `fast`: onnxruntime's own operators, for running here. `portable`: standard operators only, for export. */
export type Lowering = 'fast' | 'portable';

export interface BuilderOptions {
  /** Which body attention, rotary embedding and GELU get. Default `fast`. */
  readonly lowering?: Lowering;
  /** ONNX operator set, 17 to 20. Default 20 for `fast`, 17 for `portable`. */
  readonly opset?: number;
  /** Graph name, for viewers. */
  readonly name?: string;
}

export interface BuildOptions {
  /**
   * Where weights that come from files go: `external` leaves them in their files, `inline` copies them into the graph,
   * `auto` (default) copies when they are at most {@link AUTO_INLINE_BYTES} together. A {@link DataFile} takes a copy of
   * every weight but the smallest.
   */
  readonly weights?: 'auto' | 'external' | 'inline' | DataFile;
  /** Key-value pairs for the model's metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Up to here copying the weights costs less than finding a way to point at them. */
export const AUTO_INLINE_BYTES = 64 * 2 ** 20;

/** Contrib operators of onnxruntime. */
export const MICROSOFT = 'com.microsoft';

/** Values, weights and nodes, and how they are written. Operators are in {@link GraphBuilder}. */
export class GraphCore {
  readonly lowering: Lowering;
  readonly opset: number;
  private readonly name: string;
  private readonly inputs: Value[] = [];
  private readonly outputs: Value[] = [];
  private readonly nodes: GraphNode[] = [];
  private readonly weights = new Map<string, { source: WeightSource; value: Value }>();
  private readonly casts = new Map<string, Value>();
  private readonly names = new Set<string>();
  private path: string[] = [];

  constructor(options: BuilderOptions = {}) {
    this.lowering = options.lowering ?? 'fast';
    this.opset = options.opset ?? (this.lowering === 'fast' ? 20 : 17);
    this.name = options.name ?? 'pe-dense';
    if (!Number.isInteger(this.opset) || this.opset < 17 || this.opset > 20)
      fail(
        'BAD_INPUT',
        `opset ${options.opset}`,
        'the builder writes operator sets 17 to 20',
        'pass opset: 17, 18, 19 or 20',
      );
  }

  /** Runs `body` with `name` added to the names of everything built in it, as modules nest in PyTorch. */
  scope<T>(name: string, body: () => T): T {
    this.path.push(name);
    try {
      return body();
    } finally {
      this.path.pop();
    }
  }

  private unique(base: string): string {
    const stem = [...this.path, base].join('/');
    let name = stem;
    for (let i = 1; this.names.has(name); i++) name = `${stem}_${i}`;
    this.names.add(name);
    return name;
  }

  /** Declares a graph input. Symbols such as `'batch'` are free dimensions. */
  input(name: string, dtype: Dtype, shape: Shape): Value {
    if (this.names.has(name)) fail('BAD_INPUT', `input "${name}"`, 'the name is taken', 'choose another name');
    this.names.add(name);
    const value = { name, dtype, shape: [...shape] };
    this.inputs.push(value);
    return value;
  }

  /** Declares `value` a graph output called `name`. */
  output(name: string, value: Value): Value {
    if (this.outputs.some(o => o.name === name))
      fail('BAD_INPUT', `output "${name}"`, 'the name is taken', 'choose another name');
    const taken = this.names.has(name);
    if (taken) fail('BAD_INPUT', `output "${name}"`, 'another value has that name', 'choose another name');
    this.names.add(name);
    const out = { ...value, name };
    this.nodes.push({
      name: `output/${name}`,
      type: 'Identity',
      domain: '',
      inputs: [value],
      outputs: [out],
      attributes: {},
    });
    this.outputs.push(out);
    return out;
  }

  /**
   * A weight under its checkpoint name, asked for once or often; half precision is cast to float32 in the graph.
   * @throws {DenseError} BAD_CHECKPOINT when bytes and shape disagree
   */
  weight(name: string, source: WeightSource): Value {
    const known = this.weights.get(name);
    if (known) return this.asFloat(known.value);
    const dtype = sourceDtype(source);
    const bytes = sourceLength(source);
    if (bytes !== sizeOf(source.shape) * DTYPES[dtype].bytes)
      fail(
        'BAD_CHECKPOINT',
        `weight "${name}" of shape ${shapeText(source.shape)} and type ${dtype} has ${bytes} bytes`,
        `${sizeOf(source.shape) * DTYPES[dtype].bytes} are needed`,
        'the checkpoint is damaged, or its tensor is not contiguous',
      );
    if (this.names.has(name))
      fail('BAD_INPUT', `weight "${name}"`, 'another value has that name', 'choose another name');
    this.names.add(name);
    const value: Value = { name, dtype, shape: [...source.shape] };
    this.weights.set(name, { source, value });
    return this.asFloat(value);
  }

  private asFloat(value: Value): Value {
    if (value.dtype !== 'float16' && value.dtype !== 'bfloat16' && value.dtype !== 'float64') return value;
    const known = this.casts.get(value.name);
    if (known) return known;
    const path = this.path;
    this.path = [];
    const [cast] = this.op('Cast', [value], [{ dtype: 'float32', shape: value.shape }], {
      attributes: { to: { int: DTYPES.float32.code } },
      name: `${value.name}/float32`,
    });
    this.path = path;
    this.casts.set(value.name, cast!);
    return cast!;
  }

  /** A constant kept inside the graph. Default shape: one axis; `[]` for a scalar. */
  constant(data: InlineData, shape: readonly number[] = [data.length], name = 'constant'): Value {
    if (sizeOf(shape) !== data.length)
      fail('BAD_INPUT', `constant of shape ${shapeText(shape)}`, `it got ${data.length} values`, 'make the two agree');
    const value: Value = { name: this.unique(name), dtype: dtypeOf(data), shape: [...shape] };
    this.weights.set(value.name, { source: { shape, data }, value });
    return value;
  }

  /** A float32 scalar. */
  scalar(value: number): Value {
    return this.constant(Float32Array.of(value), [], 'scalar');
  }

  /** An int64 vector: shapes, axes, indices. */
  ints(values: readonly number[]): Value {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length], 'ints');
  }

  /**
   * Any operator by name: the way out when no method fits. The caller states dtype and shape of every output.
   * @returns one value per entry of `outputs`
   */
  op(
    type: string,
    inputs: readonly (Value | undefined)[],
    outputs: readonly { readonly dtype: Dtype; readonly shape: Shape }[],
    options: { readonly attributes?: Attributes; readonly domain?: string; readonly name?: string } = {},
  ): Value[] {
    const name = this.unique(options.name ?? type);
    const values = outputs.map((o, i) => ({
      name: i === 0 ? name : this.unique(`${options.name ?? type}.${i}`),
      dtype: o.dtype,
      shape: [...o.shape],
    }));
    const { attributes = {}, domain = '' } = options;
    this.nodes.push({ name, type, domain, inputs: [...inputs], outputs: values, attributes });
    return values;
  }

  /** Bytes of all weights and constants so far. */
  get weightBytes(): number {
    let sum = 0;
    for (const { source } of this.weights.values()) sum += sourceLength(source);
    return sum;
  }

  /** The weight or constant that a value is, also where half precision was cast to float32; else nothing. */
  sourceOf(value: Value): { readonly name: string; readonly source: WeightSource } | undefined {
    const own = this.weights.get(value.name);
    if (own) return { name: value.name, source: own.source };
    for (const [name, cast] of this.casts)
      if (cast.name === value.name) return { name, source: this.weights.get(name)!.source };
    return undefined;
  }

  /**
   * Rewrites what is built so far, node by node in order. `replace` may build other nodes with this builder and give the
   * value that stands for the node's first output from there on, or leave the node as it is.
   */
  rewrite(replace: (node: GraphNode) => Value | undefined): void {
    const old = this.nodes.splice(0);
    const instead = new Map<string, Value>();
    for (const node of old) {
      const inputs = node.inputs.map(v => v && (instead.get(v.name) ?? v));
      const value = replace({ ...node, inputs });
      if (value) instead.set(node.outputs[0]!.name, value);
      else this.nodes.push({ ...node, inputs });
    }
  }

  /**
   * Writes the graph; what no output needs is left out.
   * @throws {DenseError} BAD_INPUT without outputs, RUNTIME when inline weights pass 2 GiB
   */
  build(options: BuildOptions = {}): Graph {
    if (this.outputs.length === 0)
      fail('BAD_INPUT', 'the graph has no outputs', 'nothing would be computed', 'call output(name, value) first');
    const needed = new Set(this.outputs.map(o => o.name));
    const nodes: GraphNode[] = [];
    for (const node of this.nodes.toReversed()) {
      if (!node.outputs.some(o => needed.has(o.name))) continue;
      nodes.push(node);
      for (const v of node.inputs) if (v) needed.add(v.name);
    }
    nodes.reverse();
    const weights = [...this.weights.values()].filter(w => needed.has(w.value.name));
    let fileBytes = 0;
    for (const { source } of weights) if ('path' in source) fileBytes += source.length;
    const where = options.weights ?? 'auto';
    const auto = where === 'auto' && fileBytes > AUTO_INLINE_BYTES;
    const external = typeof where === 'object' ? where : where === 'external' || auto;

    const graph = new Message();
    for (const node of nodes) graph.message(1, nodeMessage(node));
    graph.string(2, this.name);
    const files = new Set<string>();
    for (const { source, value } of weights) {
      if (external === true && 'path' in source) files.add(source.path);
      graph.message(5, weightMessage(value.name, source, external));
    }
    checkLocations([...files]);
    for (const v of this.inputs) graph.message(11, valueMessage(v));
    for (const v of this.outputs) graph.message(12, valueMessage(v));

    const model = new Message().int(1, this.opset >= 19 ? 9 : 8).string(2, 'pe-dense');
    model.message(7, graph).message(8, new Message().string(1, '').int(2, this.opset));
    if (nodes.some(n => n.domain === MICROSOFT)) model.message(8, new Message().string(1, MICROSOFT).int(2, 1));
    for (const [key, value] of Object.entries(options.metadata ?? {}))
      model.message(14, new Message().string(1, key).string(2, value));
    return { bytes: model.finish(), inputs: [...this.inputs], outputs: [...this.outputs], externalFiles: [...files] };
  }
}
