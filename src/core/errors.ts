/**
 * Every failure a user can cause, with the exit code of the command line and the status of the server.
 * Exit codes are a contract: 2 usage or input, 3 model or checkpoint, 4 some inputs of many, 130 interrupted, 1 anything else.
 */
export const ERRORS = {
  BAD_USAGE: { exit: 2, status: 400 },
  BAD_INPUT: { exit: 2, status: 400 },
  UNAVAILABLE: { exit: 2, status: 400 },
  UNKNOWN_MODEL: { exit: 3, status: 404 },
  BAD_CHECKPOINT: { exit: 3, status: 422 },
  BAD_MODEL: { exit: 3, status: 422 },
  PARTIAL: { exit: 4, status: 207 },
  ABORTED: { exit: 130, status: 499 },
  RUNTIME: { exit: 1, status: 500 },
} as const satisfies Record<string, { exit: number; status: number }>;

export type ErrorCode = keyof typeof ERRORS;

/** What happened, why, and what the user can do about it: one line each. */
export interface ErrorDetail {
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

/** The one error this library throws on purpose. `cause` keeps the original error. */
export class DenseError extends Error {
  override readonly name = 'DenseError';
  constructor(
    readonly code: ErrorCode,
    readonly detail: ErrorDetail,
    options?: ErrorOptions,
  ) {
    super(`${detail.what}\n  why: ${detail.why}\n  fix: ${detail.fix}`, options);
  }

  /** Exit code of the command line for this error. */
  get exitCode(): number {
    return ERRORS[this.code].exit;
  }
}

/** Shorthand for `throw new DenseError(...)` in expressions. */
export function fail(code: ErrorCode, what: string, why: string, fix: string, cause?: unknown): never {
  throw new DenseError(code, { what, why, fix }, cause === undefined ? undefined : { cause });
}

/** Text of an unknown thrown value, first line only: native errors come with long tails. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}

/** @throws {DenseError} ABORTED when the signal has fired */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    fail('ABORTED', 'stopped', 'the caller cancelled the work', 'run it again to continue', signal.reason);
}
