import type { RgbImage } from '../core/index.ts';

/** Uncompressed pixels, row by row, channels interleaved, 8 bits each: grey, grey + alpha, RGB or RGBA. */
export interface RawPixels {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
}

/** A pipeline of the package sharp, of any version and copy: what it gives is the picture, turned only if it says so. */
export interface SharpPipeline {
  clone(): SharpPipeline;
  toColourspace(colourspace: string): SharpPipeline;
  raw(options: { depth: 'uchar' }): SharpPipeline;
  toBuffer(options: { resolveWithObject: true }): Promise<{
    readonly data: Uint8Array;
    readonly info: { readonly width: number; readonly height: number; readonly channels: number };
  }>;
}

/** A frame of a video or of a camera: anything that carries its picture, whatever else it carries. */
export interface PictureFrame {
  readonly image: RgbImage | RawPixels;
}

/**
 * Where a picture comes from: a path; a `file:` URL, or `http:` and `https:` where {@link DecodeOptions.allowUrl} permits
 * it; an encoded file's bytes (Buffer, Uint8Array, ArrayBuffer, Blob); raw pixels; a sharp pipeline; a frame; or a decoded
 * picture.
 */
export type ImageSource =
  | string
  | URL
  | Uint8Array
  | ArrayBuffer
  | Blob
  | RawPixels
  | RgbImage
  | SharpPipeline
  | PictureFrame;

/** Limits for pictures read from the network. */
export interface UrlOptions {
  /** Largest file accepted, bytes; default 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** Time for the whole download, seconds; default 30. */
  readonly timeout_s?: number | undefined;
  /** How often a server may send us on to another address; default 5. */
  readonly redirects?: number | undefined;
  /** Sent along, such as an authorisation; to the first server only. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Asked before each address is visited, those of redirects too; false refuses it. Default: every address is visited. */
  readonly accept?: ((url: URL) => boolean) | undefined;
}

/** How to read a picture. */
export interface DecodeOptions {
  /** What shows through transparent parts; default white, as on a page. RGB, 0..255. */
  readonly background?: readonly [number, number, number] | undefined;
  /** Largest picture accepted, in pixels (width x height); default 268 402 689, which is 16383 x 16383. */
  readonly maxPixels?: number | undefined;
  /** What errors call the picture when the source has no path of its own. */
  readonly name?: string | undefined;
  /**
   * Permits `http:` and `https:` URLs, with default limits or with those given. Default false: a program that passes on
   * what strangers typed must not be made to visit addresses it did not mean to.
   */
  readonly allowUrl?: boolean | UrlOptions | undefined;
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
