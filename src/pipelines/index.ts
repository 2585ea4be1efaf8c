export { Detector, type StreamItem } from './detect/detector.ts';
export { type DetectFilesOptions, detectFiles, type FileOutcome } from './detect/files.ts';
export type { DetectionDefaults, DetectionNetwork, DetectionOutputs, NetworkInput } from './detect/network.ts';
export type { DetectOptions, SliceOptions } from './detect/options.ts';
export { type CocoResult, type DetectedObject, DetectionResult } from './detect/result.ts';
export { DETECTION_FORMATS, type DetectionFormat, FORMAT_TEXT } from './formats/index.ts';
export type { PictureRecord } from './formats/record.ts';
