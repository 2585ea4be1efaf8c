import type { DepthMap, RgbImage } from '../core/index.ts';

/** A network's depth map with what its picture shows in each cell. */
interface LowDepth {
  readonly width: number;
  readonly height: number;
  /** NaN for a hole. */
  readonly values: Float32Array;
  /** Mean colour of each cell, RGB. */
  readonly colors: Float32Array;
  /** Change of the value per cell, the smaller of both sides; 0 at a step or a turn. */
  readonly slopeX: Float32Array;
  readonly slopeY: Float32Array;
  /** Of the 5 x 5 cells around. */
  readonly least: Float32Array;
  readonly most: Float32Array;
}

/** Looks up the colours of a small map's cells in the picture. */
export function lowDepth(map: DepthMap, image: RgbImage): LowDepth {
  const values = map.values.slice();
  for (let i = 0; i < values.length; i++)
    if (!(values[i] - values[i] === 0) || (map.kind === 'metric' && values[i] <= 0)) values[i] = Number.NaN;
  return withSlopes(map.width, map.height, values, cellColors(image, map.width, map.height));
}

/**
 * Moves edges of a small map to where the colours change. A network draws edges a few cells wide and off; cells within
 * such an edge hold depths at which there is nothing. Each cell takes the mean of the cells within `radius`, weighted by
 * likeness of colour and by evenness: cells that differ from their own neighbours (those within the edge) count little.
 * Away from edges all weights belong to neighbours on the same plane, and planes are continued exactly.
 *
 * @param radius cells; 0 changes nothing
 */
export function cleanEdges(low: LowDepth, radius: number, colorSigma: number): LowDepth {
  if (radius === 0) return low;
  const { width, height, values, colors, slopeX, slopeY } = low;
  const rough = roughness(low);
  const scale = spreadOf(values);
  const out = new Float32Array(values.length);
  const sharp = -1 / (2 * colorSigma * colorSigma);
  const near = -1 / (2 * (radius / 1.5) ** 2);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      let sum = 0;
      let weight = 0;
      for (let v = Math.max(0, y - radius); v <= Math.min(height - 1, y + radius); v++)
        for (let u = Math.max(0, x - radius); u <= Math.min(width - 1, x + radius); u++) {
          const from = v * width + u;
          const value = values[from];
          if (Number.isNaN(value)) continue;
          const dr = colors[3 * at] - colors[3 * from];
          const dg = colors[3 * at + 1] - colors[3 * from + 1];
          const db = colors[3 * at + 2] - colors[3 * from + 2];
          const even = scale > 0 ? rough[from] / scale : 0;
          const w =
            Math.exp(near * ((x - u) ** 2 + (y - v) ** 2) + sharp * (dr * dr + dg * dg + db * db)) /
            (1 + (even * 40) ** 2);
          weight += w;
          sum += w * (value + slopeX[from] * (x - u) + slopeY[from] * (y - v));
        }
      const value = sum / weight;
      out[at] = Number.isNaN(values[at]) ? Number.NaN : Math.min(low.most[at], Math.max(low.least[at], value));
    }
  return withSlopes(width, height, out, colors);
}

/** How far a cell is from lying on one plane with its neighbours. */
function roughness({ width, height, values }: LowDepth): Float32Array {
  const out = new Float32Array(values.length);
  const bend = (a: number, b: number, c: number) => {
    const both = Math.abs(a - 2 * b + c);
    return Number.isNaN(both) ? 0 : both;
  };
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      for (const reach of [1, 2]) {
        if (x >= reach && x + reach < width) out[i] += bend(values[i - reach], values[i], values[i + reach]);
        if (y >= reach && y + reach < height)
          out[i] += bend(values[i - reach * width], values[i], values[i + reach * width]);
      }
    }
  return out;
}

/** From the 5th to the 95th of 100 values. */
function spreadOf(values: Float32Array): number {
  const sorted = values.filter(v => !Number.isNaN(v)).sort();
  if (sorted.length === 0) return 0;
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))];
  return at(0.95) - at(0.05);
}

function withSlopes(width: number, height: number, values: Float32Array, colors: Float32Array): LowDepth {
  const slope = (stride: number, place: (i: number) => number, length: number) =>
    values.map((value, i) => {
      const at = place(i);
      const before = at > 0 ? value - values[i - stride] : Number.NaN;
      const after = at + 1 < length ? values[i + stride] - value : Number.NaN;
      if (Number.isNaN(before)) return Number.isNaN(after) ? 0 : after;
      if (Number.isNaN(after)) return before;
      if (before * after <= 0) return 0;
      return Math.abs(before) < Math.abs(after) ? before : after;
    });
  const [least, most] = extremes(width, height, values);
  return {
    width,
    height,
    values,
    colors,
    slopeX: slope(1, i => i % width, width),
    slopeY: slope(width, i => Math.floor(i / width), height),
    least,
    most,
  };
}

const AROUND = 2;

/** Least and most of the 5 x 5 cells around, along one axis and then the other. */
function extremes(width: number, height: number, values: Float32Array): [Float32Array, Float32Array] {
  const pass = (from: Float32Array, stride: number, length: number, place: (i: number) => number, sign: 1 | -1) =>
    from.map((_, i) => {
      let best = Number.NaN;
      const at = place(i);
      for (let d = -Math.min(AROUND, at); d <= Math.min(AROUND, length - 1 - at); d++) {
        const value = from[i + d * stride];
        if (!Number.isNaN(value) && !(sign * value <= sign * best)) best = value;
      }
      return best;
    });
  const x = (i: number) => i % width;
  const y = (i: number) => Math.floor(i / width);
  const both = (sign: 1 | -1) => pass(pass(values, 1, width, x, sign), width, height, y, sign);
  return [both(-1), both(1)];
}

/** Mean colour of the pixels below each cell; of the nearest pixel where there are fewer pixels than cells. */
export function cellColors(image: RgbImage, columns: number, rows: number): Float32Array {
  const [height, width] = image.shape;
  const colors = new Float32Array(3 * columns * rows);
  const cut = (i: number, cells: number, pixels: number) => {
    const from = Math.min(pixels - 1, Math.floor((i * pixels) / cells));
    return [from, Math.max(from + 1, Math.floor(((i + 1) * pixels) / cells))] as const;
  };
  for (let r = 0; r < rows; r++) {
    const [top, bottom] = cut(r, rows, height);
    for (let c = 0; c < columns; c++) {
      const [left, right] = cut(c, columns, width);
      const to = 3 * (r * columns + c);
      for (let y = top; y < bottom; y++)
        for (let p = 3 * (y * width + left); p < 3 * (y * width + right); p += 3) {
          colors[to] += image.data[p];
          colors[to + 1] += image.data[p + 1];
          colors[to + 2] += image.data[p + 2];
        }
      const share = 1 / ((right - left) * (bottom - top));
      for (let k = 0; k < 3; k++) colors[to + k] *= share;
    }
  }
  return colors;
}
