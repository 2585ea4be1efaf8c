import { createDeflate } from 'node:zlib';
import { fail } from '../core/index.ts';
import { PNG_SIGNATURE, pngChunk, textChunk } from './png-chunks.ts';

/** What a picture's rows hold: one 16-bit number per pixel (big-endian), or red, green and blue bytes. */
export type PngRowKind = 'grey16' | 'rgb8';

const COLOUR = { grey16: { type: 0, depth: 16, bytes: 2 }, rgb8: { type: 2, depth: 8, bytes: 3 } } as const;
const SUB = 1;
/** Bytes handed to the compressor at once. */
const BAND_BYTES = 1 << 20;

export interface PngRowsOptions {
  /** keyword -> value, stored as tEXt chunks (Latin-1; keywords of 1 to 79 characters) */
  readonly text?: Readonly<Record<string, string>> | undefined;
  /** zlib level 0..9; default 5. */
  readonly level?: number | undefined;
}

/**
 * A PNG file made row by row, so that neither a large picture nor its file need lie in memory; compression runs beside the
 * caller's own work.
 *
 * @param row writes row `y`, `width` pixels, into `out` (16-bit numbers with the high byte first)
 * @returns the file piece by piece
 * @throws {DenseError} BAD_INPUT for a size no PNG can have
 */
export async function* encodePngRows(
  kind: PngRowKind,
  width: number,
  height: number,
  row: (y: number, out: Uint8Array) => void,
  options: PngRowsOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  if (![width, height].every(side => Number.isInteger(side) && side >= 1 && side < 2 ** 31))
    fail('BAD_INPUT', `a PNG of ${width} x ${height}`, 'its sides are whole and at least 1', 'give such sizes');
  const { type, depth, bytes } = COLOUR[kind];
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, type], 8);
  yield PNG_SIGNATURE;
  yield pngChunk('IHDR', header);
  for (const [keyword, value] of Object.entries(options.text ?? {})) yield textChunk(keyword, value);

  const deflate = createDeflate({ level: options.level ?? 5, chunkSize: 1 << 16 });
  const rowBytes = width * bytes;
  const bands = function* () {
    const pixels = new Uint8Array(rowBytes);
    const perBand = Math.max(1, Math.floor(BAND_BYTES / (rowBytes + 1)));
    for (let top = 0; top < height; top += perBand) {
      const lines = Math.min(perBand, height - top);
      const band = new Uint8Array(lines * (rowBytes + 1)); // a new one: the last may still be under compression
      for (let i = 0; i < lines; i++) {
        row(top + i, pixels);
        const at = i * (rowBytes + 1);
        band[at] = SUB;
        band.set(pixels.subarray(0, bytes), at + 1);
        for (let x = bytes; x < rowBytes; x++) band[at + 1 + x] = pixels[x] - pixels[x - bytes];
      }
      yield band;
    }
  };
  const feeding = feed(deflate, bands());
  feeding.catch(error => deflate.destroy(error)); // thrown by the loop below
  try {
    for await (const piece of deflate) yield pngChunk('IDAT', piece as Buffer);
    await feeding;
  } finally {
    deflate.destroy();
  }
  yield pngChunk('IEND', new Uint8Array(0));
}

async function feed(deflate: ReturnType<typeof createDeflate>, bands: Iterable<Uint8Array>): Promise<void> {
  let goOn = () => {};
  const wake = () => goOn();
  deflate.on('drain', wake).on('close', wake);
  for (const band of bands) {
    if (deflate.destroyed) return;
    const ready = deflate.write(band);
    // without a turn of the loop, all bands would be made before the first is compressed
    await new Promise<void>(resolve => {
      if (ready) setImmediate(resolve);
      else goOn = resolve;
    });
  }
  deflate.end();
}
