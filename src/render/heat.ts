import { fail, type RgbImage, rgbImage } from '../core/index.ts';
import { colorBar } from './depth-bar.ts';
import { type ColorMap, colorTable } from './depth-color.ts';
import { sideBySide, sideGap } from './depth-side.ts';

/** Where objects have been: counts on a grid over a picture or a whole video. Grows with {@link addHeat}. */
export interface HeatGrid {
  /** Of the picture, pixels. */
  readonly width: number;
  readonly height: number;
  readonly columns: number;
  readonly rows: number;
  /** `[rows, columns]` points that fell into each cell */
  readonly counts: Float64Array;
}

export interface HeatOptions {
  /** Standard deviation of the gaussian around each point, pixels; default 3 % of the picture's side. */
  readonly radius?: number | undefined;
  /** Default turbo. */
  readonly colorMap?: ColorMap | undefined;
  /** Most that the colours cover the picture, 0..1; default 0.75. */
  readonly opacity?: number | undefined;
  /** A strip at the right that says which colour is how many; default true. */
  readonly key?: boolean | undefined;
  /** What the numbers of the key are; default `detections`. */
  readonly title?: string | undefined;
}

/** Point of a box that counts: its centre, or the middle of its lower edge, where a person stands. */
export type HeatAnchor = 'centre' | 'bottom';

const MOST_CELLS = 480; // along the longer side; the gaussian is far wider than a cell
const REACH = 3.5; // standard deviations
const FADE = 0.2; // of the scale: below this, colours give way to the picture

/** An empty heat map of a picture's size, pixels. */
export function heatGrid(width: number, height: number): HeatGrid {
  if (!(width >= 1 && height >= 1))
    fail(
      'BAD_INPUT',
      `a heat map of ${width} x ${height}`,
      'it has the size of a picture',
      'pass its width and height',
    );
  const share = Math.min(1, MOST_CELLS / Math.max(width, height));
  const columns = Math.max(1, Math.round(width * share));
  const rows = Math.max(1, Math.round(height * share));
  return { width, height, columns, rows, counts: new Float64Array(columns * rows) };
}

/**
 * Counts one point per box.
 * @param boxes `[n, 4]` xyxy, pixels of the picture; points outside of it are left out
 */
export function addHeat(map: HeatGrid, boxes: Float32Array, anchor: HeatAnchor = 'centre'): void {
  const { width, height, columns, rows, counts } = map;
  for (let i = 0; i + 3 < boxes.length; i += 4) {
    const x = (boxes[i] + boxes[i + 2]) / 2;
    const y = anchor === 'bottom' ? boxes[i + 3] : (boxes[i + 1] + boxes[i + 3]) / 2;
    if (!(x >= 0 && x <= width && y >= 0 && y <= height)) continue;
    const column = Math.min(columns - 1, Math.floor((x * columns) / width));
    counts[Math.min(rows - 1, Math.floor((y * rows) / height)) * columns + column]++;
  }
}

/**
 * How many points lie near each cell: each counts with `exp(-d² / (2 radius²))` of its distance, so one point alone makes a
 * hill of height 1.
 *
 * @param radius pixels of the picture
 * @returns `[rows, columns]`
 */
export function heatValues(map: HeatGrid, radius = defaultRadius(map)): Float32Array {
  if (!(radius > 0)) fail('BAD_INPUT', `radius is ${radius}`, 'it is a distance in pixels', 'pass a number above 0');
  const { width, columns, rows, counts } = map;
  const sigma = Math.max(0.5, (radius * columns) / width);
  const reach = Math.ceil(REACH * sigma);
  const kernel = Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-((k - reach) ** 2) / (2 * sigma * sigma)));
  const along = new Float64Array(columns * rows);
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      const count = counts[y * columns + x];
      if (count === 0) continue; // most cells are
      const last = Math.min(columns - 1, x + reach);
      for (let to = Math.max(0, x - reach); to <= last; to++) along[y * columns + to] += count * kernel[to - x + reach];
    }
  const values = new Float32Array(columns * rows);
  for (let x = 0; x < columns; x++)
    for (let y = 0; y < rows; y++) {
      let sum = 0;
      const last = Math.min(rows - 1, y + reach);
      for (let from = Math.max(0, y - reach); from <= last; from++)
        sum += along[from * columns + x] * kernel[from - y + reach];
      values[y * columns + x] = sum;
    }
  return values;
}

/**
 * A grey copy of the picture with the heat map in colours over it and, at its right, a key. Where nothing was, the picture
 * stays.
 *
 * @param image of the map's size: a frame of the video, or an empty scene
 * @throws {DenseError} BAD_INPUT when picture and map differ in size, for a radius, an opacity or colours that make no sense
 */
export function drawHeat(image: RgbImage, map: HeatGrid, options: HeatOptions = {}): RgbImage {
  const [height, width] = image.shape;
  if (width !== map.width || height !== map.height)
    fail(
      'BAD_INPUT',
      `a picture of ${width} x ${height} with a heat map of ${map.width} x ${map.height}`,
      'the map lies over the picture',
      'make the map with the size of the picture',
    );
  const { colorMap = 'turbo', opacity = 0.75, key = true, title = 'detections' } = options;
  if (!(opacity >= 0 && opacity <= 1))
    fail('BAD_INPUT', `opacity is ${opacity}`, 'it is a share', 'pass a number from 0 to 1');
  const values = heatValues(map, options.radius);
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  const table = colorTable(colorMap);
  const data = new Uint8Array(3 * width * height);
  const row = new Float32Array(map.columns);
  for (let y = 0, to = 0; y < height; y++) {
    blendRows(map, values, (y + 0.5) * (map.rows / height) - 0.5, row);
    for (let x = 0; x < width; x++, to += 3) {
      const [r, g, b] = image.data.subarray(to, to + 3);
      const grey = 0.299 * r + 0.587 * g + 0.114 * b;
      const share = most > 0 ? between(row, (x + 0.5) * (map.columns / width) - 0.5) / most : 0;
      const index = 3 * Math.round(255 * Math.min(1, share));
      const fade = Math.min(1, share / FADE);
      const cover = opacity * fade * fade * (3 - 2 * fade);
      for (let c = 0; c < 3; c++) data[to + c] = Math.round(grey + (table[index + c] - grey) * cover);
    }
  }
  const out = rgbImage(height, width, data);
  if (!key) return out;
  const bar = colorBar(height, { kind: 'relative', range: { min: 0, max: most }, colorMap, ends: [title, ''] });
  const wide = sideBySide([out, bar], sideGap(height));
  const joined = new Uint8Array(3 * wide.width * height);
  for (let y = 0; y < height; y++) wide.row(y, joined, 3 * y * wide.width);
  return rgbImage(height, wide.width, joined);
}

function defaultRadius({ width, height }: HeatGrid): number {
  return 0.03 * Math.sqrt(width * height);
}

/** The row at a place between two rows of cells. */
function blendRows({ columns, rows }: HeatGrid, values: Float32Array, at: number, out: Float32Array): void {
  const place = Math.min(rows - 1, Math.max(0, at));
  const top = Math.floor(place);
  const bottom = Math.min(rows - 1, top + 1);
  for (let x = 0; x < columns; x++) {
    const above = values[top * columns + x];
    out[x] = above + (values[bottom * columns + x] - above) * (place - top);
  }
}

function between(row: Float32Array, at: number): number {
  const place = Math.min(row.length - 1, Math.max(0, at));
  const left = Math.floor(place);
  const next = row[Math.min(row.length - 1, left + 1)];
  return row[left] + (next - row[left]) * (place - left);
}
