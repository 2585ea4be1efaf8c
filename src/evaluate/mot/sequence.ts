import { fail } from '../../core/index.ts';
import { removeDistracted } from './preprocess.ts';
import type { MotTable } from './text.ts';

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
  /** `[n, 4]` x1, y1, x2, y2 in pixels */
  readonly boxes: Float64Array;
  /** `[frames + 1]` first box of each frame */
  readonly start: Int32Array;
}

/** A sequence ready to be measured; frames without any box are left out. */
export interface MotSequence {
  readonly frames: number;
  readonly gt: MotSide;
  readonly result: MotSide;
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

  const all = joinFrames(gt, gtOrder, result, resultOrder);
  const keepGt = new Uint8Array(gt.length);
  for (let k = 0; k < gt.length; k++)
    keepGt[k] = Math.trunc(gt.score[k]!) !== 0 && (!rules.classes || gt.category[k] === PEDESTRIAN) ? 1 : 0;
  const keepResult = new Uint8Array(result.length).fill(1);
  const gtAll = side(gt, gtOrder, gtId, all.gtStart);
  const resultAll = side(result, resultOrder, resultId, all.resultStart);
  if (rules.classes)
    removeDistracted(
      { frames: all.frames, gt: gtAll, result: resultAll },
      rules.distractors,
      k => gt.category[gtOrder[k]!]!,
      k => {
        keepResult[resultOrder[k]!] = 0;
      },
    );
  return {
    frames: all.frames,
    gt: selectSide(gtAll, gtOrder, keepGt),
    result: selectSide(resultAll, resultOrder, keepResult),
  };
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
  const order = Uint32Array.from({ length: t.length }, (_, k) => k);
  let sorted = true;
  for (let k = 1; k < t.length && sorted; k++) sorted = t.frame[k - 1]! <= t.frame[k]!;
  return sorted ? order : order.sort((a, b) => t.frame[a]! - t.frame[b]! || a - b);
}

/** Ids renumbered 0.. in order of first sight. */
function denseIds(t: MotTable): { id: Int32Array; count: number } {
  const id = new Int32Array(t.length);
  const known = new Map<number, number>();
  for (let k = 0; k < t.length; k++) {
    let n = known.get(t.id[k]!);
    if (n === undefined) known.set(t.id[k]!, (n = known.size));
    id[k] = n;
  }
  return { id, count: known.size };
}

function checkUnique(t: MotTable, order: Uint32Array, ids: { id: Int32Array; count: number }): void {
  const seenAt = new Int32Array(ids.count).fill(-1);
  for (const k of order) {
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
  let frames = 0;
  let g = 0;
  let r = 0;
  while (g < gt.length || r < result.length) {
    const gf = g < gt.length ? gt.frame[gtOrder[g]!]! : Infinity;
    const rf = r < result.length ? result.frame[resultOrder[r]!]! : Infinity;
    const f = Math.min(gf, rf);
    while (g < gt.length && gt.frame[gtOrder[g]!] === f) g++;
    while (r < result.length && result.frame[resultOrder[r]!] === f) r++;
    frames++;
    gtStart[frames] = g;
    resultStart[frames] = r;
  }
  return { frames, gtStart: gtStart.subarray(0, frames + 1), resultStart: resultStart.subarray(0, frames + 1) };
}

function side(t: MotTable, order: Uint32Array, ids: { id: Int32Array; count: number }, start: Int32Array): MotSide {
  const id = new Int32Array(t.length);
  const boxes = new Float64Array(4 * t.length);
  for (let k = 0; k < t.length; k++) {
    const from = order[k]!;
    id[k] = ids.id[from]!;
    const x = t.boxes[4 * from]!;
    const y = t.boxes[4 * from + 1]!;
    boxes[4 * k] = x;
    boxes[4 * k + 1] = y;
    boxes[4 * k + 2] = x + t.boxes[4 * from + 2]!;
    boxes[4 * k + 3] = y + t.boxes[4 * from + 3]!;
  }
  return { length: t.length, ids: ids.count, id, boxes, start };
}

/** The kept boxes, with ids renumbered so that none is empty. */
function selectSide(all: MotSide, order: Uint32Array, keep: Uint8Array): MotSide {
  const id = new Int32Array(all.length);
  const boxes = new Float64Array(4 * all.length);
  const start = new Int32Array(all.start.length);
  const renumbered = new Int32Array(all.ids).fill(-1);
  let ids = 0;
  let n = 0;
  for (let f = 0; f + 1 < all.start.length; f++) {
    for (let k = all.start[f]!; k < all.start[f + 1]!; k++) {
      if (!keep[order[k]!]) continue;
      const old = all.id[k]!;
      if (renumbered[old]! < 0) renumbered[old] = ids++;
      id[n] = renumbered[old]!;
      for (let c = 0; c < 4; c++) boxes[4 * n + c] = all.boxes[4 * k + c]!;
      n++;
    }
    start[f + 1] = n;
  }
  return { length: n, ids, id: id.subarray(0, n), boxes: boxes.subarray(0, 4 * n), start };
}
