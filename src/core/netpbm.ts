import { fail } from './errors.ts';

/** One plane of numbers. */
export interface NetpbmPlane {
  readonly width: number;
  readonly height: number;
  /** top row first */
  readonly data: Float64Array;
}

/** Larger pictures are taken for broken headers. */
const MAX_PIXELS = 1 << 28;

/**
 * Portable float map, one channel (`Pf`): bottom row first, byte order by the sign of the scale.
 * @throws {DenseError} BAD_INPUT naming the file
 */
export function readPfm(bytes: Uint8Array, file: string): NetpbmPlane {
  const head = header(bytes, 4, file);
  if (head.words[0] === 'PF')
    fail('BAD_INPUT', `${file} is a colour PFM`, 'a depth map has one channel', 'write a one-channel PFM (Pf)');
  if (head.words[0] !== 'Pf') bad(file, 'PFM', 'it does not begin with Pf');
  const { width, height } = size(head.words, file, 'PFM');
  const scale = Number(head.words[3]);
  if (!Number.isFinite(scale) || scale === 0) bad(file, 'PFM', `its scale is "${head.words[3]}"`);
  if (bytes.length - head.end < 4 * width * height) bad(file, 'PFM', `it holds fewer than ${width} x ${height} values`);
  const view = new DataView(bytes.buffer, bytes.byteOffset + head.end);
  const data = new Float64Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      data[y * width + x] = view.getFloat32(4 * ((height - 1 - y) * width + x), scale < 0);
  return { width, height, data };
}

/**
 * Portable float map of one channel: `Pf`, little-endian, bottom row first.
 *
 * @param values `[height, width]`, top row first
 * @throws {DenseError} BAD_INPUT when size and values disagree
 * @see Paul Debevec's description of the format, https://www.pauldebevec.com/Research/HDR/PFM/
 */
export function writePfm(width: number, height: number, values: Float32Array): Uint8Array {
  if (values.length !== width * height)
    fail('BAD_INPUT', `a PFM of ${width} x ${height}`, `it got ${values.length} values`, 'make the two agree');
  const head = pfmHeader(width, height);
  const out = new Uint8Array(head.length + 4 * values.length);
  out.set(head);
  for (let y = 0; y < height; y++)
    out.set(littleEndian(values, y * width, width), head.length + 4 * (height - 1 - y) * width);
  return out;
}

/** What a little-endian {@link writePfm} file begins with; its rows follow, the bottom one first. */
export function pfmHeader(width: number, height: number): Uint8Array {
  return new TextEncoder().encode(`Pf\n${width} ${height}\n-1.0\n`);
}

/** Bytes of a run of values as files keep them; the machines Node runs on store them so already. */
export function littleEndian(values: Float32Array, from: number, count: number): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset + 4 * from, 4 * count);
}

/**
 * Portable grey map, plain (P2) or binary (P5), 8 or 16 bits.
 * @returns `limit` = the file's maximum value
 * @throws {DenseError} BAD_INPUT naming the file
 */
export function readPgm(bytes: Uint8Array, file: string): NetpbmPlane & { readonly limit: number } {
  const head = header(bytes, 4, file);
  const kind = head.words[0];
  if (kind !== 'P2' && kind !== 'P5') bad(file, 'PGM', 'it does not begin with P2 or P5');
  const { width, height } = size(head.words, file, 'PGM');
  const limit = Number(head.words[3]);
  if (!Number.isInteger(limit) || limit < 1 || limit > 65535) bad(file, 'PGM', `its maximum is "${head.words[3]}"`);
  const count = width * height;
  const short = () => bad(file, 'PGM', `it holds fewer than ${width} x ${height} values`);
  if (kind === 'P2') {
    const words = Buffer.from(bytes.subarray(head.end)).toString('latin1').split(/\s+/).filter(Boolean);
    if (words.length < count) short();
    const data = Float64Array.from({ length: count }, (_, k) => Number(words[k]));
    if (data.some(v => !Number.isInteger(v) || v < 0 || v > limit))
      bad(file, 'PGM', 'a value is no number in its range');
    return { width, height, data, limit };
  }
  const wide = limit > 255 ? 2 : 1;
  const body = bytes.subarray(head.end);
  if (body.length < count * wide) short();
  const data = new Float64Array(count);
  for (let k = 0; k < count; k++) data[k] = wide === 2 ? (body[2 * k]! << 8) | body[2 * k + 1]! : body[k]!;
  return { width, height, data, limit };
}

function bad(file: string, format: string, why: string): never {
  fail('BAD_INPUT', `${file} cannot be read as ${format}`, why, 'give a whole, undamaged file');
}

function size(words: readonly string[], file: string, format: string): { width: number; height: number } {
  const [width, height] = [Number(words[1]), Number(words[2])];
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  if (!whole || width * height > MAX_PIXELS) bad(file, format, `its header says ${words[1]} x ${words[2]}`);
  return { width, height };
}

/** The first words of the file, comments skipped; one blank follows the last. */
function header(bytes: Uint8Array, count: number, file: string): { words: string[]; end: number } {
  const words: string[] = [];
  const blank = (c: number) => c === 32 || (c >= 9 && c <= 13);
  let at = 0;
  while (words.length < count) {
    while (at < bytes.length && blank(bytes[at]!)) at++;
    if (bytes[at] === 35) {
      while (at < bytes.length && bytes[at] !== 10) at++;
      continue;
    }
    const from = at;
    while (at < bytes.length && at - from < 40 && !blank(bytes[at]!)) at++;
    if (at === from || at >= bytes.length) bad(file, 'PFM or PGM', 'its header is cut short');
    words.push(Buffer.from(bytes.subarray(from, at)).toString('latin1'));
  }
  return { words, end: at + 1 };
}
