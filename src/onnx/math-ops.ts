import { fail } from '../core/index.ts';
import type { Value } from './model.ts';
import { axisOf, broadcast, type Dim, dimProduct, shapeText } from './shape.ts';
import { ShapeOps } from './shape-ops.ts';

/** Arithmetic, products of matrices, reductions and norms. Numbers given as numbers become float32 scalars. */
export class MathOps extends ShapeOps {
  private lift(x: Value | number): Value {
    return typeof x === 'number' ? this.scalar(x) : x;
  }

  private binary(type: string, a: Value | number, b: Value | number): Value {
    const x = this.lift(a);
    const y = this.lift(b);
    if (x.dtype !== y.dtype)
      fail('BAD_INPUT', `${type} of ${x.dtype} and ${y.dtype}`, 'the types differ', 'cast one of them');
    return this.op(type, [x, y], [{ dtype: x.dtype, shape: broadcast(x.shape, y.shape, type) }])[0]!;
  }

  private unary(type: string, x: Value): Value {
    return this.op(type, [x], [{ dtype: x.dtype, shape: x.shape }])[0]!;
  }

  add(a: Value | number, b: Value | number): Value {
    return this.binary('Add', a, b);
  }
  sub(a: Value | number, b: Value | number): Value {
    return this.binary('Sub', a, b);
  }
  mul(a: Value | number, b: Value | number): Value {
    return this.binary('Mul', a, b);
  }
  div(a: Value | number, b: Value | number): Value {
    return this.binary('Div', a, b);
  }
  pow(a: Value | number, b: Value | number): Value {
    return this.binary('Pow', a, b);
  }
  min(a: Value | number, b: Value | number): Value {
    return this.binary('Min', a, b);
  }
  max(a: Value | number, b: Value | number): Value {
    return this.binary('Max', a, b);
  }
  relu(x: Value): Value {
    return this.unary('Relu', x);
  }
  sigmoid(x: Value): Value {
    return this.unary('Sigmoid', x);
  }
  tanh(x: Value): Value {
    return this.unary('Tanh', x);
  }
  exp(x: Value): Value {
    return this.unary('Exp', x);
  }
  log(x: Value): Value {
    return this.unary('Log', x);
  }
  sqrt(x: Value): Value {
    return this.unary('Sqrt', x);
  }
  abs(x: Value): Value {
    return this.unary('Abs', x);
  }
  neg(x: Value): Value {
    return this.unary('Neg', x);
  }
  erf(x: Value): Value {
    return this.unary('Erf', x);
  }
  softplus(x: Value): Value {
    return this.unary('Softplus', x);
  }

  /** `x * sigmoid(x)` (swish). */
  silu(x: Value): Value {
    return this.mul(x, this.sigmoid(x));
  }

  /** torch.nn.Hardswish: x min(max(x / 6 + 1/2, 0), 1). */
  hardSwish(x: Value): Value {
    return this.op('HardSwish', [x], [{ dtype: x.dtype, shape: x.shape }])[0]!;
  }

  /** Clamps to `[low, high]`; either end may be left open. */
  clip(x: Value, low?: number, high?: number): Value {
    const ends = [low, high].map(v => (v === undefined ? undefined : this.scalar(v)));
    return this.op('Clip', [x, ...ends], [{ dtype: x.dtype, shape: x.shape }])[0]!;
  }

  softmax(x: Value, axis = -1): Value {
    const a = axisOf(axis, x.shape.length, 'softmax');
    return this.op('Softmax', [x], [{ dtype: x.dtype, shape: x.shape }], { attributes: { axis: { int: a } } })[0]!;
  }

  /** Exact GELU, `x * (1 + erf(x / sqrt 2)) / 2`: one operator from opset 20, spelled out before. */
  gelu(x: Value): Value {
    if (this.opset >= 20) return this.unary('Gelu', x);
    return this.mul(this.mul(x, this.add(this.erf(this.div(x, Math.SQRT2)), 1)), 0.5);
  }

  /** Product over the last two axes; the axes before broadcast. */
  matmul(a: Value, b: Value): Value {
    const where = `matmul ${shapeText(a.shape)} x ${shapeText(b.shape)}`;
    if (a.shape.length < 2 || b.shape.length < 2 || a.shape.at(-1) !== b.shape.at(-2))
      fail(
        'BAD_INPUT',
        where,
        'the last axis of the first must be the second-last of the second',
        'transpose or reshape',
      );
    const lead = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2), where);
    return this.op('MatMul', [a, b], [{ dtype: a.dtype, shape: [...lead, a.shape.at(-2)!, b.shape.at(-1)!] }])[0]!;
  }

  /**
   * torch.nn.Linear: `[..., in]` to `[..., out]` by a weight stored `[out, in]`, used as it lies (Gemm with transB=1;
   * a transposed copy would double start time and memory). `transposed`: the weight is `[in, out]`.
   */
  linear(x: Value, weight: Value, bias?: Value, options: { readonly transposed?: boolean } = {}): Value {
    const [out, wanted] = options.transposed ? [weight.shape[1], weight.shape[0]] : [weight.shape[0], weight.shape[1]];
    const given = x.shape.at(-1);
    if (weight.shape.length !== 2 || given !== wanted || (bias && bias.shape.at(-1) !== out))
      fail(
        'BAD_INPUT',
        `linear of ${shapeText(x.shape)} by "${weight.name}" ${shapeText(weight.shape)}`,
        `the weight takes ${wanted} channels${bias ? ` and its bias is ${shapeText(bias.shape)}` : ''}`,
        'check the configuration against the checkpoint',
      );
    const lead = x.shape.slice(0, -1);
    const rows = lead.length === 1 ? x : this.reshape(x, [dimProduct(lead), given!]);
    const attributes = options.transposed ? {} : { transB: { int: 1 } };
    const shape = [rows.shape[0]!, out!];
    const y = this.op('Gemm', [rows, weight, bias], [{ dtype: x.dtype, shape }], { attributes })[0]!;
    return lead.length === 1 ? y : this.reshape(y, [...lead, out!]);
  }

  /** torch.nn.LayerNorm over the last axis. */
  layerNorm(x: Value, weight: Value, bias: Value | undefined, eps: number): Value {
    if (weight.shape.length !== 1 || weight.shape[0] !== x.shape.at(-1))
      fail(
        'BAD_INPUT',
        `layerNorm of ${shapeText(x.shape)} by "${weight.name}" ${shapeText(weight.shape)}`,
        'the weight has one number per channel',
        'check the configuration against the checkpoint',
      );
    const attributes = { axis: { int: -1 }, epsilon: { float: eps } };
    return this.op('LayerNormalization', [x, weight, bias], [{ dtype: x.dtype, shape: x.shape }], { attributes })[0]!;
  }

  private reduce(type: string, x: Value, axes: readonly number[], keep: boolean, axesAsInput: boolean): Value {
    const at = axes.map(a => axisOf(a, x.shape.length, type));
    const shape: Dim[] = [];
    x.shape.forEach((d, i) => {
      if (!at.includes(i)) shape.push(d);
      else if (keep) shape.push(1);
    });
    const keepdims = { int: keep ? 1 : 0 };
    const out = [{ dtype: x.dtype, shape }];
    if (axesAsInput) return this.op(type, [x, this.ints(at)], out, { attributes: { keepdims } })[0]!;
    return this.op(type, [x], out, { attributes: { axes: { ints: at }, keepdims } })[0]!;
  }

  sum(x: Value, axes: readonly number[], keep = false): Value {
    return this.reduce('ReduceSum', x, axes, keep, true);
  }
  mean(x: Value, axes: readonly number[], keep = false): Value {
    return this.reduce('ReduceMean', x, axes, keep, this.opset >= 18);
  }
  reduceMax(x: Value, axes: readonly number[], keep = false): Value {
    return this.reduce('ReduceMax', x, axes, keep, this.opset >= 18);
  }

  /** Divides by the Euclidean length along `axis`; lengths below `eps` count as `eps` (torch F.normalize). */
  l2Normalize(x: Value, axis = -1, eps = 1e-12): Value {
    const length = this.sqrt(this.sum(this.mul(x, x), [axis], true));
    return this.div(x, this.max(length, eps));
  }

  /** The `k` largest along `axis`, largest first. */
  topK(x: Value, k: number, axis = -1): { values: Value; indices: Value } {
    const a = axisOf(axis, x.shape.length, 'topK');
    const shape = x.shape.map((d, i) => (i === a ? k : d));
    const outputs = [
      { dtype: x.dtype, shape },
      { dtype: 'int64' as const, shape },
    ];
    const [values, indices] = this.op('TopK', [x, this.ints([k])], outputs, { attributes: { axis: { int: a } } });
    return { values: values!, indices: indices! };
  }
}
