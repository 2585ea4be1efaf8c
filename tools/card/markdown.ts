/** Pages with blocks that a script writes: `<!-- generated: NAME -->` ... `<!-- /generated -->`. */

/** A table; numbers are written by the caller. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const [head, ...rest] = rows.map(row => `| ${row.join(' | ')} |`);
  return [head, `|${'---|'.repeat(rows[0]!.length)}`, ...rest].join('\n');
}

/** A fraction in points, a hyphen for an undefined one (-1). */
export const points = (value: number | undefined, digits = 1) =>
  value === undefined || value < 0 ? '-' : (100 * value).toFixed(digits);

/** Megabytes (10^6). */
export const megabytes = (bytes: number) => (bytes / 1e6).toFixed(2);

/** Blocks a page asks for, in its order. */
export const blocksOf = (page: string) => [...page.matchAll(/^<!-- generated: (\S+) -->$/gm)].map(m => m[1]!);

/** The page with blocks written anew; those that are not given stay as they are. */
export function fillBlocks(page: string, blocks: ReadonlyMap<string, string>): string {
  const pattern = /^(<!-- generated: (\S+) -->)\n[^]*?^(<!-- \/generated -->)$/gm;
  return page.replace(pattern, (whole, open: string, name: string, close: string) => {
    const text = blocks.get(name);
    return text === undefined ? whole : `${open}\n${text.trim()}\n${close}`;
  });
}
