import { type DepthMap, fail, isDepth, type RgbImage, rgbImage } from '../core/index.ts';
import type { Rgb } from './color.ts';
import { INFERNO, TURBO, VIRIDIS } from './depth-tables.ts';

export const COLOR_MAPS = ['turbo', 'viridis', 'inferno', 'grey'] as const;
export type ColorMap = (typeof COLOR_MAPS)[number];

/** Least and largest number of a map; both 0 where it has none. */
export interface DepthRange {
  readonly min: number;
  readonly max: number;
}

/** How a depth map becomes colours. */
export interface DepthColorOptions {
  /** Default turbo. */
  readonly colorMap?: ColorMap | undefined;
  /** Values that get the two ends of the colours; default {@link colorRange}. */
  readonly range?: DepthRange | undefined;
}

const HOLE: Rgb = [0, 0, 0];
/** Of the values, left to each end of the colours: a few outliers must not use up the scale. */
const TAIL = 0.005;
const SAMPLES = 1 << 18;

const tables = new Map<ColorMap, Uint8Array>();

/**
 * 256 colours as RGB bytes, dark or cold first.
 * @throws {DenseError} BAD_INPUT for a name that is none of {@link COLOR_MAPS}
 */
export function colorTable(name: ColorMap): Uint8Array {
  const known = tables.get(name);
  if (known) return known;
  const hex = { turbo: TURBO, viridis: VIRIDIS, inferno: INFERNO, grey: undefined }[name];
  if (hex === undefined && name !== 'grey')
    fail('BAD_INPUT', `color map ${JSON.stringify(name)}`, 'there is no such one', `use ${COLOR_MAPS.join(', ')}`);
  const table = hex ? Uint8Array.from(Buffer.from(hex, 'hex')) : Uint8Array.from({ length: 768 }, (_, i) => i / 3);
  tables.set(name, table);
  return table;
}

/** Least and largest value without the half percent at either end, so that outliers do not use up the colours. */
export function colorRange({ kind, values }: DepthMap): DepthRange {
  const step = Math.max(1, Math.floor(values.length / SAMPLES));
  const sample = new Float32Array(Math.ceil(values.length / step));
  let count = 0;
  for (let i = 0; i < values.length; i += step) if (isDepth(kind, values[i])) sample[count++] = values[i];
  if (count === 0) return { min: 0, max: 0 };
  const sorted = sample.subarray(0, count).sort();
  const at = (share: number) => sorted[Math.round(share * (count - 1))];
  return { min: at(TAIL), max: at(1 - TAIL) };
}

/** Writes a row's colours, `width * 3` bytes, from `offset` on. */
export type ColorRow = (y: number, out: Uint8Array, offset?: number) => void;

/**
 * Colours of a depth map row by row, so that a large one never lies in memory twice. What is near gets the upper end of
 * the colours (red, yellow, white) in both kinds; holes are black.
 */
export function depthColorRows(map: DepthMap, options: DepthColorOptions = {}): ColorRow {
  const { kind, width, values } = map;
  const table = colorTable(options.colorMap ?? 'turbo');
  const { min, max } = options.range ?? colorRange(map);
  const [far, near] = kind === 'relative' ? [min, max] : [max, min];
  const scale = near === far ? 0 : 255 / (near - far);
  return (y, out, offset = 0) => {
    for (let x = 0, to = offset; x < width; x++, to += 3) {
      const value = values[y * width + x];
      if (!isDepth(kind, value)) {
        out.set(HOLE, to);
        continue;
      }
      const index = 3 * Math.round(Math.min(255, Math.max(0, (value - far) * scale)));
      out[to] = table[index];
      out[to + 1] = table[index + 1];
      out[to + 2] = table[index + 2];
    }
  };
}

/** A depth map in colours, as {@link depthColorRows} makes them. */
export function colorizeDepth(map: DepthMap, options: DepthColorOptions = {}): RgbImage {
  const rows = depthColorRows(map, options);
  const data = new Uint8Array(3 * map.width * map.height);
  for (let y = 0; y < map.height; y++) rows(y, data, 3 * y * map.width);
  return rgbImage(map.height, map.width, data);
}
