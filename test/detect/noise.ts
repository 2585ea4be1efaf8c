import { rgbImage, seededRandom } from '../../src/core/index.ts';

/** A picture of seeded noise. */
export function noise(height: number, width: number, seed: number) {
  const random = seededRandom(seed);
  return rgbImage(
    height,
    width,
    Uint8Array.from({ length: height * width * 3 }, () => random() * 256),
  );
}
