import type { BackboneConfig } from './config.ts';

/** Position of every token along one axis of `n` tokens, by the rule of the row. */
export function ropePositions(config: BackboneConfig, n: number): Float64Array {
  const offset = config.classToken ? 1 : 0;
  return Float64Array.from({ length: n }, (_, i) => {
    if (config.rope === 'timm') return ((i + offset) / n) * config.ropeGrid;
    if (config.rope === 'vitdet') return (i / n) * config.ropeGrid + 1;
    return i + offset;
  });
}

/** Cosines and sines of the rotary embedding. */
export interface RopeTable {
  /** `[tokens, channels per head / 2]`, one angle per pair of channels; the class token's row (first) turns nothing. */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  readonly tokens: number;
  readonly pairs: number;
}

/**
 * Two-dimensional rotary table: the first half of a head's channels turns by x, the second by y, neighbouring pairs
 * together, frequencies theta^(-k / (pairs / 2)).
 *
 * @param gridHeight and @param gridWidth tokens; the window's size in windowed blocks
 * @see perception_models core/vision_encoder/rope.py Rope2D.update_grid
 */
export function ropeTable(config: BackboneConfig, gridHeight: number, gridWidth: number): RopeTable {
  const pairs = config.width / config.heads / 2;
  const bands = pairs / 2;
  const first = config.classToken ? 1 : 0;
  const tokens = first + gridHeight * gridWidth;
  const cos = new Float32Array(tokens * pairs);
  const sin = new Float32Array(tokens * pairs);
  if (first) cos.fill(1, 0, pairs);
  const frequencies = Float64Array.from({ length: bands }, (_, k) => config.ropeTheta ** (-k / bands));
  const [ys, xs] = [ropePositions(config, gridHeight), ropePositions(config, gridWidth)];
  let at = first * pairs;
  for (const y of ys)
    for (const x of xs)
      for (const position of [x, y])
        for (const f of frequencies) {
          cos[at] = Math.cos(position * f);
          sin[at++] = Math.sin(position * f);
        }
  return { cos, sin, tokens, pairs };
}
