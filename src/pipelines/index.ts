export {
  type CheckOptions,
  type CheckReport,
  type ConvertOptions,
  type ConvertReport,
  checkData,
  convertDataset,
  type DatasetSource,
  type Embed,
  type Embedder,
  loadEmbedder,
  NEAR,
  type OpenedDataset,
  openDataset,
  PICTURE_MODES,
  type WriteDatasetOptions,
  type WriteReport,
  writeDataset,
} from './data/index.ts';
export { DepthEstimator, type DepthOptions, type DepthResult, type DepthStreamItem } from './depth/estimator.ts';
export {
  DEPTH_FORMATS,
  type DepthExportOptions,
  type DepthFormat,
  type DepthPaths,
  type DepthSidecar,
  depthPaths,
  encodeDepthPng,
  sidecarFor,
  writeDepth,
} from './depth/exports.ts';
export {
  type DepthFilesOptions,
  type DepthOutcome,
  type DepthRecord,
  type DepthSource,
  depthOfFiles,
} from './depth/files.ts';
export type { DepthSize } from './depth/fit.ts';
export { type DepthVideoOptions, type DepthVideoReport, depthOfVideo } from './depth/video.ts';
export { Detector, type StreamItem } from './detect/detector.ts';
export { type DetectFilesOptions, detectFiles, type FileOutcome } from './detect/files.ts';
export { type DetectLiveOptions, detectLive, type FrameOutcome } from './detect/live.ts';
export type { DetectorLoadOptions } from './detect/load.ts';
export type { DetectionDefaults, DetectionNetwork, DetectionOutputs, NetworkInput } from './detect/network.ts';
export type { DetectOptions, SliceOptions } from './detect/options.ts';
export { type CocoResult, type DetectedObject, DetectionResult } from './detect/result.ts';
export { type CocoReport, type EvaluateCocoOptions, evaluateCocoFiles } from './evaluate-coco.ts';
export { type DavisReport, type EvaluateDavisOptions, evaluateDavis } from './evaluate-davis.ts';
export { type DepthReport, type EvaluateDepthOptions, evaluateDepth } from './evaluate-depth.ts';
export { type EvaluateMotOptions, evaluateMot, type MotReport } from './evaluate-mot.ts';
export {
  EXPORT_DTYPES,
  EXPORT_HEADS,
  type ExportDtype,
  type ExportedFile,
  type ExportedPort,
  type ExportHead,
  type ExportInput,
  type ExportOptions,
  type ExportReport,
  type ExportSource,
  exportModel,
  type GraphNms,
} from './export/index.ts';
export { type Correspondence, matchPictures, matchPoints, type PictureSize } from './features/correspond.ts';
export { FeatureExtractor, type FeatureLoadOptions, type FeatureSet, type LayerChoice } from './features/extract.ts';
export { type FeatureFilesOptions, type FeatureRecord, type FeatureReport, writeFeatures } from './features/files.ts';
export { type MatchOptions, type MatchResult, matchImages } from './features/match.ts';
export { type FoundTower, findTower, type TowerSource } from './features/tower.ts';
export { DETECTION_FORMATS, type DetectionFormat, FORMAT_TEXT, formatHeader } from './formats/index.ts';
export type { PictureRecord } from './formats/record.ts';
export {
  type Difference,
  type DtypeTotal,
  type InspectedTensor,
  type Inspection,
  inspectCheckpoint,
  type RowFit,
} from './inspect.ts';
export { inspectOnnx, type OnnxInspection, type ProposedModel, writeProposal } from './inspect-onnx.ts';
export type { NetworkDtype } from './perceive/dtype.ts';
export {
  type PerceiveOptions,
  Perceiver,
  type PerceiverLoadOptions,
  type Perception,
  type PerceptionItem,
} from './perceive/perceiver.ts';
export type { PictureFeatures } from './perceive/picture-features.ts';
export { findDavis } from './propagate/davis.ts';
export { type PropagatedVideo, type PropagateFilesOptions, propagateFiles } from './propagate/files.ts';
export { defaultTrackingLayer } from './propagate/layer.ts';
export {
  type CarriedFrame,
  type CarryOptions,
  type CarryState,
  MaskPropagator,
  type PropagatorLoadOptions,
  trackingSize,
} from './propagate/propagator.ts';
export { findVideo, type MaskedFrame, type MaskedPart, type MaskedVideo } from './propagate/video.ts';
export { appearanceLayer, loadTrackDetector } from './track/appearance.ts';
export type { LineReport, StopReport, TrackSummary, ZoneReport } from './track/json.ts';
export type { CountOptions, FollowOptions, LiveReading, TrackFileOptions, TrackOptions } from './track/options.ts';
export { type DetectorSource, type TrackReport, trackVideo } from './track/run.ts';
export { type TrackedFrame, type TrackFramesOptions, trackFrames } from './track/stream.ts';
export {
  type SpeedReport,
  type ValDepthOptions,
  type ValDepthReport,
  type ValOptions,
  type ValReport,
  type ValRun,
  type ValTalk,
  validateDepth,
  validateDetector,
} from './val/index.ts';
