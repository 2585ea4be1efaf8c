import { DenseError, messageOf } from '../core/index.ts';

/** What every command understands about its own talk. */
export interface Verbosity {
  readonly quiet?: boolean | undefined;
  readonly verbose?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** Where a command speaks: data to standard output, everything else to standard error. */
export interface Output {
  /** Standard output, exactly as given plus a newline: data, or the human-readable result. */
  data(text: string): void;
  /** A line for people; silenced by --quiet. */
  info(text: string): void;
  /** A line for people who asked with --verbose. */
  debug(text: string): void;
  /** A line that matters even with --quiet. */
  warn(text: string): void;
}

/** Makes the voice of a command from its flags. */
export function makeOutput(flags: Verbosity): Output {
  const line = (text: string) => process.stderr.write(`${text}\n`);
  return {
    data: text => void process.stdout.write(`${text}\n`),
    info: text => void (flags.quiet || line(text)),
    debug: text => void (flags.verbose && line(text)),
    warn: text => void line(text),
  };
}

/** Writes `error: ... / why: ... / fix: ...` to standard error; the stack and the causes only when asked. */
export function printError(error: unknown, { verbose = false }: { verbose?: boolean | undefined } = {}): void {
  const stack = verbose ? `${stackOf(error)}\n` : '';
  process.stderr.write(`${formatError(error)}\n${stack}`);
}

/** The three lines of an error, as {@link printError} writes them. */
export function formatError(error: unknown): string {
  if (error instanceof DenseError) {
    const { what, why, fix } = error.detail;
    return `error: ${what}\n  why: ${why}\n  fix: ${fix}`;
  }
  return `error: ${messageOf(error)}\n  why: not expected here: this is a fault of pe-dense or of a library it uses\n  fix: run again with --verbose and report what it prints`;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

/**
 * Columns of text, padded; numbers (given as numbers) are right-aligned.
 * @param rows first row is the head
 */
export function formatTable(rows: readonly (readonly (string | number)[])[]): string {
  const columns = Math.max(0, ...rows.map(row => row.length));
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map(row => String(row[i] ?? '').length)));
  const rightAligned = widths.map((_, i) => rows.slice(1).some(row => typeof row[i] === 'number'));
  return rows
    .map(row =>
      row
        .map((cell, i) => (rightAligned[i] ? String(cell).padStart(widths[i]!) : String(cell).padEnd(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
