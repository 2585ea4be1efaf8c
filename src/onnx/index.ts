export { AUTO_INLINE_BYTES, type BuilderOptions, type BuildOptions, type Lowering, MICROSOFT } from './core.ts';
export { availableDevices, checkDevice, DEVICES, type Device } from './device.ts';
export { DTYPES, type Dtype, type InlineData } from './dtype.ts';
export type { ArrayTensor, Feeds, PortInfo } from './feeds.ts';
export { type ConvOptions, type ConvTransposeOptions, GraphBuilder, type Pair } from './graph.ts';
export {
  type Attribute,
  type Attributes,
  type ComputedSource,
  type DataFile,
  type FileSource,
  type Graph,
  type MemorySource,
  sourceDtype,
  sourceLength,
  type Value,
  type WeightSource,
  weightBytes,
  weightRows,
} from './model.ts';
export { cacheFolder, type Placement } from './place.ts';
export {
  type ActivationRange,
  activationScale,
  type QuantisedWeight,
  type QuantiseOptions,
  quantise,
  quantisedInputs,
  quantiseWeight,
} from './quantise.ts';
export { type ModelNode, type ModelSummary, type ModelValue, type ModelWeight, readModel } from './reader.ts';
export { type Outputs, type RunOptions, Session, type SessionOptions } from './session.ts';
export { type Dim, dimProduct, type Shape } from './shape.ts';
