import { fail, sizeOf } from '../core/index.ts';
import { shapeText } from './shape.ts';
import type { WireTensor } from './worker.ts';

/** Name, element type and shape of an input or output of a session; free dimensions are symbols. */
export interface PortInfo {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

/** A tensor going in or coming out. */
export interface ArrayTensor {
  readonly dtype: string;
  readonly dims: readonly number[];
  readonly data:
    | Float32Array
    | Float64Array
    | Int32Array
    | Int16Array
    | Int8Array
    | Uint32Array
    | Uint16Array
    | Uint8Array
    | BigInt64Array
    | BigUint64Array;
}

/** What {@link Session.run} takes: one entry per input; the element type follows from the array. */
export type Feeds = Readonly<Record<string, { readonly dims: readonly number[]; readonly data: ArrayTensor['data'] }>>;

const ARRAYS: Record<string, { readonly name: string }> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

/**
 * Checks names, types and shapes before anything crosses to the session's thread.
 * @throws {DenseError} BAD_INPUT naming the input, what it takes and what came
 */
export function checkFeeds(feeds: Feeds, inputs: readonly PortInfo[]): WireTensor[] {
  const names = inputs.map(i => i.name);
  for (const name of Object.keys(feeds))
    if (!names.includes(name))
      fail(
        'BAD_INPUT',
        `input "${name}"`,
        'the network has no such input',
        `it takes: ${names.join(', ') || 'nothing'}`,
      );
  return inputs.map(input => {
    const feed = feeds[input.name];
    const wants = `${input.dtype} ${shapeText(input.shape)}`;
    if (!feed) return fail('BAD_INPUT', `input "${input.name}" is missing`, 'the network needs it', `pass ${wants}`);
    const { dims, data } = feed;
    const gives = `${data.constructor.name} ${shapeText(dims)}`;
    const array = ARRAYS[input.dtype];
    const wrong = (why: string): never => fail('BAD_INPUT', `input "${input.name}" got ${gives}`, why, `pass ${wants}`);
    if (array && data.constructor.name !== array.name) wrong(`${input.dtype} travels in a ${array.name}`);
    if (dims.length !== input.shape.length) wrong(`it takes ${input.shape.length} axes, ${dims.length} came`);
    input.shape.forEach((want, axis) => {
      if (typeof want === 'number' && want >= 0 && dims[axis] !== want)
        wrong(`axis ${axis} must be ${want}, it is ${dims[axis]}`);
    });
    if (sizeOf(dims) !== data.length) wrong(`its shape asks for ${sizeOf(dims)} values, ${data.length} came`);
    return { name: input.name, dtype: input.dtype, dims, data: data as WireTensor['data'] };
  });
}
