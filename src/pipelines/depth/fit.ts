import type { DepthKind, DepthMap } from '../../core/index.ts';
import type { ImageTransform } from '../../image/index.ts';

/** `picture`: a number for each pixel of the picture; `network`: as fine as the network draws it, the same part of the scene. */
export const DEPTH_SIZES = ['picture', 'network'] as const;
export type DepthSize = (typeof DEPTH_SIZES)[number];

/** A network's depth of one picture, in its own input's frame. */
export interface NetworkDepth {
  readonly kind: DepthKind;
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** Samples of one axis: what lies before, what behind, and the share of the latter. */
interface Axis {
  readonly length: number;
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly share: Float32Array;
}

/**
 * The part of a network's map that shows the picture, at the size asked for: bilinear with half-pixel centres, edges
 * repeated (torch's interpolate with align_corners=False where the picture fills the input). What a letterbox added takes
 * no part.
 *
 * @param transform where the picture lies in the network's input
 * @param input     size of that input, pixels
 */
export function fitDepth(
  depth: NetworkDepth,
  transform: ImageTransform,
  input: { readonly width: number; readonly height: number },
  size: DepthSize,
): DepthMap {
  const { imageWidth, imageHeight, scaleX, scaleY, offsetX, offsetY } = transform;
  const columns = axis(depth.width, input.width, imageWidth, scaleX, offsetX, size);
  const rows = axis(depth.height, input.height, imageHeight, scaleY, offsetY, size);
  const [width, height] = [columns.length, rows.length];
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const top = rows.low[y] * depth.width;
    const bottom = rows.high[y] * depth.width;
    const down = rows.share[y];
    const to = y * width;
    for (let x = 0; x < width; x++) {
      const [left, right, across] = [columns.low[x], columns.high[x], columns.share[x]];
      const a = depth.values[top + left] + across * (depth.values[top + right] - depth.values[top + left]);
      const b = depth.values[bottom + left] + across * (depth.values[bottom + right] - depth.values[bottom + left]);
      values[to + x] = a + down * (b - a);
    }
  }
  return { kind: depth.kind, width, height, values };
}

function axis(cells: number, input: number, image: number, scale: number, offset: number, size: DepthSize): Axis {
  const perPixel = cells / input; // cells per pixel of the input
  const first = offset * perPixel;
  const span = image * scale * perPixel; // cells that show the picture
  const length = size === 'picture' ? image : Math.max(1, Math.round(span));
  const low = new Int32Array(length);
  const high = new Int32Array(length);
  const share = new Float32Array(length);
  const least = Math.min(cells - 1, Math.ceil(first - 1e-6)); // cells that lie in the picture whole
  const most = Math.max(least, Math.floor(first + span + 1e-6) - 1);
  for (let i = 0; i < length; i++) {
    const at = Math.min(most, Math.max(least, first + ((i + 0.5) * span) / length - 0.5));
    low[i] = Math.floor(at);
    high[i] = Math.min(most, low[i] + 1);
    share[i] = at - low[i];
  }
  return { length, low, high, share };
}
