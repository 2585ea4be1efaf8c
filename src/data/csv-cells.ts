/** A line of CSV (RFC 4180, but lines end as on Unix). */
export function csvLine(cells: readonly (string | number)[]): string {
  return `${cells.map(quoted).join(',')}\n`;
}

function quoted(cell: string | number): string {
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Cells of a CSV text, quotes undone. What is not RFC 4180 is read as Python's csv reads it: text behind a closing quote
 * belongs to the cell, and a quote that is never closed reaches to the end.
 */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  let open = false; // a separator stands before `at`: one more cell follows
  while (at < text.length || open) {
    let cell = '';
    if (text[at] === '"') {
      const { value, end } = quotedCell(text, at + 1);
      cell = value;
      at = end;
    }
    const end = cellEnd(text, at);
    row.push(cell + text.slice(at, end));
    open = text[end] === ',';
    at = end + (text.startsWith('\r\n', end) ? 2 : 1);
    if (open) continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

/** The inside of a quoted cell that begins at `from`, and the place behind its closing quote. */
function quotedCell(text: string, from: number): { readonly value: string; readonly end: number } {
  for (let at = from; ; at += 2) {
    at = text.indexOf('"', at);
    if (at < 0) return { value: text.slice(from).replaceAll('""', '"'), end: text.length };
    if (text[at + 1] !== '"') return { value: text.slice(from, at).replaceAll('""', '"'), end: at + 1 };
  }
}

/** Where the comma, the line's end or the text's end is. */
function cellEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== ',' && text[at] !== '\n' && !text.startsWith('\r\n', at)) at++;
  return at;
}
