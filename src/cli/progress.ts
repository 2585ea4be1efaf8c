import type { Verbosity } from './output.ts';

const CLEAR_LINE = '\r\x1b[2K';
const REDRAW_MS = 100;
const BAR_WIDTH = 24;

/** A stream a bar can be drawn on. */
export interface BarStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** Shows how far a long run has come. */
export interface Progress {
  /** `done` of the total; `label` is what is being worked on. */
  update(done: number, label?: string): void;
  /** Prints a line above the bar. */
  log(text: string): void;
  /** Wipes the bar until the next update, so that something else can be printed. */
  clear(): void;
  /** Removes the bar for good. */
  stop(): void;
}

/**
 * A progress bar with rate and time left, on standard error and only when that is a terminal: elsewhere it draws
 * nothing and `log` prints plain lines.
 *
 * @param total units of work in all, or undefined when unknown
 * @param unit  what is counted, in the plural ("pictures")
 */
export function makeProgress(
  total: number | undefined,
  unit: string,
  flags: Verbosity = {},
  stream: BarStream = process.stderr,
  now: () => number = () => performance.now(),
): Progress {
  const drawn = stream.isTTY === true && !flags.quiet;
  const start = now();
  let last = Number.NEGATIVE_INFINITY;
  let line = '';
  const draw = () => stream.write(`${CLEAR_LINE}${line}`);
  return {
    update(done, label = '') {
      if (!drawn) return;
      const at = now();
      if (at - last < REDRAW_MS && done !== total) return;
      last = at;
      line = progressLine(done, total, (at - start) / 1000, unit, label).slice(
        0,
        Math.max(10, (stream.columns || 80) - 1),
      );
      draw();
    },
    log(text) {
      if (!drawn) stream.write(`${text}\n`);
      else {
        stream.write(`${CLEAR_LINE}${text}\n`);
        draw();
      }
    },
    clear() {
      if (line !== '') stream.write(CLEAR_LINE);
      last = Number.NEGATIVE_INFINITY; // and draw it again at once
    },
    stop() {
      if (line !== '') stream.write(CLEAR_LINE);
      line = '';
    },
  };
}

/** One line: `[####----] 12/40 pictures  8.1/s  3 s left  name`. */
export function progressLine(
  done: number,
  total: number | undefined,
  seconds: number,
  unit: string,
  label: string,
): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const speed = rate >= 1 || rate === 0 ? `${rate.toFixed(1)}/s` : `${(1 / rate).toFixed(1)} s each`;
  if (total === undefined) return `${done} ${unit}  ${speed}  ${label}`.trimEnd();
  const filled = total > 0 ? Math.round((BAR_WIDTH * Math.min(done, total)) / total) : BAR_WIDTH;
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}]`;
  const left = rate > 0 ? `${duration((total - done) / rate)} left` : '';
  return [bar, `${done}/${total} ${unit}`, speed, left, label].filter(Boolean).join('  ');
}

/** Seconds as people say them: `8 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}
