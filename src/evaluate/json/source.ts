import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { fail, messageOf } from '../../core/index.ts';

/** Where JSON comes from: a file's path (`-` is standard input), its bytes, or the value itself. */
export type JsonInput = string | Uint8Array | object;

/** Bytes in order, read piece by piece. */
export interface ByteSource {
  /** What errors call it. */
  readonly name: string;
  /** Total bytes, when known. */
  readonly size: number | undefined;
  /** Reads at most `length` bytes to `into[at..]`; 0 at the end. */
  read(into: Uint8Array, at: number, length: number): number;
  close(): void;
}

/**
 * Opens a JSON input. A value is written out as JSON first, so that it meets the same checks as a file.
 * @param name what errors call bytes and values
 * @throws {DenseError} BAD_INPUT when the file cannot be opened
 */
export function openSource(input: JsonInput, name: string): ByteSource {
  if (typeof input === 'string') return fileSource(input);
  return bytesSource(input instanceof Uint8Array ? input : Buffer.from(JSON.stringify(input)), name);
}

function bytesSource(bytes: Uint8Array, name: string): ByteSource {
  let done = 0;
  return {
    name,
    size: bytes.length,
    read(into, at, length) {
      const piece = bytes.subarray(done, done + length);
      into.set(piece, at);
      done += piece.length;
      return piece.length;
    },
    close() {},
  };
}

function fileSource(path: string): ByteSource {
  const name = path === '-' ? 'standard input' : path;
  const attempt = <T>(action: () => T): T => {
    try {
      return action();
    } catch (error) {
      fail('BAD_INPUT', `cannot read ${name}`, messageOf(error), 'give the path of a readable JSON file', error);
    }
  };
  const fd = path === '-' ? 0 : attempt(() => openSync(path, 'r'));
  const stat = attempt(() => fstatSync(fd));
  if (stat.isDirectory()) {
    if (path !== '-') closeSync(fd);
    fail('BAD_INPUT', `cannot read ${name}`, 'it is a folder', 'give the path of a JSON file');
  }
  return {
    name,
    size: stat.isFile() ? stat.size : undefined,
    read: (into, at, length) => attempt(() => readPatiently(fd, into, at, length)),
    close: () => {
      if (path !== '-') closeSync(fd);
    },
  };
}

/** Standard input may be a pipe in non-blocking mode, which says EAGAIN while its writer is busy. */
function readPatiently(fd: number, into: Uint8Array, at: number, length: number): number {
  for (;;)
    try {
      return readSync(fd, into, at, length, null);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0; // Windows says so when a pipe ends
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
}
