/** From raw head outputs to detections: box decoding, the NMS family, fusion, slices. */
export * from './anchors.ts';
export * from './decode.ts';
export { alignRelative, type DepthAlign } from './depth-align.ts';
export { DepthSmoother, FlickerMeter, type SmoothOptions } from './depth-temporal.ts';
export { decodeExternal } from './external/index.ts';
export type { DecodableHead, ExternalOptions, NamedOutputs, OutputTensor } from './external/types.ts';
export * from './masks.ts';
export * from './merge.ts';
export * from './nms.ts';
export * from './postprocess.ts';
export * from './slices.ts';
export * from './soft-nms.ts';
export * from './upsample-depth.ts';
export * from './wbf.ts';
