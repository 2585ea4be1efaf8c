import { fail, sizeOf } from '../core/index.ts';
import { float32FromBfloat16, float32FromFloat16 } from './half.ts';
import { type ByteSource, withFile } from './source.ts';
import { type Checkpoint, DTYPE_BYTES, type StoredDtype, type StoredTensor } from './types.ts';

/** Typed array over little endian bytes, per dtype. */
const TO_FLOAT: Readonly<Record<StoredDtype, (bytes: ArrayBuffer) => Float32Array>> = {
  f32: bytes => new Float32Array(bytes),
  f64: bytes => Float32Array.from(new Float64Array(bytes)),
  f16: bytes => float32FromFloat16(new Uint16Array(bytes)),
  bf16: bytes => float32FromBfloat16(new Uint16Array(bytes)),
  i64: bytes => Float32Array.from(new BigInt64Array(bytes), Number),
  i32: bytes => Float32Array.from(new Int32Array(bytes)),
  i16: bytes => Float32Array.from(new Int16Array(bytes)),
  i8: bytes => Float32Array.from(new Int8Array(bytes)),
  u8: bytes => Float32Array.from(new Uint8Array(bytes)),
  bool: bytes => Float32Array.from(new Uint8Array(bytes), value => (value === 0 ? 0 : 1)),
};

/**
 * Values of one tensor as float32, row-major, whatever its dtype and strides. f16, bf16 are widened exactly; f64 and
 * integers are rounded to the nearest float32.
 *
 * @param name as stored
 * @throws {DenseError} BAD_CHECKPOINT when there is no such tensor or the file changed since it was opened
 */
export async function readTensor(checkpoint: Checkpoint, name: string): Promise<Float32Array> {
  const tensor = findTensor(checkpoint, name);
  return TO_FLOAT[tensor.dtype]((await readTensorBytes(checkpoint, name)).buffer);
}

/**
 * Bytes of one tensor in its own dtype, little endian, row-major without gaps.
 * @throws {DenseError} as {@link readTensor}
 */
export async function readTensorBytes(checkpoint: Checkpoint, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const tensor = findTensor(checkpoint, name);
  return withFile(checkpoint.path, source => readBytes(source, checkpoint.bytes, tensor));
}

/** {@link readTensorBytes} over any source of bytes. */
export async function readBytes(
  source: ByteSource,
  sizeWhenOpened: number,
  tensor: StoredTensor,
): Promise<Uint8Array<ArrayBuffer>> {
  if (source.size !== sizeWhenOpened)
    fail(
      'BAD_CHECKPOINT',
      `${source.path} changed while it was in use`,
      `it had ${sizeWhenOpened} bytes and now has ${source.size}`,
      'leave the file alone while it is used, and run it again',
    );
  const stored = (await source.read(tensor.offset, tensor.length)) as Uint8Array<ArrayBuffer>;
  return tensor.contiguous ? stored : gather(stored, tensor);
}

function findTensor(checkpoint: Checkpoint, name: string): StoredTensor {
  const tensor = checkpoint.tensors.get(name);
  if (tensor !== undefined) return tensor;
  fail(
    'BAD_CHECKPOINT',
    `there is no tensor ${name} in ${checkpoint.path}`,
    `the file holds ${checkpoint.tensors.size} tensors under other names`,
    `see them with: pe-dense inspect ${checkpoint.path} --all`,
  );
}

/** Copies a strided tensor into row-major order. */
function gather(stored: Uint8Array, { dtype, shape, strides }: StoredTensor): Uint8Array<ArrayBuffer> {
  const width = DTYPE_BYTES[dtype];
  const count = sizeOf(shape);
  const out = new Uint8Array(count * width);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let i = 0; i < count; i++) {
    for (let b = 0; b < width; b++) out[i * width + b] = stored[from * width + b]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}
