import type { Detections } from '../core/index.ts';
import { TwoStageTracker } from './two-stage.ts';
import { checkedOptions, type FrameHints, type Tracker, type Tracks } from './types.ts';

/** Thresholds of {@link BotSort}; names and defaults are the authors' unless said otherwise. */
export interface BotSortOptions {
  /** detections scored above this take part in the first association (`track_high_thresh`, tools/track.py line 49) */
  readonly trackHighThreshold: number;
  /** detections scored above this, up to trackHighThreshold, take part in the second (`track_low_thresh`, line 50) */
  readonly trackLowThreshold: number;
  /** a detection scored this much may start a track (`new_track_thresh`, line 51) */
  readonly newTrackThreshold: number;
  /** largest cost in the first association (`match_thresh`, line 53) */
  readonly matchThreshold: number;
  /** largest `1 - IoU` in the second association (bot_sort.py line 362) */
  readonly lowMatchThreshold: number;
  /** largest cost for tracks seen only once (bot_sort.py line 396) */
  readonly unconfirmedThreshold: number;
  /** a lost and a tracked box with `1 - IoU` below this are one object (bot_sort.py line 463) */
  readonly duplicateThreshold: number;
  /** how long a lost track is kept, in frames at 30 frames per second (`track_buffer`, line 52) */
  readonly trackBuffer: number;
  /** frames per second; the buffer scales with it */
  readonly frameRate: number;
  /** multiply IoU by the detection's score (the original's default; its `mot20` turns it off) */
  readonly fuseScore: boolean;
  /** compare appearance; every frame must then bring features (`--with-reid`, line 61; off by default there too) */
  readonly appearance: boolean;
  /** appearance counts only for boxes with `1 - IoU` up to this (`proximity_thresh`, line 64) */
  readonly proximityThreshold: number;
  /** and only up to this half cosine distance, 0..1, times appearanceScale (`appearance_thresh`, line 65) */
  readonly appearanceThreshold: number;
  /**
   * the half cosine distance is multiplied by this before it is compared with anything (ours; the original's is 1). Its
   * thresholds were made for a re-identification network; box-pooled backbone features lie closer together
   */
  readonly appearanceScale: number;
  /** weight of the past in a track's running feature (`alpha`, bot_sort.py line 33) */
  readonly featureMomentum: number;
  /** apply the camera warp of a frame's hints */
  readonly cameraMotion: boolean;
  /** report tracks seen only once, as the original does (bot_sort.py line 428); false: as ByteTrack, from the second sight on */
  readonly reportUnconfirmed: boolean;
  /** match within a class only (ours; the original knows one class) */
  readonly perClass: boolean;
}

export const BOTSORT_DEFAULTS: BotSortOptions = {
  trackHighThreshold: 0.6,
  trackLowThreshold: 0.1,
  newTrackThreshold: 0.7,
  matchThreshold: 0.8,
  lowMatchThreshold: 0.5,
  unconfirmedThreshold: 0.7,
  duplicateThreshold: 0.15,
  trackBuffer: 30,
  frameRate: 30,
  fuseScore: true,
  appearance: false,
  proximityThreshold: 0.5,
  appearanceThreshold: 0.25,
  appearanceScale: 1,
  featureMomentum: 0.9,
  cameraMotion: true,
  reportUnconfirmed: true,
  perClass: false,
};

/**
 * Options for appearance pooled from PE features instead of a re-identification network's vectors: use it with
 * `centredFeatures`. Such vectors lie close together (half cosine distance about 0.01 for one person a frame later, 0.07
 * between two) and drift with the pose, hence the scale and the short memory. Tuned on one sequence only; figures in
 * docs/tracking.md.
 */
export const POOLED_APPEARANCE = {
  appearance: true,
  appearanceScale: 16,
  featureMomentum: 0.5,
} as const satisfies Partial<BotSortOptions>;

/**
 * BoT-SORT: ByteTrack's two rounds with width and height in the filter, camera motion compensation and appearance.
 *
 * Same detections, warps and features, same tracks as the authors' code at commit 2519854. The warp comes with each
 * frame ({@link FrameHints.warp}, see CameraMotion); the features are meant to be pooled from the backbone's one pass
 * (see pooledFeatures) where the original runs a second network.
 * @see Aharon et al., "BoT-SORT: Robust Associations Multi-Pedestrian Tracking", 2022;
 *   golden: test/golden/track/trackers.json
 */
export class BotSort implements Tracker {
  readonly options: BotSortOptions;
  private readonly core: TwoStageTracker;

  /** @throws {DenseError} BAD_INPUT for an unknown option or a value out of range */
  constructor(options: { readonly [K in keyof BotSortOptions]?: BotSortOptions[K] | undefined } = {}) {
    const o = checkedOptions('BotSort', BOTSORT_DEFAULTS, options, {
      trackHighThreshold: [0, 1],
      trackLowThreshold: [0, 1],
      newTrackThreshold: [0, 1],
      matchThreshold: [0, 1],
      lowMatchThreshold: [0, 1],
      unconfirmedThreshold: [0, 1],
      duplicateThreshold: [0, 1],
      trackBuffer: [0, 1e6],
      frameRate: [1e-3, 1e6],
      proximityThreshold: [0, 1],
      appearanceThreshold: [0, 1],
      appearanceScale: [0, 1000],
      featureMomentum: [0, 1],
    });
    this.options = o;
    this.core = new TwoStageTracker({
      form: 'xywh',
      high: o.trackHighThreshold,
      low: o.trackLowThreshold,
      start: o.newTrackThreshold,
      match: o.matchThreshold,
      matchLow: o.lowMatchThreshold,
      matchUnconfirmed: o.unconfirmedThreshold,
      duplicate: o.duplicateThreshold,
      buffer: Math.trunc((o.frameRate / 30) * o.trackBuffer),
      fuseScore: o.fuseScore,
      perClass: o.perClass,
      useWarp: o.cameraMotion,
      reportUnconfirmed: o.reportUnconfirmed,
      appearance: o.appearance
        ? {
            proximity: o.proximityThreshold,
            distance: o.appearanceThreshold,
            scale: o.appearanceScale,
            momentum: o.featureMomentum,
          }
        : undefined,
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
