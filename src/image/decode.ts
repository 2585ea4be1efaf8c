import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { DenseError, fail, messageOf, type RgbImage, rgbImage, throwIfAborted } from '../core/index.ts';
import { fromRawPixels, isPictureFrame, isRawPixels, isRgbImage, refuseSize } from './raw.ts';
import { type DecodeOptions, type ImageSource, MAX_PIXELS, WHITE } from './source.ts';
import { fromSharp, isSharpPipeline } from './source-sharp.ts';
import { downloadPicture, isWebAddress, shownAddress } from './source-url.ts';

// what sharp calls the formats we promise; SVG and PDF are programs more than pictures and are refused
const FORMATS: Record<string, string> = {
  jpeg: 'JPEG',
  png: 'PNG',
  webp: 'WebP',
  heif: 'AVIF',
  gif: 'GIF',
  tiff: 'TIFF',
};
const ACCEPTED = 'JPEG, PNG, WebP, AVIF, GIF or TIFF';

/**
 * Reads a picture: turned upright by its EXIF orientation, first frame of an animation, transparency flattened on
 * `background`, grey, 16-bit, CMYK and colour-managed pictures brought to 8-bit sRGB.
 *
 * @returns `[height, width, 3]`, 0..255
 * A sharp pipeline gives what it was told to, brought to 8-bit sRGB: it is turned upright only if it says so.
 *
 * @throws {DenseError} BAD_INPUT naming the picture: missing, a folder, empty, not a picture, damaged, truncated or
 *   larger than `maxPixels`; a URL that is not allowed, does not answer, answers with no picture, or is too slow or too
 *   large; ABORTED when the signal fires
 */
export async function decodeImage(source: ImageSource, options: DecodeOptions = {}): Promise<RgbImage> {
  throwIfAborted(options.signal);
  if ((typeof source !== 'object' && typeof source !== 'string') || source === null) refuseSource(source);
  if (isRgbImage(source)) return source;
  if (isRawPixels(source)) return fromRawPixels(source, options);
  if (isPictureFrame(source)) return decodeImage(source.image, options);
  if (isSharpPipeline(source)) return fromSharp(source, options);
  const name = nameOf(source, options);
  const bytes = await bytesOf(source, name, options);
  if (bytes.length === 0)
    fail('BAD_INPUT', `cannot read picture ${name}`, 'it is empty (0 bytes)', `give a ${ACCEPTED}`);
  const image = await decodeBytes(bytes, name, options);
  throwIfAborted(options.signal);
  return image;
}

async function decodeBytes(bytes: Uint8Array, name: string, options: DecodeOptions): Promise<RgbImage> {
  const maxPixels = options.maxPixels ?? MAX_PIXELS;
  const [r, g, b] = options.background ?? WHITE;
  try {
    // 'error' accepts files with harmless warnings but not truncated ones; the limit is ours, to say it in our words
    const input = sharp(bytes, { failOn: 'error', limitInputPixels: false });
    const about = await input.metadata();
    if (!(about.format in FORMATS)) refuseFormat(name, about.format);
    const pixels = about.width * about.height;
    if (pixels > maxPixels) refuseSize(name, about.width, about.height, maxPixels);
    const { data, info } = await input
      .autoOrient()
      .flatten({ background: { r, g, b } })
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels === 3) return rgbImage(info.height, info.width, bytesView(data));
    return fromRawPixels(
      { data, width: info.width, height: info.height, channels: info.channels as 1 | 2 | 4 },
      options,
    );
  } catch (error) {
    if (error instanceof DenseError) throw error;
    throw damaged(name, bytes, error);
  }
}

function damaged(name: string, bytes: Uint8Array, error: unknown): DenseError {
  const text = messageOf(error).trim();
  const what = `cannot read picture ${name}`;
  const detail = /unsupported image format|not a known file format/i.test(text)
    ? { what, why: `its first bytes (${hex(bytes)}) are of no picture format we read`, fix: `give a ${ACCEPTED} file` }
    : { what, why: `the file is damaged or cut short: ${text}`, fix: 'copy or export the picture again' };
  return new DenseError('BAD_INPUT', detail, { cause: error });
}

function refuseFormat(name: string, format: string): never {
  fail('BAD_INPUT', `cannot read picture ${name}`, `its format is ${format}`, `convert it to ${ACCEPTED}`);
}

function refuseSource(source: unknown): never {
  fail(
    'BAD_INPUT',
    `a picture of type ${source === null ? 'null' : typeof source}`,
    'it is none of the kinds a picture may have',
    'pass a path, a URL, bytes, raw pixels with width, height and channels, a sharp pipeline or a decoded picture',
  );
}

type Encoded = string | URL | Uint8Array | ArrayBuffer | Blob;

function nameOf(source: Encoded, options: DecodeOptions): string {
  if (options.name !== undefined) return options.name;
  if (typeof source !== 'string' && !(source instanceof URL)) return 'from memory';
  return isWebAddress(source) ? shownAddress(source) : String(source);
}

async function bytesOf(source: Encoded, name: string, options: DecodeOptions): Promise<Uint8Array> {
  const { signal } = options;
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  if (isWebAddress(source)) return downloadPicture(source, name, options);
  if (source instanceof URL && source.protocol !== 'file:')
    fail(
      'BAD_INPUT',
      `cannot read picture ${name}`,
      'of URLs, file:, http: and https: are read',
      'fetch it and pass its bytes',
    );
  if (typeof source !== 'string' && !(source instanceof URL)) refuseSource(source);
  const path = source instanceof URL ? fileURLToPath(source) : source;
  try {
    return await readFile(path, signal ? { signal } : {});
  } catch (error) {
    throwIfAborted(signal);
    const { why, fix } = unreadable(error);
    fail('BAD_INPUT', `cannot read picture ${name}`, why, fix, error);
  }
}

function unreadable(error: unknown): { why: string; fix: string } {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return { why: 'there is no such file', fix: 'check the path' };
    case 'ENOTDIR':
      return { why: 'a part of its path is a file, not a folder', fix: 'check the path' };
    case 'EISDIR':
      return { why: 'it is a folder', fix: 'give a picture file' };
    case 'EACCES':
    case 'EPERM':
      return { why: 'reading it is not permitted', fix: 'change its permissions' };
    default:
      return { why: messageOf(error), fix: 'check the path and the disk' };
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(8, bytes.length)).toString('hex');
}

/** The same memory without Buffer's methods, whose `slice` shares memory where Uint8Array's copies. */
function bytesView(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
