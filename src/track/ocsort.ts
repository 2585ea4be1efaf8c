import type { Detections } from '../core/index.ts';
import { assignWithLimit } from './assignment.ts';
import { ClassVote } from './class-vote.ts';
import { boxToSort, SortKalman, sortToBox } from './kalman-sort.ts';
import { associate } from './oc-associate.ts';
import { mapPairs, overlaps } from './overlaps.ts';
import {
  checkedOptions,
  type FrameHints,
  packTracks,
  type Seen,
  seenAbove,
  type Tracker,
  type TrackRow,
  type Tracks,
} from './types.ts';

/** Thresholds of {@link OcSort}; names and defaults are the authors' (utils/args.py, ocsort.py line 199) unless said otherwise. */
export interface OcSortOptions {
  /** detections scored above this are tracked (`track_thresh`, utils/args.py line 45) */
  readonly detectionThreshold: number;
  /** frames a track lives unseen (`max_age`) */
  readonly maxAge: number;
  /** a track is reported from this many consecutive matches on, or in the first frames (`min_hits`, line 47) */
  readonly minHits: number;
  /** smallest IoU of a match (`iou_thresh`, line 46) */
  readonly iouThreshold: number;
  /** frames over which a direction is measured (`deltat`, line 49) */
  readonly deltaT: number;
  /** weight of direction consistency (`inertia`, line 48) */
  readonly inertia: number;
  /** give unmatched tracks a second round with weak detections (`use_byte`, line 57) */
  readonly useByte: boolean;
  /** weakest score in that second round (ocsort.py line 235) */
  readonly lowThreshold: number;
  /** match within a class only (ours; the original's `update` knows one class) */
  readonly perClass: boolean;
}

export const OCSORT_DEFAULTS: OcSortOptions = {
  detectionThreshold: 0.6,
  maxAge: 30,
  minHits: 3,
  iouThreshold: 0.3,
  deltaT: 3,
  inertia: 0.2,
  useByte: false,
  lowThreshold: 0.1,
  perClass: false,
};

/** One object: what the original calls KalmanBoxTracker. */
class OcTrack {
  readonly filter: SortKalman;
  readonly votes = new ClassVote();
  readonly predicted = new Float64Array(4);
  direction: { x: number; y: number } | undefined;
  observed: readonly number[] | undefined; // latest observation after the first, which the filter was made from
  age = 0; // frames since birth
  hitStreak = 0;
  unseen = 0; // frames since the last match, 0 in the frame of one
  score: number;
  detection: number;
  // the last deltaT ages' observations, each in the slot of its age modulo deltaT
  private readonly recent: { age: number; box: readonly number[] }[] = [];

  constructor(
    readonly id: number,
    seen: Seen,
    private readonly deltaT: number,
  ) {
    this.filter = new SortKalman(boxToSort(seen.box[0]!, seen.box[1]!, seen.box[2]!, seen.box[3]!));
    this.votes.add(seen.cls, seen.score);
    this.score = seen.score;
    this.detection = seen.index;
  }

  /** Observation `deltaT` frames ago, or the nearest younger one, or the latest there is. */
  get previous(): readonly number[] | undefined {
    for (let dt = this.deltaT; dt > 0; dt--) {
      const age = this.age - dt;
      const slot = age > 0 ? this.recent[age % this.deltaT] : undefined;
      if (slot?.age === age) return slot.box;
    }
    return this.observed;
  }

  /**
   * The original tells "never observed" by a negative sum of box and score, so a box mostly left of or above the
   * picture counts as never observed too: its direction is not renewed and the filter's box is reported.
   */
  get counts(): boolean {
    const b = this.observed;
    return b !== undefined && b[0]! + b[1]! + b[2]! + b[3]! + this.score >= 0;
  }

  /** @returns false when the state has become impossible (area and aspect of different sign) */
  predict(): boolean {
    const { x } = this.filter;
    if (x[6]! + x[2]! <= 0) x[6] = 0; // an area never turns negative
    this.filter.predict();
    this.age++;
    if (this.unseen > 0) this.hitStreak = 0;
    this.unseen++;
    sortToBox(x, this.predicted);
    return !Number.isNaN(this.predicted[0]) && !Number.isNaN(this.predicted[1]);
  }

  match(seen: Seen): void {
    const { box } = seen;
    if (this.counts) {
      const from = this.previous!;
      const dy = (box[1]! + box[3]!) / 2 - (from[1]! + from[3]!) / 2;
      const dx = (box[0]! + box[2]!) / 2 - (from[0]! + from[2]!) / 2;
      const norm = Math.sqrt(dy * dy + dx * dx) + 1e-6;
      this.direction = { x: dx / norm, y: dy / norm };
    }
    this.observed = box;
    this.score = seen.score;
    this.detection = seen.index;
    this.votes.add(seen.cls, seen.score);
    if (this.deltaT > 0) this.recent[this.age % this.deltaT] = { age: this.age, box };
    this.unseen = 0;
    this.hitStreak++;
    this.filter.observe(boxToSort(box[0]!, box[1]!, box[2]!, box[3]!));
  }

  row(): TrackRow {
    const box = [0, 0, 0, 0];
    if (!this.counts) sortToBox(this.filter.x, box);
    return {
      id: this.id,
      box: this.counts ? this.observed! : box,
      score: this.score,
      cls: this.votes.winner,
      detection: this.detection,
    };
  }
}

/**
 * OC-SORT: SORT that trusts observations over its own predictions: direction consistency in the association (OCM),
 * a second chance at the last observed box (OCR), and a filter corrected along a virtual path after a gap (ORU).
 *
 * Same detections, same tracks as the authors' code at commit 8462e7e, in the original's order (youngest first).
 * Up to 192 detections or tracks even the numbering among tracks born in one frame follows the original where several
 * assignments cost the same; above that only the numbering of such ties may differ, never who matches whom.
 * @see Cao et al., "Observation-Centric SORT: Rethinking SORT for Robust Multi-Object Tracking", CVPR 2023;
 *   golden: test/golden/track/trackers.json
 */
export class OcSort implements Tracker {
  readonly options: OcSortOptions;
  private tracks: OcTrack[] = [];
  private frame = 0;
  private lastId = 0;

  /** @throws {DenseError} BAD_INPUT for an unknown option or a value out of range */
  constructor(options: { readonly [K in keyof OcSortOptions]?: OcSortOptions[K] | undefined } = {}) {
    this.options = checkedOptions('OcSort', OCSORT_DEFAULTS, options, {
      detectionThreshold: [0, 1],
      maxAge: [0, 1e6],
      minHits: [0, 1e6],
      iouThreshold: [0, 1],
      deltaT: [0, 1000],
      inertia: [0, 10],
      lowThreshold: [0, 1],
    });
  }

  /** @inheritDoc */
  reset(): void {
    this.tracks = [];
    this.frame = 0;
    this.lastId = 0;
  }

  /** @inheritDoc */
  update(detections: Detections, _hints?: FrameHints): Tracks {
    const { detectionThreshold, lowThreshold, useByte, perClass, maxAge, minHits, deltaT } = this.options;
    const seen = seenAbove(detections, useByte ? Math.min(detectionThreshold, lowThreshold) : detectionThreshold);
    const strong = seen.filter(s => s.score > detectionThreshold);
    const weak = useByte ? seen.filter(s => s.score > lowThreshold && s.score < detectionThreshold) : [];
    this.frame++;
    this.tracks = this.tracks.filter(t => t.predict());

    const left: Seen[] = [];
    for (const cls of perClass ? this.classesOf(seen) : [undefined]) {
      const mine = (c: number) => cls === undefined || c === cls;
      left.push(
        ...this.matchGroup(
          strong.filter(s => mine(s.cls)),
          weak.filter(s => mine(s.cls)),
          this.tracks.filter(t => mine(t.votes.winner)),
        ),
      );
    }
    for (const s of left) this.tracks.push(new OcTrack(++this.lastId, s, deltaT));

    const rows = this.tracks
      .filter(t => t.unseen < 1 && (t.hitStreak >= minHits || this.frame <= minHits))
      .map(t => t.row())
      .reverse();
    this.tracks = this.tracks.filter(t => t.unseen <= maxAge);
    return packTracks(rows);
  }

  private classesOf(seen: readonly Seen[]): number[] {
    return [...new Set([...seen.map(s => s.cls), ...this.tracks.map(t => t.votes.winner)])].sort((a, b) => a - b);
  }

  /** The three rounds over one class (or all); returns the detections that start tracks, in order. */
  private matchGroup(strong: readonly Seen[], weak: readonly Seen[], tracks: readonly OcTrack[]): Seen[] {
    const { iouThreshold, inertia } = this.options;
    // taken before anything is updated in this frame
    const lastSeen = tracks.map(t => t.observed);
    const first = associate(strong, tracks, iouThreshold, inertia);
    for (const [i, j] of first.pairs) tracks[j]!.match(strong[i]!);
    let openDets = [...first.detections];
    let openTracks = [...first.tracks];

    if (weak.length > 0 && openTracks.length > 0) {
      const second = this.byOverlap(
        weak,
        openTracks.map(j => tracks[j]!.predicted),
      );
      for (const [i, k] of second ?? []) tracks[openTracks[k]!]!.match(weak[i]!);
      if (second)
        openTracks = without(
          openTracks,
          second.map(p => p[1]),
        );
    }
    if (openDets.length > 0 && openTracks.length > 0) {
      const third = this.byOverlap(
        openDets.map(i => strong[i]!),
        openTracks.map(j => lastSeen[j] ?? NOWHERE),
      );
      for (const [i, k] of third ?? []) tracks[openTracks[k]!]!.match(strong[openDets[i]!]!);
      if (third) {
        openDets = without(
          openDets,
          third.map(p => p[0]),
        );
        openTracks = without(
          openTracks,
          third.map(p => p[1]),
        );
      }
    }
    for (const j of openTracks) tracks[j]!.filter.observe(null);
    return openDets.map(i => strong[i]!);
  }

  /** Best overlap assignment; undefined when no pair overlaps above the threshold (the original then leaves its lists as they are). */
  private byOverlap(dets: readonly Seen[], boxes: readonly ArrayLike<number>[]): [number, number][] | undefined {
    const { iouThreshold } = this.options;
    const ious = overlaps(
      dets.map(d => d.box),
      boxes,
      0,
    );
    if (!ious.value.some(v => v > iouThreshold)) return undefined;
    const { colOfRow } = assignWithLimit(
      mapPairs(ious, (_i, _j, iou) => -iou),
      0,
    );
    const pairs: [number, number][] = [];
    colOfRow.forEach((k, i) => {
      if (k < 0) return;
      for (let p = ious.start[i]!; p < ious.start[i + 1]!; p++)
        if (ious.col[p] === k && !(ious.value[p]! < iouThreshold)) pairs.push([i, k]);
    });
    return pairs;
  }
}

/** Stands for a box not yet observed; overlaps nothing. */
const NOWHERE = [-1, -1, -1, -1];

/** The list in ascending order without the entries at the given places. */
function without(list: readonly number[], places: readonly number[]): number[] {
  const gone = new Set(places);
  return list.filter((_, k) => !gone.has(k)).sort((a, b) => a - b);
}
