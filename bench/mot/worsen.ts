import { detections as asDetections, type Detections, seededNormal, seededRandom } from '../../src/core/index.ts';
import type { Tracks } from '../../src/track/index.ts';

/** How ground truth is made worse: shares of all boxes, and of their size. */
export interface Worsening {
  /** A box's edges move by this part of its size (standard deviation). */
  readonly jitter: number;
  /** Chance per frame that an object goes missing, for 1 to `gap` frames. */
  readonly vanish: number;
  readonly gap: number;
  /** False boxes per frame (mean), of the true ones' sizes at random places. */
  readonly spurious: number;
}

export const WORSENING: Worsening = { jitter: 0.05, vanish: 0.07, gap: 6, spurious: 0.5 };

/** Ground truth as detections: its boxes, score 1. */
export function exactDetections(truth: readonly Tracks[]): Detections[] {
  return truth.map(t => asDetections(t.boxes.slice(), new Float32Array(t.length).fill(1), new Int32Array(t.length)));
}

/**
 * Detections as a fair detector might give them: moved edges, objects missing for some frames, false boxes. True boxes
 * score 0.7 to 0.95, false ones 0.4 to 0.75. One seed, one result.
 *
 * @param truth tracks by frame
 * @param picture size, pixels
 */
export function worsenedDetections(
  truth: readonly Tracks[],
  picture: { readonly width: number; readonly height: number },
  seed: number,
  { jitter, vanish, gap, spurious }: Worsening = WORSENING,
): Detections[] {
  const random = seededRandom(seed);
  const normal = seededNormal(seed + 100);
  const hidden = new Map<number, number>();
  const sizes = truth.flatMap(t => Array.from({ length: t.length }, (_, i) => sizeOf(t, i)));
  return truth.map(t => {
    const boxes: number[] = [];
    const scores: number[] = [];
    for (let i = 0; i < t.length; i++) {
      const left = hidden.get(t.ids[i]!) ?? 0;
      if (left > 0) hidden.set(t.ids[i]!, left - 1);
      else if (random() < vanish) hidden.set(t.ids[i]!, Math.floor(gap * random()));
      else {
        const [x1, y1, x2, y2] = cornersOf(t, i);
        const [dx, dy] = [jitter * (x2 - x1), jitter * (y2 - y1)];
        boxes.push(x1 + dx * normal(), y1 + dy * normal(), x2 + dx * normal(), y2 + dy * normal());
        scores.push(0.7 + 0.25 * random());
      }
    }
    for (let chance = spurious; random() < chance; chance -= 1) {
      const [w, h] = sizes[Math.floor(sizes.length * random())]!;
      const [x, y] = [(picture.width - w) * random(), (picture.height - h) * random()];
      boxes.push(x, y, x + w, y + h);
      scores.push(0.4 + 0.35 * random());
    }
    return asDetections(Float32Array.from(boxes), Float32Array.from(scores), new Int32Array(scores.length));
  });
}

function cornersOf(t: Tracks, i: number): readonly [number, number, number, number] {
  return t.boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
}

function sizeOf(t: Tracks, i: number): readonly [number, number] {
  const [x1, y1, x2, y2] = cornersOf(t, i);
  return [x2 - x1, y2 - y1];
}
