import { createHash } from 'node:crypto';
import { type Model, openModel } from '../../model/index.ts';
import { Detector } from '../detect/detector.ts';
import type { NetworkOptions } from '../detect/model-parts.ts';

/** A detector, and a hash that changes with anything that changes what it finds. */
export interface ValDetector {
  readonly detector: Detector;
  /** 64 hexadecimal digits over the weights and the description of the network. */
  readonly hash: string;
}

/** How a detector is opened: tests give their own. */
export type OpenValDetector = (model: string, options: NetworkOptions) => Promise<ValDetector>;

/** Loads a model and its hash. @throws {DenseError} as Detector.load */
export const openValDetector: OpenValDetector = async (model, options) => {
  const hash = hashOf(await openModel(model));
  return { detector: await Detector.load(model, options), hash };
};

/** Hash over a model's weights and its description, without what is only told (name, origin, measured figures). */
export function hashOf({ json, files }: Model): string {
  const { backbone, input, heads, nms } = json;
  const parts = { backbone, input, heads, nms, files: [...files].map(([variant, file]) => [variant, file.sha256]) };
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
