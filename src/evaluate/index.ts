export * from './analysis/index.ts';
export * from './coco/index.ts';
export * from './davis/index.ts';
export * from './depth/index.ts';
export * from './lvis/index.ts';
export * from './mot/index.ts';
export * from './png/index.ts';
export * from './rle/index.ts';
