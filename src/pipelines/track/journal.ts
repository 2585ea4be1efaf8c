import { type FileHandle, mkdir, open, readFile, rm, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DenseError, type Detections, detections, fail, messageOf } from '../../core/index.ts';
import type { FrameTime } from '../../video/index.ts';
import type { Looks } from './looks.ts';

/** One frame the network has seen. */
export interface JournalFrame {
  readonly time: FrameTime;
  readonly found: Detections;
  readonly looks?: Looks | undefined;
}

/**
 * What the network found, frame by frame, on disk while a run goes on: the one part of a run that is slow to repeat. A
 * resumed run replays it through the tracker and goes on behind it, so that it ends as an uninterrupted one would. The
 * file is removed at the end of a whole run.
 */
export class Journal {
  private frames: number;

  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    /** Frames of the interrupted run, in order. */
    readonly earlier: readonly JournalFrame[],
  ) {
    this.frames = earlier.length;
  }

  /**
   * Opens a journal: empty, or with what an interrupted run left.
   * @param key what must be the same for the frames to be worth keeping: source, model, options
   * @throws {DenseError} BAD_USAGE when the interrupted run was another one
   */
  static async open(path: string, key: Readonly<Record<string, unknown>>, resume: boolean): Promise<Journal> {
    const head = `${JSON.stringify({ journal: 1, ...key })}\n`;
    try {
      const left = resume ? await readFile(path, 'utf8').catch(() => undefined) : undefined;
      if (left === undefined || left === '') {
        await mkdir(dirname(path), { recursive: true });
        const handle = await open(path, 'w');
        await handle.appendFile(head);
        return new Journal(path, handle, []);
      }
      const end = left.lastIndexOf('\n') + 1; // a line cut off by a crash is no line
      const lines = left.slice(0, end).split('\n').slice(0, -1);
      if (`${lines[0]}\n` !== head) failOtherRun(path, lines[0] ?? '', head);
      await truncate(path, Buffer.byteLength(left.slice(0, end)));
      return new Journal(path, await open(path, 'a'), lines.slice(1).map(readLine));
    } catch (error) {
      throw refused(path, error);
    }
  }

  async add({ time, found, looks }: JournalFrame): Promise<void> {
    const { boxes, scores, classes } = found;
    const row = [
      time.index,
      time.time_s,
      time.pts,
      time.duration ?? 0,
      time.name ?? '',
      [...boxes],
      [...scores],
      [...classes],
      ...(looks ? [looks.channels, Buffer.from(looks.data.buffer).toString('base64')] : []),
    ];
    try {
      await this.handle.appendFile(`${JSON.stringify(row)}\n`); // 32-bit numbers survive as they are
      this.frames++;
    } catch (error) {
      throw refused(this.path, error);
    }
  }

  /** Closes it; removed when the run is whole, or when it holds nothing. */
  async close(whole: boolean): Promise<void> {
    await this.handle.close();
    if (whole || this.frames === 0) await rm(this.path, { force: true });
  }
}

type Line = [number, number, number, number, string, number[], number[], number[], number?, string?];

function readLine(line: string): JournalFrame {
  const [index, time_s, pts, duration, name, boxes, scores, classes, channels, bytes] = JSON.parse(line) as Line;
  const time = { index, time_s, pts, duration: duration || undefined, name: name || undefined };
  const found = detections(Float32Array.from(boxes), Float32Array.from(scores), Int32Array.from(classes));
  if (channels === undefined) return { time, found };
  return { time, found, looks: { channels, data: Int8Array.from(Buffer.from(bytes!, 'base64')) } };
}

/**
 * @param was head of the interrupted run, JSON
 * @param is head of this one
 * @throws {DenseError} BAD_USAGE naming the first entry that differs
 */
export function failOtherRun(path: string, was: string, is: string): never {
  let differs = 'it is no journal';
  try {
    const [a, b] = [JSON.parse(was), JSON.parse(is)] as Record<string, unknown>[];
    const key = Object.keys({ ...b, ...a }).find(k => JSON.stringify(a[k]) !== JSON.stringify(b[k]));
    if (key) differs = `${key} was ${JSON.stringify(a[key])}, now it is ${JSON.stringify(b[key])}`;
  } catch {}
  return fail(
    'BAD_USAGE',
    `cannot resume from ${path}`,
    `the interrupted run was another one: ${differs}`,
    'give the same source and options, or leave --resume out to begin anew',
  );
}

function refused(path: string, error: unknown): DenseError {
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
