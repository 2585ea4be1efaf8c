import type { RgbImage } from '../../core/index.ts';
import type { ImageSource } from '../../image/index.ts';
import type { Tracks } from '../../track/index.ts';
import type { FrameSource } from '../../video/index.ts';
import type { Detector } from '../detect/detector.ts';
import type { DetectOptions } from '../detect/options.ts';
import type { DetectionResult } from '../detect/result.ts';
import { checkAppearance, checkFeatures } from './appearance.ts';
import { makeFollower } from './follow.ts';
import { looksOf } from './looks.ts';
import type { FollowOptions } from './options.ts';

/** A model's boxes reach the tracker from this score on; it uses weak ones to hold on to its tracks. */
const LOWEST_SCORE = 0.1;

export interface TrackFramesOptions extends FollowOptions, Omit<DetectOptions, 'agnostic'> {
  /** Frames per second, by which trackers measure how long an object may be gone; default the source's own, else 30. */
  readonly fps?: number | undefined;
}

/** A frame with what is followed in it. */
export interface TrackedFrame<S> {
  /** 0-based. */
  readonly index: number;
  /** What the iterator gave. */
  readonly source: S;
  readonly image: RgbImage;
  /** Everything detected, weak boxes too. */
  readonly found: DetectionResult;
  /** What is followed: numbers that stay the same from frame to frame, boxes not clipped. */
  readonly tracks: Tracks;
}

/**
 * Follows objects through frames, wherever they come from: a list, a generator, an openFrames or an openLive source. Frames
 * are read ahead while the network works, except those of a live source, of which the newest is taken each time.
 *
 * @throws {DenseError} BAD_INPUT for a frame that cannot be read or an option out of range; BAD_USAGE for an unknown tracker;
 *   ABORTED by the signal; what the iterator throws
 */
export async function* trackFrames<S extends ImageSource>(
  detector: Detector,
  frames: Iterable<S> | AsyncIterable<S>,
  options: TrackFramesOptions = {},
): AsyncGenerator<TrackedFrame<S>, void, undefined> {
  checkAppearance(options);
  checkFeatures(detector, options);
  const source = typeof frames === 'object' && 'info' in frames ? (frames as unknown as FrameSource) : undefined;
  const follower = makeFollower(options, detector.labelSet, options.fps ?? source?.info.fps ?? 30, false);
  const detect = { ...options, score: options.score ?? LOWEST_SCORE };
  try {
    for await (const item of detector.stream(frames, detect)) {
      if ('error' in item) throw item.error;
      const { index, source, image, result: found } = item;
      const { looksAbove } = follower;
      const looks = looksAbove === undefined ? undefined : looksOf(found, found.features!, looksAbove);
      const time = { index, time_s: 0, pts: index };
      const tracks = await follower.follow({ time, image, found, looks, fresh: true });
      yield { index, source, image, found, tracks };
    }
  } finally {
    follower.close();
  }
}
