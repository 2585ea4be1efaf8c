import { inflateSync } from 'node:zlib';
import { fail, messageOf } from '../../core/index.ts';

/** A PNG of one channel as the numbers stored in it: palette indices are not looked up, grey is not rescaled. */
export interface ValuePng {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: 1 | 2 | 4 | 8 | 16;
  readonly kind: 'grey' | 'palette';
  /** `[height, width]` */
  readonly data: Uint16Array | Uint8Array;
  /** RGB bytes of the palette's colours; only where there is one */
  readonly palette?: Uint8Array;
  /** tEXt chunks by keyword */
  readonly text: Readonly<Record<string, string>>;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const GREY = 0;
const PALETTE = 3;
const COLOUR_NAMES: Record<number, string> = { 2: 'RGB colours', 4: 'grey with alpha', 6: 'RGB colours with alpha' };
/** Larger pictures are taken for broken headers. */
const MAX_PIXELS = 1 << 28;

/**
 * Reads a grey or palette PNG (1 to 16 bits, not interlaced) without touching its numbers.
 *
 * @param file name for error messages
 * @throws {DenseError} BAD_INPUT naming the file: no PNG, cut short, damaged, colours or alpha, interlaced
 * @see PNG specification, third edition, W3C 2025
 */
export function readValuePng(bytes: Uint8Array, file: string): ValuePng {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (b.length < 8 || !b.subarray(0, 8).equals(SIGNATURE))
    broken(file, b.length === 0 ? 'the file is empty' : 'it does not begin as a PNG does');
  const text: Record<string, string> = {};
  const parts: Buffer[] = [];
  let palette: Uint8Array | undefined;
  let header: Header | undefined;
  let ended = false;
  for (let at = 8; at < b.length && !ended; ) {
    if (at + 12 > b.length) broken(file, 'it is cut short');
    const length = b.readUInt32BE(at);
    const type = b.toString('latin1', at + 4, at + 8);
    const body = b.subarray(at + 8, at + 8 + length);
    if (body.length < length || at + 12 + length > b.length) broken(file, `it is cut short in chunk ${type}`);
    if (type === 'IHDR') header = readHeader(body, file);
    else if (type === 'PLTE') palette = new Uint8Array(body);
    else if (type === 'IDAT') parts.push(body);
    else if (type === 'IEND') ended = true;
    else if (type === 'tEXt') {
      const split = body.indexOf(0);
      if (split > 0) text[body.toString('latin1', 0, split)] = body.toString('latin1', split + 1);
    }
    at += 12 + length;
  }
  if (!header) broken(file, 'it has no header');
  if (!ended) broken(file, 'it is cut short');
  const { width, height, bitDepth } = header;
  const stride = Math.ceil((width * bitDepth) / 8);
  let raw: Buffer;
  try {
    raw = inflateSync(Buffer.concat(parts), { maxOutputLength: height * (stride + 1) + 1 });
  } catch (error) {
    broken(file, `its data cannot be unpacked (${messageOf(error)})`, error);
  }
  if (raw.length < height * (stride + 1)) broken(file, 'it holds fewer pixels than its header says');
  unfilter(raw, height, stride, bitDepth === 16 ? 2 : 1, file);
  const data = unpack(raw, width, height, stride, bitDepth);
  const colours = header.kind === 'palette' && palette ? { palette } : {};
  return { width, height, bitDepth, kind: header.kind, data, ...colours, text };
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: 1 | 2 | 4 | 8 | 16;
  readonly kind: 'grey' | 'palette';
}

function readHeader(body: Buffer, file: string): Header {
  if (body.length !== 13) broken(file, `its header has ${body.length} bytes instead of 13`);
  const width = body.readUInt32BE(0);
  const height = body.readUInt32BE(4);
  const bitDepth = body[8]!;
  const colour = body[9]!;
  if (width === 0 || height === 0 || width * height > MAX_PIXELS) broken(file, `its header says ${width} x ${height}`);
  if (colour !== GREY && colour !== PALETTE)
    fail(
      'BAD_INPUT',
      `${file} is a PNG with ${COLOUR_NAMES[colour] ?? `colour type ${colour}`}`,
      'each pixel must be one number: a palette index or a grey value',
      'write a palette PNG for masks, a 16-bit grey PNG for depth',
    );
  if (![1, 2, 4, 8, 16].includes(bitDepth) || (colour === PALETTE && bitDepth === 16))
    broken(file, `its header says ${bitDepth} bits`);
  if (body[12] !== 0)
    fail('BAD_INPUT', `${file} is an interlaced PNG`, 'interlaced PNGs are not read', 'save it without interlacing');
  return { width, height, bitDepth: bitDepth as Header['bitDepth'], kind: colour === GREY ? 'grey' : 'palette' };
}

function broken(file: string, why: string, cause?: unknown): never {
  fail('BAD_INPUT', `${file} cannot be read as PNG`, why, 'give a whole, undamaged PNG file', cause);
}

/** Undoes the row filters in place; `bpp` = bytes per pixel. */
function unfilter(raw: Buffer, height: number, stride: number, bpp: number, file: string): void {
  for (let y = 0; y < height; y++) {
    const at = y * (stride + 1);
    const filter = raw[at]!;
    if (filter > 4) broken(file, `row ${y} has filter ${filter}`);
    if (filter === 0) continue;
    const row = at + 1;
    const up = row - stride - 1; // the row above, used when y > 0 only
    for (let x = 0; x < stride; x++) {
      const a = x >= bpp ? raw[row + x - bpp]! : 0;
      const b = y > 0 ? raw[up + x]! : 0;
      const c = x >= bpp && y > 0 ? raw[up + x - bpp]! : 0;
      let guess = 0;
      if (filter === 1) guess = a;
      else if (filter === 2) guess = b;
      else if (filter === 3) guess = (a + b) >> 1;
      else {
        const pa = Math.abs(b - c);
        const pb = Math.abs(a - c);
        const pc = Math.abs(a + b - 2 * c);
        guess = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
      }
      raw[row + x] = (raw[row + x]! + guess) & 255;
    }
  }
}

function unpack(raw: Buffer, width: number, height: number, stride: number, bits: number): Uint16Array | Uint8Array {
  const data = bits === 16 ? new Uint16Array(width * height) : new Uint8Array(width * height);
  for (let y = 0, o = 0; y < height; y++) {
    const row = y * (stride + 1) + 1;
    if (bits === 16) for (let x = 0; x < width; x++) data[o++] = (raw[row + 2 * x]! << 8) | raw[row + 2 * x + 1]!;
    else if (bits === 8) for (let x = 0; x < width; x++) data[o++] = raw[row + x]!;
    else
      for (let x = 0; x < width; x++) {
        const bit = x * bits;
        data[o++] = (raw[row + (bit >> 3)]! >> (8 - bits - (bit & 7))) & ((1 << bits) - 1);
      }
  }
  return data;
}
