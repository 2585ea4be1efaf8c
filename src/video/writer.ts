import { extname } from 'node:path';
import { fail } from '../core/index.ts';
import { loadAv } from './av.ts';
import { failWithoutFfmpeg, findFfmpeg } from './ffmpeg.ts';
import { openAvWriter } from './write-av.ts';
import { openFfmpegWriter } from './write-ffmpeg.ts';
import { openFolderWriter } from './write-folder.ts';
import type { VideoWriter, VideoWriterOptions } from './writer-types.ts';

/** Endings of video files that can be written. */
export const VIDEO_OUTPUTS = ['.mp4', '.m4v', '.mov', '.mkv'] as const;

/**
 * Opens a writer: H.264 in MP4, MOV or MKV by the ending, or a folder of pictures for a path without ending.
 *
 * Time stamps are kept, so a video of varying frame rate stays one; audio is copied, not encoded again. An odd width or
 * height is padded by one pixel, since players expect even ones.
 *
 * @throws {DenseError} BAD_USAGE for another ending; UNAVAILABLE where no FFmpeg is there; BAD_INPUT for a place that cannot
 *   be written
 */
export async function openVideoWriter(path: string, options: VideoWriterOptions): Promise<VideoWriter> {
  if (isFolderName(path)) return openFolderWriter(path);
  const ending = extname(path).toLowerCase();
  if (!VIDEO_OUTPUTS.some(known => known === ending))
    fail(
      'BAD_USAGE',
      `cannot write video ${path}`,
      `its ending ${ending} is none of ${VIDEO_OUTPUTS.join(', ')}`,
      'name a file with such an ending, or a folder for pictures',
    );
  const av = await loadAv();
  if (av) return openAvWriter(av, path, options);
  const ffmpeg = await findFfmpeg();
  if (ffmpeg) return openFfmpegWriter(ffmpeg, path, options);
  return failWithoutFfmpeg(`cannot write video ${path}`);
}

/** Whether a path names a folder of frames rather than a file. */
export function isFolderName(path: string): boolean {
  return /[/\\]$/.test(path) || extname(path) === '';
}

/** Whether videos can be written here. */
export async function canWriteVideo(): Promise<boolean> {
  return (await loadAv()) !== undefined || (await findFfmpeg()) !== undefined;
}
