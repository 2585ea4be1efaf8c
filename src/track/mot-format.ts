import { type Detections, detections, fail } from '../core/index.ts';
import { packTracks, type TrackRow, type Tracks } from './types.ts';

/** One row of a MOTChallenge file, as it stands there. */
export interface MotRow {
  /** 1-based */
  readonly frame: number;
  /** 1-based, or -1 for a detection without identity */
  readonly id: number;
  /** left, top, width, height in pixels */
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  /** seventh column: score, or the ground truth's flag; -1 where the file has none */
  readonly score: number;
  /** eighth column: class of MOT16 and later ground truth; -1 where the file has none */
  readonly cls: number;
}

/**
 * Reads MOTChallenge text (`det.txt`, `gt.txt` or results): `frame,id,x,y,w,h[,score[,class,...]]`, separated by commas
 * or blanks. Empty lines and lines that start with # are skipped.
 * @param name of the file, for errors
 * @throws {DenseError} BAD_INPUT naming file, line and column
 */
export function readMot(text: string, name = 'MOT file'): MotRow[] {
  const rows: MotRow[] = [];
  text.split(/\r?\n/).forEach((line, k) => {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return;
    const where = `${name} line ${k + 1}`;
    const cells = trimmed.split(trimmed.includes(',') ? /\s*,\s*/ : /\s+/);
    if (cells.length < 6)
      fail(
        'BAD_INPUT',
        `${where} has ${cells.length} columns`,
        'a row holds frame, id, x, y, width and height at least',
        'write frame,id,x,y,w,h,score,-1,-1,-1',
      );
    const number = (column: number, label: string, missing?: number) => {
      const cell = cells[column];
      if (cell === undefined && missing !== undefined) return missing;
      const value = Number(cell);
      if (cell === '' || !Number.isFinite(value))
        fail(
          'BAD_INPUT',
          `${where}, column ${column + 1} (${label}) is "${cell}"`,
          'it must be a number',
          'correct the row',
        );
      return value;
    };
    const frame = number(0, 'frame');
    if (!(Number.isInteger(frame) && frame >= 1))
      fail(
        'BAD_INPUT',
        `${where} has frame ${frame}`,
        'frames are counted from 1',
        'number the frames 1, 2, 3 and so on',
      );
    const id = number(1, 'id');
    if (!Number.isInteger(id)) fail('BAD_INPUT', `${where} has id ${id}`, 'ids are whole numbers', 'correct the row');
    rows.push({
      frame,
      id,
      x: number(2, 'x'),
      y: number(3, 'y'),
      w: number(4, 'width'),
      h: number(5, 'height'),
      score: number(6, 'score', -1),
      cls: number(7, 'class', -1),
    });
  });
  return rows;
}

function byFrame(rows: readonly MotRow[], frames: number | undefined): MotRow[][] {
  const last = rows.reduce((max, r) => Math.max(max, r.frame), 0);
  const out: MotRow[][] = Array.from({ length: Math.max(last, frames ?? 0) }, () => []);
  for (const row of rows) out[row.frame - 1]!.push(row);
  return out;
}

/**
 * The rows as detections, one entry per frame from frame 1 on, rows in file order.
 *
 * A score of exactly -1 means "not given" and becomes 1; others are cut to 0..1 (MOT16's public detections hold raw
 * classifier scores). Classes are 0: the challenge's detections are of one class.
 * @param frames number of frames when it is more than the last one that has a row
 */
export function motDetections(rows: readonly MotRow[], frames?: number): Detections[] {
  return byFrame(rows, frames).map(list => {
    const boxes = new Float32Array(4 * list.length);
    const scores = new Float32Array(list.length);
    list.forEach((r, i) => {
      boxes.set([r.x, r.y, r.x + r.w, r.y + r.h], 4 * i);
      scores[i] = r.score === -1 ? 1 : Math.min(1, Math.max(0, r.score));
    });
    return detections(boxes, scores, new Int32Array(list.length));
  });
}

/** The rows as tracks, one entry per frame from frame 1 on; `detections` counts the rows of a frame. */
export function motTracks(rows: readonly MotRow[], frames?: number): Tracks[] {
  return byFrame(rows, frames).map(list =>
    packTracks(
      list.map(
        (r, i): TrackRow => ({
          id: r.id,
          box: [r.x, r.y, r.x + r.w, r.y + r.h],
          score: r.score === -1 ? 1 : r.score,
          cls: Math.max(0, r.cls),
          detection: i,
        }),
      ),
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
