import { fail } from '../../core/index.ts';
import type { LiveStats } from '../../video/index.ts';
import { blurredClasses } from '../blurred.ts';
import { liveStats, openIfLive } from '../live-source.ts';
import { overlapped } from '../overlap.ts';
import { takesNewest } from '../stream.ts';
import { detectedFrames } from '../track/frames.ts';
import type { TrackOptions } from '../track/options.ts';
import type { Detector } from './detector.ts';
import { type DetectFilesOptions, type FileOutcome, openWriters, writeOutputs } from './files.ts';
import type { DetectionResult } from './result.ts';

/** Frames being drawn and written while the next is looked at. */
const WRITE_AHEAD = 2;

export interface DetectLiveOptions
  extends Omit<DetectFilesOptions, 'resume' | 'needRows' | 'readStdin'>,
    Pick<TrackOptions, 'live' | 'end' | 'every' | 'onNote'> {
  /** Told, at the end, what came of the source. */
  readonly onStats?: ((stats: LiveStats) => void) | undefined;
}

/** What was found in one frame of a live source. */
export type FrameOutcome = Extract<FileOutcome, { kind: 'done' }> & { readonly time_s: number };

/**
 * Finds objects in the frames of a camera or a stream, always the newest, and writes what was asked for under the names
 * `frame-000001` and so on, `image_id` counted from 1.
 *
 * @param source what openLive takes; permitted by `options.live`
 * @throws {DenseError} as openLive; BAD_USAGE where `options.live` is absent; RUNTIME when the disk or the network fails
 */
export async function* detectLive(
  detector: Detector,
  source: string,
  options: DetectLiveOptions,
): AsyncGenerator<FrameOutcome, void, undefined> {
  const blurred = blurredClasses(options, detector.labelSet);
  const opened = await openIfLive(source, options);
  if (!opened) return fail('BAD_INPUT', `${source} is no live source`, 'it is a file', 'use detectFiles');
  try {
    const writers = await openWriters(detector, options);
    try {
      const { signal: _, ...detect } = options; // it ends the frames, and those on their way are finished
      const frames = detectedFrames(opened, detector, { ...detect, newest: takesNewest(opened) });
      yield* overlapped(frames, WRITE_AHEAD, async ({ time, image, found }): Promise<FrameOutcome> => {
        const stem = `frame-${String(time.index + 1).padStart(6, '0')}`;
        const name = { stem, fileName: stem, imageId: time.index + 1 };
        const result = found as DetectionResult;
        const entry = { ...name, file: { path: '-', relative: stem } };
        await writeOutputs(entry, image!, result, writers, blurred, options);
        return { ...name, path: opened.info.source, kind: 'done', result, time_s: time.time_s };
      });
    } finally {
      for (const writer of writers) await writer.finish();
    }
  } finally {
    await opened.close();
    options.onStats?.(liveStats(opened)!);
  }
}
