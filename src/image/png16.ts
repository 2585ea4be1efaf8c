import { PNG } from 'pngjs';
import { fail, messageOf, type Tensor, tensor } from '../core/index.ts';
import { textChunk } from './png-chunks.ts';

/** One plane of 16-bit numbers: depth in millimetres, disparity, whatever its maker says. */
export type Grey16Image = Tensor<readonly ['height', 'width'], Uint16Array>;

const GREY = 0;
const SIGNATURE_AND_HEADER = 8 + 25; // bytes before the second chunk

/**
 * PNG with one 16-bit grey channel, exact.
 * @param text keyword -> value, stored as tEXt chunks (Latin-1; keywords of 1 to 79 characters)
 */
export function encodeGrey16Png(image: Grey16Image, text: Readonly<Record<string, string>> = {}): Uint8Array {
  const [height, width] = image.shape;
  // pngjs reads 16-bit samples from the whole underlying buffer, so they must start it; types say Buffer, it takes any view
  const samples = new Uint16Array(image.data);
  const png = { width, height, data: samples as unknown as Buffer } as PNG;
  const encoded = PNG.sync.write(png, {
    bitDepth: 16,
    colorType: GREY,
    inputColorType: GREY,
    inputHasAlpha: false,
    deflateLevel: 6,
    filterType: 1,
  });
  const chunks = Object.entries(text).map(([keyword, value]) => textChunk(keyword, value));
  return new Uint8Array(
    Buffer.concat([encoded.subarray(0, SIGNATURE_AND_HEADER), ...chunks, encoded.subarray(SIGNATURE_AND_HEADER)]),
  );
}

/**
 * Reads a grey PNG of 8 or 16 bits without rescaling its values, with its tEXt chunks.
 * @throws {DenseError} BAD_INPUT when it is not a PNG, damaged, or has colours
 */
export function decodeGrey16Png(
  bytes: Uint8Array,
  name = 'from memory',
): Grey16Image & { readonly bitDepth: number; readonly text: Readonly<Record<string, string>> } {
  const png = readPng(bytes, name);
  const { width, height, depth, colorType } = png as unknown as PNG & { depth: number; colorType: number };
  if (colorType !== GREY || depth < 8)
    fail(
      'BAD_INPUT',
      `cannot read ${name} as a map of numbers`,
      `it is a PNG of colour type ${colorType} with ${depth} bits per channel`,
      'give a PNG with one grey channel of 8 or 16 bits',
    );
  const rgba = png.data as unknown as Uint16Array | Uint8Array;
  const out = new Uint16Array(width * height);
  for (let i = 0; i < out.length; i++) out[i] = rgba[4 * i]!;
  return { ...tensor(['height', 'width'] as const, [height, width], out), bitDepth: depth, text: textOf(bytes) };
}

function readPng(bytes: Uint8Array, name: string): PNG {
  try {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return PNG.sync.read(buffer, { skipRescale: true });
  } catch (error) {
    fail('BAD_INPUT', `cannot read ${name}`, `not a whole PNG: ${messageOf(error)}`, 'give a PNG file', error);
  }
}

function textOf(bytes: Uint8Array): Record<string, string> {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text: Record<string, string> = {};
  for (let at = 8; at + 12 <= view.length; at += 12 + view.readUInt32BE(at)) {
    if (view.toString('latin1', at + 4, at + 8) !== 'tEXt') continue;
    const body = view.toString('latin1', at + 8, at + 8 + view.readUInt32BE(at));
    const split = body.indexOf('\0');
    if (split > 0) text[body.slice(0, split)] = body.slice(split + 1);
  }
  return text;
}
