import type { Detections } from '../../core/index.ts';
import { centredFeatures, pooledFeatures } from '../../track/index.ts';
import type { PictureFeatures } from '../perceive/picture-features.ts';

/** What objects look like: one vector per detection, in bytes, so that a journal can keep it and give the same again. */
export interface Looks {
  /** `[n, channels]`, each vector's largest value is 127; zeros for a detection too weak to need one */
  readonly data: Int8Array;
  readonly channels: number;
}

/**
 * Looks of detections, from the features of the pass that found them: the mean of the centred patch features under each
 * box. A byte per value changes a cosine distance by about 0.0001, and its length does not matter.
 *
 * @param above weaker detections get zeros: trackers compare the looks of sure ones only
 */
export function looksOf(found: Detections, { taps, map }: PictureFeatures, above: number): Looks {
  const features = [...taps.values()].at(-1)!;
  const channels = features.shape[3];
  const sure = Array.from({ length: found.length }, (_, i) => i).filter(i => found.scores[i]! > above);
  const boxes = sure.flatMap(i => [...found.boxes.subarray(4 * i, 4 * i + 4)]);
  const data = new Int8Array(found.length * channels);
  if (sure.length === 0) return { data, channels };
  const pooled = pooledFeatures(centredFeatures(features), boxes, map);
  sure.forEach((i, k) => {
    const vector = pooled.subarray(k * channels, (k + 1) * channels);
    const most = vector.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
    if (most > 0) for (let c = 0; c < channels; c++) data[i * channels + c] = Math.round((127 * vector[c]!) / most);
  });
  return { data, channels };
}
