import { EPS } from './boxes.ts';
import { FrameMatcher } from './frame-matcher.ts';
import type { Entries } from './growing.ts';

/**
 * MOT16 to MOT20 preprocessing: results are matched to all ground truth (IoU at least 0.5), whatever its class or
 * flag, and those matched to a distractor are dropped.
 *
 * @param gtStart      `[frames + 1]` first ground truth box of each frame
 * @param resultStart  `[frames + 1]` first result box of each frame
 * @param isDistractor `[ground truth boxes]` 1 for a distractor
 * @param keep         `[result boxes]` out: set to 0 for a dropped box
 */
export function dropDistracted(
  entries: Entries,
  entryStart: Int32Array,
  gtStart: Int32Array,
  resultStart: Int32Array,
  isDistractor: Uint8Array,
  keep: Uint8Array,
): void {
  const matcher = new FrameMatcher();
  const weight = entries.weights();
  for (let e = 0; e < entries.length; e++) weight[e] = entries.value[e]! >= 0.5 - EPS ? entries.value[e]! : 0;
  for (let f = 0; f + 1 < entryStart.length; f++) {
    const from = entryStart[f]!;
    const to = entryStart[f + 1]!;
    const g0 = gtStart[f]!;
    const r0 = resultStart[f]!;
    const rows = gtStart[f + 1]! - g0;
    if (from === to || !someIn(isDistractor, g0, g0 + rows)) continue;
    matcher.match(rows, resultStart[f + 1]! - r0, entries.row, entries.col, weight, from, to);
    for (let i = 0; i < rows; i++) {
      const e = matcher.entryOfRow[i]!;
      if (e >= 0 && isDistractor[g0 + i]) keep[r0 + entries.col[e]!] = 0;
    }
  }
}

function someIn(flags: Uint8Array, from: number, to: number): boolean {
  for (let k = from; k < to; k++) if (flags[k]) return true;
  return false;
}
