/** Colours of the charts: dark enough to print, apart for the colour-blind (Okabe and Ito's set, softened). */
export const INK = '#1f2933';
export const SOFT_INK = '#52606d';
export const GRID = '#e4e7eb';
export const PAPER = '#ffffff';
export const SERIES = ['#2563a8', '#d1690e', '#2f8f6b', '#b0447c', '#7a6a00', '#5a4fcf', '#8a5a3c', '#3b8ea5'] as const;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

/** Text made safe inside XML. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
}

/** A coordinate with at most two decimals. */
export function n(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** Attributes as XML. */
function attributes(values: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(values)
    .filter(([, v]) => v !== undefined)
    .map(([k, v]) => ` ${k}="${typeof v === 'number' ? n(v) : escapeXml(v!)}"`)
    .join('');
}

/** One element. `inside` is markup, not text. */
export function el(tag: string, values: Readonly<Record<string, string | number | undefined>>, inside = ''): string {
  return inside === '' ? `<${tag}${attributes(values)}/>` : `<${tag}${attributes(values)}>${inside}</${tag}>`;
}

/** A line of text. */
export function text(
  x: number,
  y: number,
  content: string,
  values: Readonly<Record<string, string | number | undefined>> = {},
): string {
  return el('text', { x, y, fill: INK, 'font-size': 12, ...values }, escapeXml(content));
}

/** A whole picture with its title and, below it, a line that says what is seen. */
export function svg(width: number, height: number, title: string, subtitle: string, inside: string): string {
  const head =
    text(20, 28, title, { 'font-size': 16, 'font-weight': 600 }) +
    (subtitle ? text(20, 47, fit(subtitle, width - 32), { fill: SOFT_INK }) : '');
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${n(width)} ${n(height)}" width="${n(width)}" height="${n(height)}" ` +
    `role="img" aria-label="${escapeXml(title)}" font-family="${FONT}">` +
    `${el('rect', { width, height, fill: PAPER })}${head}${inside}</svg>\n`
  );
}

/** Space that {@link svg}'s title and subtitle take at the top. */
export const HEAD = 62;

/** Round steps that cover `0..max` in about `count` pieces. */
export function ticks(max: number, count = 5): number[] {
  if (!(max > 0)) return [0];
  const raw = max / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(m => m * power).find(s => s >= raw - 1e-12)!;
  return Array.from({ length: Math.floor(max / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** Between two colours `#rrggbb`. */
export function mix(from: string, to: string, share: number): string {
  const part = (color: string, i: number) => Number.parseInt(color.slice(1 + 2 * i, 3 + 2 * i), 16);
  const channel = (i: number) => Math.round(part(from, i) + (part(to, i) - part(from, i)) * share);
  return `#${[0, 1, 2].map(i => channel(i).toString(16).padStart(2, '0')).join('')}`;
}

/** Width of text in pixels, roughly: enough to place it beside something. */
export function textWidth(content: string, size = 12): number {
  return content.length * size * 0.56;
}

/** Text cut to fit a width. */
export function fit(content: string, width: number, size = 12): string {
  const most = Math.max(1, Math.floor(width / (size * 0.56)));
  return content.length <= most ? content : `${content.slice(0, most - 1)}…`;
}
