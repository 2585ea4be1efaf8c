import { fail, messageOf, sizeOf } from '../core/index.ts';
import { bytesOf, formatShape, isShape, rowMajorStrides } from './layout.ts';
import { printable } from './show.ts';
import type { ByteSource } from './source.ts';
import type { Checkpoint, StoredDtype, StoredTensor } from './types.ts';

/** The format's own limit on its header. */
export const MAX_HEADER = 100_000_000;

const DTYPES: Readonly<Record<string, StoredDtype>> = {
  F32: 'f32',
  F64: 'f64',
  F16: 'f16',
  BF16: 'bf16',
  I64: 'i64',
  I32: 'i32',
  I16: 'i16',
  I8: 'i8',
  U8: 'u8',
  BOOL: 'bool',
};

/** Whether bytes begin like a safetensors file: a length no file of this size contradicts, then a JSON object. */
export function looksLikeSafetensors(head: Uint8Array): boolean {
  return head.length >= 9 && head[8] === 0x7b && head[4] === 0 && head[5] === 0 && head[6] === 0 && head[7] === 0;
}

/**
 * Opens a safetensors file: reads its header only, at most 100 MB.
 * @throws {DenseError} BAD_CHECKPOINT naming the tensor: offsets outside the file, overlapping, with gaps, or not
 *   matching dtype and shape; unknown dtype; damaged header
 * @see https://huggingface.co/docs/safetensors (format)
 */
export async function openSafetensors(source: ByteSource): Promise<Checkpoint> {
  const length = Number(new DataView((await source.read(0, 8)).buffer).getBigUint64(0, true));
  if (length > MAX_HEADER || 8 + length > source.size)
    damaged(
      source,
      length > MAX_HEADER
        ? `its header claims ${length} bytes, and the format allows ${MAX_HEADER}`
        : `its header has ${length} bytes and the file only ${source.size}: it is truncated`,
    );
  const header = parseHeader(source, await source.read(8, length));
  const dataStart = 8 + length;
  const tensors = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => describe(source, name, entry, dataStart))
    .sort((a, b) => a.offset - b.offset || a.length - b.length);
  checkCover(source, tensors, dataStart);
  return {
    path: source.path,
    format: 'safetensors',
    bytes: source.size,
    tensors: new Map(tensors.map(tensor => [tensor.name, tensor])),
    metadata: metadataOf(source, header.__metadata__),
  };
}

function parseHeader(source: ByteSource, bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  const text = Buffer.from(bytes).toString('utf8');
  try {
    header = JSON.parse(text);
  } catch (error) {
    damaged(source, `its header is not JSON: ${messageOf(error)}`, error);
  }
  if (!isObject(header)) damaged(source, 'its header is not a JSON object');
  const twice = repeatedKey(text);
  if (twice !== undefined) damaged(source, `its header lists tensor ${printable(twice)} twice`);
  return header;
}

function describe(source: ByteSource, name: string, entry: unknown, dataStart: number): StoredTensor {
  if (!isObject(entry) || !Array.isArray(entry.shape) || !Array.isArray(entry.data_offsets))
    badTensor(source, name, 'its header entry lacks dtype, shape or data_offsets');
  const dtype = typeof entry.dtype === 'string' && Object.hasOwn(DTYPES, entry.dtype) ? DTYPES[entry.dtype] : undefined;
  if (dtype === undefined)
    badTensor(
      source,
      name,
      `its elements are ${printable(String(JSON.stringify(entry.dtype)))}; read are ${Object.keys(DTYPES).join(', ')}`,
    );
  const shape: unknown[] = entry.shape;
  if (!isShape(shape)) badTensor(source, name, 'its shape is not a list of sizes');
  const [begin, end] = entry.data_offsets as unknown[];
  if (!isCount(begin) || !isCount(end) || end < begin || entry.data_offsets.length !== 2)
    badTensor(source, name, 'its data_offsets are not a range');
  const expected = bytesOf(dtype, sizeOf(shape));
  if (end - begin !== expected)
    badTensor(
      source,
      name,
      `shape ${formatShape(shape)} of ${dtype} takes ${expected} bytes, and its range holds ${end - begin}`,
    );
  if (dataStart + end > source.size)
    badTensor(source, name, `it ends at byte ${dataStart + end} and the file at ${source.size}: it is truncated`);
  return {
    name,
    dtype,
    shape,
    strides: rowMajorStrides(shape),
    contiguous: true,
    offset: dataStart + begin,
    length: expected,
  };
}

/** The format demands that the tensors cover the data without gaps or overlaps. */
function checkCover(source: ByteSource, tensors: readonly StoredTensor[], dataStart: number): void {
  let at = dataStart;
  for (const { name, offset, length } of tensors) {
    if (offset < at) badTensor(source, name, `it overlaps the tensor before it by ${at - offset} bytes`);
    if (offset > at) badTensor(source, name, `${offset - at} bytes before it belong to no tensor`);
    at = offset + length;
  }
  if (at !== source.size) damaged(source, `${source.size - at} bytes at its end belong to no tensor`);
  if (tensors.length === 0) damaged(source, 'it holds no tensors');
}

function metadataOf(source: ByteSource, value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value) || !Object.values(value).every(text => typeof text === 'string'))
    damaged(source, 'its __metadata__ is not a table of texts');
  return value as Record<string, string>;
}

/** First key that a JSON object (already known to parse) has twice at its top level; JSON.parse keeps only the last. */
function repeatedKey(text: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  for (const token of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g)) {
    const [whole, colon] = token;
    if (whole === '{' || whole === '[') depth++;
    else if (whole === '}' || whole === ']') depth--;
    else if (depth === 1 && colon !== undefined) {
      const key = JSON.parse(whole.slice(0, whole.length - colon.length)) as string;
      if (seen.has(key)) return key;
      seen.add(key);
    }
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function badTensor(source: ByteSource, name: string, why: string): never {
  fail(
    'BAD_CHECKPOINT',
    `tensor ${printable(name)} in ${source.path} cannot be read`,
    why,
    'fetch the file again and compare its size or hash with the origin',
  );
}

function damaged(source: ByteSource, why: string, cause?: unknown): never {
  fail(
    'BAD_CHECKPOINT',
    `${source.path} is a damaged safetensors file`,
    why,
    'fetch the file again and compare its size or hash with the origin',
    cause,
  );
}
