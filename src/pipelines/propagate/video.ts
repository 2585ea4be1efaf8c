import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { fail, throwIfAborted } from '../../core/index.ts';
import { hasImageExtension, type ImageSource, type InputFile, listInputs, outputStems } from '../../image/index.ts';
import { type FramePlace, openFrames, parseFramePoint, type VideoInfo } from '../../video/index.ts';
import { expectedFrames } from '../expected-frames.ts';

/** One frame of a masked video. */
export interface MaskedFrame {
  /** Name of its mask, without ending. */
  readonly stem: string;
  /** For people: its file, or its number in the video. */
  readonly name: string;
  readonly source: ImageSource;
  readonly place: FramePlace;
}

/** A video with the mask of its first frame. */
export interface MaskedVideo {
  readonly name: string;
  /** What was given. */
  readonly source: string;
  /** How many frames are read, as far as the source says; a video file may be wrong about it. */
  readonly frames: number | undefined;
  /** Of a video file. */
  readonly info: VideoInfo | undefined;
  /** Palette or grey PNG. */
  readonly mask: string;
  /** Folder of the results. */
  readonly out: string;
  /** The frames in order, anew with every call. */
  read(options?: MaskedReadOptions): AsyncGenerator<MaskedFrame, void, undefined>;
  /** Names of the masks, in order; a video file is decoded for them. */
  stems(options?: MaskedReadOptions): Promise<string[]>;
}

export interface MaskedReadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called for a frame of a video file that cannot be decoded, which is then left out. */
  readonly onBroken?: ((name: string, error: Error) => void) | undefined;
}

/** Which frames are read. */
export interface MaskedPart {
  /** First frame, which the mask belongs to: its number from 1, or a time in a video file (`'12.5s'`). */
  readonly start?: number | string | undefined;
  /** Last frame (included), or a time (not included). */
  readonly end?: number | string | undefined;
  /** Every how many frames one is read; default 1. */
  readonly every?: number | undefined;
}

const FOLDER_RATE = 30; // pictures do not say how fast they follow each other

/** Frame numbers count as numbers: frame 10 comes after frame 9. */
const order = new Intl.Collator('en', { numeric: true });

/**
 * The frames of one video.
 * @param frames a video file, a folder or a glob
 * @throws {DenseError} BAD_INPUT when there are none; BAD_USAGE for a bad part; UNAVAILABLE for a video file without FFmpeg
 */
export async function findVideo(
  frames: string,
  mask: string,
  out: string,
  part: MaskedPart = {},
): Promise<MaskedVideo> {
  const isFile = await stat(frames).then(
    info => info.isFile(),
    () => false,
  );
  if (isFile && (!hasImageExtension(frames) || /\.gif$/i.test(frames))) return fromFile(frames, mask, out, part);
  const { files, failures } = await listInputs([frames], { except: out });
  if (failures[0]) throw failures[0].error;
  const sorted = partOf(
    [...files].sort((a, b) => order.compare(a.relative, b.relative)),
    part,
    frames,
  );
  const stems = outputStems(sorted);
  return {
    name: basename(frames),
    source: frames,
    frames: sorted.length,
    info: undefined,
    mask,
    out,
    stems: async () => stems,
    async *read({ signal } = {}) {
      for (const [index, { path }] of sorted.entries()) {
        throwIfAborted(signal);
        const stem = stems[index]!;
        yield { stem, name: path, source: path, place: { index, pts: index, duration: 1, name: `${stem}.jpg` } };
      }
    },
  };
}

async function fromFile(path: string, mask: string, out: string, part: MaskedPart): Promise<MaskedVideo> {
  const { info } = await openFrames(path, part);
  const stemOf = (index: number) => String(index + 1).padStart(6, '0');
  const nameOf = (index: number) => `frame ${index + 1} of ${path}`;
  const open = ({ signal, onBroken }: MaskedReadOptions) =>
    openFrames(path, {
      ...part,
      signal,
      onBroken: onBroken && (({ index }, error) => onBroken(nameOf(index), error)),
    });
  return {
    name: basename(path, extname(path)),
    source: path,
    frames: expectedFrames(info, part),
    info,
    mask,
    out,
    async stems(options = {}) {
      const stems: string[] = [];
      for await (const { index } of (await open(options)).times()) stems.push(stemOf(index));
      return stems;
    },
    async *read(options = {}) {
      const every = part.every ?? 1;
      for await (const { image, index, pts, duration } of await open(options)) {
        const stem = stemOf(index);
        const place = { index, pts, duration: every === 1 ? duration : undefined, name: `${stem}.jpg` };
        yield { stem, name: nameOf(index), source: image, place };
      }
    },
  };
}

/** Time base and frame rate of what is drawn. */
export function clockOf({ info }: MaskedVideo, every: number) {
  const [num, den] = info?.frameRate ?? [FOLDER_RATE, 1];
  return { frameRate: [num, den * every] as const, timeBase: info?.timeBase ?? ([1, FOLDER_RATE] as const) };
}

/** The part of a list of pictures. @throws {DenseError} BAD_USAGE for a time, BAD_INPUT for a part without pictures */
function partOf(files: readonly InputFile[], { start, end, every = 1 }: MaskedPart, source: string): InputFile[] {
  const place = (value: number | string, name: 'start' | 'end') => {
    const point = parseFramePoint(value, name);
    if ('index' in point) return point.index;
    return fail('BAD_USAGE', `--${name} ${value}`, 'pictures have no times', 'give the number of a frame, from 1');
  };
  const from = start === undefined ? 0 : place(start, 'start');
  const to = end === undefined ? files.length - 1 : place(end, 'end');
  const kept = files.filter((_, i) => i >= from && i <= to && (i - from) % every === 0);
  if (kept.length === 0)
    fail(
      'BAD_INPUT',
      `${source} has no frames from ${from + 1} to ${to + 1}`,
      `it has ${files.length}`,
      'give an earlier --start or a later --end',
    );
  return kept;
}
