import type { PictureRecord } from './record.ts';

/** First line of the file. x, y, width, height in pixels. */
export const CSV_HEADER = 'image_id,file_name,category_id,category_name,x,y,width,height,score\n';
const FILE_NAME = 1; // column

/** One line per object (RFC 4180, but lines end as on Unix). */
export function csvText({ imageId, fileName, result }: PictureRecord): string {
  return result
    .toCoco(imageId, fileName)
    .map(row => line([imageId, fileName, row.category_id, row.category_name, ...row.bbox, row.score]))
    .join('');
}

/** Lines of an earlier run, by picture. */
export function csvByPicture(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const cells of parseCsv(text).slice(1)) {
    const name = cells[FILE_NAME] ?? '';
    found.set(name, (found.get(name) ?? '') + line(cells));
  }
  return found;
}

function line(cells: readonly (string | number)[]): string {
  return `${cells.map(quote).join(',')}\n`;
}

function quote(cell: string | number): string {
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Cells of a CSV text, quotes undone. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  // one cell per match: quoted or plain, with what ends it
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    if (end === '' && row.length === 0 && plain === '') break;
    row.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
