import type { FrameOptions, VideoInfo } from '../video/index.ts';

/** How many frames a run will see, as far as the source says. */
export function expectedFrames(
  info: VideoInfo,
  { start, end, every = 1 }: Pick<FrameOptions, 'start' | 'end' | 'every'>,
): number | undefined {
  if (info.frames === undefined) return undefined;
  const numbered = (point: number | string | undefined) =>
    point === undefined || /^\d+$/.test(String(point)) ? Number(point) : undefined;
  const first = start === undefined ? 1 : numbered(start);
  const last = end === undefined ? info.frames : numbered(end);
  if (first === undefined || last === undefined) return undefined; // times: known when reached
  return Math.max(0, Math.ceil((Math.min(last, info.frames) - first + 1) / every));
}
