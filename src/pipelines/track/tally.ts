import type { LabelSet } from '../../core/index.ts';
import type { Anchor, Tracks } from '../../track/index.ts';
import { type LineCounter, lineCounter, type ZoneCounter, zoneCounter } from './counts.ts';
import { type LineReport, lineReport, type TrackSummary, type ZoneReport, zoneReport } from './json.ts';
import type { TrackFileOptions } from './options.ts';

const DEFAULT_TRAIL = 30;

/** What is known of the run so far: counts, paths for the trails, and one row per track. */
export class Tally {
  private readonly lines: LineCounter[];
  private readonly zones: ZoneCounter[];
  private readonly rows = new Map<number, { cls: number; first: number; last: number; frames: number }>();
  private readonly trails = new Map<number, number[]>();
  private readonly reach: number;
  private readonly anchor: Anchor;

  /** @throws {DenseError} BAD_INPUT for a line without length, a zone without area or a bad hold */
  constructor(
    private readonly options: TrackFileOptions,
    private readonly labels: LabelSet,
  ) {
    const { lines = [], zones = [], anchor = 'centre', hold = 1, trail = DEFAULT_TRAIL } = options;
    this.lines = lines.map(line => lineCounter(line, { anchor, hold }));
    this.zones = zones.map(zone => zoneCounter(zone, { anchor, hold }));
    this.reach = trail;
    this.anchor = anchor;
  }

  /** @param frame 1-based */
  add(frame: number, tracks: Tracks): void {
    for (const counter of [...this.lines, ...this.zones]) counter.add(frame, tracks);
    for (let i = 0; i < tracks.length; i++) {
      const id = tracks.ids[i];
      const row = this.rows.get(id);
      const cls = tracks.classes[i];
      if (row) Object.assign(row, { cls, last: frame, frames: row.frames + 1 });
      else this.rows.set(id, { cls, first: frame, last: frame, frames: 1 });
      if (this.reach > 0) this.extendTrail(id, tracks.boxes.subarray(4 * i, 4 * i + 4));
    }
    const every = this.options.every ?? 1;
    for (const id of this.trails.keys())
      if (frame - this.rows.get(id)!.last > this.reach * every) this.trails.delete(id); // memory stays flat
  }

  private extendTrail(id: number, [x1, y1, x2, y2]: Float32Array): void {
    const trail = this.trails.get(id) ?? [];
    this.trails.set(id, trail);
    trail.push((x1 + x2) / 2, this.anchor === 'bottom' ? y2 : (y1 + y2) / 2);
    if (trail.length > 2 * (this.reach + 1)) trail.splice(0, 2);
  }

  /** What is drawn over a frame beside its boxes. */
  overlay() {
    const { lines = [], zones = [] } = this.options;
    return {
      trails: this.trails,
      lines: lines.map((line, i) => {
        const { in: entered, out } = this.lines[i].now();
        return { ...line, text: `${line.name}: in ${entered}, out ${out}` };
      }),
      zones: zones.map((zone, i) => {
        const { inside, visitors } = this.zones[i].now();
        return { ...zone, text: `${zone.name}: ${inside} of ${visitors}` };
      }),
    };
  }

  report(): { lines: LineReport[]; zones: ZoneReport[]; summary: TrackSummary[] } {
    const { lines = [], zones = [] } = this.options;
    return {
      lines: lines.map((line, i) => lineReport(line, this.lines[i].result(), this.labels)),
      zones: zones.map((zone, i) => zoneReport(zone, this.zones[i].result(), this.labels)),
      summary: [...this.rows]
        .sort((a, b) => a[0] - b[0])
        .map(([id, { cls, first, last, frames }]) => ({
          id,
          category_name: this.labels.names[cls] ?? String(cls),
          first,
          last,
          frames,
        })),
    };
  }
}
