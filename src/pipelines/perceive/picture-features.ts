import { type Features, tensor } from '../../core/index.ts';
import type { ImageTransform } from '../../image/index.ts';
import type { GridMap } from '../../track/index.ts';

/** Backbone features of one picture, out of the pass that found its objects. */
export interface PictureFeatures {
  /** By block: patch features `[1, gridY, gridX, channel]`, class token removed, not normalised. */
  readonly taps: ReadonlyMap<number, Features>;
  /** How the picture lies on the grid: grid = pixel x scale + offset, in patches. */
  readonly map: GridMap;
}

/**
 * Features of picture `index` of a batch; its numbers are a window on the batch's, not a copy.
 *
 * @param taps      of the batch, `[batch, gridY, gridX, channel]` each
 * @param transform where the picture lies in the network's input
 * @param input     size of that input, pixels
 */
export function featuresOf(
  taps: ReadonlyMap<number, Features>,
  index: number,
  transform: ImageTransform,
  input: { readonly width: number; readonly height: number },
): PictureFeatures {
  const own = new Map<number, Features>();
  let map: GridMap = { scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };
  for (const [tap, { shape, data }] of taps) {
    const [, gridY, gridX, channels] = shape;
    const size = gridY * gridX * channels;
    const part = data.subarray(index * size, (index + 1) * size);
    own.set(tap, tensor(['batch', 'gridY', 'gridX', 'channel'] as const, [1, gridY, gridX, channels], part));
    const [perX, perY] = [gridX / input.width, gridY / input.height]; // patches per pixel of the input
    map = {
      scaleX: transform.scaleX * perX,
      scaleY: transform.scaleY * perY,
      offsetX: transform.offsetX * perX,
      offsetY: transform.offsetY * perY,
    };
  }
  return { taps: own, map };
}
