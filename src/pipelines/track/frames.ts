import { type Detections, noDetections, type RgbImage, selectDetections } from '../../core/index.ts';
import type { FrameSource, FrameTime, VideoFrame } from '../../video/index.ts';
import type { Detector } from '../detect/detector.ts';
import { classIndices, type DetectOptions } from '../detect/options.ts';
import type { DetectionResult } from '../detect/result.ts';
import type { GivenDetections } from './given.ts';
import type { JournalFrame } from './journal.ts';
import { type Looks, looksOf } from './looks.ts';

/** A frame with what was detected in it. */
export interface SeenFrame {
  readonly time: FrameTime;
  /** Absent where nobody needs it. */
  readonly image: RgbImage | undefined;
  readonly found: Detections;
  /** What the objects look like, where the tracker compares looks. */
  readonly looks?: Looks | undefined;
  /** Whether a network had to look at it now. */
  readonly fresh: boolean;
}

/** Why a run ended early, if it did. */
export interface Stop {
  error?: unknown;
}

/**
 * Items until the source fails: the error is kept in `stop` and the items before it are still worked on, so that every
 * output ends at the same frame.
 */
export async function* untilStopped<T>(items: AsyncIterable<T>, stop: Stop): AsyncGenerator<T, void, undefined> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      let next: IteratorResult<T>;
      try {
        next = await iterator.next();
      } catch (error) {
        stop.error = error;
        return;
      }
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}

/** How frames are looked at. */
export interface LookOptions extends DetectOptions {
  /** Detections above this score get looks, from the same pass; the detector was loaded with `features`. Default: none. */
  readonly looksAbove?: number | undefined;
  /** Ask for a frame only when the network is free, so that a live source gives its newest; default false. */
  readonly newest?: boolean | undefined;
}

/** Frames through a network; decoding, the network and the reader's own work overlap. */
export async function* detectedFrames(
  frames: AsyncIterable<VideoFrame>,
  detector: Detector,
  { looksAbove, newest, ...options }: LookOptions,
): AsyncGenerator<SeenFrame, void, undefined> {
  const seen = (time: FrameTime, image: RgbImage, found: DetectionResult): SeenFrame => {
    const looks = looksAbove === undefined ? undefined : looksOf(found, found.features!, looksAbove);
    return { time, image, found, looks, fresh: true };
  };
  if (newest) {
    for await (const { image, ...time } of frames) yield seen(time, image, await detector.detect(image, options));
    return;
  }
  const times: FrameTime[] = [];
  async function* images() {
    for await (const { image, ...time } of frames) {
      times.push(time);
      yield image;
    }
  }
  for await (const item of detector.stream(images(), options)) {
    if ('error' in item) throw item.error;
    yield seen(times.shift()!, item.image, item.result);
  }
}

/** Frames with the detections of a file. */
export async function* givenFrames(
  source: FrameSource,
  given: GivenDetections,
  options: Pick<DetectOptions, 'classes' | 'score'>,
  pixels: boolean,
  stop: Stop,
): AsyncGenerator<SeenFrame, void, undefined> {
  const wanted = options.classes && classIndices(options.classes, given.labels);
  const lowest = options.score ?? 0;
  const frames: AsyncIterable<FrameTime & { image?: RgbImage }> = pixels ? source : source.times();
  for await (const { image, ...time } of untilStopped(frames, stop)) {
    const all = given.byFrame.get(time.index + 1) ?? noDetections();
    const kept: number[] = [];
    for (let i = 0; i < all.length; i++)
      if (all.scores[i] >= lowest && (!wanted || wanted.has(all.classes[i]))) kept.push(i);
    yield { time, image, found: kept.length === all.length ? all : selectDetections(all, kept), fresh: false };
  }
}

/** The frames of an interrupted run, with their pixels, and then those behind it through the network. */
export async function* resumedFrames(
  frames: AsyncGenerator<VideoFrame, void, undefined>,
  earlier: readonly JournalFrame[],
  detector: Detector,
  options: LookOptions,
): AsyncGenerator<SeenFrame, void, undefined> {
  const known = new Map(earlier.map(frame => [frame.time.index, frame]));
  const last = earlier.at(-1)?.time.index ?? -1;
  let first: VideoFrame | undefined;
  while (first === undefined) {
    const { done, value } = await frames.next();
    if (done) return;
    const { image, ...time } = value;
    const frame = known.get(time.index);
    if (time.index > last) first = value;
    else if (frame) yield { time, image, found: frame.found, looks: frame.looks, fresh: false };
  }
  async function* rest(head: VideoFrame) {
    yield head;
    yield* frames;
  }
  yield* detectedFrames(rest(first), detector, options);
}
