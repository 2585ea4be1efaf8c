import { el, fit, GRID, HEAD, INK, SERIES, SOFT_INK, svg, text, textWidth, ticks } from './svg.ts';

/** One bar. */
export interface Bar {
  readonly label: string;
  /** length; a negative value is drawn as "none" */
  readonly value: number;
  /** written after the bar's value, in a softer colour */
  readonly note?: string | undefined;
  readonly color?: string | undefined;
}

/** A chart of horizontal bars. */
export interface BarChart {
  readonly title: string;
  readonly subtitle?: string | undefined;
  readonly bars: readonly Bar[];
  /** what the axis counts */
  readonly axis: string;
  /** end of the axis; default the largest value */
  readonly max?: number | undefined;
  /** how values are written */
  readonly format?: ((value: number) => string) | undefined;
  /** a thin line across all bars, named */
  readonly line?: { readonly value: number; readonly label: string } | undefined;
}

const WIDTH = 680;
const MOST_LABEL = 170;
/** Keeps text readable where it crosses a line. */
const HALO = { stroke: '#ffffff', 'stroke-width': 3, 'paint-order': 'stroke' };

/** Horizontal bars, one under the other, in the order given. The picture grows with their number. */
export function barChart({
  title,
  subtitle = '',
  bars,
  axis,
  max,
  format = v => v.toFixed(3),
  line,
}: BarChart): string {
  const pitch = bars.length > 30 ? 18 : 30;
  const thickness = bars.length > 30 ? 11 : 19;
  const size = bars.length > 30 ? 11 : 12;
  const left = 30 + Math.min(MOST_LABEL, Math.max(30, ...bars.map(bar => textWidth(bar.label, size))));
  const notes = Math.max(0, ...bars.map(bar => textWidth(bar.note ?? '', 11)));
  const w = WIDTH - left - 66 - notes;
  const top = HEAD + (line ? 18 : 6);
  const h = pitch * bars.length;
  const end = max ?? (Math.max(1e-9, ...bars.map(bar => bar.value)) || 1);
  const X = (v: number) => left + (Math.min(Math.max(v, 0), end) / end) * w;
  let out = '';
  for (const t of ticks(end)) {
    out += el('line', { x1: X(t), x2: X(t), y1: top, y2: top + h, stroke: GRID });
    out += text(X(t), top + h + 16, String(Number(t.toPrecision(3))), {
      'text-anchor': 'middle',
      fill: SOFT_INK,
      'font-size': 11,
    });
  }
  if (line) {
    out += el('line', {
      x1: X(line.value),
      x2: X(line.value),
      y1: top - 4,
      y2: top + h,
      stroke: INK,
      'stroke-dasharray': '4 3',
    });
    out += text(X(line.value), top - 8, line.label, { 'text-anchor': 'middle', 'font-size': 11, 'font-weight': 600 });
  }
  bars.forEach((bar, i) => {
    const y = top + i * pitch + (pitch - thickness) / 2;
    const base = y + thickness / 2 + size * 0.36;
    out += text(left - 9, base, fit(bar.label, MOST_LABEL, size), { 'text-anchor': 'end', 'font-size': size });
    const none = bar.value < 0;
    const x = X(bar.value);
    if (!none && bar.value > 0)
      out += el('rect', {
        x: left,
        y,
        width: Math.max(1, x - left),
        height: thickness,
        rx: 2,
        fill: bar.color ?? SERIES[0],
      });
    const written = none ? 'none' : format(bar.value);
    out += text(x + 6, base, written, { 'font-size': size, fill: none ? SOFT_INK : INK, ...HALO });
    if (bar.note)
      out += text(x + 12 + textWidth(written, size), base, bar.note, { 'font-size': 11, fill: SOFT_INK, ...HALO });
  });
  out += el('line', { x1: left, x2: left, y1: top, y2: top + h, stroke: SOFT_INK });
  out += text(left + w / 2, top + h + 34, axis, { 'text-anchor': 'middle', fill: SOFT_INK });
  return svg(WIDTH, top + h + 46, title, subtitle, out);
}
