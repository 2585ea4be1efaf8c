import { type RgbImage, rgbImage } from '../../core/index.ts';
import { classColor } from '../../render/index.ts';

const STRENGTH = 0.5;

/**
 * A picture with its objects tinted and outlined.
 * @param ids `[height, width]` of the picture
 * @param objects ids to draw; the k-th has the k-th colour
 */
export function drawMask(image: RgbImage, ids: Uint8Array, objects: readonly number[]): RgbImage {
  const [height, width] = image.shape;
  const out = new Uint8Array(image.data);
  const colors = new Map(objects.map((id, k) => [id, classColor(k)]));
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const id = ids[i]!;
      const color = colors.get(id);
      if (!color) continue;
      const edge =
        (x > 0 && ids[i - 1] !== id) ||
        (x < width - 1 && ids[i + 1] !== id) ||
        (y > 0 && ids[i - width] !== id) ||
        (y < height - 1 && ids[i + width] !== id);
      const share = edge ? 1 : STRENGTH;
      for (let c = 0; c < 3; c++) out[3 * i + c] = out[3 * i + c]! * (1 - share) + color[c]! * share + 0.5;
    }
  return rgbImage(height, width, out);
}
