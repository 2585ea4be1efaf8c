export {
  type BatchOptions,
  boxesToImage,
  cropImage,
  type ImageTransform,
  imageToBatch,
} from './batch.ts';
export { decodeImage } from './decode.ts';
export { encodeJpeg, encodePng, encodeWebp } from './encode.ts';
export {
  type InputFailure,
  type InputFile,
  type InputList,
  type ListOptions,
  listInputs,
  outputStems,
} from './inputs.ts';
export { DAVIS_PALETTE, encodePalettePng, type IndexImage } from './palette-png.ts';
export { encodePngRows, type PngRowKind, type PngRowsOptions } from './png-rows.ts';
export { decodeGrey16Png, encodeGrey16Png, type Grey16Image } from './png16.ts';
export { type FloatImage, type ResizeOptions, resizeBilinear, resizeImage, resizeRows } from './resize.ts';
export { readImageSize } from './size.ts';
export {
  type DecodeOptions,
  hasImageExtension,
  IMAGE_EXTENSIONS,
  type ImageSource,
  MAX_PIXELS,
  type PictureFrame,
  type RawPixels,
  type SharpPipeline,
  type UrlOptions,
} from './source.ts';
export { isWebAddress } from './source-url.ts';
