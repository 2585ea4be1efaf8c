import { fail } from '../../core/index.ts';
import type { LabelMap } from './boundary.ts';
import { boundaryAccuracy, davisStatistics, regionSimilarity } from './measures.ts';

/** The official columns; fractions. */
export interface DavisFigures {
  readonly 'J&F-Mean': number;
  readonly 'J-Mean': number;
  readonly 'J-Recall': number;
  readonly 'J-Decay': number;
  readonly 'F-Mean': number;
  readonly 'F-Recall': number;
  readonly 'F-Decay': number;
}

export const DAVIS_KEYS = [
  'J&F-Mean',
  'J-Mean',
  'J-Recall',
  'J-Decay',
  'F-Mean',
  'F-Recall',
  'F-Decay',
] as const satisfies readonly (keyof DavisFigures)[];

/** `single`: everything above 0 is one object (DAVIS 2016); `multi`: each id is one (DAVIS 2017). */
export type DavisObjects = 'single' | 'multi';

/** Ground truth pixels that belong to nothing. */
const VOID = 255;

/** Objects of a sequence from its first frame: a mask of 0 and 255 alone is DAVIS 2016's. */
export function davisObjects(first: LabelMap, wanted?: DavisObjects): { kind: DavisObjects; count: number } {
  let most = 0;
  let anyVoid = false;
  for (let k = 0; k < first.data.length; k++) {
    const v = first.data[k]!;
    if (v === VOID) anyVoid = true;
    else if (v > most) most = v;
  }
  const kind = wanted ?? (most === 0 && anyVoid ? 'single' : 'multi');
  return { kind, count: kind === 'single' ? 1 : most };
}

/**
 * Measures one sequence, frame by frame: `add` each frame but the first and the last, then read the figures.
 * State: J and F of each object in each frame so far.
 *
 * @see Pont-Tuset et al., "The 2017 DAVIS Challenge on Video Object Segmentation", 2017; davis2017-evaluation,
 *   davis2017/evaluation.py, semi-supervised task; golden: test/golden/davis.json
 */
export class DavisSequence {
  private readonly region: number[][];
  private readonly contour: number[][];
  private readonly single: boolean;

  /** @param objects number of objects, ids 1..objects; 1 for `single` */
  constructor(kind: DavisObjects, objects: number) {
    this.single = kind === 'single';
    this.region = Array.from({ length: objects }, () => []);
    this.contour = Array.from({ length: objects }, () => []);
  }

  /**
   * @param file name of the result, for error messages
   * @throws {DenseError} BAD_INPUT when sizes differ or the result holds an id that no object has
   */
  add(gt: LabelMap, result: LabelMap, file: string): void {
    if (gt.width !== result.width || gt.height !== result.height)
      fail(
        'BAD_INPUT',
        `${file} is ${result.width} x ${result.height}`,
        `the ground truth is ${gt.width} x ${gt.height}`,
        'resize the masks to the size of the annotations (nearest neighbour)',
      );
    if (!this.single) this.checkIds(result, file);
    for (let k = 0; k < this.region.length; k++) {
      this.region[k]!.push(regionSimilarity(gt, result, k + 1, this.single));
      this.contour[k]!.push(boundaryAccuracy(gt, result, k + 1, this.single));
    }
  }

  private checkIds(result: LabelMap, file: string): void {
    let most = 0;
    for (let k = 0; k < result.data.length; k++) if (result.data[k]! > most) most = result.data[k]!;
    if (most > this.region.length)
      fail(
        'BAD_INPUT',
        `${file} holds object ${most}`,
        `the sequence has objects 1 to ${this.region.length}`,
        most === VOID
          ? 'write object ids, not 255; for one object per sequence (DAVIS 2016) give --year 2016'
          : 'write the ids of the first frame as palette indices',
      );
  }

  /** Figures of each object, in order of its id. */
  figures(): DavisFigures[] {
    return this.region.map((region, k) => {
      const j = davisStatistics(region);
      const f = davisStatistics(this.contour[k]!);
      return {
        'J&F-Mean': (j.mean + f.mean) / 2,
        'J-Mean': j.mean,
        'J-Recall': j.recall,
        'J-Decay': j.decay,
        'F-Mean': f.mean,
        'F-Recall': f.recall,
        'F-Decay': f.decay,
      };
    });
  }
}

/** Mean of each figure over objects; J&F is the mean of the two means. */
export function meanDavis(figures: readonly DavisFigures[]): DavisFigures {
  const mean = (key: keyof DavisFigures) => figures.reduce((sum, f) => sum + f[key], 0) / figures.length;
  const out = Object.fromEntries(DAVIS_KEYS.map(key => [key, mean(key)])) as unknown as DavisFigures;
  return { ...out, 'J&F-Mean': (out['J-Mean'] + out['F-Mean']) / 2 };
}
