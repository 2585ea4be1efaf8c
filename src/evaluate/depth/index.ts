export { alignDepth, DEPTH_ALIGNMENTS, type DepthAlignment } from './align.ts';
export {
  baselinePlane,
  DEPTH_BASELINES,
  DEPTH_CROPS,
  type DepthBaseline,
  type DepthCrop,
  type DepthOptions,
  type DepthPlane,
  evaluateDepthMap,
  resizeBilinear as resizeDepthPlane,
} from './evaluate.ts';
export { DEPTH_KEYS, type DepthMetrics, depthMetrics, meanDepthMetrics } from './metrics.ts';
export { DEPTH_EXTENSIONS, readDepthFile, type StoredPlane } from './read.ts';
