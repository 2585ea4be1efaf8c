import { fail, type MotTable } from '../../core/index.ts';
import { allOverlaps, frameBoxes } from './boxes.ts';
import type { Entries } from './growing.ts';
import { dropDistracted } from './preprocess.ts';

/** Rules of a benchmark; mot16 is mot17's. */
export const MOT_BENCHMARKS = {
  mot15: { classes: false, distractors: [] },
  mot16: { classes: true, distractors: [2, 7, 8, 12] }, // person on vehicle, static person, distractor, reflection
  mot17: { classes: true, distractors: [2, 7, 8, 12] },
  mot20: { classes: true, distractors: [2, 7, 8, 12, 6] }, // and non-motorised vehicle
} as const satisfies Record<string, { classes: boolean; distractors: readonly number[] }>;
export type MotBenchmark = keyof typeof MOT_BENCHMARKS;

/** One side of a sequence: boxes sorted by frame, ids 0..ids-1. */
export interface MotSide {
  readonly length: number;
  readonly ids: number;
  /** `[n]` */
  readonly id: Int32Array;
  /** `[frames + 1]` first box of each frame */
  readonly start: Int32Array;
}

/** A sequence ready to be measured; frames without any box are left out. */
export interface MotSequence {
  readonly frames: number;
  readonly gt: MotSide;
  readonly result: MotSide;
  /** overlapping pairs by frame, then ground truth box, then result box */
  readonly entries: Entries;
  /** `[frames + 1]` first entry of each frame */
  readonly entryStart: Int32Array;
}

const PEDESTRIAN = 1;
const CLASS_COUNT = 13;

/**
 * Brings ground truth and result of one sequence into shape as TrackEval's MotChallenge2DBox does: checks ids, removes
 * results that match a distractor, leaves out ground truth with flag 0 (and of other classes than pedestrian).
 *
 * @param frames number of frames of the video when known; rows beyond it are an error
 * @throws {DenseError} BAD_INPUT naming file and line: an id twice in one frame, a frame beyond the end, a class the
 *   benchmark does not know, a result that is no pedestrian
 * @see TrackEval, trackeval/datasets/mot_challenge_2d_box.py
 */
export function motSequence(gt: MotTable, result: MotTable, benchmark: MotBenchmark, frames?: number): MotSequence {
  const rules = MOT_BENCHMARKS[benchmark];
  for (const table of [gt, result]) checkFrames(table, frames);
  if (rules.classes) checkClasses(gt, result, benchmark);
  const gtOrder = orderByFrame(gt);
  const resultOrder = orderByFrame(result);
  const gtId = denseIds(gt);
  const resultId = denseIds(result);
  checkUnique(gt, gtOrder, gtId);
  checkUnique(result, resultOrder, resultId);

  const { count, gtStart, resultStart } = joinFrames(gt, gtOrder, result, resultOrder);
  const allStart = new Int32Array(count + 1);
  const all = allOverlaps(
    frameBoxes(gt.boxes, gtOrder, gtStart),
    frameBoxes(result.boxes, resultOrder, resultStart),
    count,
    allStart,
  );
  const keepGt = new Uint8Array(gt.length);
  const keepResult = new Uint8Array(result.length).fill(1);
  for (let k = 0; k < gt.length; k++) {
    const row = gtOrder[k]!;
    keepGt[k] = Math.trunc(gt.score[row]!) !== 0 && (!rules.classes || gt.category[row] === PEDESTRIAN) ? 1 : 0;
  }
  if (rules.classes) {
    const distractors: readonly number[] = rules.distractors;
    const isDistractor = Uint8Array.from(gtOrder, row => (distractors.includes(gt.category[row]!) ? 1 : 0));
    dropDistracted(all, allStart, gtStart, resultStart, isDistractor, keepResult);
  }
  const gtSide = selectSide(gtOrder, gtId, gtStart, keepGt);
  const resultSide = selectSide(resultOrder, resultId, resultStart, keepResult);
  const entryStart = new Int32Array(count + 1);
  keepEntries(all, allStart, gtStart, resultStart, keepGt, keepResult, entryStart);
  return { frames: count, gt: gtSide, result: resultSide, entries: all, entryStart };
}

/** Drops the entries of dropped boxes in place and numbers the others anew. */
function keepEntries(
  entries: Entries,
  from: Int32Array,
  gtStart: Int32Array,
  resultStart: Int32Array,
  keepGt: Uint8Array,
  keepResult: Uint8Array,
  to: Int32Array,
): void {
  if (!keepGt.includes(0) && !keepResult.includes(0)) {
    to.set(from);
    return;
  }
  const newRow = renumber(gtStart, keepGt);
  const newCol = renumber(resultStart, keepResult);
  let n = 0;
  for (let f = 0; f + 1 < from.length; f++) {
    for (let e = from[f]!; e < from[f + 1]!; e++) {
      const g = gtStart[f]! + entries.row[e]!;
      const r = resultStart[f]! + entries.col[e]!;
      if (!keepGt[g] || !keepResult[r]) continue;
      entries.row[n] = newRow[g]!;
      entries.col[n] = newCol[r]!;
      entries.value[n++] = entries.value[e]!;
    }
    to[f + 1] = n;
  }
  entries.length = n;
}

/** Number of each box among the kept ones of its frame. */
function renumber(start: Int32Array, keep: Uint8Array): Int32Array {
  const number = new Int32Array(keep.length);
  for (let f = 0; f + 1 < start.length; f++)
    for (let k = start[f]!, n = 0; k < start[f + 1]!; k++) number[k] = keep[k] ? n++ : -1;
  return number;
}

function checkFrames(t: MotTable, frames: number | undefined): void {
  if (frames === undefined) return;
  for (let k = 0; k < t.length; k++)
    if (t.frame[k]! > frames)
      fail(
        'BAD_INPUT',
        `${t.file}, line ${t.line[k]}: frame ${t.frame[k]}`,
        `seqinfo.ini says that the sequence has ${frames} frames`,
        'check that the file belongs to this sequence and that its first frame is 1',
      );
}

function checkClasses(gt: MotTable, result: MotTable, benchmark: string): void {
  if (gt.length > 0 && gt.columns < 8)
    fail(
      'BAD_INPUT',
      `${gt.file}: some rows have ${gt.columns} columns`,
      `${benchmark} needs the flag (7th) and the class (8th) of every ground truth box`,
      'use --benchmark mot15 for ground truth without classes',
    );
  for (let k = 0; k < gt.length; k++)
    if (gt.category[k]! < 1 || gt.category[k]! > CLASS_COUNT)
      fail(
        'BAD_INPUT',
        `${gt.file}, line ${gt.line[k]}: class ${gt.category[k]}`,
        `${benchmark} knows classes 1 to ${CLASS_COUNT}`,
        'use --benchmark mot15 for ground truth without classes',
      );
  for (let k = 0; k < result.length; k++)
    if (result.columns >= 8 && result.category[k]! > PEDESTRIAN)
      fail(
        'BAD_INPUT',
        `${result.file}, line ${result.line[k]}: class ${result.category[k]} in the 8th column`,
        `${benchmark} measures pedestrians (class 1) only`,
        'write -1 or 1 in the 8th column, or leave other classes out',
      );
}

/** Row numbers by frame, file order within a frame. */
function orderByFrame(t: MotTable): Uint32Array {
  const order = new Uint32Array(t.length);
  let sorted = true;
  for (let k = 0; k < t.length; k++) {
    order[k] = k;
    if (k > 0 && t.frame[k - 1]! > t.frame[k]!) sorted = false;
  }
  return sorted ? order : order.sort((a, b) => t.frame[a]! - t.frame[b]! || a - b);
}

interface DenseIds {
  readonly id: Int32Array;
  readonly count: number;
}

/** Ids renumbered 0.. in order of first sight. */
function denseIds(t: MotTable): DenseIds {
  const id = new Int32Array(t.length);
  let low = 0;
  let high = 0;
  for (let k = 0; k < t.length; k++) {
    low = Math.min(low, t.id[k]!);
    high = Math.max(high, t.id[k]!);
  }
  if (low < 0 || high > 8 * t.length + 1024) return mappedIds(t, id);
  const known = new Int32Array(high + 1);
  let count = 0;
  for (let k = 0; k < t.length; k++) {
    const at = t.id[k]!;
    if (known[at] === 0) known[at] = ++count;
    id[k] = known[at]! - 1;
  }
  return { id, count };
}

function mappedIds(t: MotTable, id: Int32Array): DenseIds {
  const known = new Map<number, number>();
  for (let k = 0; k < t.length; k++) {
    let n = known.get(t.id[k]!);
    if (n === undefined) {
      n = known.size;
      known.set(t.id[k]!, n);
    }
    id[k] = n;
  }
  return { id, count: known.size };
}

function checkUnique(t: MotTable, order: Uint32Array, ids: DenseIds): void {
  const seenAt = new Int32Array(ids.count).fill(-1);
  for (let n = 0; n < order.length; n++) {
    const k = order[n]!;
    const before = seenAt[ids.id[k]!]!;
    if (before >= 0 && t.frame[before] === t.frame[k])
      fail(
        'BAD_INPUT',
        `${t.file}, line ${t.line[k]}: id ${t.id[k]} is already in frame ${t.frame[k]} (line ${t.line[before]})`,
        'one object has one box in one frame',
        t.id[k]! < 0 ? 'give every box a track id; -1 marks detections, not tracks' : 'keep one of the two boxes',
      );
    seenAt[ids.id[k]!] = k;
  }
}

function joinFrames(gt: MotTable, gtOrder: Uint32Array, result: MotTable, resultOrder: Uint32Array) {
  const most = gt.length + result.length;
  const gtStart = new Int32Array(most + 1);
  const resultStart = new Int32Array(most + 1);
  let count = 0;
  let g = 0;
  let r = 0;
  while (g < gt.length || r < result.length) {
    const gf = g < gt.length ? gt.frame[gtOrder[g]!]! : Infinity;
    const rf = r < result.length ? result.frame[resultOrder[r]!]! : Infinity;
    const f = Math.min(gf, rf);
    while (g < gt.length && gt.frame[gtOrder[g]!] === f) g++;
    while (r < result.length && result.frame[resultOrder[r]!] === f) r++;
    count++;
    gtStart[count] = g;
    resultStart[count] = r;
  }
  return { count, gtStart: gtStart.slice(0, count + 1), resultStart: resultStart.slice(0, count + 1) };
}

/** The kept boxes, with ids renumbered so that none is empty. */
function selectSide(order: Uint32Array, ids: DenseIds, from: Int32Array, keep: Uint8Array): MotSide {
  const id = new Int32Array(order.length);
  const start = new Int32Array(from.length);
  const renumbered = new Int32Array(ids.count);
  let count = 0;
  let n = 0;
  for (let f = 0; f + 1 < from.length; f++) {
    for (let k = from[f]!; k < from[f + 1]!; k++) {
      if (!keep[k]) continue;
      const old = ids.id[order[k]!]!;
      if (renumbered[old] === 0) renumbered[old] = ++count;
      id[n++] = renumbered[old]! - 1;
    }
    start[f + 1] = n;
  }
  return { length: n, ids: count, id: id.subarray(0, n), start };
}
