import { type LabelSet, noDetections, type RgbImage } from '../../core/index.ts';
import { CameraMotion, createTracker, TRACKERS, type Tracker, type Tracks } from '../../track/index.ts';
import type { SeenFrame } from './frames.ts';
import type { FollowOptions } from './options.ts';

/** Score from which a model's box is followed on its own; models of this project are tuned to it. */
const MODEL_TRACK_SCORE = 0.3;
/** The trackers' authors start tracks this far above it. */
const START_ABOVE = 0.1;

/** Gives frames to a tracker, with what it needs beside their boxes. */
export interface Follower {
  /** Whether it needs the pixels of every frame. */
  readonly needsPixels: boolean;
  follow(frame: SeenFrame): Promise<Tracks>;
  close(): void;
}

/**
 * Makes a follower.
 * @param rate frames per second it will see
 * @param given whether the boxes come from a file, for which the authors' thresholds hold
 * @throws {DenseError} BAD_USAGE for an unknown tracker, BAD_INPUT for a bad option of it
 */
export function makeFollower(
  options: FollowOptions & { readonly every?: number | undefined; readonly camera?: boolean | undefined },
  labels: LabelSet,
  rate: number,
  given: boolean,
): Follower {
  const name = options.tracker ?? 'byte';
  const tracker = trackerOf(name, options, labels, rate, given);
  const every = options.every ?? 1;
  const needsPixels = TRACKERS[name].usesWarp && options.trackerOptions?.cameraMotion !== false;
  let camera: CameraMotion | undefined;
  let next: number | undefined;
  return {
    needsPixels,
    async follow({ time, image, found }) {
      for (; next !== undefined && next < time.index; next += every) tracker.update(noDetections()); // frames left out
      next = time.index + every;
      if (!needsPixels) return tracker.update(found);
      camera ??= await CameraMotion.create();
      return tracker.update(found, { warp: warpOf(camera, image) });
    },
    close: () => camera?.dispose(),
  };
}

const SMALLEST_SIDE = 64; // below this there are no corners to follow

function warpOf(camera: CameraMotion, image: RgbImage | undefined): Float64Array | undefined {
  if (!image || Math.min(image.shape[0], image.shape[1]) < SMALLEST_SIDE) return undefined;
  return camera.update(image).warp;
}

function trackerOf(
  name: keyof typeof TRACKERS,
  { trackScore, trackerOptions, agnostic }: FollowOptions,
  labels: LabelSet,
  rate: number,
  given: boolean,
): Tracker {
  const sure = trackScore ?? (given ? undefined : MODEL_TRACK_SCORE);
  const start = sure === undefined ? undefined : Math.min(1, sure + START_ABOVE);
  const perClass = !agnostic && labels.names.length > 1;
  if (name === 'ocsort')
    return createTracker(name, { detectionThreshold: sure, perClass, ...trackerOptions } as object);
  const common = { frameRate: rate, perClass };
  const own =
    name === 'botsort'
      ? { ...common, trackHighThreshold: sure, newTrackThreshold: start }
      : { ...common, trackThreshold: sure };
  return createTracker(name, { ...own, ...trackerOptions } as object);
}
