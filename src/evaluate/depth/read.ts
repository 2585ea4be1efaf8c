import { fail, type NpyArray, readNpy, readPfm, readPgm } from '../../core/index.ts';
import { readValuePng } from '../png/index.ts';
import { readNpz } from './npz.ts';

/** A plane of numbers as stored in a file. */
export interface StoredPlane {
  readonly width: number;
  readonly height: number;
  /** `[height, width]`, top row first */
  readonly data: Float64Array;
  /** whole numbers (PNG, PGM, integer arrays) that stand for something else times a scale */
  readonly integer: boolean;
  /** largest number the file could hold, for `integer` pictures */
  readonly limit: number;
  /** text stored with a PNG */
  readonly text: Readonly<Record<string, string>>;
}

/** File name endings of depth maps, the most exact first. */
export const DEPTH_EXTENSIONS = ['npy', 'npz', 'pfm', 'png', 'pgm'] as const;

/**
 * Reads a depth or disparity map: npy, npz, pfm, png (8 or 16 bits grey), pgm (P2, P5; 8 or 16 bits).
 *
 * @param file name; its ending decides the format
 * @throws {DenseError} BAD_INPUT naming the file
 */
export function readDepthFile(bytes: Uint8Array, file: string): StoredPlane {
  const extension = file.toLowerCase().split('.').pop();
  const plain = { integer: false, limit: Infinity, text: {} };
  if (extension === 'npy') return arrayPlane(readNpy(bytes, file), file);
  if (extension === 'npz') return arrayPlane(readNpz(bytes, file), file);
  if (extension === 'pfm') return { ...plain, ...readPfm(bytes, file) };
  if (extension === 'pgm') return { ...plain, ...readPgm(bytes, file), integer: true };
  if (extension === 'png') {
    const png = readValuePng(bytes, file);
    if (png.kind === 'palette')
      fail('BAD_INPUT', `${file} is a palette PNG`, 'palette indices are no depth', 'give a 16-bit grey PNG');
    const data = Float64Array.from(png.data);
    return { width: png.width, height: png.height, data, integer: true, limit: 2 ** png.bitDepth - 1, text: png.text };
  }
  return fail(
    'BAD_INPUT',
    `${file} is no depth map`,
    `files ending in ${DEPTH_EXTENSIONS.join(', ')} are read`,
    'convert it to one of these',
  );
}

/** The last two axes of an array; leading axes of length 1, or a last one, are dropped. */
function arrayPlane(array: NpyArray, file: string): StoredPlane {
  const shape = [...array.shape];
  while (shape.length > 2 && shape[0] === 1) shape.shift();
  while (shape.length > 2 && shape.at(-1) === 1) shape.pop();
  if (shape.length !== 2 || shape.includes(0))
    fail(
      'BAD_INPUT',
      `${file} holds an array of shape (${array.shape.join(', ')})`,
      'a depth map has shape (height, width)',
      'save one picture per file',
    );
  const integer = !(array.data instanceof Float32Array || array.data instanceof Float64Array);
  return {
    height: shape[0]!,
    width: shape[1]!,
    data: Float64Array.from(array.data as Float64Array, Number),
    integer,
    limit: Infinity,
    text: {},
  };
}
