import { fail, type LabelSet } from '../../core/index.ts';
import type { UrlOptions } from '../../image/index.ts';
import { MERGE_KINDS, type MergeKind, type MergeMetric, NMS_KINDS, type NmsKind } from '../../postprocess/index.ts';
import type { StageSink } from '../stages.ts';
import type { DetectionNetwork } from './network.ts';

/** Cutting a large picture into slices, so that small objects are seen large. */
export interface SliceOptions {
  /** Side of a slice, pixels of the picture. */
  readonly size: number;
  /** Share that neighbours have in common; default 0.2. */
  readonly overlap?: number | undefined;
  /** How the slices' boxes become one list; default `greedy-nmm`: parts of one object are joined. */
  readonly merge?: MergeKind | undefined;
  /** Overlap measure of the merging; default `ios`, which finds halves of objects cut by a slice's edge. */
  readonly metric?: MergeMetric | undefined;
  /** Overlap from which boxes are merged; default 0.5. */
  readonly threshold?: number | undefined;
  /** Look at the whole picture too, for what is larger than a slice; default true. */
  readonly full?: boolean | undefined;
}

/** What to keep of what the network finds. Fields left out take the model's own values. */
export interface DetectOptions {
  /** Drop boxes below this score, 0..1. */
  readonly score?: number | undefined;
  /** At most this many objects per picture, the best. */
  readonly max?: number | undefined;
  readonly nms?: NmsKind | undefined;
  /** Overlap from which a weaker box of the same class is suppressed, 0..1. */
  readonly iou?: number | undefined;
  /** Suppress across classes. */
  readonly agnostic?: boolean | undefined;
  /** Only these classes, by name. */
  readonly classes?: readonly string[] | undefined;
  readonly slice?: SliceOptions | number | undefined;
  /** Pictures (or slices) per pass through the network; default 1. */
  readonly batch?: number | undefined;
  /** What shows through transparent parts; default white. RGB, 0..255. */
  readonly background?: readonly [number, number, number] | undefined;
  /** Largest picture accepted, pixels. */
  readonly maxPixels?: number | undefined;
  /** Permits pictures from web addresses, with default limits or with those given; default false. */
  readonly allowUrl?: boolean | UrlOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Hears how long each stage took. */
  readonly onStage?: StageSink | undefined;
}

/** {@link DetectOptions} with nothing left open. */
export interface ResolvedOptions {
  readonly score: number;
  readonly max: number;
  readonly nms: NmsKind;
  readonly iou: number;
  readonly agnostic: boolean;
  /** Class indices, or nothing for all. */
  readonly classes: ReadonlySet<number> | undefined;
  readonly slice: Required<{ [K in keyof SliceOptions]: NonNullable<SliceOptions[K]> }> | undefined;
  readonly batch: number;
  readonly signal: AbortSignal | undefined;
  readonly onStage: StageSink | undefined;
}

/**
 * Fills in the model's defaults and checks every value.
 * @throws {DenseError} BAD_INPUT naming the option, what it takes and what came
 */
export function resolveOptions(options: DetectOptions, network: DetectionNetwork): ResolvedOptions {
  const { defaults } = network;
  const slice = typeof options.slice === 'number' ? { size: options.slice } : options.slice;
  if (slice?.full === false && network.features?.length)
    fail(
      'BAD_INPUT',
      'slices without the whole picture, and features',
      'features are those of the whole picture',
      'leave slice.full out, or load the detector without features',
    );
  return {
    score: inRange('score', options.score ?? defaults.score, 0, 1),
    max: whole('max', options.max ?? defaults.max, 1),
    nms: word('nms', options.nms ?? defaults.nms, NMS_KINDS),
    iou: inRange('iou', options.iou ?? defaults.iou, 0, 1),
    agnostic: options.agnostic ?? false,
    classes: options.classes && classIndices(options.classes, network.labels),
    slice: slice && {
      size: whole('slice', slice.size, 16),
      overlap: inRange('overlap', slice.overlap ?? 0.2, 0, 0.95),
      merge: word('slice merge', slice.merge ?? 'greedy-nmm', MERGE_KINDS),
      metric: word('slice metric', slice.metric ?? 'ios', ['iou', 'ios'] as const),
      threshold: inRange('slice threshold', slice.threshold ?? 0.5, 1e-6, 1),
      full: slice.full ?? true,
    },
    batch: whole('batch', options.batch ?? 1, 1),
    signal: options.signal,
    onStage: options.onStage,
  };
}

/**
 * Class indices of names, whatever their case.
 * @param option what errors call the list
 * @throws {DenseError} BAD_INPUT for a name the model does not know, with the nearest one it does
 */
export function classIndices(names: readonly string[], labels: LabelSet, option = 'classes'): Set<number> {
  if (names.length === 0)
    fail('BAD_INPUT', `${option} is empty`, 'it names no class', `name a class, or leave ${option} out`);
  const known = labels.names.map(name => name.toLowerCase());
  const indices = names.map(name => {
    const index = known.indexOf(name.toLowerCase());
    if (index >= 0) return index;
    return fail(
      'BAD_INPUT',
      `${option} got ${JSON.stringify(name)}`,
      'the model has no such class',
      `did you mean ${nearest(name.toLowerCase(), known)}? It knows: ${labels.names.join(', ')}`,
    );
  });
  return new Set(indices);
}

function nearest(name: string, known: readonly string[]): string {
  let best = known[0] ?? '';
  for (const other of known) if (editDistance(name, other) < editDistance(name, best)) best = other;
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length];
}

function inRange(name: string, value: number, low: number, high: number): number {
  if (typeof value === 'number' && value >= low && value <= high) return value;
  return fail('BAD_INPUT', `${name} is ${value}`, `it is a number from ${low} to ${high}`, 'pass such a number');
}

function whole(name: string, value: number, low: number): number {
  if (Number.isInteger(value) && value >= low) return value;
  return fail('BAD_INPUT', `${name} is ${value}`, `it is a whole number of at least ${low}`, 'pass such a number');
}

function word<const T extends readonly string[]>(name: string, value: string, words: T): T[number] {
  if (words.includes(value)) return value;
  return fail(
    'BAD_INPUT',
    `${name} is ${JSON.stringify(value)}`,
    'there is no such kind',
    `use one of: ${words.join(', ')}`,
  );
}
