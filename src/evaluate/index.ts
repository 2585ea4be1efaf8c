export * from './rle/index.ts';
export * from './mot/index.ts';
