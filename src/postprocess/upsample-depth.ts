import { checkDepthMap, type DepthMap, fail, type RgbImage, throwIfAborted } from '../core/index.ts';
import { cleanEdges, lowDepth } from './depth-edges.ts';

/** How a network's small depth map is brought to its picture's size. */
export interface UpsampleOptions {
  /** How different colours must be to count as different things, 0..255 per channel; default 16. */
  readonly colorSigma?: number | undefined;
  /** Cells of the small map that an edge in it may be off; default 3, 0 leaves its edges as they are. */
  readonly edgeRadius?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_COLOR_SIGMA = 16;
const DEFAULT_EDGE_RADIUS = 3;
/** Rows computed before others get their turn. */
const BAND = 64;
const REACH = 2; // cells to each side
const TAPS = 2 * REACH + 1;
/** Never quite 0, so that a colour found nowhere near still gets the mean of its surroundings. */
const LEAST_WEIGHT = 1e-4;

/**
 * Brings a small depth map to its picture's size with edges where the picture has them: joint bilateral upsampling (Kopf et
 * al., "Joint Bilateral Upsampling", SIGGRAPH 2007) of planes instead of values. Each pixel takes the mean of the 5 x 5
 * cells around it, each continued to the pixel along its own slope, and weighted by nearness and by how alike the pixel's
 * colour and the cell's mean colour are; the slope across a step counts as none, and the result stays within the values
 * around it. So slanted planes stay exact, nothing overshoots, and texture on an even surface leaves no trace. Before,
 * edges in the small map are moved to where the colours change ({@link cleanEdges}).
 *
 * Memory: the result (4 bytes a pixel) and a few numbers per cell, whatever the picture's size; works band by band and lets
 * others take their turn in between.
 *
 * @param map   inverse depth (relative) or metres; holes (0 of metric maps, not finite) take no part
 * @param image the picture it was made from, of any size and shape
 * @returns a map of the picture's size; a pixel with holes all around is a hole: 0 (metric) or NaN (relative)
 * @throws {DenseError} BAD_INPUT for a map whose size and values disagree, an option out of range; ABORTED by the signal
 */
export async function upsampleDepth(map: DepthMap, image: RgbImage, options: UpsampleOptions = {}): Promise<DepthMap> {
  const [height, width] = image.shape;
  const rows = upsampledRows(map, image, options);
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    if (y % BAND === 0) {
      await new Promise(resolve => setImmediate(resolve));
      throwIfAborted(options.signal);
    }
    rows(y, values, y * width);
  }
  return { kind: map.kind, width, height, values };
}

/** {@link upsampleDepth} row by row: writes row `y` into `out` from `offset` on. */
function upsampledRows(
  map: DepthMap,
  image: RgbImage,
  options: UpsampleOptions = {},
): (y: number, out: Float32Array, offset?: number) => void {
  checkDepthMap(map, 'the depth map');
  const { colorSigma = DEFAULT_COLOR_SIGMA, edgeRadius = DEFAULT_EDGE_RADIUS } = options;
  if (!(colorSigma > 0))
    fail('BAD_INPUT', `colorSigma is ${colorSigma}`, 'it is a difference of colours', 'give e.g. 16');
  if (!(Number.isInteger(edgeRadius) && edgeRadius >= 0 && edgeRadius <= 16))
    fail(
      'BAD_INPUT',
      `edgeRadius is ${edgeRadius}`,
      'it counts cells of the small map',
      'give a whole number, 0 to 16',
    );
  const low = cleanEdges(lowDepth(map, image), edgeRadius, colorSigma);
  const [height, width] = image.shape;
  const columns = axis(low.width, width);
  const lines = axis(low.height, height);
  const likeness = gaussTable(colorSigma);
  const pixels = image.data;
  const { values, colors, slopeX, slopeY, least, most } = low;
  return (y, out, offset = 0) => {
    const fy = lines.at[y];
    const cy = lines.first[y];
    for (let x = 0; x < width; x++) {
      const p = 3 * (y * width + x);
      const [r, g, b] = [pixels[p], pixels[p + 1], pixels[p + 2]];
      const fx = columns.at[x];
      const cx = columns.first[x];
      let sum = 0;
      let weight = 0;
      for (let j = 0; j < TAPS; j++) {
        const row = cy + j;
        if (row < 0 || row >= low.height) continue;
        const wy = lines.weights[y * TAPS + j];
        for (let i = 0; i < TAPS; i++) {
          const column = cx + i;
          if (column < 0 || column >= low.width) continue;
          const at = row * low.width + column;
          const value = values[at];
          if (Number.isNaN(value)) continue; // a hole
          const dr = r - colors[3 * at];
          const dg = g - colors[3 * at + 1];
          const db = b - colors[3 * at + 2];
          const w = wy * columns.weights[x * TAPS + i] * likeness[(dr * dr + dg * dg + db * db) >> 4];
          weight += w;
          sum += w * (value + slopeX[at] * (fx - column) + slopeY[at] * (fy - row));
        }
      }
      const middle = Math.min(low.height - 1, cy + REACH) * low.width + Math.min(low.width - 1, cx + REACH);
      const value = sum / weight;
      out[offset + x] =
        weight > 0 ? Math.min(most[middle], Math.max(least[middle], value)) : map.kind === 'metric' ? 0 : Number.NaN;
    }
  };
}

/** For each pixel of an axis: where it lies among the cells, the first cell in reach, and the cells' weights. */
function axis(cells: number, pixels: number) {
  const at = new Float32Array(pixels);
  const first = new Int32Array(pixels);
  const weights = new Float32Array(pixels * TAPS);
  for (let x = 0; x < pixels; x++) {
    const place = ((x + 0.5) * cells) / pixels - 0.5;
    const middle = Math.min(cells - 1, Math.max(0, Math.round(place)));
    at[x] = place;
    first[x] = middle - REACH;
    for (let i = 0; i < TAPS; i++) {
      const d = (place - (first[x] + i)) / (REACH + 0.5);
      weights[x * TAPS + i] = Math.max(0, 1 - d * d) ** 2; // reaches 0 where cells come and go: no seams
    }
  }
  return { at, first, weights };
}

/** exp(-d / 2 sigma^2) of a squared difference of colours, by its sixteenth. */
function gaussTable(sigma: number): Float32Array {
  const size = (3 * 255 * 255) >> 4;
  return Float32Array.from(
    { length: size + 2 },
    (_, i) => LEAST_WEIGHT + (1 - LEAST_WEIGHT) * Math.exp((-16 * i) / (2 * sigma * sigma)),
  );
}
