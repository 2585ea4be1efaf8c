import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail, messageOf, type RgbImage, throwIfAborted } from '../core/index.ts';
import { decodeImage, hasImageExtension } from '../image/index.ts';
import { failEmpty, frameRange, isAfter, isBefore } from './range.ts';
import type { Fraction, FrameOptions, FrameSource, FrameTime, VideoFrame, VideoInfo } from './types.ts';

const DEFAULT_FPS = 30;

/**
 * Opens a folder of pictures as a video: those in it, or in its `img1` as MOTChallenge keeps them, ordered by the
 * numbers in their names.
 * @throws {DenseError} BAD_INPUT for a folder without pictures, or a first picture that cannot be read
 */
export async function openFolder(path: string, options: FrameOptions): Promise<FrameSource> {
  const range = frameRange(options);
  const { folder, names } = await listFrames(path);
  const fps = options.fps ?? (await sequenceRate(folder)) ?? DEFAULT_FPS;
  const frameRate = asFraction(fps);
  const wanted: FrameTime[] = [];
  let inside = 0;
  for (const [index, name] of names.entries()) {
    const frame = { index, time_s: index * (frameRate[1] / frameRate[0]), pts: index, duration: 1, name };
    if (isBefore(frame, range) || isAfter(frame, range)) continue;
    if (inside++ % range.every === 0) wanted.push(frame);
  }
  if (wanted.length === 0 && !options.mayBeEmpty) failEmpty(path, options, names.length);
  const sized = await firstReadable(folder, wanted.length > 0 ? wanted.map(frame => frame.name!) : names);
  const info: VideoInfo = {
    source: path,
    kind: 'folder',
    width: sized.shape[1],
    height: sized.shape[0],
    fps,
    frameRate,
    timeBase: [frameRate[1], frameRate[0]],
    frames: names.length,
    rotation: 0,
    pixelAspect: [1, 1],
    hasAudio: false,
    startTime_s: 0,
    reader: 'pictures',
  };
  return {
    info,
    async *times() {
      yield* wanted;
    },
    [Symbol.asyncIterator]: () => readFrames(folder, wanted, info, options),
  };
}

async function* readFrames(
  folder: string,
  wanted: readonly FrameTime[],
  { width, height }: VideoInfo,
  options: FrameOptions,
): AsyncGenerator<VideoFrame, void, undefined> {
  for (const frame of wanted) {
    throwIfAborted(options.signal);
    let image: RgbImage;
    try {
      image = await decodeImage(join(folder, frame.name!), { signal: options.signal });
      const [h, w] = image.shape;
      if (w !== width || h !== height)
        fail(
          'BAD_INPUT',
          `frame ${frame.name} is ${w} x ${h}`,
          `the frames before it are ${width} x ${height}`,
          'give frames of one size, or leave such frames out with --skip-broken',
        );
    } catch (error) {
      throwIfAborted(options.signal);
      if (!options.onBroken) throw error;
      options.onBroken(frame, error as Error);
      continue;
    }
    yield { ...frame, image };
  }
}

async function listFrames(path: string): Promise<{ folder: string; names: string[] }> {
  for (const folder of [path, join(path, 'img1')]) {
    let names: string[];
    try {
      names = (await readdir(folder)).filter(name => !name.startsWith('.') && hasImageExtension(name));
    } catch (error) {
      if (folder !== path) break;
      fail('BAD_INPUT', `cannot read folder ${path}`, messageOf(error), 'check its name and its permissions', error);
    }
    if (names.length > 0) return { folder, names: names.sort(byNumbers) };
  }
  return fail(
    'BAD_INPUT',
    `no frames in folder ${path}`,
    'nothing in it ends like a picture',
    'give a folder of pictures',
  );
}

const collator = new Intl.Collator('en', { numeric: true });

/** `2.jpg` before `10.jpg`; equal ones by their bytes, so that the order is the same everywhere. */
function byNumbers(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : 1);
}

/** The first picture that can be read tells the size; whether a broken one ends the run is decided when its turn comes. */
async function firstReadable(folder: string, names: readonly string[]): Promise<RgbImage> {
  let first: unknown;
  for (const name of names)
    try {
      return await decodeImage(join(folder, name));
    } catch (error) {
      first ??= error;
    }
  throw first;
}

/** Frame rate in MOTChallenge's seqinfo.ini, beside the pictures or one folder up. */
async function sequenceRate(folder: string): Promise<number | undefined> {
  for (const place of [folder, dirname(folder)]) {
    const text = await readFile(join(place, 'seqinfo.ini'), 'utf8').catch(() => '');
    const rate = Number(/^\s*frameRate\s*=\s*([\d.]+)/im.exec(text)?.[1]);
    if (rate > 0) return rate;
  }
  return undefined;
}

/** Rates such as 29.97 are meant as 30000/1001. */
function asFraction(fps: number): Fraction {
  if (!(fps > 0 && fps <= 1000))
    fail('BAD_USAGE', `--fps got ${fps}`, 'it takes frames per second, up to 1000', 'write --fps 30');
  const ntsc = Math.round(fps * 1.001);
  if (!Number.isInteger(fps) && Math.abs((ntsc * 1000) / 1001 - fps) < 0.005) return [ntsc * 1000, 1001];
  return Number.isInteger(fps) ? [fps, 1] : [Math.round(fps * 1000), 1000];
}
