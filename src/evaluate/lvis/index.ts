export { evaluateLvis, type LvisOptions } from './evaluate.ts';
