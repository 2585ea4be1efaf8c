import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fail, throwIfAborted } from '../core/index.ts';

/** Standard input in a file of its own: FFmpeg must go back and forth in most videos. */
export interface Spooled {
  readonly path: string;
  remove(): Promise<void>;
}

/**
 * Writes standard input to a temporary file, without holding it in memory.
 * @throws {DenseError} BAD_INPUT when it is a terminal: nothing was piped in; ABORTED by the signal
 */
export async function spoolStdin(signal: AbortSignal): Promise<Spooled> {
  if (process.stdin.isTTY)
    fail(
      'BAD_INPUT',
      'nothing comes through standard input',
      'it is the terminal',
      'pipe a file in: ... - < video.mp4',
    );
  const folder = await mkdtemp(join(tmpdir(), 'pe-dense-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  const path = join(folder, 'stdin');
  try {
    await pipeline(process.stdin, createWriteStream(path), { signal });
  } catch (error) {
    await remove();
    throwIfAborted(signal);
    throw error;
  }
  return { path, remove };
}
