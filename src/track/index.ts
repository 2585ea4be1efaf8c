export * from './appearance.ts';
export { assignWithLimit, type Matching } from './assignment.ts';
export * from './botsort.ts';
export * from './bytetrack.ts';
export * from './camera-motion.ts';
export { type Anchor, type TrackHistory, trackHistories } from './history.ts';
export * as boxKalman from './kalman.ts';
export * from './kalman-sort.ts';
export {
  type CountingLine,
  type CountingOptions,
  type Crossing,
  type CrossingDirection,
  countCrossings,
  type LineCount,
  parseLine,
} from './lines.ts';
export * from './mot-format.ts';
export * from './ocsort.ts';
export { overlaps, type SparsePairs } from './overlaps.ts';
export {
  type FrameFeatures,
  LabelCarrier,
  type LabelledFrame,
  PROPAGATE_DEFAULTS,
  type PropagateOptions,
  packFeatures,
  propagateLabels,
} from './propagate.ts';
export { type IdMask, labelsToMask, maskToLabels, objectIds } from './propagate-masks.ts';
export * from './registry.ts';
export * from './similarity.ts';
export type { FrameHints, Tracker, Tracks } from './types.ts';
export * from './zones.ts';
