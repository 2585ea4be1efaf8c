import { type Detections, detections, type MotTable } from '../core/index.ts';
import { packTracks, type TrackRow, type Tracks } from './types.ts';

/** Numbers of a table's rows by frame, in file order; frames without rows are left out. */
function rowsByFrame(table: MotTable): Map<number, number[]> {
  const rows = new Map<number, number[]>();
  for (let k = 0; k < table.length; k++) {
    const own = rows.get(table.frame[k]!);
    if (own) own.push(k);
    else rows.set(table.frame[k]!, [k]);
  }
  return rows;
}

/** One entry per frame from frame 1 to the last one with rows, or to `frames`. */
function everyFrame<T>(table: MotTable, frames: number | undefined, make: (rows: readonly number[]) => T): T[] {
  const rows = rowsByFrame(table);
  const last = table.frame.reduce((max, frame) => Math.max(max, frame), frames ?? 0);
  return Array.from({ length: last }, (_, f) => make(rows.get(f + 1) ?? []));
}

function corners({ boxes }: MotTable, row: number): [number, number, number, number] {
  const [x, y, w, h] = boxes.subarray(4 * row, 4 * row + 4) as unknown as [number, number, number, number];
  return [x, y, x + w, y + h];
}

function rowsAsDetections(table: MotTable, rows: readonly number[]): Detections {
  const boxes = new Float32Array(4 * rows.length);
  const scores = new Float32Array(rows.length);
  rows.forEach((row, i) => {
    const score = table.score[row]!;
    boxes.set(corners(table, row), 4 * i);
    scores[i] = score === -1 ? 1 : Math.min(1, Math.max(0, score));
  });
  return detections(boxes, scores, new Int32Array(rows.length));
}

/**
 * The rows as detections, one entry per frame from frame 1 on, rows in file order.
 *
 * A score of exactly -1 means "not given" and becomes 1; others are cut to 0..1 (MOT16's public detections hold raw
 * classifier scores). Classes are 0: the challenge's detections are of one class.
 * @param table of a det.txt, see parseMotText
 * @param frames number of frames when it is more than the last one that has a row
 */
export function motDetections(table: MotTable, frames?: number): Detections[] {
  return everyFrame(table, frames, rows => rowsAsDetections(table, rows));
}

/** As {@link motDetections}, but only the frames that have rows, by their number: a far frame costs nothing. */
export function motDetectionsByFrame(table: MotTable): Map<number, Detections> {
  return new Map([...rowsByFrame(table)].map(([frame, rows]) => [frame, rowsAsDetections(table, rows)]));
}

/**
 * The rows as tracks, one entry per frame from frame 1 on; `detections` counts the rows of a frame. Classes are those of
 * the eighth column, 0 where the table has none.
 */
export function motTracks(table: MotTable, frames?: number): Tracks[] {
  return everyFrame(table, frames, rows =>
    packTracks(
      rows.map((row, i): TrackRow => {
        const score = table.score[row]!;
        return {
          id: table.id[row]!,
          box: corners(table, row),
          score: score === -1 ? 1 : score,
          cls: table.columns < 8 ? 0 : Math.max(0, table.category[row]!),
          detection: i,
        };
      }),
    ),
  );
}

/**
 * Tracks as MOTChallenge results: `frame,id,x,y,w,h,score,-1,-1,-1`, boxes with three decimals and not clipped.
 * @param frames     a tracker's output, one entry per frame
 * @param firstFrame number of the first entry
 */
export function writeMot(frames: readonly Tracks[], firstFrame = 1): string {
  const lines: string[] = [];
  frames.forEach((t, f) => {
    for (let i = 0; i < t.length; i++) {
      const [x1, y1, x2, y2] = t.boxes.subarray(4 * i, 4 * i + 4);
      const box = [x1!, y1!, x2! - x1!, y2! - y1!].map(v => v.toFixed(3)).join(',');
      lines.push(`${firstFrame + f},${t.ids[i]},${box},${t.scores[i]!.toFixed(6)},-1,-1,-1\n`);
    }
  });
  return lines.join('');
}
