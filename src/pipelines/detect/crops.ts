import { join } from 'node:path';
import type { RgbImage } from '../../core/index.ts';
import { cropImage, encodeJpeg } from '../../image/index.ts';
import { writeWhole } from '../formats/atomic.ts';
import type { DetectionResult } from './result.ts';

/** Writes each object's pixels as `<stem>.<number>.<class>.jpg`, numbered from 1 by score. */
export async function saveCrops(folder: string, stem: string, image: RgbImage, result: DetectionResult): Promise<void> {
  const [height, width] = image.shape;
  for (const [i, { name, x1, y1, x2, y2 }] of result.objects.entries()) {
    const left = Math.min(Math.floor(x1), width - 1);
    const top = Math.min(Math.floor(y1), height - 1);
    const right = Math.max(left + 1, Math.min(width, Math.ceil(x2)));
    const bottom = Math.max(top + 1, Math.min(height, Math.ceil(y2)));
    const crop = cropImage(image, left, top, right - left, bottom - top);
    const file = `${stem}.${i + 1}.${name.replace(/[^\p{L}\p{N}]+/gu, '_')}.jpg`;
    await writeWhole(join(folder, file), await encodeJpeg(crop, { quality: 95 }));
  }
}
