import type { FormatContext, Stream } from 'node-av/lib';
import { fail } from '../core/index.ts';
import { type Av, checkAv } from './av.ts';

/** An opened file and its picture stream. */
export interface AvInput {
  readonly format: FormatContext;
  readonly stream: Stream;
}

/** Opens a file and finds its main picture stream. The caller closes `format`. */
export async function openInput(av: Av, path: string): Promise<AvInput> {
  const format = new av.FormatContext();
  const fix = 'give a video file such as MP4, MOV, MKV, WebM or AVI, or a folder of frames';
  checkAv(av, await format.openInput(path), 'BAD_INPUT', `cannot open video ${path}`, fix);
  try {
    checkAv(av, await format.findStreamInfo(), 'BAD_INPUT', `cannot read video ${path}`, fix);
    const best = format.findBestStream(av.C.AVMEDIA_TYPE_VIDEO);
    if (best < 0) fail('BAD_INPUT', `${path} holds no pictures`, 'it has no video stream', fix);
    const stream = format.streams[best];
    for (const other of format.streams) if (other.index !== best) other.discard = av.C.AVDISCARD_ALL;
    return { format, stream };
  } catch (error) {
    await format.closeInput();
    throw error;
  }
}
