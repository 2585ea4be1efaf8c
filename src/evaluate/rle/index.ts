export {
  fromCocoRle,
  rleDecode,
  rleEncode,
  rleFromString,
  rleToString,
  toCocoRle,
} from './codec.ts';
export { rleArea, rleIou, rleMerge, rleToBbox } from './ops.ts';
export { rleFromBox, rleFromPolygon, rleFromSegmentation } from './polygon.ts';
export type { CocoRle, CocoSegmentation, Rle } from './types.ts';
