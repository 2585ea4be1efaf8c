import type { RgbImage } from '../core/index.ts';

/** Uncompressed pixels, row by row, channels interleaved, 8 bits each: grey, grey + alpha, RGB or RGBA. */
export interface RawPixels {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
}

/** Where a picture comes from: a path, a `file:` URL, an encoded file's bytes, raw pixels, or a decoded picture. */
export type ImageSource = string | URL | Uint8Array | ArrayBuffer | RawPixels | RgbImage;

/** How to read a picture. */
export interface DecodeOptions {
  /** What shows through transparent parts; default white, as on a page. RGB, 0..255. */
  readonly background?: readonly [number, number, number] | undefined;
  /** Largest picture accepted, in pixels (width x height); default 268 402 689, which is 16383 x 16383. */
  readonly maxPixels?: number | undefined;
  /** What errors call the picture when the source has no path of its own. */
  readonly name?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const MAX_PIXELS = 16383 * 16383;
export const WHITE = [255, 255, 255] as const;

/** File name endings taken from folders, lower case. */
export const IMAGE_EXTENSIONS = ['.jpg', '.jpeg', '.png', '.webp', '.avif', '.gif', '.tif', '.tiff'] as const;

/** True when a path ends like a picture. */
export function hasImageExtension(path: string): boolean {
  const lower = path.toLowerCase();
  return IMAGE_EXTENSIONS.some(extension => lower.endsWith(extension));
}
