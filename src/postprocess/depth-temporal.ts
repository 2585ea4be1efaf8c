import { type DepthMap, isDepth, type RgbImage } from '../core/index.ts';
import { alignRelative, quantile } from './depth-align.ts';
import { cellColors } from './depth-edges.ts';

/** How strongly the past holds on, 0 (not at all) to just below 1; default 0.8. */
export interface SmoothOptions {
  readonly strength?: number | undefined;
}

const DEFAULT_STRENGTH = 0.8;
/** Colours of a cell further apart than about this (0..255, over three channels) mean that something moved there. */
const COLOR_SIGMA = 16;
/** Depths further apart than about this share of the map's spread mean so too. */
const DEPTH_SIGMA = 0.1;
/** Below this share of agreeing pixels, two frames show different things. */
const CUT = 0.5;
/** How fast scale and shift go back to the network's own, per frame: without it small errors would add up. */
const HOMING = 0.02;
const MOST_SCALE = 4;
/** Cells whose colour changed less than this stand still, for the measure of flicker. */
const STILL = 6;

interface Seen {
  readonly colors: Float32Array;
  readonly values: Float32Array;
}

/**
 * Smooths the depth maps of a video, frame by frame. Relative maps, whose scale and shift are free in every frame, are first
 * aligned to the running map ({@link alignRelative}). Then each cell takes a mean of its past and its present; where the
 * colour or the depth changed, something moved, and the present counts alone. After a cut everything begins anew.
 */
export class DepthSmoother {
  private last: Seen | undefined;
  private readonly strength: number;

  constructor({ strength = DEFAULT_STRENGTH }: SmoothOptions = {}) {
    this.strength = strength;
  }

  /**
   * @param map   of the network's size, the same for all frames
   * @param image the frame
   * @returns the smoothed map; `cut` where it began anew
   */
  next(map: DepthMap, image: RgbImage): { readonly map: DepthMap; readonly cut: boolean } {
    const colors = cellColors(image, map.width, map.height);
    const { last } = this;
    const aligned = last && last.values.length === map.values.length ? alignTo(map, last.values) : undefined;
    if (!last || !aligned) {
      this.last = { colors, values: map.values.slice() };
      return { map, cut: true };
    }
    const spread = quantile(aligned, 0.95) - quantile(aligned, 0.05);
    const values = aligned.map((now, i) => {
      const before = last.values[i];
      if (!isDepth(map.kind, now) || !isDepth(map.kind, before)) return now;
      const moved = colorDistance(colors, last.colors, i) / COLOR_SIGMA;
      const jumped = spread > 0 ? (now - before) / (DEPTH_SIGMA * spread) : 0;
      return now + (before - now) * this.strength * Math.exp(-0.5 * (moved * moved + jumped * jumped));
    });
    this.last = { colors, values };
    return { map: { ...map, values }, cut: false };
  }
}

/** Undefined where the two do not show the same. */
function alignTo(map: DepthMap, target: Float32Array): Float32Array | undefined {
  const known = map.kind === 'metric' ? map.values.map(v => (v > 0 ? v : Number.NaN)) : map.values;
  const { scale, shift, agreement } = alignRelative(known, target);
  if (agreement < CUT) return undefined;
  if (map.kind === 'metric') return map.values; // metres are metres
  const s = Math.min(MOST_SCALE, Math.max(1 / MOST_SCALE, scale));
  const [home, away] = [HOMING, 1 - HOMING];
  return map.values.map(v => (away * s + home) * v + away * shift);
}

/** Root mean square of the three channels. */
function colorDistance(a: Float32Array, b: Float32Array, cell: number): number {
  let sum = 0;
  for (let k = 3 * cell; k < 3 * cell + 3; k++) sum += (a[k] - b[k]) ** 2;
  return Math.sqrt(sum / 3);
}

/**
 * Measures flicker: how much depth changes from frame to frame where the picture does not. Over all cells whose mean colour
 * changed by less than 6 of 255, the mean of |d(t) - d(t - 1)| divided by the map's spread (5th to 95th percentile), in
 * percent. 0 is steady; a slow true change of depth in an unchanged picture would count as flicker too.
 */
export class FlickerMeter {
  private last: Seen | undefined;
  private sum = 0;
  private count = 0;

  /** @param map of the network's size; @param image the frame */
  add(map: DepthMap, image: RgbImage): void {
    const colors = cellColors(image, map.width, map.height);
    const { last } = this;
    const known = map.values.filter(v => isDepth(map.kind, v));
    const spread = quantile(known, 0.95) - quantile(known, 0.05);
    if (last && last.values.length === map.values.length && spread > 0)
      for (let i = 0; i < map.values.length; i++) {
        if (!isDepth(map.kind, map.values[i]) || !isDepth(map.kind, last.values[i])) continue;
        if (colorDistance(colors, last.colors, i) >= STILL) continue;
        this.sum += Math.abs(map.values[i] - last.values[i]) / spread;
        this.count++;
      }
    this.last = { colors, values: map.values };
  }

  /** Percent of the spread, per frame; undefined where nothing stood still. */
  get percent(): number | undefined {
    return this.count === 0 ? undefined : (100 * this.sum) / this.count;
  }
}
