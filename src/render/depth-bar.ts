import { type DepthMap, type RgbImage, rgbImage } from '../core/index.ts';
import { fillRect, paintCoverage } from './canvas.ts';
import type { Rgb } from './color.ts';
import { type ColorMap, colorTable, type DepthRange } from './depth-color.ts';
import { lineMetrics, rasterizeText, textWidth } from './text.ts';

const INK: Rgb = [32, 32, 32];

/** What a colour bar shows. */
export interface ColorBarOptions {
  readonly kind: DepthMap['kind'];
  /** Values at its two ends. */
  readonly range: DepthRange;
  readonly colorMap?: ColorMap | undefined;
  /** What stands above and below the strip; default what the numbers of a depth map are. */
  readonly ends?: readonly [above: string, below: string] | undefined;
}

/**
 * A strip to stand beside a coloured depth map of the same height: the colours with near at the top, ticks at round values,
 * and what the numbers are: metres, or, for relative depth, `near` and `far` without a unit.
 *
 * @param height pixels
 */
export function colorBar(height: number, options: ColorBarOptions): RgbImage {
  const { kind, range, colorMap = 'turbo' } = options;
  const size = Math.max(9, Math.min(64, Math.round(height / 32)));
  const { ascent, descent } = lineMetrics(size);
  const line = Math.ceil(ascent) + Math.ceil(descent);
  const [far, near] = kind === 'relative' ? [range.min, range.max] : [range.max, range.min];
  const top = Math.min(Math.floor(height / 3), line + Math.ceil(size / 2));
  const bottom = height - top;
  const fits = Math.max(1, Math.min(8, Math.floor((bottom - top) / (2 * line))));
  const ticks = roundTicks(range.min, range.max, fits).map(value => ({ value, text: tickText(value, range) }));
  const ends = options.ends ?? (kind === 'relative' ? ['near', 'far'] : ['metres', '']);
  const barWidth = Math.round(1.2 * size);
  const margin = Math.ceil(size / 2);
  const tick = Math.ceil(size / 3);
  const label = Math.max(0, ...ticks.map(t => textWidth(t.text, size)));
  const width = Math.ceil(
    2 * margin + Math.max(barWidth + 2 * tick + label, ...ends.map(text => textWidth(text, size) + 1)),
  );
  const image = rgbImage(height, width, new Uint8Array(3 * width * height).fill(255));
  const table = colorTable(colorMap);
  for (let y = top; y < bottom; y++) {
    const index = 3 * Math.round(255 * (1 - (y - top + 0.5) / (bottom - top)));
    for (let x = margin; x < margin + barWidth; x++)
      image.data.set(table.subarray(index, index + 3), 3 * (y * width + x));
  }
  const thick = Math.max(1, Math.round(size / 12));
  for (const { value, text } of ticks) {
    const share = far === near ? 0.5 : (value - far) / (near - far);
    const y = bottom - share * (bottom - top);
    fillRect(image, margin + barWidth, y - thick / 2, margin + barWidth + tick, y + thick / 2, INK);
    paintCoverage(image, rasterizeText(text, size), margin + barWidth + 2 * tick, Math.round(y - line / 2), INK);
  }
  if (ends[0]) paintCoverage(image, rasterizeText(ends[0], size), margin, top - line, INK);
  if (ends[1]) paintCoverage(image, rasterizeText(ends[1], size), margin, bottom, INK);
  return image;
}

/** Round numbers from `min` to `max`, about `count` of them; the middle alone where the two are one. */
export function roundTicks(min: number, max: number, count: number): number[] {
  if (!(max > min)) return [min];
  const raw = (max - min) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw * (1 - 1e-9))!;
  const ticks: number[] = [];
  for (let k = Math.ceil(min / step - 1e-9); k * step <= max + step * 1e-9; k++) ticks.push(k * step);
  return ticks;
}

/** As many decimals as tell the ticks apart. */
function tickText(value: number, { min, max }: DepthRange): string {
  const span = max - min || Math.abs(value) || 1;
  if (span >= 1e6 || span < 1e-4) return value.toExponential(1);
  const decimals = Math.max(0, Math.min(6, 1 - Math.floor(Math.log10(span))));
  const text = value.toFixed(decimals);
  return (decimals > 0 ? text.replace(/\.?0+$/, '') : text).replace(/^-0$/, '0');
}
