export { type CheckOptions, type CheckReport, checkData, type Embed, NEAR } from './check.ts';
export { type ConvertOptions, type ConvertReport, convertDataset } from './convert.ts';
export { type Embedder, loadEmbedder } from './embed.ts';
export { findFormat, openDataset } from './open.ts';
export type { DatasetSource, OpenedDataset } from './open-options.ts';
export { PICTURE_MODES, type WriteDatasetOptions, type WriteReport, writeDataset } from './write.ts';
