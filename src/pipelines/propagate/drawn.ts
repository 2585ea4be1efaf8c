import { extname, join } from 'node:path';
import { openVideoWriter, VIDEO_OUTPUTS, type VideoWriter } from '../../video/index.ts';
import { clockOf, type MaskedVideo } from './video.ts';

/** Whether drawn frames go into one video file, which cannot be gone on with, rather than into a folder. */
export function isVideoName(path: string): boolean {
  const ending = extname(path).toLowerCase();
  return VIDEO_OUTPUTS.some(known => known === ending);
}

/** Opens what the drawn frames of a video go to: a video file by its ending, else JPEGs in a folder. */
export function openDrawn(
  path: string,
  video: MaskedVideo,
  { width, height }: { readonly width: number; readonly height: number },
  every: number,
  onNote: ((text: string) => void) | undefined,
): Promise<VideoWriter> {
  return openVideoWriter(isVideoName(path) ? path : join(path, '/'), {
    width,
    height,
    ...clockOf(video, every),
    pixelAspect: video.info?.pixelAspect,
    audio: video.info,
    onNote,
  });
}
