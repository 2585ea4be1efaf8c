import type { JsonScanner } from '../json/scanner.ts';

/** Reads a number and insists that a double can hold it. */
export function readFinite(scan: JsonScanner, field: string): number {
  const value = scan.number(field === 'id' ? 'a number for id' : FIELD_TEXT[field]!);
  if (value - value !== 0) scan.wrong(`has a ${field} beyond the range of numbers`, 'it reads as infinite', 'fix it');
  return value;
}
const FIELD_TEXT: Record<string, string> = {
  area: 'a number for area',
  score: 'a number for score',
};

/**
 * Reads `[x, y, width, height]` to `out[at..]`; false for an empty list.
 * @throws {DenseError} BAD_INPUT for another length or a negative size
 */
export function readBox(scan: JsonScanner, out: Float64Array, at: number): boolean {
  if (!scan.open('a bbox [x, y, width, height]')) return false;
  let n = 0;
  do {
    const value = scan.number('a number in bbox');
    if (n < 4) out[at + n] = value;
    n++;
  } while (scan.more());
  const w = out[at + 2]!;
  const h = out[at + 3]!;
  if (n !== 4 || !(w >= 0 && h >= 0)) badBox(scan, n, w, h);
  if (!(Math.abs(out[at]!) + Math.abs(out[at + 1]!) + w + h < Number.POSITIVE_INFINITY)) badBox(scan, n, w, h);
  return true;
}

function badBox(scan: JsonScanner, n: number, w: number, h: number): never {
  if (n !== 4) scan.wrong(`has a bbox of ${n} numbers`, 'a box is [x, y, width, height]', 'write four numbers per box');
  scan.wrong(
    `has a bbox of width ${w} and height ${h}`,
    'sizes are 0 or more, and finite',
    'COCO boxes are [x, y, width, height], not [x1, y1, x2, y2]: check the conversion',
  );
}
