import {
  type CocoGroundTruth,
  type CocoResults,
  RESULT_KINDS,
  TIDE_ERRORS,
  type TideReport,
} from '../../evaluate/index.ts';
import { errorCosts } from './cost.ts';

/** What became of an annotation. */
export type Found = 'found' | 'wrongly' | 'missed';

/** What went wrong in one image at a score threshold. */
export interface ImageErrors {
  /** index into the ground truth's images */
  readonly image: number;
  readonly fileName: string;
  /** results that are wrong, by their error type */
  readonly errors: Readonly<Record<string, number>>;
  readonly missed: number;
  readonly correct: number;
  /** AP at IoU 0.5 that would be gained without this image's errors, 0..1 */
  readonly cost: number;
  /** results to draw: index and what became of it */
  readonly results: readonly { readonly index: number; readonly kind: (typeof RESULT_KINDS)[number] }[];
  /** annotations to draw: index, and whether it was found, found wrongly (other class or poor box), or missed */
  readonly annotations: readonly { readonly index: number; readonly found: Found; readonly crowd: boolean }[];
}

/** Images whose cost is computed, at least: those with most errors come first. */
const WEIGHED = 400;

/**
 * The images whose errors cost most AP, worst first; of equal ones those with more errors (wrong results of at least the
 * score, and annotations no such result explains).
 */
export function worstImages(
  truth: CocoGroundTruth,
  results: CocoResults,
  tide: TideReport,
  score: number,
  most: number,
): ImageErrors[] {
  const { annotations, images } = truth;
  const found = new Uint8Array(annotations.length);
  const perImage = images.ids.map(() => ({
    results: [] as ImageErrors['results'][number][],
    annotations: [] as ImageErrors['annotations'][number][],
  }));
  for (let i = 0; i < results.length; i++) {
    const kind = RESULT_KINDS[tide.kinds[i]!]!;
    if (results.score[i]! < score || kind === 'left out') continue;
    if (kind === 'correct') found[tide.partner[i]!] = 2;
    else if ((kind === 'Cls' || kind === 'Loc') && found[tide.partner[i]!] === 0) found[tide.partner[i]!] = 1;
    perImage[results.image[i]!]!.results.push({ index: i, kind });
  }
  for (let i = 0; i < annotations.length; i++)
    perImage[annotations.image[i]!]!.annotations.push({
      index: i,
      found: STATES[found[i]!]!,
      crowd: truth.lvis === undefined && annotations.crowd[i] === 1,
    });
  const weighed = perImage
    .map(({ results: drawn, annotations: gts }, image): ImageErrors => {
      const count = (kind: string) => drawn.reduce((n, r) => n + (r.kind === kind ? 1 : 0), 0);
      return {
        image,
        fileName: images.fileNames[image]!,
        errors: Object.fromEntries(TIDE_ERRORS.slice(0, 5).map(kind => [kind, count(kind)])),
        missed: gts.reduce((n, g) => n + (g.found !== 'missed' || g.crowd ? 0 : 1), 0),
        correct: count('correct'),
        cost: 0,
        results: drawn,
        annotations: gts,
      };
    })
    .filter(e => total(e) > 0)
    .sort((a, b) => total(b) - total(a) || a.correct - b.correct)
    .slice(0, Math.max(WEIGHED, 4 * most));
  const costs = errorCosts(
    truth,
    results,
    tide,
    weighed.map(e => e.image),
  );
  return weighed
    .map(e => ({ ...e, cost: costs.get(e.image)! }))
    .sort((a, b) => b.cost - a.cost)
    .slice(0, most);
}

const STATES = ['missed', 'wrongly', 'found'] as const;

/** Number of errors of an image. */
export function total({ errors, missed }: ImageErrors): number {
  return Object.values(errors).reduce((sum, n) => sum + n, missed);
}
