/** Two pictures that look alike; indices into the list of features, `a` before `b`. */
export interface NearPair {
  readonly a: number;
  readonly b: number;
  /** cosine of their features, -1..1 */
  readonly similarity: number;
}

/**
 * Means of a grid of features over `cells` x `cells` parts, one after the other, Euclidean length 1 in all. The parts keep
 * where things are, which one mean over everything forgets.
 *
 * @param grid `[rows, columns, channels]`
 */
export function pooledFeatures(
  grid: Float32Array,
  rows: number,
  columns: number,
  channels: number,
  cells: number,
): Float32Array {
  const out = new Float32Array(cells * cells * channels);
  for (let y = 0; y < rows; y++) {
    const top = Math.floor((y * cells) / rows);
    for (let x = 0; x < columns; x++) {
      const to = (top * cells + Math.floor((x * cells) / columns)) * channels;
      const from = (y * columns + x) * channels;
      for (let c = 0; c < channels; c++) out[to + c]! += grid[from + c]!;
    }
  }
  let squares = 0;
  for (const v of out) squares += v * v;
  const length = Math.sqrt(squares) || 1;
  for (let i = 0; i < out.length; i++) out[i]! /= length;
  return out;
}

/**
 * Pairs of features whose cosine is at least `threshold`, by comparing all with all; most alike first.
 * @param features of length 1 each, all of one size; undefined ones are passed over
 * @param wanted compare only pairs for which this is true
 */
export function nearPairs(
  features: readonly (Float32Array | undefined)[],
  threshold: number,
  wanted: (a: number, b: number) => boolean = () => true,
): NearPair[] {
  const pairs: NearPair[] = [];
  for (let a = 0; a < features.length; a++) {
    const u = features[a];
    if (!u) continue;
    for (let b = a + 1; b < features.length; b++) {
      const v = features[b];
      if (!v) continue;
      let dot = 0;
      for (let i = 0; i < u.length; i++) dot += u[i]! * v[i]!;
      if (dot >= threshold && wanted(a, b)) pairs.push({ a, b, similarity: dot });
    }
  }
  return pairs.sort((p, q) => q.similarity - p.similarity || p.a - q.a || p.b - q.b);
}
