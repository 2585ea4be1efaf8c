import { makeOverlap } from '../coco/overlap.ts';
import type { CocoGroundTruth, CocoResults, IouType } from '../coco/types.ts';
import { withRoom } from '../json/columns.ts';
import { annotationsByImage, categoryFilter, resultsByImage } from './by_image.ts';
import { meanAp, type Points } from './tide_ap.ts';

/** TIDE's error types, in its order. */
export const TIDE_ERRORS = ['Cls', 'Loc', 'Both', 'Dupe', 'Bkg', 'Miss'] as const;
export type TideError = (typeof TIDE_ERRORS)[number];

/** What became of a result; 2 to 6 are errors, in {@link TIDE_ERRORS}' order. */
export const RESULT_KINDS = ['left out', 'correct', 'Cls', 'Loc', 'Both', 'Dupe', 'Bkg', 'ignored'] as const;
const CORRECT = 1;
const CLS = 2;
const LOC = 3;
const BOTH = 4;
const DUPE = 5;
const BKG = 6;
const IGNORED = 7;

/** How to break errors down; the defaults are TIDE's. */
export interface TideOptions {
  readonly iouType?: IouType | undefined;
  /** IoU from which a result is right. Default 0.5 */
  readonly foreground?: number | undefined;
  /** IoU up to which a result is on the background. Default 0.1 */
  readonly background?: number | undefined;
  /** best results per image that take part. Default 100, LVIS 300 */
  readonly maxDets?: number | undefined;
  /** only these categories' indices */
  readonly categories?: ArrayLike<number> | undefined;
}

/** Where AP at one IoU threshold is lost. All fractions 0..1. */
export interface TideReport {
  /** TIDE's own AP at the foreground threshold; not COCO's AP50: results compete per image, and false categories count */
  readonly AP: number;
  /** AP gained if errors of one type alone were repaired */
  readonly dAP: Readonly<Record<TideError, number>>;
  /** AP gained by removing all false positives, or all false negatives */
  readonly special: { readonly FalsePos: number; readonly FalseNeg: number };
  readonly counts: Readonly<Record<TideError, number>>;
  /** per result: index into {@link RESULT_KINDS} */
  readonly kinds: Uint8Array;
  /** per result: the annotation it matches, or the one it should have (Cls, Loc, Dupe); -1 */
  readonly partner: Int32Array;
  /** per annotation: 1 when no result matches it and no error type explains it */
  readonly missed: Uint8Array;
}

/**
 * Breaks the errors of a detector down as TIDE does (Bolya et al., "TIDE: A General Toolbox for Identifying Object
 * Detection Errors", ECCV 2020, section 2): wrong class (Cls), poor box (Loc), both, duplicate, background, missed.
 *
 * An LVIS ground truth (read with `lvis: true`) ignores results of categories not fully annotated in an image.
 *
 * @see TIDERun of tidecv
 */
export function tide(truth: CocoGroundTruth, results: CocoResults, options: TideOptions = {}): TideReport {
  const run = new TideRun(truth, results, options);
  for (const image of truth.images.fileOrder) run.image(image);
  return run.report();
}

class TideRun {
  private readonly truth: CocoGroundTruth;
  private readonly results: CocoResults;
  private readonly foreground: number;
  private readonly background: number;
  private readonly maxDets: number;
  private readonly dets: ReturnType<typeof resultsByImage>;
  private readonly gts: ReturnType<typeof annotationsByImage>;
  private readonly overlap: ReturnType<typeof makeOverlap>;
  private readonly crowdOverlap: ReturnType<typeof makeOverlap>;
  private readonly kinds: Uint8Array;
  private readonly partner: Int32Array;
  private readonly missed: Uint8Array;
  /** per annotation: the result that matches it, or -1 */
  private readonly usedBy: Int32Array;
  /** per annotation: a Cls or Loc error could become its match; the best one may */
  private readonly usable: Uint8Array;
  private readonly best: Int32Array;
  /** results without and with error, in the order they were judged */
  private readonly judged: number[] = [];
  private readonly faults: { result: number; kind: number }[] = [];
  /** results of these were ignored although they are errors */
  private readonly excused: Uint8Array;
  private ious: Float64Array = new Float64Array(1024);
  private crowdIous: Float64Array = new Float64Array(1024);
  private free: Uint8Array = new Uint8Array(64);

  constructor(truth: CocoGroundTruth, results: CocoResults, options: TideOptions) {
    const { iouType = 'bbox', foreground = 0.5, background = 0.1 } = options;
    const { annotations, images, lvis } = truth;
    this.truth = truth;
    this.results = results;
    this.foreground = foreground;
    this.background = background;
    this.maxDets = options.maxDets ?? (lvis ? 300 : 100);
    this.dets = resultsByImage(truth, results, categoryFilter(results.category, options.categories));
    const crowd = lvis ? new Uint8Array(annotations.length) : annotations.crowd;
    this.gts = annotationsByImage(truth, crowd, categoryFilter(annotations.category, options.categories));
    const floor = Math.min(foreground, background);
    this.overlap = makeOverlap(iouType, results, annotations, images, new Uint8Array(annotations.length), floor);
    this.crowdOverlap = makeOverlap(iouType, results, annotations, images, crowd, foreground);
    this.kinds = new Uint8Array(results.length);
    this.partner = new Int32Array(results.length).fill(-1);
    this.excused = new Uint8Array(results.length);
    this.missed = new Uint8Array(annotations.length);
    this.usedBy = new Int32Array(annotations.length).fill(-1);
    this.usable = new Uint8Array(annotations.length);
    this.best = new Int32Array(annotations.length).fill(-1);
  }

  image(image: number): void {
    const { dets, gts } = this;
    const d0 = dets.starts[image]!;
    const d1 = Math.min(dets.starts[image + 1]!, d0 + this.maxDets);
    const g0 = gts.counted.starts[image]!;
    const g1 = gts.counted.starts[image + 1]!;
    const nG = g1 - g0;
    if (d1 > d0 && nG > 0) {
      this.ious = withRoom(this.ious, (d1 - d0) * nG);
      this.overlap(dets.items, d0, d1, gts.counted.items, g0, g1, this.ious);
    }
    this.match(d0, d1, g0, nG);
    this.excuse(image, d0, d1);
    for (let d = d0; d < d1; d++) {
      const result = dets.items[d]!;
      if (this.kinds[result] === CORRECT) this.judged.push(result);
      else {
        if (!this.excused[result]) this.judged.push(result);
        this.classify(result, (d - d0) * nG, g0, nG);
      }
    }
    for (let g = g0; g < g1; g++) {
      const annotation = gts.counted.items[g]!;
      if (this.usedBy[annotation]! < 0 && !this.usable[annotation]) this.missed[annotation] = 1;
    }
  }

  /** Best score first, every result takes the free annotation of its class with the highest IoU, if that is enough. */
  private match(d0: number, d1: number, g0: number, nG: number): void {
    const { category } = this.truth.annotations;
    const truths = this.gts.counted.items;
    this.free = withRoom(this.free, nG);
    this.free.fill(1, 0, nG);
    for (let d = d0; d < d1; d++) {
      const result = this.dets.items[d]!;
      let best = 0;
      let at = -1;
      for (let g = 0; g < nG; g++) {
        if (!this.free[g] || category[truths[g0 + g]!] !== this.results.category[result]) continue;
        const iou = this.ious[(d - d0) * nG + g]!;
        if (iou > best) {
          best = iou;
          at = g;
        }
      }
      if (at < 0 || best < this.foreground) continue;
      this.free[at] = 0;
      const annotation = truths[g0 + at]!;
      this.usedBy[annotation] = result;
      this.kinds[result] = CORRECT;
      this.partner[result] = annotation;
    }
  }

  /** Unmatched results on a crowd of their class, or of a class not fully annotated here, count neither way. */
  private excuse(image: number, d0: number, d1: number): void {
    const { crowds } = this.gts;
    const { category } = this.results;
    const c0 = crowds.starts[image]!;
    const c1 = crowds.starts[image + 1]!;
    if (c1 > c0 && d1 > d0) {
      this.crowdIous = withRoom(this.crowdIous, (d1 - d0) * (c1 - c0));
      this.crowdOverlap(this.dets.items, d0, d1, crowds.items, c0, c1, this.crowdIous);
      for (let d = d0; d < d1; d++)
        for (let c = c0; c < c1; c++)
          if (
            category[this.dets.items[d]!] === this.truth.annotations.category[crowds.items[c]!] &&
            this.crowdIous[(d - d0) * (c1 - c0) + c - c0]! > this.foreground
          )
            this.excused[this.dets.items[d]!] = 1;
    }
    const unsure = this.unsureCategories(image);
    if (unsure)
      for (let d = d0; d < d1; d++) if (unsure(category[this.dets.items[d]!]!)) this.excused[this.dets.items[d]!] = 1;
  }

  private unsureCategories(image: number): ((category: number) => boolean) | undefined {
    const { lvis, annotations } = this.truth;
    if (lvis === undefined) return undefined;
    const known = new Set(lvis.negative[image]);
    const { items, starts } = this.gts.counted;
    for (let g = starts[image]!; g < starts[image + 1]!; g++) known.add(annotations.category[items[g]!]!);
    const partial = new Set(lvis.notExhaustive[image]);
    return category => !known.has(category) || partial.has(category);
  }

  private classify(result: number, row: number, g0: number, nG: number): void {
    const { category } = this.truth.annotations;
    const truths = this.gts.counted.items;
    let own = 0; // best IoU with annotations of its class, of other classes, and of its class in use
    let ownAt = -1;
    let other = 0;
    let otherAt = -1;
    let used = 0;
    let usedAt = -1;
    for (let g = 0; g < nG; g++) {
      const iou = this.ious[row + g]!;
      const annotation = truths[g0 + g]!;
      if (category[annotation] === this.results.category[result]) {
        if (iou > own) {
          own = iou;
          ownAt = annotation;
        }
        if (this.usedBy[annotation]! >= 0 && iou > used) {
          used = iou;
          usedAt = annotation;
        }
      } else if (iou > other) {
        other = iou;
        otherAt = annotation;
      }
    }
    let kind = BOTH;
    let partner = -1;
    if (nG === 0) kind = BKG;
    else if (this.background <= own && own <= this.foreground) {
      kind = LOC;
      partner = ownAt;
    } else if (other >= this.foreground) {
      kind = CLS;
      partner = otherAt;
    } else if (used >= this.foreground) {
      kind = DUPE;
      partner = usedAt;
    } else if (Math.max(own, other) <= this.background) kind = BKG;
    if ((kind === LOC || kind === CLS) && this.usedBy[partner]! < 0) {
      this.usable[partner] = 1;
      const best = this.best[partner]!;
      if (best < 0 || this.results.score[best]! < this.results.score[result]!) this.best[partner] = result;
    }
    this.kinds[result] = this.excused[result] ? IGNORED : kind;
    this.partner[result] = partner;
    this.faults.push({ result, kind });
  }

  report(): TideReport {
    const { annotations } = this.truth;
    const n = this.truth.categories.ids.length;
    const positives = new Int32Array(n);
    const misses = new Int32Array(n);
    const unmatched = new Int32Array(n);
    const missCount = this.missed.reduce((sum, v) => sum + v, 0);
    for (const i of this.gts.counted.items) {
      positives[annotations.category[i]!]!++;
      if (this.missed[i]) misses[annotations.category[i]!]!++;
      if (this.usedBy[i]! < 0) unmatched[annotations.category[i]!]!++;
    }
    const less = (by: Int32Array) => positives.map((v, k) => v - by[k]!);
    const AP = meanAp(this.points(this.judged), positives);
    const gain = (kind: number, need: Int32Array = positives) => Math.max(meanAp(this.repaired(kind), need) - AP, 0);
    const perfect = this.repaired(-1);
    for (let i = 0; i < perfect.length; i++) perfect.score[i] = perfect.right[i]!;
    const kindsOf: Record<Exclude<TideError, 'Miss'>, number> = {
      Cls: CLS,
      Loc: LOC,
      Both: BOTH,
      Dupe: DUPE,
      Bkg: BKG,
    };
    const dAP = { Cls: 0, Loc: 0, Both: 0, Dupe: 0, Bkg: 0, Miss: gain(-1, less(misses)) };
    const counts = { Cls: 0, Loc: 0, Both: 0, Dupe: 0, Bkg: 0, Miss: missCount };
    for (const [name, kind] of Object.entries(kindsOf) as [keyof typeof kindsOf, number][]) {
      dAP[name] = gain(kind);
      counts[name] = this.faults.reduce((sum, f) => sum + (f.kind === kind ? 1 : 0), 0);
    }
    return {
      AP,
      dAP,
      special: {
        FalsePos: meanAp(perfect, positives) - AP,
        FalseNeg: meanAp(this.repaired(-1), less(unmatched)) - AP,
      },
      counts,
      kinds: this.kinds,
      partner: this.partner,
      missed: this.missed,
    };
  }

  private points(items: readonly number[]): Points {
    return {
      length: items.length,
      category: Int32Array.from(items, i => this.results.category[i]!),
      score: Float64Array.from(items, i => this.results.score[i]!),
      right: Uint8Array.from(items, i => (this.kinds[i] === CORRECT ? 1 : 0)),
    };
  }

  /**
   * The results as they would be without errors of one kind: Loc and Cls errors that are the best for a free annotation
   * become right (Cls in the annotation's class), the others vanish. Errors come first, as in tidecv: of equal scores they
   * rank before what was right.
   */
  private repaired(kind: number): Points {
    const items: number[] = [];
    const category: number[] = [];
    const right: number[] = [];
    for (const fault of this.faults) {
      const { result } = fault;
      const annotation = this.partner[result]!;
      if (fault.kind !== kind) {
        if (this.excused[result]) continue;
        category.push(this.results.category[result]!);
        right.push(0);
      } else {
        const repairable =
          (kind === LOC || kind === CLS) && this.usedBy[annotation]! < 0 && this.best[annotation] === result;
        if (!repairable) continue;
        category.push(this.truth.annotations.category[annotation]!);
        right.push(1);
      }
      items.push(result);
    }
    for (const result of this.judged)
      if (this.kinds[result] === CORRECT) {
        items.push(result);
        category.push(this.results.category[result]!);
        right.push(1);
      }
    return {
      length: items.length,
      category: Int32Array.from(category),
      score: Float64Array.from(items, i => this.results.score[i]!),
      right: Uint8Array.from(right),
    };
  }
}
