/**
 * Protocol buffers, the part ONNX needs: varints, 32-bit floats and length-delimited fields.
 * Wire format: https://protobuf.dev/programming-guides/encoding/ ; message numbers: onnx/onnx.proto3.
 */
import { fail } from '../core/index.ts';

const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;
const utf8 = new TextEncoder();

/** Bytes of an unsigned or two's complement 64-bit varint. */
export function varint(value: number | bigint): number[] {
  const out: number[] = [];
  if (typeof value === 'number' && value >= 0 && value < 2 ** 31) {
    let v = value;
    while (v > 127) {
      out.push((v & 127) | 128);
      v >>>= 7;
    }
    out.push(v);
    return out;
  }
  let v = BigInt.asUintN(64, BigInt(value));
  while (v > 127n) {
    out.push(Number(v & 127n) | 128);
    v >>= 7n;
  }
  out.push(Number(v));
  return out;
}

/** One message as a list of pieces; large payloads are referenced, and copied once, by {@link Message.finish}. */
export class Message {
  private readonly pieces: (Uint8Array | number[])[] = [];
  /** Encoded size in bytes. */
  length = 0;

  private push(piece: Uint8Array | number[]): void {
    this.pieces.push(piece);
    this.length += piece.length;
  }

  private tag(field: number, wire: number): void {
    this.push(varint((field << 3) | wire));
  }

  int(field: number, value: number | bigint): this {
    this.tag(field, VARINT);
    this.push(varint(value));
    return this;
  }

  float(field: number, value: number): this {
    this.tag(field, FIXED32);
    this.push(new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.tag(field, BYTES);
    this.push(varint(value.length));
    this.push(value);
    return this;
  }

  string(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value));
  }

  message(field: number, value: Message): this {
    this.tag(field, BYTES);
    this.push(varint(value.length));
    for (const piece of value.pieces) this.pieces.push(piece);
    this.length += value.length;
    return this;
  }

  /** Packed repeated integers. */
  ints(field: number, values: readonly (number | bigint)[]): this {
    const body = values.flatMap(v => varint(v));
    this.tag(field, BYTES);
    this.push(varint(body.length));
    this.push(body);
    return this;
  }

  /** Packed repeated 32-bit floats. */
  floats(field: number, values: readonly number[]): this {
    return this.bytes(field, new Uint8Array(Float32Array.from(values).buffer));
  }

  /**
   * The encoded message in one array.
   * @throws {DenseError} RUNTIME at 2 GiB, where protobuf ends
   */
  finish(): Uint8Array {
    if (this.length >= 2 ** 31)
      fail(
        'RUNTIME',
        `the graph is ${this.length} bytes long`,
        'one protobuf message holds less than 2 GiB',
        'keep the weights in their file: build({ weights: "external" })',
      );
    const out = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.pieces) {
      out.set(piece, at);
      at += piece.length;
    }
    return out;
  }
}

/** One decoded field: a varint as bigint, or the bytes of anything else. */
export interface Field {
  readonly field: number;
  readonly wire: number;
  readonly int: bigint;
  readonly bytes: Uint8Array;
}

const NO_BYTES = new Uint8Array(0);

/**
 * The fields of one encoded message, in file order; nested messages stay bytes (views, not copies).
 * @throws {DenseError} BAD_CHECKPOINT when the bytes are not a protobuf message
 */
export function* fields(message: Uint8Array): Generator<Field> {
  let at = 0;
  const bad = (why: string): never =>
    fail('BAD_CHECKPOINT', 'this is not an ONNX model', `protobuf byte ${at}: ${why}`, 'pass a complete .onnx file');
  const readVarint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= message.length) bad('ends inside a number');
      const byte = message[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    return bad('number longer than 64 bits');
  };
  const take = (n: number): Uint8Array => {
    if (at + n > message.length) bad(`field of ${n} bytes passes the end`);
    at += n;
    return message.subarray(at - n, at);
  };
  while (at < message.length) {
    const key = Number(readVarint());
    const field = Math.floor(key / 8);
    const wire = key % 8;
    if (field === 0) bad('field number 0');
    if (wire === VARINT) yield { field, wire, int: readVarint(), bytes: NO_BYTES };
    else if (wire === BYTES) yield { field, wire, int: 0n, bytes: take(Number(readVarint())) };
    else if (wire === FIXED32) yield { field, wire, int: 0n, bytes: take(4) };
    else if (wire === 1) yield { field, wire, int: 0n, bytes: take(8) };
    else bad(`wire type ${wire}`);
  }
}
