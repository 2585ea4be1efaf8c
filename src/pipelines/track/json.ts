import type { LabelSet } from '../../core/index.ts';
import type { CountingLine, CountingZone, Tracks } from '../../track/index.ts';
import type { FrameTime } from '../../video/index.ts';
import type { LineTally, ZoneTally } from './counts.ts';

/** One row of the summary. */
export interface TrackSummary {
  readonly id: number;
  readonly category_name: string;
  /** 1-based frames in which it was first and last reported, and in how many. */
  readonly first: number;
  readonly last: number;
  readonly frames: number;
}

/** Counts of a line, by direction and class. */
export interface LineReport extends CountingLine {
  readonly in: number;
  readonly out: number;
  readonly per_class: Readonly<Record<string, { readonly in: number; readonly out: number }>>;
  readonly crossings: readonly {
    readonly frame: number;
    readonly id: number;
    readonly category_name: string;
    readonly direction: 'in' | 'out';
  }[];
}

/** Counts of a zone. `visitors` are different objects; `most` is the largest number inside at once. */
export interface ZoneReport extends CountingZone {
  readonly visitors: number;
  readonly entered: number;
  readonly left: number;
  readonly most: number;
  readonly per_class: Readonly<
    Record<string, { readonly visitors: number; readonly entered: number; readonly left: number }>
  >;
  readonly visits: readonly {
    readonly id: number;
    readonly category_name: string;
    readonly from: number;
    readonly to: number;
    readonly frames: number;
  }[];
}

/** Where an incomplete run ended. */
export interface StopReport {
  /** 1-based number of the last frame in the outputs; 0 when there is none */
  readonly frame: number;
  readonly time_s: number;
  readonly reason: string;
}

const round = (value: number, unit: number) => Math.round(value * unit) / unit;

/** One entry of the JSON's `frames`. */
export function frameJson({ index, time_s }: FrameTime, tracks: Tracks, labels: LabelSet): string {
  const rows = Array.from(tracks.ids, (id, i) => {
    const [x1, y1, x2, y2] = tracks.boxes.subarray(4 * i, 4 * i + 4);
    const bbox = [x1, y1, x2 - x1, y2 - y1].map(v => round(v, 1e4));
    const category_id = labels.ids[tracks.classes[i]] ?? tracks.classes[i];
    return { id, bbox, score: round(tracks.scores[i], 1e7), category_id };
  });
  return JSON.stringify({ frame: index + 1, time_s: round(time_s, 1e6), tracks: rows });
}

export function lineReport(line: CountingLine, tally: LineTally, labels: LabelSet): LineReport {
  const per_class: Record<string, { in: number; out: number }> = {};
  const crossings = tally.crossings.map(({ frame, id, cls, direction }) => {
    const category_name = labels.names[cls] ?? String(cls);
    per_class[category_name] ??= { in: 0, out: 0 };
    per_class[category_name][direction]++;
    return { frame, id, category_name, direction };
  });
  return { ...line, in: tally.in, out: tally.out, per_class, crossings };
}

export function zoneReport(zone: CountingZone, tally: ZoneTally, labels: LabelSet): ZoneReport {
  const { visitors, entered, left, most } = tally;
  const per_class: Record<string, { visitors: number; entered: number; left: number }> = {};
  const known = new Set<number>();
  const visits = tally.visits.map(visit => {
    const category_name = labels.names[visit.cls] ?? String(visit.cls);
    per_class[category_name] ??= { visitors: 0, entered: 0, left: 0 };
    const own = per_class[category_name];
    if (!known.has(visit.id)) own.visitors++;
    if (visit.entered) own.entered++;
    if (visit.left) own.left++;
    known.add(visit.id);
    return { id: visit.id, category_name, from: visit.from, to: visit.to, frames: visit.frames };
  });
  return { ...zone, visitors, entered, left, most, per_class, visits };
}

/** What follows the frames. */
export interface TrackEnding {
  readonly lines: readonly LineReport[];
  readonly zones: readonly ZoneReport[];
  readonly summary: readonly TrackSummary[];
  readonly stopped?: StopReport | undefined;
}

/** The JSON document in three parts, so that a long run need not be held in memory. */
export const TRACK_JSON = {
  head: '{"frames": [',
  frame: (text: string, first: boolean) => `${first ? '\n' : ',\n'}${text}`,
  tail({ lines, zones, summary, stopped }: TrackEnding): string {
    const list = (rows: readonly unknown[]) =>
      rows.length === 0 ? '[]' : `[\n${rows.map(row => JSON.stringify(row)).join(',\n')}\n]`;
    const end = stopped ? `,\n"stopped": ${JSON.stringify(stopped)}` : '';
    return `\n],\n"lines": ${list(lines)},\n"zones": ${list(zones)},\n"summary": ${list(summary)}${end}}\n`;
  },
};
