import { fail, type RgbImage } from '../core/index.ts';
import { copyImage } from './canvas.ts';
import { drawingSizes } from './chips.ts';
import { classColor, type Rgb } from './color.ts';

export interface MaskDrawOptions {
  /** How much of the inside is colour, 0..1; default 0.45. */
  readonly alpha?: number | undefined;
  /** Width of the outline, which lies inside the mask, pixels; default from the picture's size, 0 for none. */
  readonly lineWidth?: number | undefined;
  /** Colour of the k-th object; default {@link classColor} of k. */
  readonly color?: ((k: number) => Rgb) | undefined;
}

/**
 * A copy of the picture with objects tinted and outlined. An outline follows every edge to another object or to the
 * background, but not the edge of the picture, where the object may go on.
 *
 * @param ids `[height, width]` of the picture: which object each pixel belongs to
 * @param objects ids to draw; the k-th has the k-th colour
 * @throws {DenseError} BAD_INPUT when `ids` is not of the picture's size, or alpha or line width make no sense
 */
export function drawMasks(
  image: RgbImage,
  ids: Uint8Array,
  objects: readonly number[],
  options: MaskDrawOptions = {},
): RgbImage {
  const [height, width] = image.shape;
  if (ids.length !== width * height)
    fail(
      'BAD_INPUT',
      `a mask of ${ids.length} pixels on a picture of ${width} x ${height}`,
      'each pixel of the picture belongs to one object or to none',
      `pass ${width * height} ids`,
    );
  const { alpha = 0.45, lineWidth = drawingSizes(height, width).lineWidth, color = classColor } = options;
  if (!(alpha >= 0 && alpha <= 1)) fail('BAD_INPUT', `alpha is ${alpha}`, 'it is the share of colour', 'pass 0 to 1');
  if (!(lineWidth >= 0)) fail('BAD_INPUT', `lineWidth is ${lineWidth}`, 'it is a width in pixels', 'pass 0 or more');
  const out = copyImage(image);
  const colors: (Rgb | undefined)[] = [];
  objects.forEach((id, k) => {
    colors[id] = color(k);
  });
  const inward = edgeDistance(ids, width, height, id => colors[id] !== undefined);
  for (let i = 0; i < ids.length; i++) {
    const paint = colors[ids[i]];
    if (!paint) continue;
    const line = Math.min(1, Math.max(0, lineWidth + 1 - inward[i]));
    const share = line + (1 - line) * alpha;
    for (let c = 0; c < 3; c++) out.data[3 * i + c] += Math.round((paint[c] - out.data[3 * i + c]) * share);
  }
  return out;
}

/**
 * Distance of each wanted pixel to the nearest one of another object, pixels: 1 for those on an edge. Two passes with steps of 3
 * and 4 thirds (Borgefors 1986), within 6 % of the true distance.
 */
function edgeDistance(ids: Uint8Array, width: number, height: number, wanted: (id: number) => boolean): Float32Array {
  const distance = new Float32Array(ids.length).fill(Number.POSITIVE_INFINITY);
  const look = (i: number, x: number, y: number, dx: number, dy: number) => {
    if (x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height) return;
    const j = i + dy * width + dx;
    const step = dx !== 0 && dy !== 0 ? 4 / 3 : 1;
    distance[i] = Math.min(distance[i], ids[j] === ids[i] ? distance[j] + step : step);
  };
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      if (!wanted(ids[i])) continue;
      look(i, x, y, -1, 0);
      for (const dx of [-1, 0, 1]) look(i, x, y, dx, -1);
    }
  for (let y = height - 1, i = ids.length - 1; y >= 0; y--)
    for (let x = width - 1; x >= 0; x--, i--) {
      if (!wanted(ids[i])) continue;
      look(i, x, y, 1, 0);
      for (const dx of [-1, 0, 1]) look(i, x, y, dx, 1);
    }
  return distance;
}
