export { readValuePng, type ValuePng } from './read.ts';
