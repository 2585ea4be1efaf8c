import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fail, rgbImage, throwIfAborted } from '../core/index.ts';
import { type Ffmpeg, parseProbe, parseShowinfo } from './ffmpeg.ts';
import { type FrameRange, failEmpty, frameRange, isAfter, isBefore } from './range.ts';
import type { FrameOptions, FrameSource, FrameTime, VideoFrame, VideoInfo } from './types.ts';

/**
 * Reads a video file through the program `ffmpeg`: raw frames from its standard output, their time stamps from its filter
 * `showinfo`. Decodes from the first frame whatever the part asked for; damaged frames are as ffmpeg conceals them.
 * @throws {DenseError} BAD_INPUT when it is no video
 */
export async function openFfmpegVideo(ffmpeg: Ffmpeg, path: string, options: FrameOptions): Promise<FrameSource> {
  const range = frameRange(options);
  const text = await new Promise<string>(resolve => {
    execFile(ffmpeg.command, ['-hide_banner', '-nostdin', '-i', path], (_, __, stderr) => resolve(stderr)); // exits with 1: no output asked
  });
  const found = parseProbe(text);
  if (!found)
    fail(
      'BAD_INPUT',
      `cannot open video ${path}`,
      text.trim().split('\n').at(-2) ?? 'it has no video stream',
      'give a video file or a folder of frames',
    );
  const { width, height, fps, rotation, hasAudio, startTime_s, duration_s } = found;
  const times = frameTimeBase(ffmpeg, path);
  const info: VideoInfo = {
    source: path,
    kind: 'video',
    width,
    height,
    fps,
    frameRate: [Math.round(fps * 1000), 1000],
    timeBase: await times,
    frames: duration_s === undefined ? undefined : Math.round(duration_s * fps),
    rotation,
    pixelAspect: [1, 1],
    hasAudio,
    startTime_s,
    reader: 'ffmpeg',
  };
  return {
    info,
    async *times() {
      for await (const { image: _, ...time } of decodeFrames(ffmpeg, path, info, range, options)) yield time;
    },
    [Symbol.asyncIterator]: () => decodeFrames(ffmpeg, path, info, range, options),
  };
}

/** The unit of the time stamps, from one decoded frame. */
async function frameTimeBase(ffmpeg: Ffmpeg, path: string): Promise<readonly [number, number]> {
  const args = [
    '-hide_banner',
    '-nostdin',
    '-i',
    path,
    '-map',
    '0:v:0',
    '-frames:v',
    '1',
    '-vf',
    'showinfo',
    '-f',
    'null',
    '-',
  ];
  const text = await new Promise<string>(resolve => execFile(ffmpeg.command, args, (_, __, stderr) => resolve(stderr)));
  for (const line of text.split('\n')) {
    const said = parseShowinfo(line);
    if (said && 'unit' in said) return said.unit;
  }
  return fail('BAD_INPUT', `cannot decode ${path}`, 'ffmpeg gave no frame of it', 'try it with ffmpeg by hand');
}

async function* decodeFrames(
  ffmpeg: Ffmpeg,
  path: string,
  info: VideoInfo,
  range: FrameRange,
  options: FrameOptions,
): AsyncGenerator<VideoFrame, void, undefined> {
  const args = ['-hide_banner', '-nostdin', '-i', path, '-map', '0:v:0', '-an', ...ffmpeg.keepFrames];
  const child = spawn(ffmpeg.command, [...args, '-vf', 'showinfo', '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stamps: { pts: number; duration: number | undefined }[] = [];
  const state = { wake: () => {}, ended: false, last: '' };
  createInterface({ input: child.stderr })
    .on('line', line => {
      const said = parseShowinfo(line);
      if (said && 'pts' in said) stamps.push(said);
      else if (line.trim() !== '') state.last = line.trim();
      state.wake();
    })
    .on('close', () => {
      state.ended = true;
      state.wake();
    });
  const { width, height } = info;
  const unit = info.timeBase[0] / info.timeBase[1];
  let first: number | undefined;
  let given = 0;
  let index = 0;
  try {
    for await (const data of inPieces(child.stdout, 3 * width * height)) {
      throwIfAborted(options.signal);
      while (stamps.length === 0 && !state.ended)
        await new Promise<void>(resolve => {
          state.wake = resolve;
        });
      const stamp = stamps.shift();
      if (!stamp) fail('BAD_INPUT', `cannot read ${path}`, `ffmpeg says: ${state.last}`, 'try it with ffmpeg by hand');
      first ??= stamp.pts;
      const pts = stamp.pts - first;
      const frame: FrameTime = { index: index++, time_s: pts * unit, pts, duration: stamp.duration };
      if (isAfter(frame, range)) return;
      if (isBefore(frame, range) || given++ % range.every !== 0) continue;
      yield { ...frame, image: rgbImage(height, width, data) };
    }
    if (given === 0 && !options.mayBeEmpty) failEmpty(path, options, index);
  } finally {
    child.kill();
  }
}

/** Cuts a stream into pieces of `size` bytes; a shorter rest is dropped. */
async function* inPieces(stream: AsyncIterable<Buffer>, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  let piece = new Uint8Array(size);
  let filled = 0;
  for await (const chunk of stream)
    for (let from = 0; from < chunk.length; ) {
      const part = chunk.subarray(from, from + size - filled);
      piece.set(part, filled);
      filled += part.length;
      from += part.length;
      if (filled < size) continue;
      yield piece;
      piece = new Uint8Array(size);
      filled = 0;
    }
}
