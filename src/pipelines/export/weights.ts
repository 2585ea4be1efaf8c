/** Weights in the number type that an exported file stores. */
import type { Weights } from '../../backbone/index.ts';
import { float16FromFloat32, float32FromBfloat16, float32FromFloat16 } from '../../checkpoint/index.ts';
import { fail, sizeOf } from '../../core/index.ts';
import { sourceDtype, type WeightSource, weightBytes } from '../../onnx/index.ts';

/** How an exported file holds its weights. */
export type StoredAs = 'float32' | 'float16';

/** A weight's numbers in float32. */
export function weightFloats(source: WeightSource): Float32Array {
  if ('data' in source && source.data instanceof Float32Array) return source.data;
  const bytes = weightBytes(source);
  const { buffer } = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const at = bytes.byteOffset % 8 === 0 ? bytes.byteOffset : 0;
  const count = sizeOf(source.shape);
  switch (sourceDtype(source)) {
    case 'float32':
      return new Float32Array(buffer, at, count);
    case 'float64':
      return Float32Array.from(new Float64Array(buffer, at, count));
    case 'float16':
      return float32FromFloat16(new Uint16Array(buffer, at, count));
    case 'bfloat16':
      return float32FromBfloat16(new Uint16Array(buffer, at, count));
    default:
      return fail('RUNTIME', `a weight of ${sourceDtype(source)}`, 'weights are floats', 'report this');
  }
}

/**
 * Gives every weight in one type, converted only when the file is written.
 *
 * `float16` leaves vectors (biases, norms) of float32 as they are: they are small, and norms suffer most. The position
 * grid stays a float32 array, since graphs resample it.
 *
 * @throws {DenseError} BAD_CHECKPOINT, on writing, for a number that float16 cannot hold
 */
export function storedAs(weights: Weights, wanted: StoredAs): Weights {
  return name => {
    const source = weights(name);
    const given = sourceDtype(source);
    if (name === 'positional_embedding' || given === wanted) return source;
    const half = wanted === 'float16' && source.shape.length > 1;
    if (half || given !== 'float32') return half ? asHalf(name, source) : asFloat(source);
    return source;
  };
}

function asFloat(source: WeightSource): WeightSource {
  const { shape } = source;
  const compute = () => bytesOf(weightFloats(source));
  return { shape, dtype: 'float32', length: 4 * sizeOf(shape), compute };
}

function asHalf(name: string, source: WeightSource): WeightSource {
  const { shape } = source;
  const compute = () => {
    const values = weightFloats(source);
    const largest = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    if (largest > 65504)
      fail(
        'BAD_CHECKPOINT',
        `weight ${name} reaches ${largest}`,
        'half precision ends at 65504',
        'export with --dtype fp32',
      );
    return bytesOf(float16FromFloat32(values));
  };
  return { shape, dtype: 'float16', length: 2 * sizeOf(shape), compute };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);
