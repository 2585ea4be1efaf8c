import { type Detections, fail } from '../core/index.ts';
import { type BoxStyle, checkBoxStyle, cornerLength } from './box-frames.ts';
import { type DrawOptions, planDrawing } from './boxes.ts';
import { el, escapeXml, n } from './charts/svg.ts';
import { CHIP_EDGE_ALPHA, chipEdge } from './chips.ts';
import { type Rgb, textColorOn } from './color.ts';
import { lineMetrics, textWidth } from './text.ts';

export interface SvgDrawOptions extends DrawOptions {
  /** Of the picture, pixels. */
  readonly width: number;
  readonly height: number;
  /** The picture below the boxes: a path or address to link to, or a `data:` URL; left out: boxes alone. */
  readonly href?: string | undefined;
  /** Said to those who cannot see it; default how many objects there are. */
  readonly title?: string | undefined;
}

/**
 * Boxes and labels as SVG 1.1, placed and coloured as {@link drawDetections} places and colours them, one group per object
 * with its name, score and box as `data-` attributes. Text stays text: it can be searched, restyled and translated.
 *
 * @param found boxes in pixels of the picture
 * @returns a whole document, well-formed whatever the names are
 * @throws {DenseError} BAD_INPUT for a size that is not whole pixels, or an unknown box style
 */
export function detectionsSvg(found: Detections, options: SvgDrawOptions): string {
  const { width, height, href, boxStyle = 'full' } = options;
  checkBoxStyle(boxStyle);
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0))
    fail('BAD_INPUT', `a picture of ${width} x ${height}`, 'its sides are whole pixels', "pass the picture's size");
  const plan = planDrawing(width, height, found, options);
  const title = options.title ?? (found.length === 1 ? '1 object' : `${found.length} objects`);
  const picture = href === undefined ? '' : `${image(href, width, height)}\n`;
  const boxes = plan.boxes.map(({ index, box, color }) => {
    const name = legal(options.names[found.classes[index]] ?? String(found.classes[index]));
    const score = found.scores[index].toFixed(4);
    const tip = el('title', {}, escapeXml(`${name} ${found.scores[index].toFixed(2)}`));
    const about = {
      class: 'object',
      'data-name': name,
      'data-score': score,
      'data-box': Array.from(found.boxes.subarray(4 * index, 4 * index + 4), n).join(' '),
    };
    const [x1, y1, x2, y2] = box;
    const target = el('rect', { x: x1, y: y1, width: x2 - x1, height: y2 - y1, fill: 'none', 'pointer-events': 'all' });
    return el('g', about, tip + target + frame(box, plan.lineWidth, css(color), boxStyle));
  });
  const colors = new Map(plan.boxes.map(({ index, color }) => [index, color]));
  const texts = plan.labels.map(({ index, chip, place }) => {
    const background = colors.get(index)!;
    const { ascent, descent } = lineMetrics(chip.size);
    const e = chipEdge(chip);
    const edge = { stroke: '#000000', 'stroke-opacity': CHIP_EDGE_ALPHA, 'stroke-width': e };
    const [x, y] = [place.x - e / 2, place.y - e / 2];
    const outline = el('rect', { x, y, width: place.width + e, height: place.height + e, fill: 'none', ...edge });
    const plate = outline + el('rect', { ...place, fill: css(background) });
    const line = el(
      'text',
      {
        x: place.x + chip.padding,
        y: place.y + (chip.height - ascent - descent) / 2 + ascent,
        'font-size': chip.size,
        fill: css(textColorOn(background)),
        // another font than ours must not leave the plate
        textLength: textWidth(chip.text, chip.size),
        lengthAdjust: 'spacingAndGlyphs',
      },
      escapeXml(legal(chip.text)),
    );
    return el('g', { class: 'label' }, plate + line);
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" ` +
    `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">\n` +
    `${el('title', {}, escapeXml(legal(title)))}\n${picture}` +
    `${el('g', { fill: 'none' }, `\n${boxes.join('\n')}\n`)}\n` +
    `${el('g', { 'font-family': FONT, 'font-weight': 700 }, `\n${texts.join('\n')}\n`)}\n</svg>\n`
  );
}

const FONT = "'DejaVu Sans', Verdana, 'Bitstream Vera Sans', sans-serif"; // the first is what pixels are drawn with

/** `xlink:href` is read by every program; SVG 2's plain `href` is not. */
function image(href: string, width: number, height: number): string {
  return el('image', { 'xlink:href': legal(href), width, height, preserveAspectRatio: 'none' });
}

/** Coloured lines on wider dark ones. A stroke lies half inside its path, a drawn frame wholly. */
function frame(
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  lineWidth: number,
  color: string,
  style: BoxStyle,
): string {
  if (style === 'none') return '';
  const w = Math.min(lineWidth, (x2 - x1) / 2, (y2 - y1) / 2);
  const [l, t, r, b] = [x1 + w / 2, y1 + w / 2, x2 - w / 2, y2 - w / 2].map(n);
  const arm = cornerLength([x1, y1, x2, y2], lineWidth) - w / 2;
  const casing = Math.max(1, Math.round(lineWidth / 3));
  const d =
    style === 'corners'
      ? [
          `M${l} ${n(y1 + w / 2 + arm)}V${t}H${n(x1 + w / 2 + arm)}`,
          `M${n(x2 - w / 2 - arm)} ${t}H${r}V${n(y1 + w / 2 + arm)}`,
          `M${r} ${n(y2 - w / 2 - arm)}V${b}H${n(x2 - w / 2 - arm)}`,
          `M${n(x1 + w / 2 + arm)} ${b}H${l}V${n(y2 - w / 2 - arm)}`,
        ].join('')
      : `M${l} ${t}H${r}V${b}H${l}Z`;
  return (
    el('path', { d, stroke: '#000000', 'stroke-opacity': 0.4, 'stroke-width': w + 2 * casing }) +
    el('path', { d, stroke: color, 'stroke-width': w })
  );
}

/** Without the characters that XML 1.0 cannot hold, not even escaped. */
function legal(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is sought, and halves of pairs
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff\ufffe\uffff]/gu, '\ufffd');
}

function css(color: Rgb): string {
  return `#${color.map(v => v.toString(16).padStart(2, '0')).join('')}`;
}
