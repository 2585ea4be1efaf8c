/** The graph as data, before it is written: values, weights, nodes. */
import { closeSync, openSync, readSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { fail, messageOf, sizeOf } from '../core/index.ts';
import { DTYPES, type Dtype, dtypeOf, type InlineData } from './dtype.ts';
import { Message } from './proto.ts';
import { type Shape, shapeText } from './shape.ts';

/** One edge of the graph: an input, a weight, or what a node computes. */
export interface Value {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: Shape;
}

/** A weight whose numbers are in memory. */
export interface MemorySource {
  readonly shape: readonly number[];
  readonly data: InlineData;
}

/** A weight that stays in its file: row-major, little-endian, at `offset`. */
export interface FileSource {
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  /** Absolute real path: symbolic links resolved, or onnxruntime refuses it. */
  readonly path: string;
  /** First byte in the file. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** A weight whose bytes are made when the graph is written: converted from another type, say. */
export interface ComputedSource {
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  /** Bytes. */
  readonly length: number;
  /** Row-major, little-endian, `length` bytes. */
  readonly compute: () => Uint8Array;
}

export type WeightSource = MemorySource | FileSource | ComputedSource;

/** Element type of a weight. */
export const sourceDtype = (source: WeightSource): Dtype => ('data' in source ? dtypeOf(source.data) : source.dtype);

/** Size of a weight, bytes. */
export const sourceLength = (source: WeightSource): number =>
  'data' in source ? source.data.byteLength : source.length;

/**
 * A weight's numbers as they are stored: row-major, little-endian.
 * @throws {DenseError} BAD_CHECKPOINT when its file cannot be read or is too short
 */
export function weightBytes(source: WeightSource): Uint8Array {
  if ('compute' in source) return source.compute();
  if ('path' in source) return readBytes(source);
  const { buffer, byteOffset, byteLength } = source.data;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/**
 * Rows `from` (inclusive) to `to` (exclusive) of a weight along its first axis, still in place.
 * @throws {DenseError} BAD_INPUT when the range leaves the weight
 */
export function weightRows(source: WeightSource, from: number, to: number): WeightSource {
  const rows = source.shape[0] ?? 0;
  if (from < 0 || to > rows || from >= to)
    fail(
      'BAD_INPUT',
      `rows ${from} to ${to} of a weight ${shapeText(source.shape)}`,
      `it has ${rows} rows`,
      'stay inside',
    );
  const shape = [to - from, ...source.shape.slice(1)];
  const row = sizeOf(source.shape.slice(1));
  if ('data' in source) return { shape, data: source.data.subarray(from * row, to * row) as InlineData };
  const bytes = row * DTYPES[source.dtype].bytes;
  if ('compute' in source) {
    const compute = () => source.compute().subarray(from * bytes, to * bytes);
    return { shape, dtype: source.dtype, length: (to - from) * bytes, compute };
  }
  return { ...source, shape, offset: source.offset + from * bytes, length: (to - from) * bytes };
}

/** Attribute of a node; the key says its ONNX kind. */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] };

export type Attributes = Readonly<Record<string, Attribute>>;

export interface GraphNode {
  readonly name: string;
  readonly type: string;
  readonly domain: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

/** A written graph, ready for a session. */
export interface Graph {
  /** ONNX ModelProto. */
  readonly bytes: Uint8Array;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Real paths of the files the weights lie in; empty when every weight is inside `bytes`. */
  readonly externalFiles: readonly string[];
}

function attributeMessage(name: string, a: Attribute): Message {
  const m = new Message().string(1, name);
  if ('int' in a) return m.int(3, a.int).int(20, 2);
  if ('float' in a) return m.float(2, a.float).int(20, 1);
  if ('string' in a) return m.string(4, a.string).int(20, 3);
  if ('ints' in a) return m.ints(8, a.ints).int(20, 7);
  return m.floats(7, a.floats).int(20, 6);
}

export function nodeMessage(node: GraphNode): Message {
  const m = new Message();
  let inputs = node.inputs;
  while (inputs.length > 0 && inputs[inputs.length - 1] === undefined) inputs = inputs.slice(0, -1);
  for (const v of inputs) m.string(1, v?.name ?? '');
  for (const v of node.outputs) m.string(2, v.name);
  m.string(3, node.name).string(4, node.type);
  for (const [name, a] of Object.entries(node.attributes)) m.message(5, attributeMessage(name, a));
  if (node.domain) m.string(7, node.domain);
  return m;
}

/** ValueInfoProto: name, element type and shape. */
export function valueMessage(value: Value): Message {
  const shape = new Message();
  for (const d of value.shape)
    shape.message(1, typeof d === 'number' ? new Message().int(1, d) : new Message().string(2, d));
  const tensor = new Message().int(1, DTYPES[value.dtype].code).message(2, shape);
  return new Message().string(1, value.name).message(2, new Message().message(1, tensor));
}

function readBytes(source: FileSource): Uint8Array {
  const out = new Uint8Array(source.length);
  let file: number;
  try {
    file = openSync(source.path, 'r');
  } catch (error) {
    return fail('BAD_CHECKPOINT', `cannot open ${source.path}`, messageOf(error), 'check the path', error);
  }
  try {
    let done = 0;
    while (done < out.length) {
      const n = readSync(file, out, done, out.length - done, source.offset + done);
      if (n === 0)
        fail(
          'BAD_CHECKPOINT',
          `${source.path} ends inside a weight`,
          `${source.length} bytes wanted at ${source.offset}, ${done} came`,
          'the file is cut short: fetch it again',
        );
      done += n;
    }
  } finally {
    closeSync(file);
  }
  return out;
}

/** A new file beside the graph that takes the weights, where they are too large to go inside. */
export interface DataFile {
  /** Its name, as the graph will look for it: beside itself. */
  readonly location: string;
  /** Adds bytes to the file and says where they begin. */
  append(bytes: Uint8Array): number;
}

const SMALL = 1024; // bytes; smaller weights stay in the graph, where shape inference reads them

/** TensorProto: the numbers themselves, or (`external`) the place in a file where they are or go. */
export function weightMessage(name: string, source: WeightSource, external: boolean | DataFile): Message {
  const m = new Message().ints(1, source.shape).int(2, DTYPES[sourceDtype(source)].code).string(8, name);
  if (typeof external === 'object' && sourceLength(source) > SMALL) {
    const bytes = weightBytes(source);
    return elsewhere(m, external.location, external.append(bytes), bytes.length);
  }
  if (external === true && 'path' in source) return elsewhere(m, basename(source.path), source.offset, source.length);
  return m.bytes(9, weightBytes(source));
}

function elsewhere(m: Message, location: string, offset: number, length: number): Message {
  const entries = { location, offset: String(offset), length: String(length) };
  for (const [key, value] of Object.entries(entries)) m.message(13, new Message().string(1, key).string(2, value));
  return m.int(14, 1);
}

/**
 * One `location` per file: files of one name in two folders cannot both be beside the graph.
 * @throws {DenseError} BAD_CHECKPOINT on such a clash
 */
export function checkLocations(files: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const file of files) {
    const other = seen.get(basename(file));
    if (other !== undefined && other !== file)
      fail(
        'BAD_CHECKPOINT',
        `two weight files are called ${basename(file)}`,
        `${dirname(other)} and ${dirname(file)} both hold one, and a graph finds its weights by file name`,
        'rename one of the files',
      );
    seen.set(basename(file), file);
  }
}
