import { type DepthMap, fail, isDepth, type RgbImage } from '../core/index.ts';
import { copyImage, drawLine } from './canvas.ts';
import type { Rgb } from './color.ts';
import { type ColorMap, colorRange, colorTable, type DepthRange } from './depth-color.ts';
import { checkSameSize } from './point-cloud.ts';

export interface ContourOptions {
  /** Lines of equal depth; default 12. */
  readonly levels?: number | undefined;
  /** Default turbo. */
  readonly colorMap?: ColorMap | undefined;
  /** Default {@link colorRange}. */
  readonly range?: DepthRange | undefined;
  /** Pixels; default from the picture's size. */
  readonly lineWidth?: number | undefined;
}

/** Lines are sought on a grid of at most this many columns or rows, which also smooths them. */
const GRID_SIDE = 384;
const CASING: Rgb = [16, 16, 16];

/** A piece of a line: x1, y1, x2, y2, pixels of the picture. */
type Segment = readonly [number, number, number, number];

/**
 * A copy of a picture with lines of equal depth over it, each in the colour of its depth with a dark edge, at even steps of
 * the map's own numbers.
 *
 * @param image of the map's size
 * @throws {DenseError} BAD_INPUT when picture and map differ in size
 */
export function drawContours(image: RgbImage, map: DepthMap, options: ContourOptions = {}): RgbImage {
  checkSameSize(map, image);
  const { levels = 12, colorMap = 'turbo', range = colorRange(map) } = options;
  if (!(Number.isInteger(levels) && levels >= 1 && levels <= 256))
    fail('BAD_INPUT', `levels is ${levels}`, 'it counts lines of equal depth', 'give a whole number from 1 to 256');
  const lineWidth = options.lineWidth ?? Math.max(1, Math.max(...image.shape) / 500);
  const grid = shrink(map, GRID_SIDE);
  const out = copyImage(image);
  const table = colorTable(colorMap);
  const lines = Array.from({ length: levels }, (_, k) => {
    const share = (k + 0.5) / levels;
    const index = 3 * Math.round(255 * (map.kind === 'relative' ? share : 1 - share));
    return {
      segments: traceLevel(grid, range.min + share * (range.max - range.min)),
      color: [table[index], table[index + 1], table[index + 2]] as const,
    };
  });
  const stroke = ([x1, y1, x2, y2]: Segment, width: number, color: Rgb) => {
    const length = Math.hypot(x2 - x1, y2 - y1) || 1;
    const [dx, dy] = [((x2 - x1) / length) * (width / 3), ((y2 - y1) / length) * (width / 3)]; // closes the joints
    drawLine(out, x1 - dx, y1 - dy, x2 + dx, y2 + dy, width, color);
  };
  const casing = lineWidth + 2 * Math.max(0.6, lineWidth / 3);
  for (const { segments } of lines) for (const segment of segments) stroke(segment, casing, CASING);
  for (const { segments, color } of lines) for (const segment of segments) stroke(segment, lineWidth, color);
  return out;
}

interface Grid {
  readonly columns: number;
  readonly rows: number;
  /** NaN for a hole. */
  readonly values: Float32Array;
  /** Pixels of the picture per cell. */
  readonly stepX: number;
  readonly stepY: number;
}

/** Means over blocks, so that no more than `side` columns and rows are left. */
function shrink({ kind, width, height, values }: DepthMap, side: number): Grid {
  const columns = Math.min(width, side);
  const rows = Math.min(height, side);
  const sums = new Float64Array(columns * rows);
  const counts = new Uint32Array(columns * rows);
  for (let y = 0, i = 0; y < height; y++) {
    const row = Math.floor((y * rows) / height) * columns;
    for (let x = 0; x < width; x++, i++) {
      if (!isDepth(kind, values[i])) continue;
      const at = row + Math.floor((x * columns) / width);
      sums[at] += values[i];
      counts[at]++;
    }
  }
  const means = Float32Array.from(sums, (sum, i) => sum / counts[i]); // 0 / 0 is NaN
  return { columns, rows, values: means, stepX: width / columns, stepY: height / rows };
}

/** Marching squares: where the surface through four neighbouring cell centres passes the level. */
function traceLevel({ columns, rows, values, stepX, stepY }: Grid, level: number): Segment[] {
  const segments: Segment[] = [];
  const px = (column: number) => (column + 0.5) * stepX;
  const py = (row: number) => (row + 0.5) * stepY;
  for (let r = 0; r + 1 < rows; r++)
    for (let c = 0; c + 1 < columns; c++) {
      const i = r * columns + c;
      const [a, b, d, e] = [values[i], values[i + 1], values[i + columns], values[i + columns + 1]];
      const sum = a + b + d + e;
      if (Number.isNaN(sum)) continue;
      const above = (a >= level ? 1 : 0) + (b >= level ? 2 : 0) + (e >= level ? 4 : 0) + (d >= level ? 8 : 0);
      if (above === 0 || above === 15) continue;
      const cut = (from: number, to: number) => (level - from) / (to - from);
      const top = () => [px(c + cut(a, b)), py(r)] as const;
      const right = () => [px(c + 1), py(r + cut(b, e))] as const;
      const bottom = () => [px(c + cut(d, e)), py(r + 1)] as const;
      const left = () => [px(c), py(r + cut(a, d))] as const;
      const add = (p: readonly [number, number], q: readonly [number, number]) => segments.push([...p, ...q]);
      const saddle = sum / 4 >= level; // which pair of opposite corners belongs together
      if (above === 1 || above === 14) add(left(), top());
      else if (above === 2 || above === 13) add(top(), right());
      else if (above === 4 || above === 11) add(right(), bottom());
      else if (above === 8 || above === 7) add(bottom(), left());
      else if (above === 3 || above === 12) add(left(), right());
      else if (above === 6 || above === 9) add(top(), bottom());
      else if ((above === 5) === saddle) {
        add(top(), right());
        add(bottom(), left());
      } else {
        add(left(), top());
        add(right(), bottom());
      }
    }
  return segments;
}
