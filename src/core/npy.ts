import { fail } from './errors.ts';
import { sizeOf } from './tensor.ts';

/** Arrays that NumPy files hold here. */
export type NpyData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

/** A NumPy array: row-major, last axis fastest. */
export interface NpyArray<T extends NpyData = NpyData> {
  readonly shape: readonly number[];
  readonly data: T;
}

interface ArrayType {
  new (buffer: ArrayBuffer): NpyData;
  readonly BYTES_PER_ELEMENT: number;
}

/** NumPy's type letters and widths; booleans are 0 and 1 in bytes. */
const TYPES: Readonly<Record<string, ArrayType>> = {
  f4: Float32Array,
  f8: Float64Array,
  i1: Int8Array,
  i2: Int16Array,
  i4: Int32Array,
  i8: BigInt64Array,
  u1: Uint8Array,
  u2: Uint16Array,
  u4: Uint32Array,
  u8: BigUint64Array,
  b1: Uint8Array,
};

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY

/**
 * Reads a .npy file, format versions 1 to 3, either byte order, C or Fortran order (turned into C order).
 *
 * @param name what errors call it
 * @throws {DenseError} BAD_INPUT when it is no .npy file, is cut short, or holds a type other than numbers and booleans
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function readNpy(bytes: Uint8Array, name = 'the array'): NpyArray {
  const bad = (why: string): never =>
    fail(
      'BAD_INPUT',
      `cannot read ${name}`,
      why,
      'write it with numpy.save(path, array) from an array of plain numbers',
    );
  if (bytes.length < 10 || MAGIC.some((b, i) => bytes[i] !== b)) bad('it does not begin as a .npy file does');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const major = bytes[6];
  if (major < 1 || major > 3) bad(`format version ${major} is not known`);
  if (major > 1 && bytes.length < 12) bad('its header is cut short');
  const start = major === 1 ? 10 : 12;
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (start + length > bytes.length) bad('its header is cut short');
  const header = new TextDecoder().decode(bytes.subarray(start, start + length));
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const tuple = /'shape'\s*:\s*\(([^)]*)\)/.exec(header)?.[1];
  if (fortran === undefined || tuple === undefined) return bad('its header is not the usual dictionary');
  const type = descr === undefined ? undefined : TYPES[descr.slice(1)];
  if (descr === undefined || type === undefined || !'<>|='.includes(descr[0]))
    return bad(`it holds ${descr ?? 'records'}; numbers are read: ${Object.keys(TYPES).join(', ')}`);
  const shape = tuple
    .split(',')
    .map(part => part.trim().replace(/L$/, ''))
    .filter(part => part !== '')
    .map(Number);
  if (shape.some(d => !Number.isSafeInteger(d) || d < 0)) bad(`its shape is (${tuple})`);
  const width = type.BYTES_PER_ELEMENT;
  const count = sizeOf(shape);
  const body = bytes.subarray(start + length);
  if (body.length < count * width)
    bad(`shape (${tuple}) of ${descr} needs ${count * width} bytes, it has ${body.length}`);
  const copy = new Uint8Array(count * width); // not slice: a Buffer's does not copy
  copy.set(body.subarray(0, copy.length));
  if (descr[0] === '>') for (let at = 0; at < copy.length; at += width) copy.subarray(at, at + width).reverse();
  const data = new type(copy.buffer);
  return { shape, data: fortran === 'True' && shape.length > 1 ? toRowMajor(data, shape) : data };
}

function toRowMajor(data: NpyData, shape: readonly number[]): NpyData {
  const out = data.slice();
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  const index = shape.map(() => 0);
  for (let to = 0; to < out.length; to++) {
    out[to] = data[index.reduce((sum, i, axis) => sum + i * strides[axis], 0)];
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
  return out;
}

/**
 * Writes a .npy file: version 1.0, little-endian, C order.
 * @throws {DenseError} BAD_INPUT when shape and data disagree
 */
export function writeNpy(array: NpyArray): Uint8Array {
  const head = npyHeader(array);
  const { data } = array;
  const out = new Uint8Array(head.length + data.byteLength);
  out.set(head);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), head.length);
  return out;
}

/**
 * What {@link writeNpy}'s file begins with; the data's bytes follow.
 * @throws {DenseError} BAD_INPUT when shape and data disagree
 */
export function npyHeader({ shape, data }: NpyArray): Uint8Array {
  if (sizeOf(shape) !== data.length)
    fail('BAD_INPUT', `array of shape (${shape.join(', ')})`, `it got ${data.length} values`, 'make the two agree');
  const letter = Object.entries(TYPES).find(([, type]) => data instanceof type)![0];
  const descr = (data.BYTES_PER_ELEMENT === 1 ? '|' : '<') + letter;
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${tuple}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10; // data begins at a multiple of 64 bytes
  const out = new Uint8Array(10 + length);
  out.set(MAGIC);
  out.set([1, 0, length & 255, length >> 8], 6);
  out.set(new TextEncoder().encode(`${text.padEnd(length - 1)}\n`), 10);
  return out;
}
