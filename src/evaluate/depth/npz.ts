import { inflateRawSync } from 'node:zlib';
import { fail, messageOf, type NpyArray, readNpy } from '../../core/index.ts';

/** Names that a lone depth map among several arrays goes by. */
const NAMES = ['depth', 'disparity', 'disp', 'pred', 'inverse_depth', 'arr_0'];
const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_ENTRY = 0x04034b50;

interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

/**
 * Reads the array of a .npz file (numpy.savez, numpy.savez_compressed): the only one, or the one named depth,
 * disparity, disp, pred, inverse_depth or arr_0.
 *
 * @throws {DenseError} BAD_INPUT naming the file: no zip, cut short, damaged, no such array
 */
export function readNpz(bytes: Uint8Array, file: string): NpyArray {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const arrays = directory(b, file).filter(e => e.name.endsWith('.npy'));
  const entry = arrays.length === 1 ? arrays[0] : NAMES.flatMap(n => arrays.filter(e => e.name === `${n}.npy`)).at(0);
  if (!entry)
    return fail(
      'BAD_INPUT',
      `${file} holds ${arrays.length} arrays`,
      arrays.length ? `none is named ${NAMES.join(', ')}: ${arrays.map(e => e.name).join(', ')}` : 'it is empty',
      'save one array per file, or name it depth',
    );
  return readNpy(unpack(b, entry, file), `${file} (${entry.name})`);
}

function broken(file: string, why: string, cause?: unknown): never {
  fail('BAD_INPUT', `${file} cannot be read as npz`, why, 'write it with numpy.savez(path, depth=array)', cause);
}

function directory(b: Buffer, file: string): ZipEntry[] {
  let end = b.length - 22;
  // a comment of up to 65535 bytes may follow
  while (end >= 0 && end >= b.length - 22 - 65535 && b.readUInt32LE(end) !== END_OF_DIRECTORY) end--;
  if (end < 0 || b.readUInt32LE(end) !== END_OF_DIRECTORY)
    broken(file, 'it has no zip directory: cut short, or no zip');
  const entries: ZipEntry[] = [];
  let at = b.readUInt32LE(end + 16);
  for (let k = b.readUInt16LE(end + 10); k > 0; k--) {
    if (at + 46 > b.length || b.readUInt32LE(at) !== DIRECTORY_ENTRY) broken(file, 'its zip directory is damaged');
    const nameLength = b.readUInt16LE(at + 28);
    entries.push({
      name: b.toString('utf8', at + 46, at + 46 + nameLength),
      method: b.readUInt16LE(at + 10),
      packed: b.readUInt32LE(at + 20),
      size: b.readUInt32LE(at + 24),
      offset: b.readUInt32LE(at + 42),
    });
    at += 46 + nameLength + b.readUInt16LE(at + 30) + b.readUInt16LE(at + 32);
  }
  return entries;
}

function unpack(b: Buffer, entry: ZipEntry, file: string): Uint8Array {
  const { offset } = entry;
  if (offset + 30 > b.length || b.readUInt32LE(offset) !== LOCAL_ENTRY)
    broken(file, `${entry.name} is not where the zip directory says (files above 4 GB are not read)`);
  const start = offset + 30 + b.readUInt16LE(offset + 26) + b.readUInt16LE(offset + 28);
  const body = b.subarray(start, start + entry.packed);
  if (body.length < entry.packed) broken(file, `${entry.name} is cut short`);
  if (entry.method === 0) return body;
  if (entry.method !== 8) broken(file, `${entry.name} is packed with method ${entry.method}`);
  try {
    return inflateRawSync(body, { maxOutputLength: Math.max(1, entry.size) });
  } catch (error) {
    return broken(file, `${entry.name} cannot be unpacked (${messageOf(error)})`, error);
  }
}
