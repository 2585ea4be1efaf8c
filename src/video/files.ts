import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { DenseError, messageOf } from '../core/index.ts';

let made = 0;

/** A hidden name beside the file, on the same disk and with the same ending, under which it grows. */
export async function growingName(path: string): Promise<string> {
  try {
    await mkdir(dirname(path), { recursive: true });
  } catch (error) {
    throw cannotWrite(path, error);
  }
  return join(dirname(path), `.${basename(path)}.${process.pid}-${made++}.tmp${extname(path)}`);
}

/** Gives a grown file its name. */
export async function nameWhole(temporary: string, path: string): Promise<void> {
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw cannotWrite(path, error);
  }
}

export function cannotWrite(path: string, error: unknown): DenseError {
  if (error instanceof DenseError) return error;
  const full = (error as NodeJS.ErrnoException).code === 'ENOSPC';
  return new DenseError(
    full ? 'RUNTIME' : 'BAD_INPUT',
    {
      what: `cannot write ${path}`,
      why: full ? 'the disk is full' : messageOf(error),
      fix: full ? 'free space, then run the same command with --resume' : 'choose another place',
    },
    { cause: error },
  );
}
