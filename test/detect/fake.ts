import { type LabelSet, type RgbImage, rgbImage, throwIfAborted } from '../../src/core/index.ts';
import type { DetectionNetwork, NetworkInput } from '../../src/pipelines/index.ts';

export const FAKE_LABELS: LabelSet = { names: ['red', 'green', 'blue thing'], ids: [1, 5, 9] };

/** Options of the fake. */
export interface FakeOptions {
  readonly input?: Partial<NetworkInput>;
  /** Time of one pass. */
  readonly delayMs?: number;
  /** Called at the start of each pass with the number of pictures in it. */
  readonly onRun?: (pictures: number) => void;
}

/**
 * A network that really looks: at each cell whose centre is strongly red, green or blue it reports the run of that
 * colour to the left, top, right and bottom. On plain rectangles over grey its boxes are exact to a pixel.
 */
export function fakeNetwork(options: FakeOptions = {}): DetectionNetwork & { closed: boolean } {
  const input: NetworkInput = {
    height: 64,
    width: 64,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    resize: 'squash',
    antialias: false,
    ...options.input,
  };
  const strides = [8, 16];
  const { height, width } = input;
  return {
    name: 'fake',
    labels: FAKE_LABELS,
    input,
    strides,
    defaults: { nms: 'hard', iou: 0.6, score: 0.3, max: 100 },
    closed: false,
    async run({ data, shape }, signal) {
      options.onRun?.(shape[0]);
      if (options.delayMs !== undefined) await new Promise(resolve => setTimeout(resolve, options.delayMs));
      throwIfAborted(signal);
      const scores: number[] = [];
      const ltrb: number[] = [];
      for (let n = 0; n < shape[0]; n++) {
        const planes = data.subarray(n * 3 * height * width, (n + 1) * 3 * height * width);
        const colour = (x: number, y: number) => strongest(planes, y * width + x, height * width);
        for (const stride of strides)
          for (let y = stride / 2; y < height; y += stride)
            for (let x = stride / 2; x < width; x += stride) {
              const c = colour(x, y);
              const reach = (dx: number, dy: number) => {
                let steps = 0;
                for (
                  let [px, py] = [x, y];
                  px >= 0 && py >= 0 && px < width && py < height;
                  px += dx, py += dy, steps++
                )
                  if (colour(px, py) !== c) break;
                return steps;
              };
              const [l, t, r, bottom] =
                c < 0 ? [0, 0, 0, 0] : [reach(-1, 0) - 1, reach(0, -1) - 1, reach(1, 0), reach(0, 1)];
              ltrb.push(l, t, r, bottom);
              const sure = 0.7 + (0.2 * (l + r) * (t + bottom)) / (height * width) - stride / 1000; // larger is surer
              scores.push(...[0, 1, 2].map(k => (k === c ? sure : 0.05)));
            }
      }
      return { scores: Float32Array.from(scores), ltrb: Float32Array.from(ltrb) };
    },
    async close() {
      this.closed = true;
    },
  };
}

function strongest(planes: Float32Array, at: number, area: number): number {
  const rgb = [planes[at], planes[area + at], planes[2 * area + at]];
  return rgb.findIndex((v, c) => v > 0.3 && rgb.every((other, k) => k === c || other < -0.3));
}

const COLOURS = [
  [230, 10, 10],
  [10, 230, 10],
  [10, 10, 230],
] as const;

/** A grey picture with coloured rectangles: `[class, x1, y1, x2, y2]`. */
export function scene(
  width: number,
  height: number,
  rectangles: readonly (readonly [number, number, number, number, number])[],
): RgbImage {
  const data = new Uint8Array(width * height * 3).fill(128);
  for (const [c, x1, y1, x2, y2] of rectangles)
    for (let y = y1; y < y2; y++) for (let x = x1; x < x2; x++) data.set(COLOURS[c], 3 * (y * width + x));
  return rgbImage(height, width, data);
}
