import { type Detections, fail } from '../core/index.ts';

/**
 * The tracks of one frame. They are detections with identities, so whatever takes {@link Detections} takes them.
 * Boxes are the tracker's estimate in xyxy pixels of the original picture, not clipped.
 */
export interface Tracks extends Detections {
  /** `[n]` identities, 1-based, unique within one tracker, never reused */
  readonly ids: Int32Array;
  /** `[n]` index of the detection of this frame the track was updated with; use it to carry masks or crops along */
  readonly detections: Int32Array;
}

/** What a frame may tell beyond its detections. A tracker without use for a hint ignores it. */
export interface FrameHints {
  /** `[6]` row-major 2x3: pixels of the previous frame to pixels of this one (see CameraMotion); BoT-SORT */
  readonly warp?: ArrayLike<number> | undefined;
  /** `[n, d]` one appearance vector per detection (see pooledFeatures); BoT-SORT */
  readonly features?: Float32Array | undefined;
}

/** Everything that follows objects through frames. State is per instance. */
export interface Tracker {
  /**
   * Takes the next frame; call it for every frame, also for those without detections.
   * @throws {DenseError} BAD_INPUT for boxes or scores that are not finite, or hints of the wrong length
   */
  update(detections: Detections, hints?: FrameHints): Tracks;
  /** Forgets everything; ids start at 1 again. */
  reset(): void;
}

/** One row of {@link Tracks} before packing. */
export interface TrackRow {
  readonly id: number;
  readonly box: ArrayLike<number>;
  readonly score: number;
  readonly cls: number;
  readonly detection: number;
}

export function packTracks(rows: readonly TrackRow[]): Tracks {
  const n = rows.length;
  const tracks = {
    length: n,
    ids: new Int32Array(n),
    boxes: new Float32Array(4 * n),
    scores: new Float32Array(n),
    classes: new Int32Array(n),
    detections: new Int32Array(n),
  };
  rows.forEach((row, i) => {
    tracks.ids[i] = row.id;
    for (let c = 0; c < 4; c++) tracks.boxes[4 * i + c] = row.box[c]!;
    tracks.scores[i] = row.score;
    tracks.classes[i] = row.cls;
    tracks.detections[i] = row.detection;
  });
  return tracks;
}

/** A detection as the trackers use it, in double precision. `index` points into the frame's {@link Detections}. */
export interface Seen {
  readonly index: number;
  /** `[4]` xyxy; a plain array, because thousands of small typed arrays per frame are slow to make */
  readonly box: readonly number[];
  readonly score: number;
  readonly cls: number;
}

/**
 * Detections worth tracking: those scored above `lowest`. Boxes without area are left out (they have no aspect).
 * @throws {DenseError} BAD_INPUT for a box or score that is not finite
 */
export function seenAbove(detections: Detections, lowest: number): Seen[] {
  const seen: Seen[] = [];
  for (let i = 0; i < detections.length; i++) {
    const score = detections.scores[i]!;
    const { boxes } = detections;
    const box = [boxes[4 * i]!, boxes[4 * i + 1]!, boxes[4 * i + 2]!, boxes[4 * i + 3]!];
    // NaN and infinity survive the sum, or turn into one another
    if (!Number.isFinite(score + box[0]! + box[1]! + box[2]! + box[3]!))
      fail(
        'BAD_INPUT',
        `detection ${i} has box [${box.join(', ')}] and score ${score}`,
        'a tracker needs finite numbers',
        'drop detections with NaN or infinite values before tracking',
      );
    if (score > lowest && box[2]! > box[0]! && box[3]! > box[1]!)
      seen.push({ index: i, box, score, cls: detections.classes[i]! });
  }
  return seen;
}

/**
 * The given options over the defaults, each checked against its range.
 * @throws {DenseError} BAD_INPUT naming the option, its range and the value given
 */
export function checkedOptions<T extends object>(
  tracker: string,
  defaults: T,
  given: { readonly [K in keyof T]?: T[K] | undefined },
  ranges: { readonly [K in keyof T]?: readonly [number, number] },
): T {
  const merged = { ...defaults };
  for (const [key, value] of Object.entries(given)) {
    if (!(key in defaults))
      fail(
        'BAD_INPUT',
        `${tracker} has no option "${key}"`,
        'it would have no effect',
        `use one of ${Object.keys(defaults).join(', ')}`,
      );
    if (value !== undefined) Object.assign(merged, { [key]: value });
  }
  for (const [key, range] of Object.entries(ranges) as [keyof T & string, readonly [number, number]][]) {
    const value = merged[key] as number;
    if (!(value >= range[0] && value <= range[1]))
      fail(
        'BAD_INPUT',
        `${tracker} got ${key} = ${value}`,
        `it lies in ${range[0]}..${range[1]}`,
        `pass a number in that range`,
      );
  }
  return merged;
}
