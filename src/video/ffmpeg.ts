import { execFile } from 'node:child_process';
import { fail } from '../core/index.ts';

/** The program `ffmpeg`, found on the PATH. */
export interface Ffmpeg {
  readonly command: string;
  /** The flag that keeps every frame with its time stamp. */
  readonly keepFrames: readonly string[];
}

let finding: Promise<Ffmpeg | undefined> | undefined;

/** The program `ffmpeg`, or nothing where the PATH has none. */
export function findFfmpeg(): Promise<Ffmpeg | undefined> {
  finding ??= new Promise(resolve => {
    // the flag's name changed in version 5.1, and builds from the repository name no version: its help tells
    execFile('ffmpeg', ['-hide_banner', '-h', 'long'], { maxBuffer: 1 << 24 }, (error, help) => {
      const flag = help.includes('-fps_mode') ? '-fps_mode' : '-vsync';
      resolve(error ? undefined : { command: 'ffmpeg', keepFrames: [flag, 'passthrough'] });
    });
  });
  return finding;
}

/** What the program says of a file, before decoding it. */
export interface FfmpegProbe {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly rotation: number;
  readonly hasAudio: boolean;
  readonly startTime_s: number;
  readonly duration_s: number | undefined;
}

/**
 * Reads what `ffmpeg -i FILE` prints; nothing when the file holds no pictures.
 * @param text standard error
 */
export function parseProbe(text: string): FfmpegProbe | undefined {
  const line = text.split('\n').find(l => /Stream #.*: Video:/.test(l) && !l.includes('attached pic'));
  const size = line && /, (\d+)x(\d+)[ ,]/.exec(`${line},`);
  if (!line || !size) return undefined;
  const turn = /rotation of (-?[\d.]+) degrees/.exec(text)?.[1] ?? /^\s*rotate\s*: (\d+)/m.exec(text)?.[1];
  const fromMatrix = /rotation of/.test(text);
  const clockwise = turn === undefined ? 0 : Math.round(fromMatrix ? -Number(turn) : Number(turn));
  const rotation = ((clockwise % 360) + 360) % 360;
  const sides = [Number(size[1]), Number(size[2])];
  const [width, height] = rotation % 180 === 0 ? sides : [sides[1], sides[0]];
  const fps = Number(/([\d.]+) fps/.exec(line)?.[1] ?? /([\d.]+) tbr/.exec(line)?.[1] ?? 30);
  const [, h, m, s] = /Duration: (\d+):(\d+):([\d.]+)/.exec(text) ?? [];
  return {
    width,
    height,
    fps,
    rotation,
    hasAudio: /Stream #.*: Audio:/.test(text),
    startTime_s: Number(/start: (-?[\d.]+)/.exec(text)?.[1] ?? 0),
    duration_s: h === undefined ? undefined : 3600 * Number(h) + 60 * Number(m) + Number(s),
  };
}

/** One line of the filter `showinfo`: a frame's time stamp, or the unit they are in. */
export function parseShowinfo(
  line: string,
):
  | { readonly pts: number; readonly duration: number | undefined }
  | { readonly unit: readonly [number, number] }
  | undefined {
  const unit = /config in time_base: (\d+)\/(\d+)/.exec(line);
  if (unit) return { unit: [Number(unit[1]), Number(unit[2])] };
  const frame = /\] n: *\d+ pts: *(-?\d+)/.exec(line);
  if (!frame) return undefined;
  const duration = Number(/ duration: *(\d+)/.exec(line)?.[1] ?? 0);
  return { pts: Number(frame[1]), duration: duration > 0 ? duration : undefined };
}

/** @throws {DenseError} UNAVAILABLE */
export function failWithoutFfmpeg(what: string): never {
  return fail(
    'UNAVAILABLE',
    what,
    'neither the package node-av nor the program ffmpeg is here',
    'run "npm install node-av", or install ffmpeg, or give a folder of frames',
  );
}
