import type { Tracks } from './types.ts';

/** One object's path: parallel lists over the frames in which it was reported, oldest first. */
export interface TrackHistory {
  readonly id: number;
  /** class index in the last of these frames */
  readonly cls: number;
  /** 1-based frame numbers */
  readonly frames: readonly number[];
  /** `[n, 4]` xyxy pixels */
  readonly boxes: readonly number[];
}

/** The point of a box that counts: its middle, or the middle of its lower edge (where a person stands). */
export type Anchor = 'centre' | 'bottom';

/**
 * The paths in a list of frames, in the order in which their ids first appear.
 * @param frames     a tracker's output, one entry per frame
 * @param firstFrame number of the first entry
 */
export function trackHistories(frames: readonly Tracks[], firstFrame = 1): TrackHistory[] {
  const paths = new Map<number, { id: number; cls: number; frames: number[]; boxes: number[] }>();
  frames.forEach((tracks, f) => {
    for (let i = 0; i < tracks.length; i++) {
      const id = tracks.ids[i]!;
      let path = paths.get(id);
      if (!path) paths.set(id, (path = { id, cls: 0, frames: [], boxes: [] }));
      path.cls = tracks.classes[i]!;
      path.frames.push(firstFrame + f);
      path.boxes.push(...tracks.boxes.subarray(4 * i, 4 * i + 4));
    }
  });
  return [...paths.values()];
}

/** x and y of each frame's anchor, `[n, 2]`. */
export function anchors(history: TrackHistory, anchor: Anchor): Float64Array {
  const { boxes } = history;
  return Float64Array.from({ length: boxes.length / 2 }, (_, k) => {
    const o = 4 * (k >> 1);
    if (k % 2 === 0) return (boxes[o]! + boxes[o + 2]!) / 2;
    return anchor === 'bottom' ? boxes[o + 3]! : (boxes[o + 1]! + boxes[o + 3]!) / 2;
  });
}

/**
 * Which side a path is on, with flicker removed: a change counts only when it lasts.
 * @param sides raw answer per frame
 * @param hold  a new side counts once it was taken in this many frames in a row; it then counts from the first of them
 */
export function steadySides(sides: readonly boolean[], hold: number): boolean[] {
  const out: boolean[] = [];
  let now = sides[0] ?? false;
  for (let k = 0; k < sides.length; k++) {
    if (sides[k] !== now && k + hold <= sides.length && sides.slice(k, k + hold).every(s => s !== now)) now = !now;
    out.push(now);
  }
  return out;
}
