export * from './coco/index.ts';
export * from './mot/index.ts';
export * from './rle/index.ts';
