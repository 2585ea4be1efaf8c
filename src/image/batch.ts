import { fail, type ImageBatch, type RgbImage, tensor } from '../core/index.ts';
import { resizeRows } from './resize.ts';

/** How pictures become a network's input. */
export interface BatchOptions {
  /** Size of the network's input, pixels. */
  readonly height: number;
  readonly width: number;
  /** Of colours in 0..1: the network sees `(value / 255 - mean) / std`. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /** `squash` fills the size and lets the shape change; `letterbox` keeps the shape and leaves a part free. */
  readonly resize?: 'squash' | 'letterbox' | undefined;
  /** Where a letterboxed picture lies; default centre. */
  readonly align?: 'centre' | 'corner' | undefined;
  /** How a letterboxed picture's shorter side becomes whole pixels; default nearest. */
  readonly rounding?: 'nearest' | 'down' | undefined;
  /** Colour of a letterbox's free part, 0..255, red, green, blue or one for all; default the mean colour. */
  readonly pad?: number | readonly [number, number, number] | undefined;
  readonly antialias?: boolean | undefined;
  /** Order of the planes, and of mean and std; default rgb. */
  readonly color?: 'rgb' | 'bgr' | undefined;
}

/** Where a picture lies inside the network's input: `model = image * scale + offset`, pixels of each. */
export interface ImageTransform {
  readonly scaleX: number;
  readonly scaleY: number;
  readonly offsetX: number;
  readonly offsetY: number;
  /** Size of the original picture. */
  readonly imageWidth: number;
  readonly imageHeight: number;
}

/**
 * Resizes and normalises pictures into one batch.
 *
 * @returns `batch` `[n, 3, height, width]`, and for each picture the transform that leads boxes back
 * @throws {DenseError} BAD_INPUT for no pictures
 */
export function imageToBatch(
  images: readonly RgbImage[],
  options: BatchOptions,
): { readonly batch: ImageBatch; readonly transforms: readonly ImageTransform[] } {
  if (images.length === 0)
    fail('BAD_INPUT', 'a batch of no pictures', 'a network needs at least one', 'pass a picture');
  const { height, width } = options;
  const data = new Float32Array(images.length * 3 * height * width);
  const transforms = images.map((image, n) => {
    const planes = data.subarray(n * 3 * height * width, (n + 1) * 3 * height * width);
    return writePlanes(image, planes, options);
  });
  return {
    batch: tensor(['batch', 'channel', 'height', 'width'] as const, [images.length, 3, height, width], data),
    transforms,
  };
}

function writePlanes(image: RgbImage, planes: Float32Array, options: BatchOptions): ImageTransform {
  const { height, width, mean, std } = options;
  const [imageHeight, imageWidth] = image.shape;
  const inner = innerSize(imageHeight, imageWidth, options);
  const area = height * width;
  const scale = std.map(s => 1 / (255 * s));
  const shift = std.map((s, c) => -mean[c]! / s);
  const [s0, s1, s2] = scale as [number, number, number];
  const [m0, m1, m2] = shift as [number, number, number];
  const [red, blue] = options.color === 'bgr' ? ([2, 0] as const) : ([0, 2] as const); // as the picture stores them
  if (options.pad !== undefined && inner.height * inner.width < area) {
    const pad = typeof options.pad === 'number' ? [options.pad, options.pad, options.pad] : options.pad;
    [red, 1, blue].forEach((from, c) => {
      planes.fill(pad[from]! * scale[c]! + shift[c]!, c * area, (c + 1) * area);
    });
  } // else what a letterbox leaves free stays 0: the mean colour, once normalised
  resizeRows(image, inner.height, inner.width, options.antialias ?? false, (y, row) => {
    let to = (y + inner.top) * width + inner.left;
    for (let x = 0; x < row.length; x += 3, to++) {
      planes[to] = row[x + red]! * s0 + m0;
      planes[area + to] = row[x + 1]! * s1 + m1;
      planes[2 * area + to] = row[x + blue]! * s2 + m2;
    }
  });
  return {
    scaleX: inner.width / imageWidth,
    scaleY: inner.height / imageHeight,
    offsetX: inner.left,
    offsetY: inner.top,
    imageWidth,
    imageHeight,
  };
}

function innerSize(imageHeight: number, imageWidth: number, options: BatchOptions) {
  const { height, width } = options;
  if ((options.resize ?? 'squash') === 'squash') return { height, width, top: 0, left: 0 };
  const scale = Math.min(height / imageHeight, width / imageWidth);
  // a side that fills the input exactly may come out a hair below it
  const whole = (side: number) => (options.rounding === 'down' ? Math.floor(side + 1e-6) : Math.round(side));
  const innerHeight = Math.min(height, Math.max(1, whole(imageHeight * scale)));
  const innerWidth = Math.min(width, Math.max(1, whole(imageWidth * scale)));
  if (options.align === 'corner') return { height: innerHeight, width: innerWidth, top: 0, left: 0 };
  return {
    height: innerHeight,
    width: innerWidth,
    top: Math.floor((height - innerHeight) / 2),
    left: Math.floor((width - innerWidth) / 2),
  };
}

/**
 * Leads boxes from the network's input back to the original picture, in place, and clips them to it.
 * @param boxes `[n, 4]` xyxy, pixels of the network's input on entry, of the original picture on return
 */
export function boxesToImage(boxes: Float32Array, transform: ImageTransform): Float32Array {
  const { scaleX, scaleY, offsetX, offsetY, imageWidth, imageHeight } = transform;
  for (let o = 0; o < boxes.length; o += 4) {
    boxes[o] = clamp((boxes[o]! - offsetX) / scaleX, imageWidth);
    boxes[o + 1] = clamp((boxes[o + 1]! - offsetY) / scaleY, imageHeight);
    boxes[o + 2] = clamp((boxes[o + 2]! - offsetX) / scaleX, imageWidth);
    boxes[o + 3] = clamp((boxes[o + 3]! - offsetY) / scaleY, imageHeight);
  }
  return boxes;
}

function clamp(value: number, high: number): number {
  return Math.min(Math.max(value, 0), high);
}

/** A rectangle of a picture, copied. @throws {DenseError} BAD_INPUT when it does not lie inside */
export function cropImage(image: RgbImage, left: number, top: number, width: number, height: number): RgbImage {
  const [imageHeight, imageWidth] = image.shape;
  if (left < 0 || top < 0 || width < 1 || height < 1 || left + width > imageWidth || top + height > imageHeight)
    fail(
      'BAD_INPUT',
      `crop of ${width} x ${height} at ${left}, ${top}`,
      `it does not lie inside the picture of ${imageWidth} x ${imageHeight}`,
      'clip it to the picture first',
    );
  const out = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * imageWidth + left) * 3;
    out.set(image.data.subarray(from, from + width * 3), y * width * 3);
  }
  return tensor(['height', 'width', 'rgb'] as const, [height, width, 3], out);
}
