import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail, messageOf, sizeOf } from '../core/index.ts';
import { float16FromFloat32 } from './half.ts';
import { formatShape } from './layout.ts';

/** One tensor to write. For f16, float32 values are rounded to nearest even and Uint16Array is taken as half bits. */
export type TensorToWrite = { readonly name: string; readonly shape: readonly number[] } & (
  | { readonly dtype: 'f32'; readonly data: Float32Array }
  | { readonly dtype: 'f16'; readonly data: Float32Array | Uint16Array }
  | { readonly dtype: 'i64'; readonly data: BigInt64Array }
);

const ALIGNMENT = 64;
const WIDTH = { f32: 4, f16: 2, i64: 8 } as const;

/**
 * Writes a safetensors file whole or not at all: a temporary file beside it is renamed over `path` at the end. The data
 * starts at a multiple of 64 bytes (the header is padded with spaces); wider elements come first, so every element lies
 * at a multiple of its own size, and within one dtype the order given is kept.
 *
 * @throws {DenseError} BAD_INPUT when a name repeats or data and shape disagree, RUNTIME when the disk refuses
 * @see https://huggingface.co/docs/safetensors (format)
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<TensorToWrite>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const ordered = [...tensors].sort((a, b) => WIDTH[b.dtype] - WIDTH[a.dtype]);
  const header = headerOf(ordered, metadata);
  const temporary = join(dirname(path), `.${randomBytes(8).toString('hex')}.tmp`);
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'wx');
    await handle.writeFile(header);
    for (const tensor of ordered) await handle.writeFile(bytesOf(tensor));
    await handle.sync();
    await handle.close();
    await rename(temporary, path);
  } catch (error) {
    await handle?.close().catch(() => {});
    await rm(temporary, { force: true });
    fail(
      'RUNTIME',
      `${path} could not be written`,
      messageOf(error),
      'check the folder, its permissions and space',
      error,
    );
  }
}

function headerOf(tensors: readonly TensorToWrite[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const entries = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) entries.set('__metadata__', metadata);
  let at = 0;
  for (const { name, dtype, shape, data } of tensors) {
    if (entries.has(name) || name === '__metadata__')
      fail('BAD_INPUT', `two tensors are named ${name}`, 'names are keys of the file', 'give each its own name');
    if (sizeOf(shape) !== data.length)
      fail(
        'BAD_INPUT',
        `tensor ${name} of shape ${formatShape(shape)} got ${data.length} values`,
        `the shape asks for ${sizeOf(shape)}`,
        'pass data of the right length',
      );
    const end = at + data.length * WIDTH[dtype];
    entries.set(name, { dtype: dtype.toUpperCase(), shape, data_offsets: [at, end] });
    at = end;
  }
  // assembled by hand: an object would move names like "0" to its front, and JSON.stringify drops "__proto__"
  const pairs = [...entries].map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`);
  const json = Buffer.from(`{${pairs.join(',')}}`);
  const padded = Math.ceil((8 + json.length) / ALIGNMENT) * ALIGNMENT;
  const header = Buffer.alloc(padded, ' ');
  header.writeBigUInt64LE(BigInt(padded - 8), 0);
  json.copy(header, 8);
  return header;
}

function bytesOf(tensor: TensorToWrite): Uint8Array {
  const { data } =
    tensor.dtype === 'f16' && tensor.data instanceof Float32Array ? { data: float16FromFloat32(tensor.data) } : tensor;
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
