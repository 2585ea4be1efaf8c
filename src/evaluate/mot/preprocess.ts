import { FrameMatcher } from './frame-matcher.ts';
import { Entries } from './growing.ts';
import type { MotSequence } from './sequence.ts';
import { EPS, frameIou } from './similarity.ts';

/**
 * MOT16 to MOT20 preprocessing: results are matched to all ground truth (IoU at least 0.5), whatever its class or
 * flag, and those matched to a distractor are reported to `remove`.
 *
 * @param categoryOf class of the k-th ground truth box in frame order
 * @param remove     called with the number of a result box in frame order
 */
export function removeDistracted(
  sequence: MotSequence,
  distractors: readonly number[],
  categoryOf: (k: number) => number,
  remove: (k: number) => void,
): void {
  const { gt, result } = sequence;
  const matcher = new FrameMatcher();
  const entries = new Entries();
  for (let f = 0; f < sequence.frames; f++) {
    entries.length = 0;
    frameIou(gt, result, f, (i, j, iou) => {
      if (iou >= 0.5 - EPS) entries.push(i, j, 0, iou);
    });
    const g0 = gt.start[f]!;
    const r0 = result.start[f]!;
    const rows = gt.start[f + 1]! - g0;
    matcher.match(rows, result.start[f + 1]! - r0, entries.row, entries.col, entries.value, 0, entries.length);
    for (let i = 0; i < rows; i++) {
      const e = matcher.entryOfRow[i]!;
      if (e >= 0 && distractors.includes(categoryOf(g0 + i))) remove(r0 + entries.col[e]!);
    }
  }
}
