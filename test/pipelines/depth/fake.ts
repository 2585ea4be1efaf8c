import type { LoadedDepth } from '../../../src/cli/depth-run.ts';
import type { DepthMap, RgbImage } from '../../../src/core/index.ts';

export interface FakeDepthOptions {
  readonly kind?: DepthMap['kind'] | undefined;
  /** Changes the map of the n-th picture. */
  readonly flicker?: ((value: number, n: number) => number) | undefined;
  readonly onEstimate?: ((image: RgbImage) => void) | undefined;
}

/** An estimator that really looks: what is brighter is nearer; 1 to 5 (relative) or 2 to 10 metres, 16 x 12 cells. */
export function fakeDepth({ kind = 'relative', flicker = v => v, onEstimate }: FakeDepthOptions = {}): LoadedDepth & {
  closed: boolean;
} {
  let n = 0;
  return {
    model: 'fake',
    closed: false,
    async estimate(image, { signal }) {
      signal?.throwIfAborted();
      onEstimate?.(image);
      const [width, height] = [16, 12];
      const [imageHeight, imageWidth] = image.shape;
      const values = Float32Array.from({ length: width * height }, (_, i) => {
        const x = Math.floor((((i % width) + 0.5) * imageWidth) / width);
        const y = Math.floor(((Math.floor(i / width) + 0.5) * imageHeight) / height);
        const light = image.data[3 * (y * imageWidth + x)] / 255;
        return flicker(kind === 'relative' ? 1 + 4 * light : 10 - 8 * light, n);
      });
      n++;
      return { kind, width, height, values };
    },
    async close() {
      this.closed = true;
    },
  };
}
