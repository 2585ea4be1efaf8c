import { fail } from '../../core/index.ts';
import {
  type Anchor,
  type CountingLine,
  type CountingZone,
  type Crossing,
  countCrossings,
  countZone,
  insidePolygon,
  type Tracks,
  type ZoneVisit,
} from '../../track/index.ts';

/** Counts while frames arrive. They equal what countCrossings and countZone say of the whole run. */
export interface Counter<T, Now> {
  add(frame: number, tracks: Tracks): void;
  /** The numbers worth drawing; cheap. */
  now(): Now;
  /** Everything so far. */
  result(): T;
}

export type LineCounter = Counter<LineTally, { readonly in: number; readonly out: number }>;
export type ZoneCounter = Counter<ZoneTally, { readonly inside: number; readonly visitors: number }>;

/** What crossed a line. */
export interface LineTally {
  readonly in: number;
  readonly out: number;
  readonly crossings: readonly Crossing[];
}

/** Who was in a zone. */
export interface ZoneTally {
  readonly visitors: number;
  readonly entered: number;
  readonly left: number;
  /** The most there were inside in one frame. */
  readonly most: number;
  readonly visits: readonly ZoneVisit[];
}

export interface CounterOptions {
  readonly anchor: Anchor;
  /** Frames in a row that make a change of sides count. */
  readonly hold: number;
}

/**
 * A side that changes only when the change lasts, one frame at a time (what steadySides does to a whole path).
 * `pending` holds what was seen since the change began.
 */
interface Steady<T> {
  side: boolean;
  pending: T[];
}

/** Returns what was pending when the new side becomes the side. */
function step<T>(state: Steady<T>, side: boolean, seen: T, hold: number): T[] | undefined {
  if (side === state.side) {
    state.pending = [];
    return undefined;
  }
  state.pending.push(seen);
  if (state.pending.length < hold) return undefined;
  const lasted = state.pending;
  state.pending = [];
  state.side = side;
  return lasted;
}

type Box = readonly [number, number, number, number];

const boxOf = (tracks: Tracks, i: number) => Array.from(tracks.boxes.subarray(4 * i, 4 * i + 4)) as unknown as Box;

function pointOf([x1, y1, x2, y2]: Box, anchor: Anchor): readonly [number, number] {
  return [(x1 + x2) / 2, anchor === 'bottom' ? y2 : (y1 + y2) / 2];
}

/** Counts crossings of a line. @throws {DenseError} BAD_INPUT for a line without length */
export function lineCounter(line: CountingLine, { anchor, hold }: CounterOptions): LineCounter {
  checkHold(hold);
  countCrossings(line, []); // checks the line
  type Moved = { readonly frame: number; readonly from: Box; readonly to: Box };
  const paths = new Map<number, { frame: number; box: Box; steady: Steady<Moved> }>();
  const crossings: Crossing[] = [];
  const total = { in: 0, out: 0 };
  const right = (box: Box) => {
    const [x, y] = pointOf(box, anchor);
    return (line.x2 - line.x1) * (y - line.y1) - (line.y2 - line.y1) * (x - line.x1) >= 0;
  };
  return {
    add(frame, tracks) {
      for (let i = 0; i < tracks.length; i++) {
        const id = tracks.ids[i];
        const cls = tracks.classes[i];
        const box = boxOf(tracks, i);
        const path = paths.get(id);
        if (!path) {
          paths.set(id, { frame, box, steady: { side: right(box), pending: [] } });
          continue;
        }
        const lasted = step(path.steady, right(box), { frame, from: path.box, to: box }, hold);
        path.frame = frame;
        path.box = box;
        if (!lasted) continue;
        const [{ frame: at, from, to }] = lasted; // it crossed when the change began
        const history = { id, cls, frames: [at - 1, at], boxes: [...from, ...to] };
        for (const crossing of countCrossings(line, [history], { anchor }).crossings) {
          crossings.push(crossing);
          total[crossing.direction]++;
        }
      }
    },
    now: () => total,
    result: () => ({ ...total, crossings: [...crossings].sort((a, b) => a.frame - b.frame || a.id - b.id) }),
  };
}

interface OpenVisit {
  readonly from: number;
  readonly entered: boolean;
  to: number;
  frames: number;
  /** The same up to the last frame truly inside: while a change does not last, the frames count as inside. */
  firm: { readonly to: number; readonly frames: number };
}

/** Counts a zone's visitors. @throws {DenseError} BAD_INPUT for fewer than three corners */
export function zoneCounter(zone: CountingZone, { anchor, hold }: CounterOptions): ZoneCounter {
  checkHold(hold);
  countZone(zone, []); // checks the zone
  const paths = new Map<number, { cls: number; steady: Steady<number>; visit: OpenVisit | undefined }>();
  const visits: ZoneVisit[] = [];
  const visitors = new Set<number>();
  const total = { entered: 0, left: 0 };
  let inside = 0;
  let most = 0;
  const begin = (id: number, from: number, to: number, frames: number, entered: boolean): OpenVisit => {
    visitors.add(id);
    if (entered) total.entered++;
    return { from, entered, to, frames, firm: { to, frames } };
  };
  const addOne = (id: number, cls: number, frame: number, now: boolean): boolean => {
    const path = paths.get(id);
    if (!path) {
      const visit = now ? begin(id, frame, frame, 1, false) : undefined;
      paths.set(id, { cls, steady: { side: now, pending: [] }, visit });
      return now;
    }
    path.cls = cls;
    const lasted = step(path.steady, now, frame, hold);
    const { visit } = path;
    if (lasted && now) path.visit = begin(id, lasted[0], frame, lasted.length, true);
    else if (lasted && visit) {
      visits.push({ id, cls, from: visit.from, entered: visit.entered, ...visit.firm, left: true });
      total.left++;
      path.visit = undefined;
    } else if (visit) {
      visit.to = frame;
      visit.frames++;
      if (now) visit.firm = { to: frame, frames: visit.frames };
    }
    return path.visit !== undefined;
  };
  return {
    add(frame, tracks) {
      inside = 0;
      for (let i = 0; i < tracks.length; i++) {
        const [x, y] = pointOf(boxOf(tracks, i), anchor);
        if (addOne(tracks.ids[i], tracks.classes[i], frame, insidePolygon(zone.points, x, y))) inside++;
      }
      most = Math.max(most, inside);
    },
    now: () => ({ inside, visitors: visitors.size }),
    result() {
      const open: ZoneVisit[] = [];
      for (const [id, { cls, visit }] of paths)
        if (visit) {
          const { from, to, frames, entered } = visit;
          open.push({ id, cls, from, to, frames, entered, left: false });
        }
      const all = [...visits, ...open].sort((a, b) => a.from - b.from || a.id - b.id);
      return { visitors: visitors.size, ...total, most, visits: all };
    },
  };
}

function checkHold(hold: number): void {
  if (!(Number.isInteger(hold) && hold >= 1))
    fail('BAD_INPUT', `hold is ${hold}`, 'it counts frames', 'pass a whole number from 1');
}
