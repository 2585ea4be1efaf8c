import type { Detections } from '../../core/index.ts';
import { decodeBoxes } from './boxes.ts';
import { decodeDetr } from './detr.ts';
import { decodeDistances } from './dfl.ts';
import type { DecodableHead, ExternalOptions, NamedOutputs } from './types.ts';
import { decodeYolox } from './yolox.ts';

/** One decoder per kind of head; each reads its numbers and nothing else. */
const DECODERS: {
  readonly [K in DecodableHead['kind']]: (
    outputs: NamedOutputs,
    head: Extract<DecodableHead, { kind: K }>,
    options: ExternalOptions,
    picture: number,
  ) => Detections;
} = { yolox: decodeYolox, dfl: decodeDistances, detr: decodeDetr, boxes: decodeBoxes };

/**
 * Candidates of another project's detector.
 *
 * @param outputs what its network gave for `options.pictures` pictures
 * @param head    how to read them
 * @returns per picture, boxes xyxy in pixels of the network's input, not clipped, best score first
 * @throws {DenseError} BAD_MODEL when outputs and head do not fit; BAD_INPUT for numbers that are not finite
 */
export function decodeExternal(outputs: NamedOutputs, head: DecodableHead, options: ExternalOptions): Detections[] {
  const decode = DECODERS[head.kind] as (typeof DECODERS)[DecodableHead['kind']];
  return Array.from({ length: options.pictures }, (_, picture) => decode(outputs, head as never, options, picture));
}
