import { fail } from '../../core/index.ts';
import { Detector } from '../detect/detector.ts';
import type { DetectorLoadOptions } from '../detect/model-parts.ts';
import { findTower } from '../features/tower.ts';
import { comparesLooks } from './follow.ts';
import type { FollowOptions } from './options.ts';

/** Blocks that tell objects apart better than the last, where one was measured to (bench/mot/ablation.ts): none so far. */
const BEST_LAYERS: Readonly<Record<string, number>> = {};

/**
 * The block whose features a tracker compares by default: the best one measured, else the last.
 *
 * @param name   of a model
 * @param blocks of its tower
 */
export function appearanceLayer(name: string, blocks: number): number {
  return Math.min(BEST_LAYERS[name] ?? blocks, blocks);
}

/**
 * Loads a detector for {@link trackVideo}: with features out of the same pass where the options ask for appearance.
 *
 * @throws {DenseError} as Detector.load; BAD_MODEL for appearance with a detector of another project, which has none
 */
export async function loadTrackDetector(
  model = 'dense-t16',
  options: DetectorLoadOptions = {},
  follow: FollowOptions = {},
): Promise<Detector> {
  if (!comparesLooks(follow)) return Detector.load(model, options);
  const { name, config } = await findTower({ model });
  return Detector.load(model, { ...options, features: [appearanceLayer(name, config.layers)] });
}

/**
 * Checks that appearance can be had.
 * @throws {DenseError} BAD_USAGE with another tracker or with given boxes
 */
export function checkAppearance(options: FollowOptions & { readonly detections?: string | undefined }): void {
  const asked = options.appearance ?? options.trackerOptions?.appearance;
  if (asked !== true) return;
  if ((options.tracker ?? 'byte') !== 'botsort')
    fail(
      'BAD_USAGE',
      `--appearance on with --tracker ${options.tracker ?? 'byte'}`,
      'BoT-SORT alone compares what objects look like',
      'add --tracker botsort, or leave --appearance out',
    );
  if (options.detections !== undefined)
    fail(
      'BAD_USAGE',
      '--appearance on with --detections',
      'looks come out of the pass that finds the boxes, and given boxes have none',
      'leave one of them out',
    );
}

/** @throws {DenseError} BAD_INPUT for a detector that was loaded without features, where looks are compared */
export function checkFeatures(detector: Detector, options: FollowOptions): void {
  if (comparesLooks(options) && detector.features.length === 0)
    fail(
      'BAD_INPUT',
      `detector ${detector.model} gives no features`,
      'appearance compares them',
      'load it by loadTrackDetector, or with the option features: [block]',
    );
}
