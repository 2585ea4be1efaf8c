import { constants, readSync } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { fail, messageOf } from '../core/index.ts';

/** Random access to the bytes of one checkpoint; readers see only this, so tests can hand them crafted bytes. */
export interface ByteSource {
  /** Real path, for messages. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`. @throws {DenseError} BAD_CHECKPOINT past the end */
  read(offset: number, length: number): Promise<Uint8Array>;
}

// one read() call of the system moves at most 2^31 - 1 bytes
const CHUNK = 1 << 30;
// a header read costs microseconds; handed to the thread pool, a thousand of them cost a second on a busy machine
const SMALL = 4096;

/** A source over bytes in memory. */
export function bytesSource(bytes: Uint8Array, path = 'memory'): ByteSource {
  return {
    path,
    size: bytes.length,
    read: async (offset, length) => {
      checkRange(path, bytes.length, offset, length);
      return new Uint8Array(bytes.subarray(offset, offset + length)); // a copy: Buffer.slice would share
    },
  };
}

/**
 * Opens a file for reading, runs `use`, closes it whatever happens.
 * @throws {DenseError} BAD_CHECKPOINT when the path is missing, unreadable or not a file
 */
export async function withFile<T>(path: string, use: (source: ByteSource) => Promise<T>): Promise<T> {
  let handle: FileHandle | undefined;
  let real = path;
  try {
    // a hub cache is symbolic links into blobs/: everything later wants the real file
    real = await realpath(path);
    // without O_NONBLOCK, opening a named pipe would wait for a writer for ever
    handle = await open(real, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stat = await handle.stat();
    if (!stat.isFile())
      fail(
        'BAD_CHECKPOINT',
        `${path} is not a file`,
        `it is ${stat.isDirectory() ? 'a folder' : 'a pipe or a device'}, and tensors are read in place by position`,
        'name the .pt, .pth or .safetensors file itself',
      );
    return await use(fileSource(handle, real, stat.size));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      fail('BAD_CHECKPOINT', `no checkpoint at ${path}`, 'the file does not exist', 'check the path', error);
    if (code === 'EACCES' || code === 'EPERM' || code === 'EISDIR' || code === 'ELOOP' || code === 'EIO')
      fail('BAD_CHECKPOINT', `${path} cannot be read`, messageOf(error), 'check the file and its permissions', error);
    throw error;
  } finally {
    await handle?.close();
  }
}

function fileSource(handle: FileHandle, path: string, size: number): ByteSource {
  return {
    path,
    size,
    read: async (offset, length) => {
      checkRange(path, size, offset, length);
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; ) {
        const want = Math.min(CHUNK, length - at);
        const bytesRead =
          want <= SMALL
            ? readSync(handle.fd, bytes, at, want, offset + at)
            : (await handle.read(bytes, at, want, offset + at)).bytesRead;
        if (bytesRead === 0)
          fail('BAD_CHECKPOINT', `${path} became shorter`, 'the file changed while it was read', 'run it again');
        at += bytesRead;
      }
      return bytes;
    },
  };
}

function checkRange(path: string, size: number, offset: number, length: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0 && length >= 0 && offset + length <= size) return;
  fail(
    'BAD_CHECKPOINT',
    `${path} is truncated or damaged`,
    `bytes ${offset} to ${offset + length} are asked for, and the file has ${size}`,
    'fetch the file again and compare its size or hash with the origin',
  );
}
