import sharp from 'sharp';
import { fail, messageOf } from '../core/index.ts';

/**
 * Size of a picture file after its EXIF rotation, read from its head alone.
 * @throws {DenseError} BAD_INPUT when there is no such file or it is no picture
 */
export async function readImageSize(path: string): Promise<{ readonly width: number; readonly height: number }> {
  try {
    const { autoOrient } = await sharp(path).metadata();
    return { width: autoOrient.width, height: autoOrient.height };
  } catch (error) {
    fail('BAD_INPUT', `cannot read picture ${path}`, messageOf(error), 'check the path, or export it again', error);
  }
}
