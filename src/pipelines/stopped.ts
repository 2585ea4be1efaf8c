import { DenseError } from '../core/index.ts';

/** Where a run was when something stopped it. */
export interface StoppedAt {
  /** What was worked on. */
  readonly source: string;
  /** Where what is written ends, for people. */
  readonly where: string;
  /** Whether `--resume` goes on from there. */
  readonly resumable: boolean;
}

/** The error that ended a run, with where its outputs end and how to go on. */
export function stoppedError(error: unknown, { source, where, resumable }: StoppedAt): unknown {
  if (!(error instanceof DenseError)) return error;
  const again = resumable ? 'run the same command with --resume to go on' : 'run the same command again';
  const { what, why, fix } = error.detail;
  const detail =
    error.code === 'ABORTED'
      ? { what: `stopped in ${source}`, why: `interrupted; ${where}`, fix: again }
      : { what, why: `${why}; ${where}`, fix: fix.includes('--resume') ? fix : `${fix}; then ${again}` };
  return new DenseError(error.code, detail, { cause: error });
}
