import { type LabelSet, noDetections, type RgbImage } from '../../core/index.ts';
import {
  CameraMotion,
  createTracker,
  POOLED_APPEARANCE,
  TRACKERS,
  type Tracker,
  type Tracks,
} from '../../track/index.ts';
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
  /** Detections above this score need looks, if any do. */
  readonly looksAbove: number | undefined;
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
  options: FollowOptions & { readonly every?: number | undefined },
  labels: LabelSet,
  rate: number,
  given: boolean,
): Follower {
  const name = options.tracker ?? 'byte';
  const tracker = makeTracker(options, labels, rate, given);
  const every = options.every ?? 1;
  const needsPixels = TRACKERS[name].usesWarp && options.trackerOptions?.cameraMotion !== false;
  const looksAbove = comparesLooks(options)
    ? Number(options.trackerOptions?.trackHighThreshold ?? options.trackScore ?? MODEL_TRACK_SCORE)
    : undefined;
  let camera: CameraMotion | undefined;
  let next: number | undefined;
  return {
    needsPixels,
    looksAbove,
    async follow({ time, image, found, looks }) {
      const nothing = { features: new Float32Array() };
      for (; next !== undefined && next < time.index; next += every) tracker.update(noDetections(), nothing); // left out
      next = time.index + every;
      const features = looksAbove === undefined ? undefined : Float32Array.from(looks!.data);
      if (!needsPixels) return tracker.update(found, { features });
      camera ??= await CameraMotion.create();
      return tracker.update(found, { features, warp: warpOf(camera, image) });
    },
    close: () => camera?.dispose(),
  };
}

/** Whether a tracker compares looks: BoT-SORT alone can. */
export function comparesLooks({ tracker, appearance, trackerOptions }: FollowOptions): boolean {
  return tracker === 'botsort' && (appearance ?? trackerOptions?.appearance) === true;
}

const SMALLEST_SIDE = 64; // below this there are no corners to follow

function warpOf(camera: CameraMotion, image: RgbImage | undefined): Float64Array | undefined {
  if (!image || Math.min(image.shape[0], image.shape[1]) < SMALLEST_SIDE) return undefined;
  return camera.update(image).warp;
}

/**
 * A tracker with the thresholds that `track` gives it.
 * @param given whether the boxes come from a file
 */
export function makeTracker(options: FollowOptions, labels: LabelSet, rate: number, given: boolean): Tracker {
  const { tracker: name = 'byte', trackScore, trackerOptions, agnostic } = options;
  const sure = trackScore ?? (given ? undefined : MODEL_TRACK_SCORE);
  const start = sure === undefined ? undefined : Math.min(1, sure + START_ABOVE);
  const perClass = !agnostic && labels.names.length > 1;
  if (name === 'ocsort')
    return createTracker(name, { detectionThreshold: sure, perClass, ...trackerOptions } as object);
  const common = { frameRate: rate, perClass };
  if (name === 'byte') return createTracker(name, { ...common, trackThreshold: sure, ...trackerOptions } as object);
  const appearance = comparesLooks(options);
  const own = { ...common, trackHighThreshold: sure, newTrackThreshold: start, ...(appearance && POOLED_APPEARANCE) };
  return createTracker(name, { ...own, ...trackerOptions, appearance } as object);
}
