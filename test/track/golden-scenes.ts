import { readFileSync } from 'node:fs';
import { type Detections, detections } from '../../src/core/index.ts';
import type { FrameHints } from '../../src/track/types.ts';

const read = (name: string) => JSON.parse(readFileSync(new URL(`../golden/track/${name}`, import.meta.url), 'utf8'));

export interface Scene {
  readonly frames: readonly Detections[];
  readonly hints: readonly FrameHints[];
}

/** A scene as tools/golden/trackers.py stored it: integers in hundredths of a pixel and thousandths of a score. */
export function scene(name: string): Scene {
  const stored = read(`scene-${name}.json`) as {
    detections: number[][];
    warps?: number[][];
    featureHundredths?: number[][];
  };
  return {
    frames: stored.detections.map(flat => {
      const n = flat.length / 5;
      const boxes = new Float32Array(4 * n);
      const scores = new Float32Array(n);
      for (let i = 0; i < n; i++) {
        for (let c = 0; c < 4; c++) boxes[4 * i + c] = flat[5 * i + c]! / 100;
        scores[i] = flat[5 * i + 4]! / 1000;
      }
      return detections(boxes, scores, new Int32Array(n));
    }),
    hints: stored.detections.map((_, f) => ({
      warp: stored.warps?.[f],
      features: stored.featureHundredths && Float32Array.from(stored.featureHundredths[f]!, v => v / 100),
    })),
  };
}

export interface GoldenRun {
  readonly tracker: 'byte' | 'ocsort' | 'botsort';
  readonly scene: string;
  readonly options: Readonly<Record<string, number | boolean>>;
  /** per frame, flat: id, x1, y1, x2, y2 (hundredths), score (thousandths, -1000 for none) */
  readonly frames: readonly (readonly number[])[];
}

export const goldenRuns = read('trackers.json') as GoldenRun[];
