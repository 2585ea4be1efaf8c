import { fail } from '../core/index.ts';
import { MICROSOFT } from './core.ts';
import { MathOps } from './math-ops.ts';
import type { Value } from './model.ts';
import { convDim, type Dim, shapeText } from './shape.ts';

/** One number for both axes, or `[y, x]`. */
export type Pair = number | readonly [number, number];

const both = (p: Pair): readonly [number, number] => (typeof p === 'number' ? [p, p] : p);

/** Scale by which `from` pixels become `to`. Runtimes multiply and round down, so a float32 below to / from loses a pixel. */
function scaleTo(from: number, to: number): number {
  const scale = Math.fround(to / from);
  return from * scale < to ? Math.fround(scale * (1 + 2 ** -23)) : scale;
}

export interface ConvOptions {
  readonly bias?: Value | undefined;
  readonly stride?: Pair;
  /** The same on both sides of an axis. */
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
}

export interface ConvTransposeOptions extends ConvOptions {
  readonly outputPadding?: Pair;
}

/**
 * Builds an ONNX graph the way a PyTorch module computes: one call per line, shapes known as you go.
 * Images are `[batch, channel, height, width]`, tokens `[batch, token, channel]`.
 * Wrong shapes throw {@link DenseError} BAD_INPUT where they are built, not when the graph is loaded.
 */
export class GraphBuilder extends MathOps {
  private planes(x: Value, where: string): readonly [Dim, Dim, Dim, Dim] {
    if (x.shape.length !== 4)
      fail(
        'BAD_INPUT',
        `${where} of ${shapeText(x.shape)}`,
        'it takes [batch, channel, height, width]',
        'reshape first',
      );
    return x.shape as readonly [Dim, Dim, Dim, Dim];
  }

  /** torch.nn.Conv2d; weight `[out, in / groups, kernelY, kernelX]`. */
  conv(x: Value, weight: Value, options: ConvOptions = {}): Value {
    const [batch, channels, height, width] = this.planes(x, 'conv');
    const [stride, pad, dilation] = [
      both(options.stride ?? 1),
      both(options.padding ?? 0),
      both(options.dilation ?? 1),
    ];
    const groups = options.groups ?? 1;
    const [out, perGroup, ky, kx] = weight.shape as readonly number[];
    if (weight.shape.length !== 4 || channels !== perGroup! * groups || (options.bias && options.bias.shape[0] !== out))
      fail(
        'BAD_INPUT',
        `conv of ${shapeText(x.shape)} by "${weight.name}" ${shapeText(weight.shape)} in ${groups} groups`,
        `the weight takes ${perGroup! * groups} channels`,
        'check the configuration against the checkpoint',
      );
    const shape: Dim[] = [
      batch,
      out!,
      convDim(height, ky!, stride[0], pad[0], pad[0], dilation[0]),
      convDim(width, kx!, stride[1], pad[1], pad[1], dilation[1]),
    ];
    const attributes = {
      kernel_shape: { ints: [ky!, kx!] },
      strides: { ints: stride },
      pads: { ints: [...pad, ...pad] },
      dilations: { ints: dilation },
      group: { int: groups },
    };
    return this.op('Conv', [x, weight, options.bias], [{ dtype: x.dtype, shape }], { attributes })[0]!;
  }

  /** torch.nn.ConvTranspose2d; weight `[in, out / groups, kernelY, kernelX]`. */
  convTranspose(x: Value, weight: Value, options: ConvTransposeOptions = {}): Value {
    const [batch, channels, height, width] = this.planes(x, 'convTranspose');
    const [stride, pad, dilation] = [
      both(options.stride ?? 1),
      both(options.padding ?? 0),
      both(options.dilation ?? 1),
    ];
    const extra = both(options.outputPadding ?? 0);
    const groups = options.groups ?? 1;
    const [taken, perGroup, ky, kx] = weight.shape as readonly number[];
    if (weight.shape.length !== 4 || channels !== taken)
      fail(
        'BAD_INPUT',
        `convTranspose of ${shapeText(x.shape)} by "${weight.name}" ${shapeText(weight.shape)}`,
        `the weight takes ${taken} channels`,
        'check the configuration against the checkpoint',
      );
    const length = (n: Dim, axis: 0 | 1, kernel: number): Dim =>
      typeof n === 'number'
        ? (n - 1) * stride[axis] - 2 * pad[axis] + dilation[axis] * (kernel - 1) + extra[axis] + 1
        : `up(${n.replaceAll('*', '.')},${stride[axis]})`;
    const shape = [batch, perGroup! * groups, length(height, 0, ky!), length(width, 1, kx!)];
    const attributes = {
      kernel_shape: { ints: [ky!, kx!] },
      strides: { ints: stride },
      pads: { ints: [...pad, ...pad] },
      dilations: { ints: dilation },
      output_padding: { ints: extra },
      group: { int: groups },
    };
    return this.op('ConvTranspose', [x, weight, options.bias], [{ dtype: x.dtype, shape }], { attributes })[0]!;
  }

  private pool(
    type: string,
    x: Value,
    kernel: Pair,
    options: { readonly stride?: Pair; readonly padding?: Pair },
  ): Value {
    const [batch, channels, height, width] = this.planes(x, type);
    const k = both(kernel);
    const stride = both(options.stride ?? kernel);
    const pad = both(options.padding ?? 0);
    const shape = [
      batch,
      channels,
      convDim(height, k[0], stride[0], pad[0], pad[0]),
      convDim(width, k[1], stride[1], pad[1], pad[1]),
    ];
    const attributes = { kernel_shape: { ints: k }, strides: { ints: stride }, pads: { ints: [...pad, ...pad] } };
    return this.op(type, [x], [{ dtype: x.dtype, shape }], { attributes })[0]!;
  }

  /** torch.nn.MaxPool2d; the stride defaults to the kernel. */
  maxPool(x: Value, kernel: Pair, options: { readonly stride?: Pair; readonly padding?: Pair } = {}): Value {
    return this.pool('MaxPool', x, kernel, options);
  }

  /** torch.nn.AvgPool2d with count_include_pad=False; the stride defaults to the kernel. */
  averagePool(x: Value, kernel: Pair, options: { readonly stride?: Pair; readonly padding?: Pair } = {}): Value {
    return this.pool('AveragePool', x, kernel, options);
  }

  /** torch F.interpolate to a fixed size. `linear` without antialias; `cubic` with a = -0.75 as PyTorch. */
  resize(
    x: Value,
    height: number,
    width: number,
    options: { readonly mode?: 'nearest' | 'linear' | 'cubic'; readonly alignCorners?: boolean } = {},
  ): Value {
    const [batch, channels, h, w] = this.planes(x, 'resize');
    const mode = options.mode ?? 'linear';
    const transform = options.alignCorners ? 'align_corners' : mode === 'nearest' ? 'asymmetric' : 'half_pixel';
    const attributes = {
      mode: { string: mode },
      coordinate_transformation_mode: { string: transform },
      ...(mode === 'nearest' ? { nearest_mode: { string: 'floor' } } : {}),
      ...(mode === 'cubic' ? { cubic_coeff_a: { float: -0.75 } } : {}),
    };
    const out = [{ dtype: x.dtype, shape: [batch, channels, height, width] as Dim[] }];
    if (typeof batch === 'number' && typeof channels === 'number') {
      const sizes = this.ints([batch, channels, height, width]);
      return this.op('Resize', [x, undefined, undefined, sizes], out, { attributes })[0]!;
    }
    if (typeof h !== 'number' || typeof w !== 'number')
      return fail(
        'BAD_INPUT',
        `resize of ${shapeText(x.shape)}`,
        'height and width must be numbers',
        'fix the input size',
      );
    const scales = this.constant(Float32Array.of(1, 1, scaleTo(h, height), scaleTo(w, width)));
    return this.op('Resize', [x, undefined, scales], out, { attributes })[0]!;
  }

  /** torch.nn.GroupNorm on `[batch, channel, height, width]`; written with InstanceNormalization as PyTorch exports it. */
  groupNorm(x: Value, groups: number, weight: Value, bias: Value, eps: number): Value {
    const [batch, channels, height, width] = this.planes(x, 'groupNorm');
    if (typeof channels !== 'number' || channels % groups !== 0 || weight.shape[0] !== channels)
      fail(
        'BAD_INPUT',
        `groupNorm of ${shapeText(x.shape)} in ${groups} groups by "${weight.name}" ${shapeText(weight.shape)}`,
        'channels must divide by groups and the weight has one number per channel',
        'check the configuration against the checkpoint',
      );
    const ones = this.constant(new Float32Array(groups).fill(1));
    const zeros = this.constant(new Float32Array(groups));
    const grouped = this.reshape(x, [batch, groups, -1]);
    const attributes = { epsilon: { float: eps } };
    const out = [{ dtype: x.dtype, shape: grouped.shape }];
    const normed = this.op('InstanceNormalization', [grouped, ones, zeros], out, { attributes })[0]!;
    const back = this.reshape(normed, [batch, channels, height, width]);
    return this.add(this.mul(back, this.reshape(weight, [channels, 1, 1])), this.reshape(bias, [channels, 1, 1]));
  }

  /** LayerNorm over the channels of an image, as ViTDet and ConvNeXt use it. */
  layerNorm2d(x: Value, weight: Value, bias: Value | undefined, eps: number): Value {
    this.planes(x, 'layerNorm2d');
    return this.transpose(this.layerNorm(this.transpose(x, [0, 2, 3, 1]), weight, bias, eps), [0, 3, 1, 2]);
  }

  /**
   * Multi-head attention, softmax(scale q kT + mask) v.
   *
   * @param q `[batch, n, channel]`, @param k and @param v `[batch, m, channel]`; channels hold the heads one after the other
   * @param options.scale default 1 / sqrt(channel / heads)
   * @param options.mask  `[n, m]`, added to the scores before the softmax
   * @returns `[batch, n, channel]`
   */
  attention(
    q: Value,
    k: Value,
    v: Value,
    heads: number,
    options: { readonly scale?: number; readonly mask?: Value } = {},
  ): Value {
    const [batch, n, channels] = q.shape as readonly [Dim, Dim, Dim];
    const m = k.shape[1]!;
    if (q.shape.length !== 3 || typeof channels !== 'number' || channels % heads !== 0 || k.shape[2] !== channels)
      fail(
        'BAD_INPUT',
        `attention of ${shapeText(q.shape)} over ${shapeText(k.shape)} with ${heads} heads`,
        'both are [batch, token, channel] with channels divisible by heads',
        'check the configuration',
      );
    const depth = channels / heads;
    const scale = options.scale ?? depth ** -0.5;
    if (this.lowering === 'fast') {
      const mask = options.mask && this.unsqueeze(options.mask, [0, 1]);
      const attributes = { num_heads: { int: heads }, scale: { float: scale } };
      const inputs = [q, k, v, undefined, undefined, mask];
      const out = [{ dtype: q.dtype, shape: q.shape }];
      return this.op('MultiHeadAttention', inputs, out, { attributes, domain: MICROSOFT })[0]!;
    }
    const split = (x: Value, length: Dim, order: number[]) =>
      this.transpose(this.reshape(x, [x.shape[0]!, length, heads, depth]), order);
    const scores = this.matmul(this.mul(split(q, n, [0, 2, 1, 3]), scale), split(k, m, [0, 2, 3, 1])); // [b, h, n, m]
    const weights = this.softmax(options.mask ? this.add(scores, options.mask) : scores);
    const mixed = this.matmul(weights, split(v, m, [0, 2, 1, 3])); // [b, h, n, d]
    return this.reshape(this.transpose(mixed, [0, 2, 1, 3]), [batch, n, channels]);
  }

  /**
   * Rotary embedding of neighbouring pairs, (a, b) to (a cos - b sin, b cos + a sin), the same in every head.
   *
   * @param x   `[batch, n, channel]`
   * @param cos and @param sin `[n, channel / heads / 2]`
   */
  rotary(x: Value, cos: Value, sin: Value, heads: number): Value {
    const [batch, n, channels] = x.shape as readonly [Dim, Dim, number];
    const pairs = channels / heads / 2;
    if (x.shape.length !== 3 || cos.shape[1] !== pairs || cos.shape[0] !== n || sin.shape[1] !== pairs)
      fail(
        'BAD_INPUT',
        `rotary of ${shapeText(x.shape)} with ${heads} heads by a table ${shapeText(cos.shape)}`,
        `the table needs [${n}, ${pairs}]`,
        'compute the table for this grid and head size',
      );
    if (this.lowering === 'fast') {
      const attributes = { interleaved: { int: 1 } };
      const inputs = [x, this.ints([0]), cos, sin];
      const out = [{ dtype: x.dtype, shape: x.shape }];
      return this.op('RotaryEmbedding', inputs, out, { attributes, domain: MICROSOFT })[0]!;
    }
    const table = (t: Value) => this.reshape(t, [n, 1, pairs, 1]);
    const [a, b] = this.split(this.reshape(x, [batch, n, heads, pairs, 2]), [1, 1], -1);
    const [c, s] = [table(cos), table(sin)];
    const rotated = [this.sub(this.mul(a!, c), this.mul(b!, s)), this.add(this.mul(b!, c), this.mul(a!, s))];
    return this.reshape(this.concat(rotated, -1), [batch, n, channels]);
  }
}
