import { fail, throwIfAborted } from '../core/index.ts';

/**
 * All bytes of standard input.
 * @throws {DenseError} BAD_INPUT when it is a terminal: nothing was piped in; ABORTED by the signal
 */
export async function readStdin(signal?: AbortSignal): Promise<Uint8Array> {
  if (process.stdin.isTTY)
    fail(
      'BAD_INPUT',
      'nothing comes through standard input',
      'it is the terminal',
      'pipe a file in: ... - < picture.jpg',
    );
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) {
    throwIfAborted(signal);
    chunks.push(chunk as Buffer);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
