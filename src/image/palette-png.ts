import { deflateSync } from 'node:zlib';
import { fail, type Tensor } from '../core/index.ts';
import { PNG_SIGNATURE, pngChunk } from './png-chunks.ts';

/** One palette index per pixel. */
export type IndexImage = Tensor<readonly ['height', 'width'], Uint8Array>;

const PALETTE_COLOUR = 3;

/** DAVIS's palette, 256 colours as RGB bytes: 22 strong ones, greys after them, so that 255 is white. */
export const DAVIS_PALETTE: Uint8Array = davisPalette();

function davisPalette(): Uint8Array {
  const palette = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));
  // bits of the index are dealt out to red, green and blue, the most significant first, as VOC does; DAVIS writes 191
  // for VOC's 192
  for (let i = 0; i < 22; i++)
    for (let c = 0; c < 3; c++) {
      const value = (((i >> c) & 1) << 7) | (((i >> (c + 3)) & 1) << 6);
      palette[3 * i + c] = value === 192 ? 191 : value;
    }
  return palette;
}

/**
 * PNG that stores numbers 0..255 and a colour for each: masks of object ids, as DAVIS keeps them.
 *
 * @param palette RGB bytes, at most 256 colours; default {@link DAVIS_PALETTE}
 * @throws {DenseError} BAD_INPUT when the palette is not whole colours or lacks one that the picture uses
 */
export function encodePalettePng(image: IndexImage, palette: Uint8Array = DAVIS_PALETTE): Uint8Array {
  const [height, width] = image.shape;
  const colours = palette.length / 3;
  const most = image.data.reduce((a, b) => Math.max(a, b), 0);
  if (!Number.isInteger(colours) || colours > 256 || most >= colours)
    fail(
      'BAD_INPUT',
      `a palette of ${colours} colours`,
      `the picture uses index ${most}; a PNG holds at most 256 colours`,
      'pass three bytes per colour, enough for every index',
    );
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, PALETTE_COLOUR], 8);
  const rows = new Uint8Array(height * (width + 1)); // each row begins with its filter: none, as indices are no amounts
  for (let y = 0; y < height; y++) rows.set(image.data.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  return new Uint8Array(
    Buffer.concat([
      PNG_SIGNATURE,
      pngChunk('IHDR', header),
      pngChunk('PLTE', palette),
      pngChunk('IDAT', deflateSync(rows)),
      pngChunk('IEND', new Uint8Array(0)),
    ]),
  );
}
