import type { Detections } from '../core/index.ts';
import { TwoStageTracker } from './two-stage.ts';
import { checkedOptions, type FrameHints, type Tracker, type Tracks } from './types.ts';

/** Thresholds of {@link ByteTrack}; names and defaults are the authors' unless said otherwise. */
export interface ByteTrackOptions {
  /** detections scored above this take part in the first association (`track_thresh`, tools/track.py line 105) */
  readonly trackThreshold: number;
  /** detections scored above this, up to trackThreshold, take part in the second (byte_tracker.py line 178) */
  readonly lowThreshold: number;
  /** a detection scored this much may start a track; undefined: trackThreshold + 0.1 (byte_tracker.py line 154) */
  readonly newTrackThreshold: number | undefined;
  /** largest `1 - IoU x score` in the first association (`match_thresh`, tools/track.py line 107) */
  readonly matchThreshold: number;
  /** largest `1 - IoU` in the second association (byte_tracker.py line 232) */
  readonly lowMatchThreshold: number;
  /** largest cost for tracks seen only once (byte_tracker.py line 254) */
  readonly unconfirmedThreshold: number;
  /** a lost and a tracked box with `1 - IoU` below this are one object (byte_tracker.py line 319) */
  readonly duplicateThreshold: number;
  /** how long a lost track is kept, in frames at 30 frames per second (`track_buffer`, tools/track.py line 106) */
  readonly trackBuffer: number;
  /** frames per second; the buffer scales with it (byte_tracker.py line 155) */
  readonly frameRate: number;
  /** multiply IoU by the detection's score (the original's default; its `--mot20` turns it off) */
  readonly fuseScore: boolean;
  /** match within a class only (ours; the original knows one class) */
  readonly perClass: boolean;
}

export const BYTETRACK_DEFAULTS: ByteTrackOptions = {
  trackThreshold: 0.6,
  lowThreshold: 0.1,
  newTrackThreshold: undefined,
  matchThreshold: 0.9,
  lowMatchThreshold: 0.5,
  unconfirmedThreshold: 0.7,
  duplicateThreshold: 0.15,
  trackBuffer: 30,
  frameRate: 30,
  fuseScore: true,
  perClass: false,
};

/**
 * ByteTrack: associates every detection box, the weak ones in a second round.
 *
 * Same detections, same tracks as the authors' code at commit d1bf019; ids start at 1 for every instance.
 * @see Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022;
 *   golden: test/golden/track/trackers.json
 */
export class ByteTrack implements Tracker {
  readonly options: ByteTrackOptions;
  private readonly core: TwoStageTracker;

  /** @throws {DenseError} BAD_INPUT for an unknown option or a value out of range */
  constructor(options: { readonly [K in keyof ByteTrackOptions]?: ByteTrackOptions[K] | undefined } = {}) {
    const o = checkedOptions('ByteTrack', BYTETRACK_DEFAULTS, options, {
      trackThreshold: [0, 1],
      lowThreshold: [0, 1],
      matchThreshold: [0, 1],
      lowMatchThreshold: [0, 1],
      unconfirmedThreshold: [0, 1],
      duplicateThreshold: [0, 1],
      trackBuffer: [0, 1e6],
      frameRate: [1e-3, 1e6],
    });
    this.options = o;
    this.core = new TwoStageTracker({
      form: 'xyah',
      high: o.trackThreshold,
      low: o.lowThreshold,
      start: o.newTrackThreshold ?? o.trackThreshold + 0.1,
      match: o.matchThreshold,
      matchLow: o.lowMatchThreshold,
      matchUnconfirmed: o.unconfirmedThreshold,
      duplicate: o.duplicateThreshold,
      buffer: Math.trunc((o.frameRate / 30) * o.trackBuffer),
      fuseScore: o.fuseScore,
      perClass: o.perClass,
      useWarp: false,
      reportUnconfirmed: false,
    });
  }

  /** @inheritDoc */
  update(detections: Detections, hints?: FrameHints): Tracks {
    return this.core.update(detections, hints);
  }

  /** @inheritDoc */
  reset(): void {
    this.core.reset();
  }
}
