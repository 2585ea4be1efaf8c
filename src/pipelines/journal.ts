import { type FileHandle, mkdir, open, readFile, rm, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DenseError, fail, messageOf } from '../core/index.ts';
import { failOtherRun } from './track/journal.ts';

/**
 * A file of JSON lines that grows while a run goes on, so that an interrupted run can go on where it stopped. Its first
 * line is the run's key: what must be the same for the rest to be worth keeping.
 */
export class LineJournal {
  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    /** Rows of the interrupted run, in order. */
    readonly earlier: readonly unknown[],
  ) {}

  /**
   * Opens a journal: empty, or with what an interrupted run left.
   * @throws {DenseError} BAD_USAGE when the interrupted run had another key; BAD_INPUT where the file cannot be written
   */
  static async open(path: string, key: Readonly<Record<string, unknown>>, resume: boolean): Promise<LineJournal> {
    const head = `${JSON.stringify({ journal: 1, ...key })}\n`;
    const left = resume ? await readFile(path, 'utf8').catch(() => '') : '';
    const whole = left.slice(0, left.lastIndexOf('\n') + 1); // a line cut off by a crash is no line
    const [first, ...lines] = whole.split('\n').slice(0, -1);
    if (first !== undefined && `${first}\n` !== head) failOtherRun(path, first, head);
    const earlier = lines.map((line, i) => parseLine(path, line, i + 2));
    try {
      await mkdir(dirname(path), { recursive: true });
      if (first !== undefined) await truncate(path, Buffer.byteLength(whole));
      const handle = await open(path, first === undefined ? 'w' : 'a');
      if (first === undefined) await handle.appendFile(head);
      return new LineJournal(path, handle, earlier);
    } catch (error) {
      return refused(path, error);
    }
  }

  /** Appends a row, on disk before the promise settles. */
  async add(row: unknown): Promise<void> {
    try {
      await this.handle.appendFile(`${JSON.stringify(row)}\n`);
    } catch (error) {
      refused(this.path, error);
    }
  }

  /** Closes it, and removes the file unless it is to be kept. */
  async close(keep: boolean): Promise<void> {
    await this.handle.close();
    if (!keep) await rm(this.path, { force: true });
  }
}

function parseLine(path: string, line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    return fail(
      'BAD_INPUT',
      `cannot resume from ${path}`,
      `line ${number} is no JSON: something else has written to it`,
      'remove the file, or leave --resume out to begin anew',
      error,
    );
  }
}

function refused(path: string, error: unknown): never {
  if (error instanceof DenseError) throw error;
  fail('BAD_INPUT', `cannot write ${path}`, messageOf(error), 'free space, or choose another place', error);
}
