import { withRoom } from '../json/columns.ts';
import { orderByCategoryAndImage, sortByScore } from './order.ts';
import { makeOverlap } from './overlap.ts';
import type { CocoParams } from './params.ts';
import type { CocoAnnotations, CocoGroundTruth, CocoResults } from './types.ts';

/** What differs between COCO and LVIS when results meet ground truths. */
export interface MatchRules {
  /** per annotation: IoU divides by the result's area, and many results may match it */
  readonly crowd: Uint8Array;
  /** per annotation: a match with it counts neither for nor against */
  readonly ignore: Uint8Array;
  /** results per image and category that take part */
  readonly maxDet: number;
  /** per annotation: left out entirely when 0 */
  readonly keepTruth?: Uint8Array | undefined;
  /** per result: left out entirely when 0 */
  readonly keepResult?: Uint8Array | undefined;
  /** per result: 1 when it does not count unless it matches */
  readonly optional?: Uint8Array | undefined;
}

/**
 * Outcome of matching. Results stand category by category (index into `params.categories`; one group when categories
 * are ignored), then by image, then by score.
 */
export interface Matches {
  readonly groups: number;
  /** `[groups + 1]` where each category's results start */
  readonly starts: Int32Array;
  /** index of each result */
  readonly result: Int32Array;
  /** place of each result within its image and category, 0 is the best */
  readonly rank: Int32Array;
  /** per area range: bit t set when the result is a true positive at threshold t */
  readonly hits: readonly Uint32Array[];
  /** per area range: bit t set when the result is a false positive at threshold t */
  readonly misses: readonly Uint32Array[];
  /** `[groups, areas]` annotations that count */
  readonly positives: Int32Array;
  /** per group: 1 when it has any annotation or result */
  readonly present: Uint8Array;
}

/**
 * COCO's greedy matching for every image, category, area range and IoU threshold.
 *
 * Best score first, each result takes the free annotation of highest IoU (at least the threshold, or 1 - 1e-10 for
 * thresholds above; of equals the later one), and one that counts before one that is ignored.
 *
 * @see COCOeval.evaluateImg of pycocotools. As there, a match with an annotation of id 0 is not recognised as a match.
 */
export function matchObjects(
  truth: CocoGroundTruth,
  results: CocoResults,
  params: CocoParams,
  rules: MatchRules,
): Matches {
  const { annotations } = truth;
  const imageRank = ranks(truth.images.ids.length, params.images);
  const categoryRank = ranks(truth.categories.ids.length, params.categories);
  const order = (objects: { image: Int32Array; category: Int32Array }, keep?: Uint8Array) => {
    const { image, category } = objects;
    return params.useCategories
      ? orderByCategoryAndImage(image, category, imageRank, categoryRank, keep)
      : orderByCategoryAndImage(category, image, categoryRank, imageRank, keep); // image first, then category
  };
  const truths = order(annotations, rules.keepTruth);
  const ordered = order(results, rules.keepResult);
  const groups = params.useCategories ? params.categories.length : 1;
  const groupOf = params.useCategories ? (category: number) => categoryRank[category]! : () => 0;

  const nAreas = params.areas.length;
  const state: State = {
    results,
    annotations,
    params,
    rules,
    overlap: makeOverlap(
      params.iouType,
      results,
      annotations,
      truth.images,
      rules.crowd,
      params.iouThresholds.reduce((least, t) => Math.min(least, t, ALMOST_ONE), 1),
    ),
    thresholds: params.iouThresholds.map(t => Math.min(t, ALMOST_ONE)),
    allBits: (2 ** params.iouThresholds.length - 1) >>> 0,
    result: new Int32Array(ordered.length),
    rank: new Int32Array(ordered.length),
    hits: params.areas.map(() => new Uint32Array(ordered.length)),
    misses: params.areas.map(() => new Uint32Array(ordered.length)),
    used: 0,
    ignoreBits: 0,
    ious: new Float64Array(1024),
    ignored: new Uint8Array(64),
    taken: new Uint32Array(64),
    sequence: new Int32Array(64),
  };
  const starts = new Int32Array(groups + 1);
  const positives = new Int32Array(groups * nAreas);
  const present = new Uint8Array(groups);
  let g = 0;
  let d = 0;
  for (let group = 0; group < groups; group++) {
    starts[group] = state.used;
    for (;;) {
      // the next image of this group that has annotations or results
      const gHere = g < truths.length && groupOf(annotations.category[truths[g]!]!) === group;
      const dHere = d < ordered.length && groupOf(results.category[ordered[d]!]!) === group;
      if (!gHere && !dHere) break;
      const gImage = gHere ? annotations.image[truths[g]!]! : 0x7fffffff;
      const dImage = dHere ? results.image[ordered[d]!]! : 0x7fffffff;
      const image = Math.min(gImage, dImage);
      const g0 = g;
      const d0 = d;
      while (
        g < truths.length &&
        annotations.image[truths[g]!] === image &&
        groupOf(annotations.category[truths[g]!]!) === group
      )
        g++;
      while (
        d < ordered.length &&
        results.image[ordered[d]!] === image &&
        groupOf(results.category[ordered[d]!]!) === group
      )
        d++;
      present[group] = 1;
      if (d - d0 > 1) sortByScore(ordered, results.score, d0, d);
      const d1 = Math.min(d, d0 + rules.maxDet);
      matchImage(state, truths, g0, g, ordered, d0, d1, positives, group * nAreas);
    }
  }
  starts[groups] = state.used;
  const cut = <T extends Int32Array | Uint32Array>(column: T) => column.subarray(0, state.used) as T;
  return {
    groups,
    starts,
    result: cut(state.result),
    rank: cut(state.rank),
    hits: state.hits.map(cut),
    misses: state.misses.map(cut),
    positives,
    present,
  };
}

/** pycocotools' cap on thresholds: an IoU of 1 that came out as 1 - 1e-16 still passes the threshold 1. */
const ALMOST_ONE = 1 - 1e-10;

interface State {
  readonly results: CocoResults;
  readonly annotations: CocoAnnotations;
  readonly params: CocoParams;
  readonly rules: MatchRules;
  readonly overlap: ReturnType<typeof makeOverlap>;
  readonly thresholds: Float64Array;
  readonly allBits: number;
  readonly result: Int32Array;
  readonly rank: Int32Array;
  readonly hits: readonly Uint32Array[];
  readonly misses: readonly Uint32Array[];
  used: number;
  /** second answer of {@link matchOne}: thresholds at which the match is ignored */
  ignoreBits: number;
  ious: Float64Array;
  ignored: Uint8Array;
  taken: Uint32Array;
  sequence: Int32Array;
}

function ranks(n: number, chosen: Int32Array): Int32Array {
  const rank = new Int32Array(n).fill(-1);
  chosen.forEach((index, i) => {
    rank[index] = i;
  });
  return rank;
}

function matchImage(
  state: State,
  truths: Int32Array,
  g0: number,
  g1: number,
  ordered: Int32Array,
  d0: number,
  d1: number,
  positives: Int32Array,
  positivesAt: number,
): void {
  const { params, annotations, results, rules, used } = state;
  const nG = g1 - g0;
  const nD = d1 - d0;
  for (let d = 0; d < nD; d++) {
    state.result[used + d] = ordered[d0 + d]!;
    state.rank[used + d] = d;
  }
  if (nG > 0 && nD > 0) {
    state.ious = withRoom(state.ious, nG * nD);
    state.overlap(ordered, d0, d1, truths, g0, g1, state.ious);
  }
  state.ignored = withRoom(state.ignored, nG);
  state.taken = withRoom(state.taken, nG);
  state.sequence = withRoom(state.sequence, nG);
  for (let a = 0; a < params.areas.length; a++) {
    const { min, max } = params.areas[a]!;
    const { ignored, sequence } = state;
    let counted = 0;
    for (let g = 0; g < nG; g++) {
      const truth = truths[g0 + g]!;
      const area = annotations.area[truth]!;
      ignored[g] = rules.ignore[truth] === 1 || area < min || area > max ? 1 : 0;
      if (ignored[g] === 0) sequence[counted++] = g;
    }
    positives[positivesAt + a]! += counted;
    for (let g = 0, at = counted; g < nG; g++) if (ignored[g] === 1) sequence[at++] = g;
    state.taken.fill(0, 0, nG);
    const hits = state.hits[a]!;
    const misses = state.misses[a]!;
    for (let d = 0; d < nD; d++) {
      const result = ordered[d0 + d]!;
      const area = results.area[result]!;
      const excused = area < min || area > max || (rules.optional !== undefined && rules.optional[result] === 1);
      const matched = nG > 0 ? matchOne(state, d * nG, nG, truths, g0) : 0;
      let ignore = nG > 0 ? state.ignoreBits : 0;
      if (excused) ignore |= ~matched;
      hits[used + d] = matched & ~ignore;
      misses[used + d] = ~matched & ~ignore & state.allBits;
    }
  }
  state.used += nD;
}

/** Matches one result at every threshold; returns the bits of those at which it found a recognised match. */
function matchOne(state: State, row: number, nG: number, truths: Int32Array, g0: number): number {
  const { ious, sequence, ignored, taken, thresholds } = state;
  const { crowd } = state.rules;
  let best = 0;
  for (let g = 0; g < nG; g++) if (ious[row + g]! > best) best = ious[row + g]!;
  let matched = 0;
  let ignore = 0;
  for (let t = 0; t < thresholds.length; t++) {
    let iou = thresholds[t]!;
    if (best < iou) continue;
    let m = -1;
    for (let s = 0; s < nG; s++) {
      const g = sequence[s]!;
      if ((taken[g]! >>> t) & 1 && crowd[truths[g0 + g]!] === 0) continue;
      if (m >= 0 && ignored[m] === 0 && ignored[g] === 1) break;
      const value = ious[row + g]!;
      if (value < iou) continue;
      iou = value;
      m = g;
    }
    if (m < 0) continue;
    const bit = 1 << t;
    taken[m]! |= bit;
    if (ignored[m] === 1) ignore |= bit;
    if (state.annotations.id[truths[g0 + m]!] !== 0) matched |= bit;
  }
  state.ignoreBits = ignore;
  return matched;
}
