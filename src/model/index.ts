export * from './directory.ts';
export { EXTERNAL_HEADS, type ExternalHead, type ExternalHeadInput, isExternal } from './external.ts';
export * from './find.ts';
export * from './parameters.ts';
export * from './schema.ts';
