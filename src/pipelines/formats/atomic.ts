import { type FileHandle, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DenseError, messageOf } from '../../core/index.ts';

let written = 0;

/** Beside the file, so that the rename stays on one disk; hidden, so that no reader takes it for a result. */
function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}-${written++}.tmp`);
}

/**
 * Writes a file so that nobody ever sees a part of it: folders made, written aside, renamed.
 * @throws {DenseError} RUNTIME naming the file when the disk refuses
 */
export async function writeWhole(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, data);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw cannotWrite(path, error);
  }
}

/**
 * {@link writeWhole} of a file that comes in pieces and need not lie in memory.
 * @throws {DenseError} RUNTIME naming the file when the disk refuses; what the pieces' source throws
 */
export async function writePieces(
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, pieces);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw cannotWrite(path, error);
  }
}

/** A file that grows row by row during a run and appears, whole, at its end. */
export class GrowingFile {
  private last: Promise<void> = Promise.resolve();
  private failure: unknown;

  private constructor(
    private readonly path: string,
    private readonly temporary: string,
    private readonly handle: FileHandle,
  ) {}

  static async open(path: string): Promise<GrowingFile> {
    const temporary = temporaryName(path);
    try {
      await mkdir(dirname(path), { recursive: true });
      return new GrowingFile(path, temporary, await open(temporary, 'w'));
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }

  /** Appends in the order of the calls. */
  append(text: string): Promise<void> {
    this.last = this.last.then(async () => {
      if (this.failure) return;
      try {
        await this.handle.appendFile(text);
      } catch (error) {
        this.failure = error;
      }
    });
    return this.last.then(() => {
      if (this.failure) throw cannotWrite(this.path, this.failure);
    });
  }

  /** Gives the file its name. After a failed write it is removed instead. */
  async finish(): Promise<void> {
    await this.last;
    try {
      await this.handle.close();
      if (this.failure) throw this.failure;
      await rename(this.temporary, this.path);
    } catch (error) {
      await rm(this.temporary, { force: true }).catch(() => {});
      throw cannotWrite(this.path, error);
    }
  }
}

/** Text of a file, or nothing when it is not there. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}

function cannotWrite(path: string, error: unknown): DenseError {
  if (error instanceof DenseError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const why =
    { ENOSPC: 'the disk is full', EACCES: 'writing there is not permitted', EROFS: 'the disk is read-only' }[code] ??
    messageOf(error);
  const refusedPath = ['EACCES', 'EROFS', 'ENOTDIR', 'EEXIST', 'EISDIR', 'ENAMETOOLONG'].includes(code);
  const fix = 'choose another folder, or free space';
  return new DenseError(
    refusedPath ? 'BAD_INPUT' : 'RUNTIME',
    { what: `cannot write ${path}`, why, fix },
    { cause: error },
  );
}
