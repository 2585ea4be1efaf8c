import type { BoxStyle } from '../../render/index.ts';
import type { Anchor, CountingLine, CountingZone, TrackerName } from '../../track/index.ts';
import type { FrameTime, LiveOptions } from '../../video/index.ts';
import type { BlurOptions } from '../blurred.ts';
import type { DetectOptions } from '../detect/options.ts';

/** How objects are followed. */
export interface FollowOptions {
  /** Default `byte`. */
  readonly tracker?: TrackerName | undefined;
  /**
   * How sure a box must be to be followed on its own, 0..1; weaker ones only continue a track. Default 0.3 for boxes of a
   * model, the authors' 0.6 for given ones.
   */
  readonly trackScore?: number | undefined;
  /**
   * BoT-SORT only: compare what objects look like, by the backbone's features under their boxes out of the pass that
   * found them. Needs a detector loaded with `features`, see {@link appearanceLayer}; default false.
   */
  readonly appearance?: boolean | undefined;
  /** Further options of the tracker by name, over its defaults. */
  readonly trackerOptions?: Readonly<Record<string, number | boolean>> | undefined;
  /** Let a track continue with a box of another class, and a model's boxes suppress each other across classes; default false. */
  readonly agnostic?: boolean | undefined;
}

/** What is counted. */
export interface CountOptions {
  readonly lines?: readonly CountingLine[] | undefined;
  readonly zones?: readonly CountingZone[] | undefined;
  /** Point of a box that counts; default its centre. */
  readonly anchor?: Anchor | undefined;
  /** Frames an object must stay on a new side before it counts; default 1. */
  readonly hold?: number | undefined;
}

/** How a live source is read, beside what holds for every source. */
export type LiveReading = Omit<LiveOptions, 'end' | 'every' | 'signal' | 'onNote'>;

/** Which frames, how they are looked at and followed. `score` defaults to 0.1: trackers use weak boxes too. */
export interface TrackOptions extends FollowOptions, CountOptions, Omit<DetectOptions, 'agnostic'> {
  readonly start?: number | string | undefined;
  readonly end?: number | string | undefined;
  readonly every?: number | undefined;
  /** Frames per second of a folder. */
  readonly fps?: number | undefined;
  /**
   * Permits an address or a camera as source, and says how it is read. Default: files and folders only, since a program
   * that passes on what strangers typed must not be made to visit addresses.
   */
  readonly live?: LiveReading | undefined;
  /** Leave frames out that cannot be decoded, instead of stopping there. */
  readonly skipBroken?: boolean | undefined;
  /** File of detections (MOTChallenge text or COCO results) to track instead of a model's. */
  readonly detections?: string | undefined;
  /** Told of each frame left out. */
  readonly onBroken?: ((frame: FrameTime, error: Error) => void) | undefined;
  /** Told what a person should know, such as audio that had to be left out. */
  readonly onNote?: ((text: string) => void) | undefined;
}

/** Where results go. */
export interface TrackFileOptions extends TrackOptions, BlurOptions {
  /** Folder of all outputs: `<name>.tracks.txt`, `.tracks.json` and the drawn video or frames. */
  readonly out?: string | undefined;
  /** MOTChallenge text. */
  readonly mot?: string | undefined;
  /** Drawn video, or a folder of drawn frames for a path without ending. */
  readonly video?: string | undefined;
  /** Receives the JSON piece by piece. */
  readonly onJson?: ((text: string) => void) | undefined;
  /** With `out`: draw; default true. */
  readonly draw?: boolean | undefined;
  /** Frames a drawn trail reaches back; default 30, 0 for none. */
  readonly trail?: number | undefined;
  readonly lineWidth?: number | undefined;
  readonly hideLabels?: boolean | undefined;
  /** Default full; `none` leaves trails out too. */
  readonly boxStyle?: BoxStyle | undefined;
  /** PNG of where tracks have been, over the first frame: one point per track and frame, see `anchor`. */
  readonly heatmap?: string | undefined;
  /** Go on where an interrupted run stopped. */
  readonly resume?: boolean | undefined;
  /** Called after each frame is in every output. */
  readonly onFrame?: ((done: number, total: number | undefined, index: number) => void) | undefined;
}
