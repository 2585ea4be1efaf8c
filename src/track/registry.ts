import { fail } from '../core/index.ts';
import { BotSort, type BotSortOptions } from './botsort.ts';
import { ByteTrack, type ByteTrackOptions } from './bytetrack.ts';
import { OcSort, type OcSortOptions } from './ocsort.ts';
import type { Tracker } from './types.ts';

/** Options by tracker name. */
export interface TrackerOptions {
  readonly byte: Partial<ByteTrackOptions>;
  readonly ocsort: Partial<OcSortOptions>;
  readonly botsort: Partial<BotSortOptions>;
}

export type TrackerName = keyof TrackerOptions;

/** The trackers by the names of the command line's `--tracker`, and what each can use beyond detections. */
export const TRACKERS: {
  readonly [K in TrackerName]: {
    readonly title: string;
    readonly usesWarp: boolean;
    readonly usesFeatures: boolean;
    readonly make: (options?: TrackerOptions[K]) => Tracker;
  };
} = {
  byte: { title: 'ByteTrack', usesWarp: false, usesFeatures: false, make: o => new ByteTrack(o) },
  ocsort: { title: 'OC-SORT', usesWarp: false, usesFeatures: false, make: o => new OcSort(o) },
  botsort: { title: 'BoT-SORT', usesWarp: true, usesFeatures: true, make: o => new BotSort(o) },
};

/**
 * A tracker by name.
 * @throws {DenseError} BAD_USAGE for a name not in {@link TRACKERS}, BAD_INPUT for bad options
 */
export function createTracker<K extends TrackerName>(name: K, options?: TrackerOptions[K]): Tracker {
  if (!Object.hasOwn(TRACKERS, name))
    fail(
      'BAD_USAGE',
      `there is no tracker "${name}"`,
      'it names an association scheme',
      `use one of ${Object.keys(TRACKERS).join(', ')}`,
    );
  return TRACKERS[name].make(options);
}
