import { fail } from '../core/index.ts';
import { printable } from './show.ts';
import type { ByteSource } from './source.ts';

/** One stored (uncompressed) record of a zip: what the central directory says. */
export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly encrypted: boolean;
  readonly compressedSize: number;
  readonly size: number;
  /** Position of the local header, not of the data. */
  readonly headerOffset: number;
}

/** A zip's index. */
export interface ZipIndex {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** Where the central directory starts: every record's data must end before it. */
  readonly directoryOffset: number;
}

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
// a PE giant detector with its optimizer has about 5,000 records of about 100 bytes
const MAX_DIRECTORY = 1 << 25;
const MAX_ENTRIES = 1 << 18;
const U32 = 0xffffffff;

/** Whether bytes begin like a zip that is not empty. */
export function looksLikeZip(head: Uint8Array): boolean {
  return head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4;
}

/**
 * Reads the central directory of a zip (zip64 included), never the records.
 * @throws {DenseError} BAD_CHECKPOINT when it is truncated, damaged or absurdly large
 */
export async function readZipIndex(source: ByteSource): Promise<ZipIndex> {
  const { count, size, offset } = await findDirectory(source);
  if (size > MAX_DIRECTORY || count > MAX_ENTRIES)
    damaged(source, `its directory claims ${count} records in ${size} bytes`);
  const bytes = await source.read(offset, size);
  const view = viewOf(bytes);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > size || view.getUint32(at, true) !== CENTRAL)
      damaged(source, `record ${i} of ${count} is missing from its directory`);
    const nameEnd = at + 46 + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const next = extraEnd + view.getUint16(at + 32, true);
    if (next > size) damaged(source, `record ${i} of ${count} reaches past its directory`);
    const name = Buffer.from(bytes.subarray(at + 46, nameEnd)).toString('utf8');
    const wide = widen(view, nameEnd, extraEnd, [
      view.getUint32(at + 24, true),
      view.getUint32(at + 20, true),
      view.getUint32(at + 42, true),
    ]);
    if (!wide) damaged(source, `record ${printable(name)} has no 64-bit sizes where it needs them`);
    if (entries.has(name)) damaged(source, `record ${printable(name)} is listed twice`);
    entries.set(name, {
      name,
      method: view.getUint16(at + 10, true),
      encrypted: (view.getUint16(at + 8, true) & 1) === 1,
      compressedSize: wide[1],
      size: wide[0],
      headerOffset: wide[2],
    });
    at = next;
  }
  return { entries, directoryOffset: offset };
}

/**
 * Where a record's data starts in the file. The local header's name and extra field have their own lengths (torch pads
 * there to align the data), so it has to be read.
 *
 * @throws {DenseError} BAD_CHECKPOINT when the record is compressed, encrypted, or does not lie inside the file
 */
export async function dataOffset(source: ByteSource, index: ZipIndex, entry: ZipEntry): Promise<number> {
  if (entry.encrypted)
    fail(
      'BAD_CHECKPOINT',
      `record ${printable(entry.name)} of ${source.path} is encrypted`,
      'torch.save never encrypts',
      'decrypt it first, then save it again with torch.save',
    );
  if (entry.method !== 0 || entry.compressedSize !== entry.size)
    fail(
      'BAD_CHECKPOINT',
      `record ${printable(entry.name)} of ${source.path} is compressed`,
      'torch.save stores records plain, and they are read in place; another program has packed this file again',
      'load it in Python and write it with torch.save, or unpack it and zip it with zip -0',
    );
  const expectedName = Buffer.from(entry.name);
  const header = await source.read(entry.headerOffset, 30 + expectedName.length);
  const view = viewOf(header);
  if (view.getUint32(0, true) !== LOCAL)
    damaged(source, `record ${printable(entry.name)} does not start where it should`);
  if (view.getUint16(26, true) !== expectedName.length || !expectedName.equals(header.subarray(30)))
    damaged(source, `the directory and the record itself disagree on the name ${printable(entry.name)}`);
  const start = entry.headerOffset + header.length + view.getUint16(28, true);
  if (start + entry.size > index.directoryOffset)
    damaged(source, `record ${printable(entry.name)} (${entry.size} bytes at ${start}) runs into the directory`);
  return start;
}

async function findDirectory(source: ByteSource): Promise<{ count: number; size: number; offset: number }> {
  // the end record is 22 bytes and a comment of at most 65,535
  const tailLength = Math.min(source.size, 22 + 0xffff);
  const tailStart = source.size - tailLength;
  const tail = await source.read(tailStart, tailLength);
  const view = viewOf(tail);
  for (let at = tailLength - 22; at >= 0; at--) {
    if (view.getUint32(at, true) !== END || at + 22 + view.getUint16(at + 20, true) !== tailLength) continue;
    const end = await widenEnd(source, tailStart + at, {
      count: view.getUint16(at + 10, true),
      size: view.getUint32(at + 12, true),
      offset: view.getUint32(at + 16, true),
    });
    if (end.offset + end.size > tailStart + at) damaged(source, 'its directory lies outside the file');
    return end;
  }
  fail(
    'BAD_CHECKPOINT',
    `${source.path} is truncated`,
    'it starts like a PyTorch checkpoint (a zip), but the directory that ends every zip is not there',
    `fetch it again: the ${source.size} bytes here are only its beginning`,
  );
}

async function widenEnd(
  source: ByteSource,
  endOffset: number,
  end: { count: number; size: number; offset: number },
): Promise<{ count: number; size: number; offset: number }> {
  if (endOffset < 20) return end;
  const locator = viewOf(await source.read(endOffset - 20, 20));
  if (locator.getUint32(0, true) !== LOCATOR64) return end;
  const at = readU64(locator, 8);
  if (at + 56 > endOffset) damaged(source, 'its 64-bit end record lies outside the file');
  const wide = viewOf(await source.read(at, 56));
  if (wide.getUint32(0, true) !== END64) damaged(source, 'its 64-bit end record is missing');
  return { count: readU64(wide, 32), size: readU64(wide, 40), offset: readU64(wide, 48) };
}

/** Replaces values that read 2^32 - 1 by those of the zip64 extra field, in its fixed order. */
function widen(
  view: DataView,
  start: number,
  end: number,
  narrow: readonly [number, number, number],
): [number, number, number] | undefined {
  const wide: [number, number, number] = [...narrow];
  if (!narrow.includes(U32)) return wide;
  for (let at = start; at + 4 <= end; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    const fieldEnd = Math.min(end, at + 4 + view.getUint16(at + 2, true));
    let value = at + 4;
    for (let i = 0; i < 3; i++) {
      if (narrow[i] !== U32) continue;
      if (value + 8 > fieldEnd) return undefined;
      wide[i] = readU64(view, value);
      value += 8;
    }
    return wide;
  }
  return undefined;
}

/** A 64-bit number; past 2^53 it is Infinity, which no file size satisfies. */
function readU64(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(value);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(source: ByteSource, why: string): never {
  fail(
    'BAD_CHECKPOINT',
    `${source.path} is damaged`,
    why,
    'fetch the file again and compare its size or hash with the origin',
  );
}
