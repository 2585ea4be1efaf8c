export * from './rle/index.ts';
