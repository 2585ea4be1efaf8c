import { fail } from '../core/index.ts';
import { GraphCore } from './core.ts';
import { DTYPES, type Dtype } from './dtype.ts';
import type { Value } from './model.ts';
import { axisOf, broadcast, type Dim, dimProduct, dimQuotient, dimSum, type Shape, shapeText } from './shape.ts';

/** Operators that move values without computing. */
export class ShapeOps extends GraphCore {
  /**
   * Same numbers, another shape. One entry may be -1 (worked out) or a symbol.
   * @throws {DenseError} BAD_INPUT when the number of values changes
   */
  reshape(x: Value, shape: Shape): Value {
    const where = `reshape ${shapeText(x.shape)} to ${shapeText(shape)}`;
    const total = dimProduct(x.shape);
    const out: Dim[] = [...shape];
    const open = out.indexOf(-1);
    if (open >= 0) {
      const rest = dimProduct(out.filter((_, i) => i !== open));
      const free = dimQuotient(total, rest);
      if (free === undefined)
        fail('BAD_INPUT', where, `${total} values do not divide by ${rest}`, 'give sizes that divide');
      out[open] = free;
    } else if (dimProduct(out) !== total)
      fail('BAD_INPUT', where, `${total} values against ${dimProduct(out)}`, 'keep the number of values');
    // 0 copies the input's dimension at that place, -1 is worked out at run time: together they carry one symbol anywhere
    const target = out.map((d, i) => (typeof d === 'number' ? d : d === x.shape[i] ? 0 : -1));
    if (target.filter(d => d === -1).length > 1)
      fail('BAD_INPUT', where, 'two symbolic dimensions would move at once', 'reshape in two steps');
    return this.op('Reshape', [x, this.ints(target)], [{ dtype: x.dtype, shape: out }])[0]!;
  }

  /** Joins axes `from` to `to` (inclusive) into one. */
  flatten(x: Value, from: number, to: number): Value {
    const a = axisOf(from, x.shape.length, 'flatten');
    const b = axisOf(to, x.shape.length, 'flatten');
    return this.reshape(x, [...x.shape.slice(0, a), dimProduct(x.shape.slice(a, b + 1)), ...x.shape.slice(b + 1)]);
  }

  /** Axis `i` of the result is axis `order[i]` of `x`. */
  transpose(x: Value, order: readonly number[]): Value {
    if ([...order].sort((a, b) => a - b).some((axis, i) => axis !== i) || order.length !== x.shape.length)
      fail(
        'BAD_INPUT',
        `transpose by [${order}]`,
        `${shapeText(x.shape)} has ${x.shape.length} axes`,
        'name each axis once',
      );
    const shape = order.map(axis => x.shape[axis]!);
    return this.op('Transpose', [x], [{ dtype: x.dtype, shape }], { attributes: { perm: { ints: order } } })[0]!;
  }

  /** New axes of length 1; positions are those in the result. */
  unsqueeze(x: Value, axes: readonly number[]): Value {
    const rank = x.shape.length + axes.length;
    const at = axes.map(a => axisOf(a, rank, 'unsqueeze')).sort((a, b) => a - b);
    const shape = [...x.shape];
    for (const a of at) shape.splice(a, 0, 1);
    return this.op('Unsqueeze', [x, this.ints(at)], [{ dtype: x.dtype, shape }])[0]!;
  }

  /** Drops axes of length 1. */
  squeeze(x: Value, axes: readonly number[]): Value {
    const at = axes.map(a => axisOf(a, x.shape.length, 'squeeze'));
    for (const a of at)
      if (x.shape[a] !== 1)
        fail('BAD_INPUT', `squeeze axis ${a}`, `its length is ${x.shape[a]}`, 'only axes of length 1 go');
    const shape = x.shape.filter((_, i) => !at.includes(i));
    return this.op('Squeeze', [x, this.ints(at)], [{ dtype: x.dtype, shape }])[0]!;
  }

  /** One after the other along `axis`. */
  concat(values: readonly Value[], axis: number): Value {
    const first = values[0] ?? fail('BAD_INPUT', 'concat of nothing', 'there is no value', 'pass at least one');
    const a = axisOf(axis, first.shape.length, 'concat');
    for (const v of values)
      if (
        v.dtype !== first.dtype ||
        v.shape.length !== first.shape.length ||
        v.shape.some((d, i) => i !== a && d !== first.shape[i])
      )
        fail(
          'BAD_INPUT',
          `concat of ${shapeText(first.shape)} ${first.dtype} and ${shapeText(v.shape)} ${v.dtype} along axis ${a}`,
          'the other axes and the types must be equal',
          'reshape or cast first',
        );
    const shape = [...first.shape];
    shape[a] = dimSum(values.map(v => v.shape[a]!));
    return this.op('Concat', values, [{ dtype: first.dtype, shape }], { attributes: { axis: { int: a } } })[0]!;
  }

  /** Cuts `axis` into parts of the given lengths. */
  split(x: Value, lengths: readonly number[], axis: number): Value[] {
    const a = axisOf(axis, x.shape.length, 'split');
    if (dimSum(lengths) !== x.shape[a])
      fail('BAD_INPUT', `split axis ${a} of ${shapeText(x.shape)}`, `the parts are [${lengths}]`, 'let them add up');
    const parts = lengths.map(n => ({ dtype: x.dtype, shape: x.shape.map((d, i) => (i === a ? n : d)) }));
    return this.op('Split', [x, this.ints(lengths)], parts, { attributes: { axis: { int: a } } });
  }

  /** `from` (inclusive) to `to` (exclusive) of `axis`; negative numbers count from the end, no `to` means the end. */
  slice(x: Value, axis: number, from: number, to?: number, step = 1): Value {
    const a = axisOf(axis, x.shape.length, 'slice');
    const n = x.shape[a]!;
    let length: Dim;
    if (typeof n === 'number') {
      const place = (i: number) => Math.min(Math.max(i < 0 ? i + n : i, 0), n);
      length = Math.max(0, Math.ceil((place(to ?? n) - place(from)) / step));
    } else
      length =
        from === 0 && to === undefined && step === 1 ? n : `${n.replaceAll('*', '.')}[${from}:${to ?? ''}:${step}]`;
    const end = to ?? 2 ** 31 - 1;
    const inputs = [x, this.ints([from]), this.ints([end]), this.ints([a]), this.ints([step])];
    return this.op('Slice', inputs, [{ dtype: x.dtype, shape: x.shape.map((d, i) => (i === a ? length : d)) }])[0]!;
  }

  /** `x` at integer `indices` along `axis`: the axis is replaced by the axes of `indices`. */
  gather(x: Value, indices: Value, axis: number): Value {
    const a = axisOf(axis, x.shape.length, 'gather');
    const shape = [...x.shape.slice(0, a), ...indices.shape, ...x.shape.slice(a + 1)];
    return this.op('Gather', [x, indices], [{ dtype: x.dtype, shape }], { attributes: { axis: { int: a } } })[0]!;
  }

  /** `x` at `indices` of its own rank: the other axes go along. */
  gatherElements(x: Value, indices: Value, axis: number): Value {
    const a = axisOf(axis, x.shape.length, 'gatherElements');
    const out = { dtype: x.dtype, shape: indices.shape };
    return this.op('GatherElements', [x, indices], [out], { attributes: { axis: { int: a } } })[0]!;
  }

  /** Repeats axes of length 1 up to a fixed shape. */
  expand(x: Value, shape: readonly number[]): Value {
    const out = broadcast(x.shape, shape, 'expand');
    return this.op('Expand', [x, this.ints(shape)], [{ dtype: x.dtype, shape: out }])[0]!;
  }

  /** Repeats `x` (first axis 1) along the first axis as often as `like` is long there: a class token per picture. */
  expandBatch(x: Value, like: Value): Value {
    if (x.shape[0] !== 1)
      fail('BAD_INPUT', `expandBatch of ${shapeText(x.shape)}`, 'axis 0 must be 1', 'unsqueeze first');
    const [dims] = this.op('Shape', [like], [{ dtype: 'int64', shape: [1] }], {
      attributes: { start: { int: 0 }, end: { int: 1 } },
    });
    const target = this.concat([dims!, this.ints(x.shape.slice(1).map(() => 1))], 0);
    return this.op('Expand', [x, target], [{ dtype: x.dtype, shape: [like.shape[0]!, ...x.shape.slice(1)] }])[0]!;
  }

  /** Adds `before[i]` and `after[i]` copies of `value` around axis `i`. */
  pad(x: Value, before: readonly number[], after: readonly number[], value = 0): Value {
    if (before.length !== x.shape.length || after.length !== x.shape.length)
      fail(
        'BAD_INPUT',
        `pad ${shapeText(x.shape)}`,
        'before and after need one number per axis',
        'pass zeros for the rest',
      );
    const shape = x.shape.map((d, i) => (before[i] || after[i] ? dimSum([d, before[i]! + after[i]!]) : d));
    const inputs = [x, this.ints([...before, ...after]), this.scalar(value)];
    return this.op('Pad', inputs, [{ dtype: x.dtype, shape }])[0]!;
  }

  /** The same numbers in another type; nothing happens when it already is. */
  cast(x: Value, to: Dtype): Value {
    if (x.dtype === to) return x;
    return this.op('Cast', [x], [{ dtype: to, shape: x.shape }], { attributes: { to: { int: DTYPES[to].code } } })[0]!;
  }
}
