import { el, escapeXml, GRID, HEAD, INK, n, SERIES, SOFT_INK, svg, text, ticks } from './svg.ts';

/** One line of a chart. */
export interface Line {
  readonly label: string;
  /** written at the end of the legend's row */
  readonly value?: string | undefined;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly color?: string | undefined;
  readonly width?: number | undefined;
  readonly dash?: string | undefined;
  /** colours the area below */
  readonly fill?: boolean | undefined;
}

/** A point worth naming. */
export interface Mark {
  readonly x: number;
  readonly y: number;
  readonly label: string;
}

/** A chart of lines over 0..`xMax` by 0..`yMax`, both 1 unless given. */
export interface LineChart {
  readonly title: string;
  readonly subtitle?: string | undefined;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly lines: readonly Line[];
  readonly mark?: Mark | undefined;
  readonly xMax?: number | undefined;
  readonly yMax?: number | undefined;
}

const WIDTH = 680;
const HEIGHT = 460;
const LEFT = 62;
const BOTTOM = 54;
const RIGHT = 190;

/** Lines with the legend at the right: precision and recall, figures over the score threshold, or a training's course. */
export function lineChart({
  title,
  subtitle = '',
  xLabel,
  yLabel,
  lines,
  mark,
  xMax = 1,
  yMax = 1,
}: LineChart): string {
  const w = WIDTH - LEFT - RIGHT;
  const h = HEIGHT - HEAD - BOTTOM;
  const X = (v: number) => LEFT + (v / xMax) * w;
  const Y = (v: number) => HEAD + (1 - v / yMax) * h;
  const written = (t: number, max: number) =>
    max === 1 ? t.toFixed(1) : Number(t.toPrecision(6)).toLocaleString('en-US');
  let out = '';
  for (const t of ticks(yMax)) {
    out += el('line', { x1: LEFT, x2: LEFT + w, y1: Y(t), y2: Y(t), stroke: GRID });
    out += text(LEFT - 8, Y(t) + 4, written(t, yMax), { 'text-anchor': 'end', fill: SOFT_INK });
  }
  for (const t of ticks(xMax)) {
    out += el('line', { x1: X(t), x2: X(t), y1: HEAD, y2: HEAD + h, stroke: GRID });
    out += text(X(t), HEAD + h + 18, written(t, xMax), { 'text-anchor': 'middle', fill: SOFT_INK });
  }
  out += text(LEFT + w / 2, HEIGHT - 12, xLabel, { 'text-anchor': 'middle' });
  out += text(0, 0, yLabel, { 'text-anchor': 'middle', transform: `translate(18 ${n(HEAD + h / 2)}) rotate(-90)` });
  const point = (line: Line, i: number) => `${n(X(line.x[i]!))} ${n(Y(line.y[i]!))}`;
  lines.forEach((line, k) => {
    const color = line.color ?? SERIES[k % SERIES.length]!;
    if (line.x.length === 0) return;
    let d = `M${point(line, 0)}`;
    for (let i = 1; i < line.x.length; i++) d += `L${point(line, i)}`;
    const last = line.x.length - 1;
    if (line.fill)
      out += el('path', {
        d: `${d}L${n(X(line.x[last]!))} ${n(Y(0))}L${n(X(line.x[0]!))} ${n(Y(0))}Z`,
        fill: color,
        opacity: '0.1',
      });
    out += `<path d="${d}" fill="none" stroke="${color}" stroke-width="${n(line.width ?? 1.6)}" stroke-linejoin="round"${
      line.dash ? ` stroke-dasharray="${line.dash}"` : ''
    }><title>${escapeXml(line.label)}</title></path>`;
  });
  lines.forEach((line, k) => {
    const y = HEAD + 8 + 22 * k;
    const color = line.color ?? SERIES[k % SERIES.length]!;
    const x = LEFT + w + 18;
    out += el('line', {
      x1: x,
      x2: x + 20,
      y1: y,
      y2: y,
      stroke: color,
      'stroke-width': Math.max(2.4, line.width ?? 0),
      'stroke-dasharray': line.dash,
    });
    out += text(x + 27, y + 4, line.label, { 'font-weight': (line.width ?? 0) > 2 ? 600 : undefined });
  });
  const heads = lines.some(line => line.value !== undefined);
  if (heads)
    lines.forEach((line, k) => {
      out += text(WIDTH - 20, HEAD + 12 + 22 * k, line.value ?? '', {
        'text-anchor': 'end',
        'font-weight': (line.width ?? 0) > 2 ? 600 : undefined,
      });
    });
  if (mark) {
    const right = mark.x > 0.6 * xMax;
    out += el('line', {
      x1: X(mark.x),
      x2: X(mark.x),
      y1: Y(0),
      y2: Y(mark.y),
      stroke: INK,
      'stroke-dasharray': '3 3',
    });
    out += el('circle', { cx: X(mark.x), cy: Y(mark.y), r: 4, fill: INK });
    out += text(X(mark.x) + (right ? -9 : 9), Y(mark.y) - 9, mark.label, {
      'text-anchor': right ? 'end' : 'start',
      'font-weight': 600,
      stroke: '#ffffff',
      'stroke-width': 4,
      'paint-order': 'stroke',
    });
  }
  return svg(WIDTH, HEIGHT, title, subtitle, out);
}
