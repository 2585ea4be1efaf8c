import { fail } from '../core/index.ts';
import { anchors, steadySides, type TrackHistory } from './history.ts';
import { type CountingOptions, checkHold, numbersAndName } from './lines.ts';

/** A counting zone: a polygon, pixels of the original picture; the last corner joins the first. */
export interface CountingZone {
  readonly name: string;
  /** `[n, 2]` x, y; n at least 3 */
  readonly points: readonly number[];
}

/** One stay of one object: from its first to its last frame inside. */
export interface ZoneVisit {
  readonly id: number;
  readonly cls: number;
  readonly from: number;
  readonly to: number;
  /** frames in which it was reported inside */
  readonly frames: number;
  /** whether it was seen outside before, and after */
  readonly entered: boolean;
  readonly left: boolean;
}

export interface ZoneCount {
  readonly name: string;
  /** different objects that were inside at some time */
  readonly visitors: number;
  /** times an object came in, and went out; objects that appear or vanish inside do neither */
  readonly entered: number;
  readonly left: number;
  /** by class index */
  readonly perClass: ReadonlyMap<
    number,
    { readonly visitors: number; readonly entered: number; readonly left: number }
  >;
  /** objects inside, by 1-based frame; frames without any are absent */
  readonly occupancy: ReadonlyMap<number, number>;
  /** by first frame, then id */
  readonly visits: readonly ZoneVisit[];
}

/**
 * Whether a point lies in a polygon (even-odd rule). On a border shared by two polygons it lies in exactly one.
 * @param points `[n, 2]` x, y
 */
export function insidePolygon(points: readonly number[], x: number, y: number): boolean {
  let inside = false;
  const n = points.length / 2;
  for (let i = 0, j = n - 1; i < n; j = i++) {
    const [xi, yi] = [points[2 * i]!, points[2 * i + 1]!];
    const [xj, yj] = [points[2 * j]!, points[2 * j + 1]!];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

/**
 * Counts who is in a zone: visitors, comings and goings, stays and occupancy.
 * @throws {DenseError} BAD_INPUT for fewer than three corners, or a hold below 1
 */
export function countZone(
  zone: CountingZone,
  histories: readonly TrackHistory[],
  { anchor = 'centre', hold = 1 }: CountingOptions = {},
): ZoneCount {
  if (zone.points.length < 6 || zone.points.length % 2 !== 0)
    fail(
      'BAD_INPUT',
      `zone "${zone.name}" has ${zone.points.length} coordinates`,
      'a zone has at least three corners',
      'give x and y of three or more points',
    );
  checkHold(hold);
  const visits: ZoneVisit[] = [];
  const occupancy = new Map<number, number>();
  for (const history of histories) {
    const p = anchors(history, anchor);
    const { frames, id, cls } = history;
    const inside = steadySides(
      frames.map((_, k) => insidePolygon(zone.points, p[2 * k]!, p[2 * k + 1]!)),
      hold,
    );
    for (let k = 0; k < inside.length; k++) {
      if (!inside[k]) continue;
      const begin = k;
      while (k + 1 < inside.length && inside[k + 1]) k++;
      visits.push({
        id,
        cls,
        from: frames[begin]!,
        to: frames[k]!,
        frames: k - begin + 1,
        entered: begin > 0,
        left: k + 1 < inside.length,
      });
      for (let f = begin; f <= k; f++) occupancy.set(frames[f]!, (occupancy.get(frames[f]!) ?? 0) + 1);
    }
  }
  visits.sort((a, b) => a.from - b.from || a.id - b.id);
  const perClass = new Map<number, { visitors: number; entered: number; left: number }>();
  const total = { visitors: 0, entered: 0, left: 0 };
  const known = new Set<number>();
  for (const visit of visits) {
    const count = perClass.get(visit.cls) ?? { visitors: 0, entered: 0, left: 0 };
    perClass.set(visit.cls, count);
    for (const sum of [count, total]) {
      if (!known.has(visit.id)) sum.visitors++;
      if (visit.entered) sum.entered++;
      if (visit.left) sum.left++;
    }
    known.add(visit.id);
  }
  return {
    name: zone.name,
    ...total,
    perClass,
    occupancy: new Map([...occupancy].sort((a, b) => a[0] - b[0])),
    visits,
  };
}

/**
 * Reads `x1,y1,x2,y2,x3,y3,...[,NAME]`, the form of the command line's `--zone`.
 * @param fallback name of a zone that has none
 * @throws {DenseError} BAD_USAGE naming the text
 */
export function parseZone(text: string, fallback: string): CountingZone {
  const { numbers, name } = numbersAndName(text);
  if (numbers.length < 6 || numbers.length % 2 !== 0)
    fail(
      'BAD_USAGE',
      `"${text}" is not a zone`,
      'a zone is three or more points and may have a name',
      'write x1,y1,x2,y2,x3,y3 and so on, then a name if you like',
    );
  return { name: name ?? fallback, points: numbers };
}
