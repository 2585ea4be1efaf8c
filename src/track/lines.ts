import { fail } from '../core/index.ts';
import { type Anchor, anchors, steadySides, type TrackHistory } from './history.ts';

/** A counting line from (x1, y1) to (x2, y2), pixels of the original picture. */
export interface CountingLine {
  readonly name: string;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** `in`: from the left of the line to its right, looking along it. A line drawn left to right is entered downwards. */
export type CrossingDirection = 'in' | 'out';

export interface Crossing {
  /** 1-based frame in which the object was on the other side for the first time */
  readonly frame: number;
  readonly id: number;
  readonly cls: number;
  readonly direction: CrossingDirection;
}

export interface LineCount {
  readonly name: string;
  readonly in: number;
  readonly out: number;
  /** by class index */
  readonly perClass: ReadonlyMap<number, { readonly in: number; readonly out: number }>;
  /** by frame, then id */
  readonly crossings: readonly Crossing[];
}

export interface CountingOptions {
  /** which point of a box has to cross */
  readonly anchor?: Anchor;
  /** frames an object must stay on the new side before it counts; more than 1 ignores boxes that flicker on the line */
  readonly hold?: number;
}

/**
 * Counts objects that cross a line, by direction and class. A path crosses where the straight way between two of its
 * points cuts the line between its ends; a point on the line counts as on its right, so no crossing is counted twice.
 * @throws {DenseError} BAD_INPUT for a line without length, or a hold below 1
 */
export function countCrossings(
  line: CountingLine,
  histories: readonly TrackHistory[],
  { anchor = 'centre', hold = 1 }: CountingOptions = {},
): LineCount {
  const { x1, y1, x2, y2, name } = line;
  const dx = x2 - x1;
  const dy = y2 - y1;
  if (!(dx * dx + dy * dy > 0))
    fail(
      'BAD_INPUT',
      `line "${name}" runs from (${x1}, ${y1}) to (${x2}, ${y2})`,
      'a line needs two ends',
      'give two different points',
    );
  checkHold(hold);
  const crossings: Crossing[] = [];
  for (const history of histories) {
    const p = anchors(history, anchor);
    // positive on the right: y grows downwards
    const side = history.frames.map((_, k) => dx * (p[2 * k + 1]! - y1) - dy * (p[2 * k]! - x1));
    const right = steadySides(
      side.map(s => s >= 0),
      hold,
    );
    for (let k = 1; k < right.length; k++) {
      if (right[k] === right[k - 1]) continue;
      const t = side[k - 1]! / (side[k - 1]! - side[k]!); // share of the way up to the line
      const x = p[2 * k - 2]! + t * (p[2 * k]! - p[2 * k - 2]!);
      const y = p[2 * k - 1]! + t * (p[2 * k + 1]! - p[2 * k - 1]!);
      const along = ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy);
      if (along < 0 || along > 1) continue;
      crossings.push({
        frame: history.frames[k]!,
        id: history.id,
        cls: history.cls,
        direction: right[k] ? 'in' : 'out',
      });
    }
  }
  crossings.sort((a, b) => a.frame - b.frame || a.id - b.id);
  const perClass = new Map<number, { in: number; out: number }>();
  const total = { in: 0, out: 0 };
  for (const { cls, direction } of crossings) {
    const count = perClass.get(cls) ?? { in: 0, out: 0 };
    perClass.set(cls, count);
    count[direction]++;
    total[direction]++;
  }
  return { name, ...total, perClass, crossings };
}

/** @throws {DenseError} BAD_INPUT */
export function checkHold(hold: number): void {
  if (!(Number.isInteger(hold) && hold >= 1))
    fail('BAD_INPUT', `hold is ${hold}`, 'it counts frames', 'pass a whole number from 1');
}

/**
 * Reads `x1,y1,x2,y2[,NAME]`, the form of the command line's `--line`.
 * @param fallback name of a line that has none
 * @throws {DenseError} BAD_USAGE naming the text
 */
export function parseLine(text: string, fallback: string): CountingLine {
  const { numbers, name } = numbersAndName(text);
  const [x1, y1, x2, y2] = numbers;
  if (numbers.length !== 4 || (x1 === x2 && y1 === y2))
    fail(
      'BAD_USAGE',
      `"${text}" is not a line`,
      'a line is two different points and may have a name',
      'write x1,y1,x2,y2 or x1,y1,x2,y2,NAME',
    );
  return { name: name ?? fallback, x1: x1!, y1: y1!, x2: x2!, y2: y2! };
}

/** Leading numbers of a comma-separated text, and one last entry that is none. */
export function numbersAndName(text: string): { readonly numbers: number[]; readonly name: string | undefined } {
  const parts = text.split(',').map(p => p.trim());
  const numeric = (p: string) => p !== '' && Number.isFinite(Number(p));
  const last = parts[parts.length - 1]!;
  const name = numeric(last) ? undefined : last;
  const numbers = name === undefined ? parts : parts.slice(0, -1);
  if (name === '' || !numbers.every(numeric)) return { numbers: [], name: undefined };
  return { numbers: numbers.map(Number), name };
}
