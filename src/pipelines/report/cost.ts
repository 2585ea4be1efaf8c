import { type CocoGroundTruth, type CocoResults, RESULT_KINDS, type TideReport, tideAp } from '../../evaluate/index.ts';

/**
 * What each image's errors cost: the AP (TIDE's, at IoU 0.5) that would be gained if every wrong result of that image
 * were gone and every object not found were found first of all. A false alarm surer than the right results costs much,
 * one behind them nothing; an object of a rare class costs more than one of a common class.
 *
 * @param images indices of the images asked about
 * @returns by image index, fractions 0..1
 */
export function errorCosts(
  truth: CocoGroundTruth,
  results: CocoResults,
  tide: TideReport,
  images: readonly number[],
): Map<number, number> {
  const classes = perClass(truth, results, tide);
  const counted = classes.filter(c => c.order.length > 0 || c.positives > 0);
  const costs = new Map(images.map(image => [image, 0]));
  for (const { order, right, positives, byImage } of counted) {
    const is = positives > 0 ? tideAp(order, right, 0, order.length, positives) : 0;
    for (const [image, { wrong, missed }] of byImage) {
      if (!costs.has(image) || positives === 0) continue; // without objects a class counts as 0, whatever is found
      const without = order.filter(i => !wrong.has(i));
      const kept = Int32Array.from({ length: missed + without.length }, (_, k) => k);
      const flags = new Uint8Array(kept.length).fill(1, 0, missed);
      without.forEach((i, k) => {
        flags[missed + k] = right[i]!;
      });
      const gain = tideAp(kept, flags, 0, kept.length, positives) - is;
      costs.set(image, costs.get(image)! + gain / counted.length);
    }
  }
  return costs;
}

interface ClassPoints {
  /** results that are judged, best score first */
  readonly order: Int32Array;
  /** per result: 1 when it is right */
  readonly right: Uint8Array;
  readonly positives: number;
  /** images with errors of this class: their wrong results, and how many objects were not found */
  readonly byImage: ReadonlyMap<number, { readonly wrong: Set<number>; missed: number }>;
}

function perClass(truth: CocoGroundTruth, results: CocoResults, tide: TideReport): ClassPoints[] {
  const { annotations } = truth;
  const n = truth.categories.ids.length;
  const lists: number[][] = Array.from({ length: n }, () => []);
  const positives = new Int32Array(n);
  const byImage = Array.from({ length: n }, () => new Map<number, { wrong: Set<number>; missed: number }>());
  const errorsOf = (category: number, image: number) => {
    const known = byImage[category]!.get(image);
    if (known) return known;
    const made = { wrong: new Set<number>(), missed: 0 };
    byImage[category]!.set(image, made);
    return made;
  };
  const right = new Uint8Array(results.length);
  const found = new Uint8Array(annotations.length);
  for (let i = 0; i < results.length; i++) {
    const kind = RESULT_KINDS[tide.kinds[i]!]!;
    if (kind === 'left out' || kind === 'ignored') continue;
    lists[results.category[i]!]!.push(i);
    if (kind === 'correct') {
      right[i] = 1;
      found[tide.partner[i]!] = 1;
    } else errorsOf(results.category[i]!, results.image[i]!).wrong.add(i);
  }
  for (let i = 0; i < annotations.length; i++) {
    if (truth.lvis === undefined && annotations.crowd[i] === 1) continue;
    positives[annotations.category[i]!]!++;
    if (!found[i]) errorsOf(annotations.category[i]!, annotations.image[i]!).missed++;
  }
  return lists.map((list, k) => ({
    order: Int32Array.from(list.sort((a, b) => results.score[b]! - results.score[a]! || a - b)),
    right,
    positives: positives[k]!,
    byImage: byImage[k]!,
  }));
}
