/**
 * The block whose features carry masks best, where it was measured (docs/propagate.md, tools/layers/jf-by-layer.ts) and
 * is not the last one. By name of a model or an architecture.
 */
const BEST_LAYERS: Readonly<Record<string, number>> = { 'dense-t16': 11 };

/**
 * The block that carries masks by default: the best one measured, else the last.
 *
 * @param name of a model or an architecture
 * @param blocks of the tower
 */
export function defaultTrackingLayer(name: string, blocks: number): number {
  return Math.min(BEST_LAYERS[name] ?? blocks, blocks);
}
