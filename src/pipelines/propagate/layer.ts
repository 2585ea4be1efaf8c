/**
 * The block whose features carry masks best, by default. Measured by block on DAVIS with PE-Spatial towers of 12 blocks
 * (docs/propagate.md); deeper towers take the block at the same share of their depth.
 *
 * @param blocks of the tower
 */
export function defaultTrackingLayer(blocks: number): number {
  return Math.max(1, Math.round((blocks * BEST_OF_12) / 12));
}

const BEST_OF_12 = 12;
