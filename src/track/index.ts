export * from './appearance.ts';
export { assignWithLimit, type Matching } from './assignment.ts';
export * from './botsort.ts';
export * from './bytetrack.ts';
export * from './kalman.ts';
export * from './kalman-sort.ts';
export * from './ocsort.ts';
export { overlaps, type SparsePairs } from './overlaps.ts';
export type { FrameHints, Tracker, Tracks } from './types.ts';
