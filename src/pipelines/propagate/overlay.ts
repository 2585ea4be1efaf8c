import { type RgbImage, rgbImage } from '../../core/index.ts';
import { classColor } from '../../render/index.ts';

const STRENGTH = 0.5;

/**
 * A picture with its objects tinted and outlined, the same colour for the same id.
 * @param ids `[height, width]` of the picture, 0 for background
 */
export function drawMask(image: RgbImage, ids: Uint8Array): RgbImage {
  const [height, width] = image.shape;
  const out = new Uint8Array(image.data);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const id = ids[i]!;
      if (id === 0) continue;
      const color = classColor(id - 1);
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
