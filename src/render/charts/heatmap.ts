import { el, escapeXml, fit, HEAD, INK, mix, n, SOFT_INK, svg, text, textWidth } from './svg.ts';

/** A matrix drawn as coloured cells. */
export interface Heatmap {
  readonly title: string;
  readonly subtitle?: string | undefined;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** `[rows, columns]` counts */
  readonly counts: ArrayLike<number>;
  readonly rowLabel: string;
  readonly columnLabel: string;
}

const LOW = '#f4f7fb';
const HIGH = '#174a7c';
const WRONG_HIGH = '#a8380b';

/**
 * A confusion matrix: every cell is coloured by its share of its row; the diagonal blue, mistakes red. Counts are written
 * into cells large enough, and shown when the pointer rests on one.
 */
export function heatmap({ title, subtitle = '', rows, columns, counts, rowLabel, columnLabel }: Heatmap): string {
  const side = Math.max(rows.length, columns.length);
  const cell = side <= 12 ? 44 : side <= 24 ? 26 : side <= 45 ? 16 : 10;
  const size = Math.min(12, cell - 1);
  const most = Math.min(130, Math.max(40, ...[...rows, ...columns].map(label => textWidth(label, size))));
  const left = 46 + most;
  const top = HEAD + 26 + most;
  let out = '';
  columns.forEach((label, j) => {
    const x = left + j * cell + cell / 2 + size * 0.35;
    out += text(0, 0, fit(label, most, size), {
      'font-size': size,
      transform: `translate(${n(x)} ${n(top - 6)}) rotate(-90)`,
    });
  });
  rows.forEach((label, i) => {
    out += text(left - 7, top + i * cell + cell / 2 + size * 0.36, fit(label, most, size), {
      'text-anchor': 'end',
      'font-size': size,
    });
    let total = 0;
    for (let j = 0; j < columns.length; j++) total += counts[i * columns.length + j]!;
    for (let j = 0; j < columns.length; j++) {
      const count = counts[i * columns.length + j]!;
      const right = rows[i] === columns[j];
      if (count === 0 && cell <= 16) continue; // empty cells of a large matrix are the background
      const share = total > 0 ? count / total : 0;
      const fill = count === 0 ? LOW : mix(right ? '#d6e4f2' : '#fbe3d6', right ? HIGH : WRONG_HIGH, Math.sqrt(share));
      const tip = `<title>${escapeXml(`${rows[i]} → ${columns[j]}: ${count} (${(100 * share).toFixed(1)} %)`)}</title>`;
      out += el('rect', { x: left + j * cell, y: top + i * cell, width: cell - 1, height: cell - 1, fill }, tip);
      if (count > 0 && cell >= 26)
        out += text(left + j * cell + cell / 2 - 0.5, top + i * cell + cell / 2 + 4, short(count), {
          'text-anchor': 'middle',
          'font-size': cell >= 44 ? 12 : 9,
          fill: share > 0.35 ? '#ffffff' : INK,
        });
    }
  });
  const width = left + columns.length * cell + 24;
  const height = top + rows.length * cell + 22;
  out =
    el('rect', { x: left, y: top, width: columns.length * cell - 1, height: rows.length * cell - 1, fill: LOW }) +
    out +
    text(left + (columns.length * cell) / 2, HEAD + 12, columnLabel, { 'text-anchor': 'middle', fill: SOFT_INK }) +
    text(0, 0, rowLabel, {
      'text-anchor': 'middle',
      fill: SOFT_INK,
      transform: `translate(22 ${n(top + (rows.length * cell) / 2)}) rotate(-90)`,
    });
  return svg(Math.max(width, 420, 40 + textWidth(title, 16), 40 + textWidth(subtitle)), height, title, subtitle, out);
}

function short(count: number): string {
  return count < 10_000 ? String(count) : `${Math.round(count / 1000)}k`;
}
