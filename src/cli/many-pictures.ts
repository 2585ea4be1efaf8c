import { type DenseError, fail } from '../core/index.ts';
import { formatError } from './output.ts';
import type { Progress } from './progress.ts';

/** What came of a run over pictures so far. */
export interface PictureTally {
  done: number;
  skipped: number;
  failed: number;
  /** Why the last one failed. */
  last: DenseError | undefined;
}

export const newTally = (): PictureTally => ({ done: 0, skipped: 0, failed: 0, last: undefined });

/** Counts a picture that failed; of several each is told at once, a single one ends the command. */
export function countFailed(tally: PictureTally, error: DenseError, total: number, progress: Progress): void {
  tally.failed++;
  tally.last = error;
  if (total > 1) progress.log(formatError(error));
}

/** Parts of the last line: `4 pictures in 1.2 s` (`what` says more of them), rate, skipped, failed. */
export function tallyText(tally: PictureTally, seconds: number, what = ''): string[] {
  const parts = [`${tally.done} pictures${what} in ${seconds.toFixed(1)} s`];
  if (tally.done > 0) parts.push(`${(tally.done / seconds).toFixed(1)} pictures/s`);
  if (tally.skipped > 0) parts.push(`${tally.skipped} skipped: done earlier`);
  if (tally.failed > 0) parts.push(`${tally.failed} failed`);
  return parts;
}

/** @throws {DenseError} PARTIAL when one of several failed */
export function failIfAny({ failed }: PictureTally, total: number): void {
  if (failed > 0)
    fail(
      'PARTIAL',
      `${failed} of ${total} inputs failed`,
      'each is named above with its reason',
      'correct or leave out those, the others are done',
    );
}
