import { fail } from '../core/index.ts';
import type { FrameOptions, FrameTime } from './types.ts';

/** A place in a video: a 0-based frame, or seconds. */
export type FramePoint = { readonly index: number } | { readonly seconds: number };

/** Part of a video, checked. */
export interface FrameRange {
  readonly start: FramePoint | undefined;
  readonly end: FramePoint | undefined;
  readonly every: number;
}

const HALF_MICROSECOND = 5e-7; // times are ratios: 0.4 s may arrive as 0.39999999

/**
 * Reads a frame number (`120`, counted from 1) or a time (`12.5s`, `1:30`, `1:02:03.5`).
 * @param name of the option, for errors
 * @throws {DenseError} BAD_USAGE naming the option and the text
 */
export function parseFramePoint(value: number | string, name: string): FramePoint {
  const text = String(value).trim();
  if (/^\d+$/.test(text) && Number(text) >= 1 && Number.isSafeInteger(Number(text))) return { index: Number(text) - 1 };
  const seconds = /^(\d+(?:\.\d*)?|\.\d+)\s*s$/.exec(text)?.[1];
  if (seconds !== undefined) return { seconds: Number(seconds) };
  const [, hours = '0', minutes, rest] = /^(?:(\d+):)?(\d+):(\d+(?:\.\d*)?)$/.exec(text) ?? [];
  if (minutes !== undefined && Number(rest) < 60)
    return { seconds: 3600 * Number(hours) + 60 * Number(minutes) + Number(rest) };
  return fail(
    'BAD_USAGE',
    `--${name} got ${JSON.stringify(value)}`,
    'it takes a frame number counted from 1, or a time',
    'write 120 for frame 120, 12.5s for seconds, or 1:02:03.5',
  );
}

/**
 * Checks the part of a video that options ask for.
 * @throws {DenseError} BAD_USAGE naming the option
 */
export function frameRange({ start, end, every = 1 }: FrameOptions): FrameRange {
  if (!(Number.isInteger(every) && every >= 1))
    fail('BAD_USAGE', `--every got ${every}`, 'it takes a whole number of frames, at least 1', 'write --every 2');
  const range = {
    start: start === undefined ? undefined : parseFramePoint(start, 'start'),
    end: end === undefined ? undefined : parseFramePoint(end, 'end'),
    every,
  };
  const a = range.start;
  const b = range.end;
  const empty =
    a !== undefined &&
    b !== undefined &&
    (('index' in a && 'index' in b && b.index < a.index) ||
      ('seconds' in a && 'seconds' in b && b.seconds <= a.seconds));
  if (empty) fail('BAD_USAGE', `--start ${start} --end ${end}`, 'the end lies before the start', 'give a later --end');
  return range;
}

/** Whether a frame lies before the part. */
export function isBefore(frame: FrameTime, { start }: FrameRange): boolean {
  if (start === undefined) return false;
  return 'index' in start ? frame.index < start.index : frame.time_s < start.seconds - HALF_MICROSECOND;
}

/** Whether a frame lies behind the part. */
export function isAfter(frame: FrameTime, { end }: FrameRange): boolean {
  if (end === undefined) return false;
  return 'index' in end ? frame.index > end.index : frame.time_s >= end.seconds - HALF_MICROSECOND;
}

/**
 * The error for a part without frames.
 * @throws {DenseError} BAD_INPUT
 */
export function failEmpty(source: string, options: FrameOptions, seen: number): never {
  const asked = [
    options.start !== undefined && `--start ${options.start}`,
    options.end !== undefined && `--end ${options.end}`,
  ]
    .filter(Boolean)
    .join(' ');
  return fail(
    'BAD_INPUT',
    asked ? `${source} has no frames in ${asked}` : `${source} has no frames`,
    seen > 0 ? `it ends before, after ${seen} frames` : 'no frame of it could be decoded',
    asked ? 'give an earlier --start' : 'check the file with another player',
  );
}
