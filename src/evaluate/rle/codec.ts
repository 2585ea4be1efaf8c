import { fail } from '../../core/index.ts';
import type { CocoRle, Rle } from './types.ts';

/** Most characters one run of a mask below 2^31 pixels takes: 7 groups of 5 bits. */
const MAX_CHARACTERS = 7;

/**
 * Run lengths of a mask stored row by row.
 *
 * @param mask `[height, width]`, row-major, 0 is background and anything else is the object
 * @throws {DenseError} BAD_INPUT when `mask` is not `height * width` long
 * @see pycocotools.mask.encode (which takes column-major arrays of 0 and 1)
 */
export function rleEncode(mask: Uint8Array, height: number, width: number): Rle {
  if (mask.length !== height * width)
    fail(
      'BAD_INPUT',
      `rleEncode got ${mask.length} pixels for a ${width}x${height} mask`,
      `it needs ${height * width}`,
      'pass one byte per pixel, row by row',
    );
  let counts = new Uint32Array(256);
  let n = 0;
  let run = 0;
  let value = false;
  for (let x = 0; x < width; x++)
    for (let i = x; i < mask.length; i += width) {
      if ((mask[i] !== 0) !== value) {
        if (n + 2 > counts.length) counts = doubled(counts);
        counts[n++] = run;
        run = 0;
        value = !value;
      }
      run++;
    }
  counts[n++] = run;
  return { height, width, counts: counts.slice(0, n) };
}

/**
 * The mask as pixels.
 *
 * @returns `[height, width]` row-major, 0 or 1
 * @throws {DenseError} BAD_INPUT when the run lengths do not add up to `height * width`
 * @see pycocotools.mask.decode
 */
export function rleDecode(rle: Rle): Uint8Array {
  checkTotal(rle);
  const { height, width, counts } = rle;
  const mask = new Uint8Array(height * width);
  let at = 0;
  for (let k = 0; k < counts.length; k++) {
    const end = at + counts[k]!;
    if (k % 2 === 1)
      for (let i = at; i < end; i++) {
        const x = Math.floor(i / height);
        mask[(i - x * height) * width + x] = 1;
      }
    at = end;
  }
  return mask;
}

/** @throws {DenseError} BAD_INPUT when the run lengths do not add up to `height * width` */
export function checkTotal({ height, width, counts }: Rle): void {
  let total = 0;
  for (const c of counts) total += c;
  if (total !== height * width)
    fail(
      'BAD_INPUT',
      `the run lengths of a mask add up to ${total}`,
      `its size ${width}x${height} has ${height * width} pixels`,
      'write the mask again with its true size [height, width]',
    );
}

/**
 * Compressed text of run lengths: each run (from the fourth on, its difference to the run two before) in groups of five
 * bits, least significant first, as characters 48..111; bit 5 says that more follow.
 *
 * @see rleToString in COCO's maskApi.c
 */
export function rleToString({ counts }: Rle): string {
  const out = new Uint8Array(counts.length * MAX_CHARACTERS);
  return latin1(out, rleToBytes(counts, counts.length, out, 0));
}

/** Writes what {@link rleToString} returns into `out` from `at` on; returns the end. */
export function rleToBytes(counts: ArrayLike<number>, n: number, out: Uint8Array, at: number): number {
  for (let i = 0; i < n; i++) {
    let x = i > 2 ? counts[i]! - counts[i - 2]! : counts[i]!;
    for (let more = true; more; ) {
      let c = x & 0x1f;
      x = Math.floor(x / 32);
      more = c & 0x10 ? x !== -1 : x !== 0;
      if (more) c |= 0x20;
      out[at++] = c + 48;
    }
  }
  return at;
}

/**
 * Run lengths from compressed text.
 *
 * @param size [height, width]
 * @throws {DenseError} BAD_INPUT when the text is cut off or holds characters the format does not have
 * @see rleFrString in COCO's maskApi.c
 */
export function rleFromString(text: string, size: readonly [number, number]): Rle {
  const bytes = Buffer.from(text, 'latin1');
  const counts = new Uint32Array(bytes.length);
  const n = text.length === bytes.length ? rleFromBytes(bytes, 0, bytes.length, counts, 0) : -1;
  if (n < 0)
    fail(
      'BAD_INPUT',
      `the compressed run lengths ${JSON.stringify(text.slice(0, 40))} cannot be read`,
      'they are cut off or hold characters outside "0".."o"',
      'write them with pycocotools.mask.encode or rleToString',
    );
  return { height: size[0], width: size[1], counts: counts.slice(0, n) };
}

/**
 * Reads compressed run lengths from bytes `start..end` into `out` from `at` on.
 *
 * @returns the end in `out`, or -1 when the bytes are not compressed run lengths. `out` needs `end - start` places.
 */
export function rleFromBytes(bytes: Uint8Array, start: number, end: number, out: Uint32Array, at: number): number {
  const first = at;
  let p = start;
  while (p < end) {
    let x = 0;
    let shift = 0;
    let c: number;
    do {
      if (p >= end || shift > 30) return -1;
      c = bytes[p++]! - 48;
      if (c < 0 || c > 63) return -1;
      x |= (c & 0x1f) << shift;
      shift += 5;
    } while (c & 0x20);
    if (c & 0x10 && shift < 32) x |= -1 << shift;
    if (at - first > 2) x += out[at - 2]!;
    if (x < 0) return -1;
    out[at++] = x;
  }
  return at;
}

/** The mask as COCO files spell it, compressed. */
export function toCocoRle(rle: Rle): CocoRle {
  return { size: [rle.height, rle.width], counts: rleToString(rle) };
}

/** Reads either spelling of COCO's run lengths. */
export function fromCocoRle({ size, counts }: CocoRle): Rle {
  if (typeof counts === 'string') return rleFromString(counts, size);
  return { height: size[0], width: size[1], counts: Uint32Array.from(counts) };
}

function doubled(from: Uint32Array): Uint32Array<ArrayBuffer> {
  const to = new Uint32Array(2 * from.length);
  to.set(from);
  return to;
}

function latin1(bytes: Uint8Array, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('latin1');
}
