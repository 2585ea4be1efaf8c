import { stat } from 'node:fs/promises';
import { fail } from '../core/index.ts';
import { hasImageExtension } from '../image/index.ts';
import { loadAv } from './av.ts';
import { failWithoutFfmpeg, findFfmpeg } from './ffmpeg.ts';
import { openAvVideo } from './read-av.ts';
import { openFfmpegVideo } from './read-ffmpeg.ts';
import { openFolder } from './read-folder.ts';
import type { FrameOptions, FrameSource } from './types.ts';

/**
 * Opens a video file or a folder of frames. Frames come one at a time and as often as asked for; none are kept.
 *
 * Video files are read by FFmpeg: inside this process through the optional package `node-av`, else by the program
 * `ffmpeg` on the PATH. Frames stand upright, keep their own time stamps, and are counted exactly, also after a seek.
 *
 * @throws {DenseError} BAD_INPUT for a source that is missing or no video, BAD_USAGE for a bad part,
 *   UNAVAILABLE where a video file is given and no FFmpeg is there
 */
export async function openFrames(source: string, options: FrameOptions = {}): Promise<FrameSource> {
  const kind = await stat(source).then(
    found => (found.isDirectory() ? 'folder' : 'file'),
    () => 'missing',
  );
  if (kind === 'missing')
    fail('BAD_INPUT', `cannot open ${source}`, 'there is no such file or folder', 'check the path');
  if (kind === 'folder') return openFolder(source, options);
  if (hasImageExtension(source) && !/\.gif$/i.test(source))
    fail(
      'BAD_INPUT',
      `${source} is one picture`,
      'a video or a folder of frames is expected',
      'use detect for pictures',
    );
  const av = await loadAv();
  if (av) return openAvVideo(av, source, options);
  const ffmpeg = await findFfmpeg();
  if (ffmpeg) return openFfmpegVideo(ffmpeg, source, options);
  return failWithoutFfmpeg(`cannot open video ${source}`);
}
