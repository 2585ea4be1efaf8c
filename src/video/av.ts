import { DenseError, fail, messageOf } from '../core/index.ts';

/** node-av's direct bindings. Its high-level half is left alone: on Node 20 it asks for a newer language. */
export type Av = typeof import('node-av/lib') & { readonly C: typeof import('node-av/constants') };

let loading: Promise<Av | undefined> | undefined;

/** FFmpeg inside this process, or nothing where the optional package is missing or has no build for this machine. */
export function loadAv(): Promise<Av | undefined> {
  loading ??= (async () => {
    try {
      const [lib, C] = await Promise.all([import('node-av/lib'), import('node-av/constants')]);
      lib.Log.setLevel(C.AV_LOG_QUIET);
      return { ...lib, C };
    } catch {
      return undefined;
    }
  })();
  return loading;
}

/**
 * Passes a result through, or throws what FFmpeg says.
 * @throws {DenseError} RUNTIME for a full disk, else the given code
 */
export function checkAv(av: Av, result: number, code: 'BAD_INPUT' | 'RUNTIME', what: string, fix: string): number {
  if (result >= 0) return result;
  if (result === av.C.AVERROR_ENOSPC)
    fail('RUNTIME', what, 'the disk is full', 'free space, then run the same command with --resume');
  return fail(code, what, av.FFmpegError.strerror(result).toLowerCase(), fix);
}

/** Wraps whatever a binding threw. */
export function asVideoError(error: unknown, what: string, fix: string): DenseError {
  if (error instanceof DenseError) return error;
  return new DenseError('RUNTIME', { what, why: messageOf(error), fix }, { cause: error });
}
