export * from './assignment.ts';
export * from './boxes.ts';
export * from './detections.ts';
export * from './errors.ts';
export * from './labels.ts';
export * from './npy.ts';
export * from './random.ts';
export * from './tensor.ts';
