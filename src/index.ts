/** The library: what `import ... from 'pe-dense'` gives. */
export {
  DenseError,
  type Detections,
  ERRORS,
  type ErrorCode,
  type ErrorDetail,
  LABEL_SETS,
  type LabelSet,
  type RgbImage,
  rgbImage,
} from './core/index.ts';
export {
  cropImage,
  type DecodeOptions,
  decodeImage,
  encodeJpeg,
  encodePng,
  encodeWebp,
  type ImageSource,
  type RawPixels,
  resizeImage,
} from './image/index.ts';
export { type FoundModel, listModels } from './model/index.ts';
export type { Device } from './onnx/index.ts';
export {
  type CocoResult,
  type DetectedObject,
  type DetectionNetwork,
  type DetectionOutputs,
  DetectionResult,
  type DetectOptions,
  Detector,
  type DetectorLoadOptions,
  type SliceOptions,
  type StreamItem,
} from './pipelines/index.ts';
export { classColor, type DrawOptions, drawDetections } from './render/index.ts';
