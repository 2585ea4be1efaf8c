export * from './directory.ts';
export * from './find.ts';
export * from './schema.ts';
