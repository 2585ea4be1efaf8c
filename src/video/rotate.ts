import { type RgbImage, rgbImage } from '../core/index.ts';

/** How stored pixels are turned and mirrored to stand upright: x' = a x + c y, y' = b x + d y, each of -1, 0, 1. */
export interface Orientation {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

export const UPRIGHT: Orientation = { a: 1, b: 0, c: 0, d: 1 };

/**
 * Reads a container's display matrix; one that is no multiple of a right angle counts as upright.
 * @param matrix nine 32-bit numbers in native byte order, 16.16 fixed point
 * @see FFmpeg, libavutil/display.h
 */
export function orientationOf(matrix: Uint8Array | null | undefined): Orientation {
  if (!matrix || matrix.byteLength < 36) return UPRIGHT;
  const view = new DataView(matrix.buffer, matrix.byteOffset, 36);
  const [a, b, , c, d] = Array.from({ length: 5 }, (_, i) => Math.round(view.getInt32(4 * i, true) / 65536));
  const right = a * d - b * c;
  const straight = Math.abs(a) + Math.abs(b) === 1 && Math.abs(c) + Math.abs(d) === 1 && Math.abs(right) === 1;
  return straight ? { a, b, c, d } : UPRIGHT;
}

/** Degrees clockwise, 0, 90, 180 or 270; a mirrored picture's turn before mirroring. */
export function turnOf({ a, b }: Orientation): number {
  return ((Math.round((Math.atan2(b, a) * 180) / Math.PI) % 360) + 360) % 360;
}

/** Whether width and height change places. */
export function swapsSides({ a }: Orientation): boolean {
  return a === 0;
}

/** Turns a picture upright. The same picture when it is. */
export function orient(image: RgbImage, { a, b, c, d }: Orientation): RgbImage {
  if (a === 1 && d === 1) return image;
  const [h, w] = image.shape;
  const [height, width] = a === 0 ? [w, h] : [h, w];
  // the inverse of a turn is its transpose: x = a X + b Y, y = c X + d Y, moved back into the picture
  const stepX = 3 * (a + c * w);
  const stepY = 3 * (b + d * w);
  const origin = 3 * ((a < 0 || b < 0 ? w - 1 : 0) + (c < 0 || d < 0 ? h - 1 : 0) * w);
  const out = new Uint8Array(image.data.length);
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0, from = origin + y * stepY; x < width; x++, from += stepX, to += 3) {
      out[to] = image.data[from];
      out[to + 1] = image.data[from + 1];
      out[to + 2] = image.data[from + 2];
    }
  return rgbImage(height, width, out);
}
