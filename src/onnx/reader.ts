import { type Dtype, dtypeName } from './dtype.ts';
import { type Field, fields } from './proto.ts';

/** Type and shape of a model's input or output; free dimensions keep their symbol, unnamed ones are `?`. */
export interface ModelValue {
  readonly name: string;
  readonly dtype: Dtype | `type ${number}`;
  readonly shape: readonly (number | string)[];
}

/** A weight of a model: its name and form, and where it lies when that is another file. */
export interface ModelWeight {
  readonly name: string;
  readonly dtype: Dtype | `type ${number}`;
  readonly shape: readonly number[];
  /** Bytes held inside the model; 0 when external. */
  readonly bytes: number;
  readonly external?: { readonly location: string; readonly offset: number; readonly length: number };
}

export interface ModelNode {
  readonly name: string;
  readonly type: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** What an ONNX file says about itself; weights are listed, not read. */
export interface ModelSummary {
  readonly irVersion: number;
  readonly producer: string;
  readonly graphName: string;
  /** Operator set version per domain; `''` is ONNX itself. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Inputs that are not weights. */
  readonly inputs: readonly ModelValue[];
  readonly outputs: readonly ModelValue[];
  readonly nodes: readonly ModelNode[];
  readonly weights: readonly ModelWeight[];
}

const utf8 = new TextDecoder();
const text = (f: Field) => utf8.decode(f.bytes);
const number = (f: Field) => Number(BigInt.asIntN(64, f.int));

function* packed(f: Field): Generator<number> {
  if (f.wire === 0) {
    yield number(f);
    return;
  }
  let value = 0n;
  let shift = 0n;
  for (const byte of f.bytes) {
    value |= BigInt(byte & 127) << shift;
    shift += 7n;
    if (byte >= 128) continue;
    yield Number(BigInt.asIntN(64, value));
    value = 0n;
    shift = 0n;
  }
}

function entry(message: Uint8Array): [string, string] {
  let key = '';
  let value = '';
  for (const f of fields(message)) {
    if (f.field === 1) key = text(f);
    else if (f.field === 2) value = text(f);
  }
  return [key, value];
}

function readShape(message: Uint8Array): (number | string)[] {
  const shape: (number | string)[] = [];
  for (const dim of fields(message)) {
    if (dim.field !== 1) continue;
    let length: number | string = '?';
    for (const f of fields(dim.bytes)) length = f.field === 1 ? number(f) : f.field === 2 ? text(f) || '?' : length;
    shape.push(length);
  }
  return shape;
}

function readValue(message: Uint8Array): ModelValue {
  let name = '';
  let dtype: ModelValue['dtype'] = 'type 0';
  let shape: (number | string)[] = [];
  for (const f of fields(message)) {
    if (f.field === 1) name = text(f);
    if (f.field !== 2) continue;
    for (const type of fields(f.bytes)) {
      if (type.field !== 1) continue; // sequences, maps and optionals keep `type 0`
      for (const t of fields(type.bytes)) {
        if (t.field === 1) dtype = dtypeName(number(t));
        else if (t.field === 2) shape = readShape(t.bytes);
      }
    }
  }
  return { name, dtype, shape };
}

function readNode(message: Uint8Array): ModelNode {
  const node = { name: '', type: '', domain: '', inputs: [] as string[], outputs: [] as string[] };
  for (const f of fields(message)) {
    if (f.field === 1) node.inputs.push(text(f));
    else if (f.field === 2) node.outputs.push(text(f));
    else if (f.field === 3) node.name = text(f);
    else if (f.field === 4) node.type = text(f);
    else if (f.field === 7) node.domain = text(f);
  }
  return node;
}

function readWeight(message: Uint8Array): ModelWeight {
  let name = '';
  let dtype: ModelWeight['dtype'] = 'type 0';
  let bytes = 0;
  const shape: number[] = [];
  const place: Record<string, string> = {};
  for (const f of fields(message)) {
    if (f.field === 1) shape.push(...packed(f));
    else if (f.field === 2) dtype = dtypeName(number(f));
    else if (f.field === 8) name = text(f);
    else if (f.field === 13) {
      const [key, value] = entry(f.bytes);
      place[key] = value;
    } else if ([4, 5, 7, 9, 10, 11].includes(f.field)) bytes += f.bytes.length;
  }
  if (place.location === undefined) return { name, dtype, shape, bytes };
  const external = { location: place.location, offset: Number(place.offset ?? 0), length: Number(place.length ?? 0) };
  return { name, dtype, shape, bytes: 0, external };
}

/**
 * Reads the outline of an ONNX model.
 *
 * @param model the bytes of the `.onnx` file (ModelProto)
 * @throws {DenseError} BAD_CHECKPOINT when they are not one
 * @see onnx/onnx.proto3
 */
export function readModel(model: Uint8Array): ModelSummary {
  let irVersion = 0;
  let producer = '';
  let graphName = '';
  const opsets: Record<string, number> = {};
  const metadata: Record<string, string> = {};
  const inputs: ModelValue[] = [];
  const outputs: ModelValue[] = [];
  const nodes: ModelNode[] = [];
  const weights: ModelWeight[] = [];
  for (const f of fields(model)) {
    if (f.field === 1) irVersion = number(f);
    else if (f.field === 2) producer = text(f);
    else if (f.field === 8) {
      let domain = '';
      let version = 0;
      for (const o of fields(f.bytes)) {
        if (o.field === 1) domain = text(o);
        else if (o.field === 2) version = number(o);
      }
      opsets[domain] = version;
    } else if (f.field === 14) {
      const [key, value] = entry(f.bytes);
      metadata[key] = value;
    } else if (f.field === 7)
      for (const g of fields(f.bytes)) {
        if (g.field === 1) nodes.push(readNode(g.bytes));
        else if (g.field === 2) graphName = text(g);
        else if (g.field === 5) weights.push(readWeight(g.bytes));
        else if (g.field === 11) inputs.push(readValue(g.bytes));
        else if (g.field === 12) outputs.push(readValue(g.bytes));
      }
  }
  const stored = new Set(weights.map(w => w.name));
  const free = inputs.filter(v => !stored.has(v.name));
  return { irVersion, producer, graphName, opsets, metadata, inputs: free, outputs, nodes, weights };
}
