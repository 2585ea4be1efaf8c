import { fail } from '../core/index.ts';

/** Element types of graph values, under onnxruntime's names, with ONNX's TensorProto.DataType number and width in bytes. */
export const DTYPES = {
  float32: { code: 1, bytes: 4 },
  uint8: { code: 2, bytes: 1 },
  int8: { code: 3, bytes: 1 },
  uint16: { code: 4, bytes: 2 },
  int16: { code: 5, bytes: 2 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
  bool: { code: 9, bytes: 1 },
  float16: { code: 10, bytes: 2 },
  float64: { code: 11, bytes: 8 },
  bfloat16: { code: 16, bytes: 2 },
} as const satisfies Record<string, { code: number; bytes: number }>;

export type Dtype = keyof typeof DTYPES;

const BY_CODE = new Map<number, Dtype>(Object.entries(DTYPES).map(([name, { code }]) => [code, name as Dtype]));

/** The name of an ONNX data type number, or `type N` for one this library does not use. */
export function dtypeName(code: number): Dtype | `type ${number}` {
  return BY_CODE.get(code) ?? `type ${code}`;
}

/** Arrays a graph may hold in memory. */
export type InlineData = Float32Array | Float64Array | Int32Array | Int8Array | Uint8Array | BigInt64Array;

/** Element type of an in-memory array. */
export function dtypeOf(data: InlineData): Dtype {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof BigInt64Array) return 'int64';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof Uint8Array) return 'uint8';
  if (data instanceof Int8Array) return 'int8';
  if (data instanceof Float64Array) return 'float64';
  return fail(
    'BAD_INPUT',
    `a constant cannot hold ${Object.prototype.toString.call(data)}`,
    'graphs hold Float32Array, Float64Array, BigInt64Array, Int32Array, Int8Array or Uint8Array',
    'convert the data first',
  );
}
