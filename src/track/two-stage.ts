import { type Detections, fail } from '../core/index.ts';
import { appearanceDistance, blendFeature } from './appearance.ts';
import { assignWithLimit } from './assignment.ts';
import { ClassVote } from './class-vote.ts';
import {
  type BoxForm,
  type BoxState,
  boxToMeasurement,
  correct,
  initiate,
  predict,
  stateToBox,
  warpState,
} from './kalman.ts';
import { densePairs, mapPairs, overlaps, type SparsePairs } from './overlaps.ts';
import { type FrameHints, packTracks, type Seen, seenAbove, type Tracks } from './types.ts';

/** When looks decide; see BotSortOptions. */
export interface AppearanceRules {
  readonly proximity: number;
  readonly distance: number;
  readonly scale: number;
  readonly momentum: number;
}

/** Numbers and switches in which ByteTrack and BoT-SORT differ. */
export interface TwoStageRules {
  readonly form: BoxForm;
  /** above: first association */
  readonly high: number;
  /** above, and below `high`: second association */
  readonly low: number;
  /** at least: may start a track */
  readonly start: number;
  /** largest cost in the first association, in the second, and for unconfirmed tracks */
  readonly match: number;
  readonly matchLow: number;
  readonly matchUnconfirmed: number;
  /** lost and tracked boxes closer than this (1 - IoU) are one object */
  readonly duplicate: number;
  /** frames a lost track is kept */
  readonly buffer: number;
  readonly fuseScore: boolean;
  readonly perClass: boolean;
  readonly useWarp: boolean;
  readonly reportUnconfirmed: boolean;
  readonly appearance?: AppearanceRules | undefined;
}

/** Both originals measure IoU in whole pixels, x2 and y2 belonging to the box (cython_bbox). */
const INCLUSIVE = 1;

type Life = 'tracked' | 'lost' | 'removed';

/** One object: what the originals call STrack. */
interface Track {
  readonly id: number;
  readonly state: BoxState;
  readonly firstFrame: number;
  readonly votes: ClassVote;
  life: Life;
  confirmed: boolean;
  /** was declared dead once; if found again it lives until it is lost, then goes at once */
  condemned: boolean;
  lastFrame: number;
  score: number;
  detection: number;
  feature: Float64Array | undefined;
  box: Float64Array;
}

/**
 * The association scheme ByteTrack brought and BoT-SORT kept: strong detections first, then weak ones for the tracks
 * still unmatched, then tracks seen only once. Order of lists, thresholds and odd corners follow the originals
 * (`BYTETracker.update`, `BoTSORT.update`) so that identities come out the same.
 */
export class TwoStageTracker {
  private readonly rules: TwoStageRules;
  private frame = 0;
  private lastId = 0;
  private featureSize = 0;
  private tracked: Track[] = [];
  private lost: Track[] = [];

  constructor(rules: TwoStageRules) {
    this.rules = rules;
  }

  reset(): void {
    this.frame = 0;
    this.lastId = 0;
    this.featureSize = 0;
    this.tracked = [];
    this.lost = [];
  }

  update(detections: Detections, hints: FrameHints = {}): Tracks {
    const { rules } = this;
    const seen = seenAbove(detections, rules.low);
    const strong = seen.filter(s => s.score > rules.high);
    const weak = seen.filter(s => s.score < rules.high);
    const features = rules.appearance && this.checkedFeatures(hints.features, detections.length);
    this.frame++;

    const unconfirmed = this.tracked.filter(t => !t.confirmed);
    const pool = [...this.tracked.filter(t => t.confirmed), ...this.lost];
    for (const t of pool) this.predictTrack(t);
    if (rules.useWarp && hints.warp)
      for (const t of [...pool, ...unconfirmed]) this.warpTrack(t, checkedWarp(hints.warp));

    const found: Track[] = []; // lost tracks seen again
    const born: Track[] = [];
    const take = (t: Track, s: Seen, feature: boolean) => {
      if (t.life !== 'tracked') found.push(t);
      this.updateTrack(t, s, feature ? features?.at(s.index) : undefined);
    };

    // 1. strong detections, all confirmed and lost tracks
    const first = assignWithLimit(this.strongCosts(pool, strong, features), rules.match);
    const missed = pool.filter((t, i) => first.colOfRow[i]! < 0 && t.life === 'tracked');
    pool.forEach((t, i) => {
      if (first.colOfRow[i]! >= 0) take(t, strong[first.colOfRow[i]!]!, true);
    });

    // 2. weak detections, tracks that were tracked until now
    const second = assignWithLimit(this.weakCosts(missed, weak), rules.matchLow);
    const newlyLost: Track[] = [];
    missed.forEach((t, i) => {
      if (second.colOfRow[i]! >= 0) take(t, weak[second.colOfRow[i]!]!, false);
      else {
        t.life = 'lost';
        newlyLost.push(t);
      }
    });

    // 3. strong detections left over, tracks seen once
    const left = strong.filter((_, j) => first.rowOfCol[j]! < 0);
    const third = assignWithLimit(this.strongCosts(unconfirmed, left, features), rules.matchUnconfirmed);
    unconfirmed.forEach((t, i) => {
      if (third.colOfRow[i]! >= 0) take(t, left[third.colOfRow[i]!]!, true);
      else t.life = 'removed';
    });

    // 4. new tracks
    left.forEach((s, j) => {
      if (third.rowOfCol[j]! < 0 && s.score >= rules.start) born.push(this.newTrack(s, features?.at(s.index)));
    });

    // 5. lists
    const expired = this.lost.filter(t => this.frame - t.lastFrame > rules.buffer);
    for (const t of expired) t.life = 'removed';
    this.tracked = [...this.tracked.filter(t => t.life === 'tracked'), ...born, ...found];
    // a track that expires now stays in reach for one more frame: the originals strike it off before they note it
    this.lost = [...this.lost.filter(t => t.life !== 'tracked'), ...newlyLost].filter(t => !t.condemned);
    for (const t of expired) t.condemned = true;
    this.dropDuplicates();

    return packTracks(
      this.tracked
        .filter(t => t.confirmed || rules.reportUnconfirmed)
        .map(t => ({ id: t.id, box: t.box, score: t.score, cls: t.votes.winner, detection: t.detection })),
    );
  }

  private predictTrack(t: Track): void {
    const { form } = this.rules;
    if (t.life !== 'tracked') {
      // a lost box keeps its size: ByteTrack stops the height's velocity, BoT-SORT width's and height's
      if (form === 'xywh') t.state[6] = 0;
      t.state[7] = 0;
    }
    predict(form, t.state);
    stateToBox(form, t.state, t.box);
  }

  private warpTrack(t: Track, warp: ArrayLike<number>): void {
    warpState(t.state, warp);
    stateToBox(this.rules.form, t.state, t.box);
  }

  private updateTrack(t: Track, s: Seen, feature: Float64Array | undefined): void {
    const { form, appearance } = this.rules;
    correct(form, t.state, boxToMeasurement(form, s.box, 0));
    stateToBox(form, t.state, t.box);
    if (feature && appearance) t.feature = blendFeature(t.feature, feature, appearance.momentum);
    t.life = 'tracked';
    t.confirmed = true;
    t.lastFrame = this.frame;
    t.score = s.score;
    t.detection = s.index;
    t.votes.add(s.cls, s.score);
  }

  private newTrack(s: Seen, feature: Float64Array | undefined): Track {
    const { form } = this.rules;
    const state = initiate(form, boxToMeasurement(form, s.box, 0));
    const box = new Float64Array(4);
    stateToBox(form, state, box);
    const votes = new ClassVote();
    votes.add(s.cls, s.score);
    return {
      id: ++this.lastId,
      state,
      box,
      votes,
      firstFrame: this.frame,
      lastFrame: this.frame,
      life: 'tracked',
      confirmed: this.frame === 1, // the first frame's tracks need no second look
      condemned: false,
      score: s.score,
      detection: s.index,
      feature: feature && blendFeature(undefined, feature, 0),
    };
  }

  /** `1 - IoU x score`, or the appearance distance where that is smaller, near and alike enough. */
  private strongCosts(
    tracks: readonly Track[],
    seen: readonly Seen[],
    features: FeatureTable | undefined,
  ): SparsePairs {
    const { fuseScore, perClass, appearance } = this.rules;
    const units = features && seen.map(s => blendFeature(undefined, features.at(s.index), 0));
    const near = pairsOf(tracks, seen);
    // with a proximity of 1 even boxes far apart may match by their looks
    const pairs = appearance && appearance.proximity >= 1 ? densePairs(near, 0) : near;
    return mapPairs(pairs, (i, j, iou) => {
      const t = tracks[i]!;
      const s = seen[j]!;
      if (perClass && t.votes.winner !== s.cls) return Number.NaN;
      const distance = 1 - iou;
      // spelled as the originals compute it, for the same rounding
      const cost = fuseScore ? 1 - (1 - distance) * s.score : distance;
      if (!appearance || !units || !t.feature || distance > appearance.proximity) return cost;
      const look = appearance.scale * (appearanceDistance(t.feature, units[j]!) / 2);
      return look > appearance.distance ? cost : Math.min(cost, look);
    });
  }

  private weakCosts(tracks: readonly Track[], seen: readonly Seen[]): SparsePairs {
    const { perClass } = this.rules;
    return mapPairs(pairsOf(tracks, seen), (i, j, iou) =>
      perClass && tracks[i]!.votes.winner !== seen[j]!.cls ? Number.NaN : 1 - iou,
    );
  }

  /** Of a tracked and a lost track on one spot the older one stays. */
  private dropDuplicates(): void {
    const { perClass, duplicate } = this.rules;
    const pairs = overlaps(
      this.tracked.map(t => t.box),
      this.lost.map(t => t.box),
      INCLUSIVE,
    );
    const drop = new Set<Track>();
    for (let i = 0; i < pairs.rows; i++)
      for (let k = pairs.start[i]!; k < pairs.start[i + 1]!; k++) {
        if (!(1 - pairs.value[k]! < duplicate)) continue;
        const a = this.tracked[i]!;
        const b = this.lost[pairs.col[k]!]!;
        if (perClass && a.votes.winner !== b.votes.winner) continue;
        drop.add(a.lastFrame - a.firstFrame > b.lastFrame - b.firstFrame ? b : a);
      }
    if (drop.size === 0) return;
    this.tracked = this.tracked.filter(t => !drop.has(t));
    this.lost = this.lost.filter(t => !drop.has(t));
  }

  private checkedFeatures(features: Float32Array | undefined, n: number): FeatureTable {
    const size = n === 0 ? 0 : (features?.length ?? 0) / n;
    if (
      !features ||
      (n > 0 && (size === 0 || !Number.isInteger(size) || (this.featureSize > 0 && size !== this.featureSize)))
    )
      fail(
        'BAD_INPUT',
        `the tracker got ${features?.length ?? 'no'} feature values for ${n} detections`,
        this.featureSize > 0
          ? `earlier frames had ${this.featureSize} values per detection`
          : 'it was made with appearance: true, which takes one vector per detection',
        'pass features [n, d] with every frame, or make the tracker without appearance',
      );
    if (n > 0) this.featureSize = size;
    return { at: i => Float64Array.from(features.subarray(i * size, (i + 1) * size)) };
  }
}

interface FeatureTable {
  at(index: number): Float64Array;
}

function pairsOf(tracks: readonly Track[], seen: readonly Seen[]): SparsePairs {
  return overlaps(
    tracks.map(t => t.box),
    seen.map(s => s.box),
    INCLUSIVE,
  );
}

function checkedWarp(warp: ArrayLike<number>): ArrayLike<number> {
  if (warp.length !== 6 || !Array.from(warp).every(Number.isFinite))
    fail(
      'BAD_INPUT',
      `the camera warp is [${Array.from(warp).join(', ')}]`,
      'it must be six finite numbers, a 2x3 matrix row by row',
      'pass the result of CameraMotion.update, or leave warp out for a still camera',
    );
  return warp;
}
