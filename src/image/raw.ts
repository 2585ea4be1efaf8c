import { fail, type RgbImage, rgbImage } from '../core/index.ts';
import { type DecodeOptions, type ImageSource, type PictureFrame, type RawPixels, WHITE } from './source.ts';

/** A decoded picture passes through {@link decodeImage} as it is. */
export function isRgbImage(source: ImageSource): source is RgbImage {
  return typeof source === 'object' && 'axes' in source && 'shape' in source;
}

export function isRawPixels(source: ImageSource): source is RawPixels {
  return typeof source === 'object' && 'channels' in source && 'data' in source;
}

export function isPictureFrame(source: ImageSource): source is PictureFrame {
  return typeof source === 'object' && 'image' in source && typeof source.image === 'object';
}

/**
 * RGB from raw pixels: grey is repeated, alpha flattened on `background`.
 * @throws {DenseError} BAD_INPUT when the sizes do not agree
 */
export function fromRawPixels(raw: RawPixels, options: DecodeOptions = {}): RgbImage {
  const { data, width, height, channels } = raw;
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray))
    fail(
      'BAD_INPUT',
      `raw picture of ${Object.prototype.toString.call(data).slice(8, -1)}`,
      'its values are bytes, 0 to 255',
      'pass a Uint8Array, a Uint8ClampedArray or a Buffer',
    );
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1)
    fail(
      'BAD_INPUT',
      `raw picture of ${width} x ${height}`,
      'a picture has at least one pixel',
      'give whole, positive sizes',
    );
  if (![1, 2, 3, 4].includes(channels))
    fail(
      'BAD_INPUT',
      `raw picture with ${channels} channels`,
      'it may have 1 to 4',
      'pass grey, grey + alpha, RGB or RGBA',
    );
  if (data.length !== width * height * channels)
    fail(
      'BAD_INPUT',
      `raw picture of ${width} x ${height} x ${channels} got ${data.length} bytes`,
      `its size asks for ${width * height * channels}`,
      'pass all pixels, rows without padding',
    );
  if (channels === 3) return rgbImage(height, width, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return rgbImage(height, width, expand(data, channels, options.background ?? WHITE));
}

function expand(data: Uint8Array | Uint8ClampedArray, channels: 1 | 2 | 4, background: readonly number[]): Uint8Array {
  const pixels = data.length / channels;
  const out = new Uint8Array(3 * pixels);
  const step = channels === 4 ? 1 : 0; // colour: one value per channel; grey: the same one three times
  for (let p = 0; p < pixels; p++) {
    const from = p * channels;
    const alpha = channels === 1 ? 255 : data[from + channels - 1]!;
    for (let c = 0; c < 3; c++) {
      const value = data[from + c * step]!;
      out[3 * p + c] = Math.round((value * alpha + background[c]! * (255 - alpha)) / 255);
    }
  }
  return out;
}

/** @throws {DenseError} BAD_INPUT */
export function refuseSize(name: string, width: number, height: number, limit: number): never {
  fail(
    'BAD_INPUT',
    `picture ${name} is too large`,
    `${width} x ${height} is ${width * height} pixels, the limit is ${limit}`,
    'make it smaller, or raise maxPixels if the memory is there',
  );
}
