import { DenseError, messageOf, type RgbImage, rgbImage, throwIfAborted } from '../core/index.ts';
import { fromRawPixels, refuseSize } from './raw.ts';
import { type DecodeOptions, type ImageSource, MAX_PIXELS, type SharpPipeline } from './source.ts';

/** Known by its methods, since a program may have another copy of sharp than ours. */
export function isSharpPipeline(source: ImageSource): source is SharpPipeline {
  const methods = ['clone', 'toColourspace', 'raw', 'toBuffer'];
  return typeof source === 'object' && methods.every(name => typeof Reflect.get(source, name) === 'function');
}

/**
 * What a sharp pipeline gives, as a picture. The pipeline itself stays as it was and can be used again.
 * @throws {DenseError} BAD_INPUT where sharp cannot do it or the picture is larger than `maxPixels`
 */
export async function fromSharp(pipeline: SharpPipeline, options: DecodeOptions): Promise<RgbImage> {
  const name = options.name ?? 'from a sharp pipeline';
  try {
    const run = pipeline.clone().toColourspace('srgb').raw({ depth: 'uchar' });
    const { data, info } = await run.toBuffer({ resolveWithObject: true });
    throwIfAborted(options.signal);
    const { width, height } = info;
    if (width * height > (options.maxPixels ?? MAX_PIXELS))
      refuseSize(name, width, height, options.maxPixels ?? MAX_PIXELS);
    const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (info.channels === 3) return rgbImage(height, width, pixels);
    return fromRawPixels({ data: pixels, width, height, channels: info.channels as 1 | 2 | 4 }, options);
  } catch (error) {
    if (error instanceof DenseError) throw error;
    const detail = { what: `cannot read picture ${name}`, why: messageOf(error).trim(), fix: 'correct the pipeline' };
    throw new DenseError('BAD_INPUT', detail, { cause: error });
  }
}
