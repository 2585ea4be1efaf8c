/**
 * The Perception Encoder vision tower as a graph, in the order of its forward pass.
 * @see facebookresearch/perception_models core/vision_encoder/pe.py VisionTransformer
 */
import { fail } from '../core/index.ts';
import { dimProduct, type GraphBuilder, type Value, type WeightSource, weightRows } from '../onnx/index.ts';
import type { BackboneConfig } from './config.ts';
import { attentionPool } from './pool.ts';
import { fitPositions } from './positions.ts';
import { ropeTable } from './rope.ts';
import { joinWindows, splitWindows, type WindowGrid, windowGrid } from './window.ts';

/** Weights under Meta's canonical names. @throws {DenseError} BAD_CHECKPOINT for a name it does not have */
export type Weights = (name: string) => WeightSource;

export interface BackboneGraphOptions {
  /** Blocks after which tokens are wanted, counted from 1. */
  readonly taps?: readonly number[];
  /** Tokens after the last block and ln_post (where there is one), class token dropped. */
  readonly normed?: boolean;
  /** Pooled and projected vector of length 1 per picture. */
  readonly embedding?: boolean;
  /** Put before weight names in the graph: for networks with several towers. */
  readonly prefix?: string;
}

/** What a tower computes. Tokens are `[batch, token, channel]`, row by row over the grid. */
export interface BackboneGraph {
  readonly gridHeight: number;
  readonly gridWidth: number;
  /** Tokens before the patches: 1 with a class token, else 0. */
  readonly prefixTokens: number;
  /** After i blocks, class token first where there is one, before ln_post. */
  readonly taps: ReadonlyMap<number, Value>;
  readonly normed?: Value;
  /** `[batch, outputDim]` (or width without a projection), Euclidean length 1. */
  readonly embedding?: Value;
}

/** What one block needs to know. */
interface Context {
  readonly b: GraphBuilder;
  readonly config: BackboneConfig;
  readonly weight: (name: string) => Value;
  readonly rows: (name: string, from: number, to: number) => Value;
}

/** Rotary table of an attention, in the graph. */
interface Rotary {
  readonly cos: Value;
  readonly sin: Value;
}

/**
 * Patches per axis.
 * @throws {DenseError} BAD_INPUT when the size is no multiple of the patch
 */
export function patchGrid(config: BackboneConfig, height: number, width: number): readonly [number, number] {
  const { patch } = config;
  if (!(Number.isInteger(height / patch) && Number.isInteger(width / patch) && height > 0 && width > 0)) {
    const near = (n: number) => Math.max(1, Math.round(n / patch)) * patch;
    fail(
      'BAD_INPUT',
      `size ${width} x ${height}`,
      `width and height must be multiples of the patch, ${patch} pixels`,
      `use ${near(width)} x ${near(height)}`,
    );
  }
  return [height / patch, width / patch];
}

/** x + LayerScale(attention(LayerNorm(x))), x + LayerScale(MLP(LayerNorm(x))). */
function residualBlock(
  ctx: Context,
  x: Value,
  i: number,
  rotary: Rotary | undefined,
  padded: WindowGrid | undefined,
): Value {
  const { b, config, weight } = ctx;
  const name = `transformer.resblocks.${i}`;
  const norm = (v: Value, at: string) =>
    b.layerNorm(v, weight(`${name}.${at}.weight`), weight(`${name}.${at}.bias`), config.lnEps);
  const scaled = (v: Value, at: string) => (config.layerScale ? b.mul(v, weight(`${name}.${at}.gamma`)) : v);
  return b.scope(name, () => {
    const tokens = x.shape;
    let y = norm(x, 'ln_1'); // [batch, n, C]
    if (padded) y = splitWindows(b, y, padded);
    y = b.scope('attn', () => selfAttention(ctx, y, `${name}.attn`, rotary));
    if (padded) y = joinWindows(b, y, padded);
    x = b.add(x, scaled(y, 'ls_1'));

    const rows = b.reshape(x, [dimProduct([tokens[0]!, tokens[1]!]), config.width]); // [batch * n, C]
    y = norm(rows, 'ln_2');
    y = b.scope('mlp', () => {
      const hidden = b.linear(y, weight(`${name}.mlp.c_fc.weight`), weight(`${name}.mlp.c_fc.bias`)); // [batch * n, mlpWidth]
      return b.linear(b.gelu(hidden), weight(`${name}.mlp.c_proj.weight`), weight(`${name}.mlp.c_proj.bias`));
    });
    return b.reshape(b.add(rows, scaled(y, 'ls_2')), tokens);
  });
}

function selfAttention(ctx: Context, x: Value, name: string, rotary: Rotary | undefined): Value {
  const { b, config, weight } = ctx;
  const c = config.width;
  const qkv = b.linear(x, weight(`${name}.in_proj_weight`), weight(`${name}.in_proj_bias`)); // [batch, n, 3 C]
  let [q, k, v] = b.split(qkv, [c, c, c], -1) as [Value, Value, Value];
  if (rotary) {
    q = b.rotary(q, rotary.cos, rotary.sin, config.heads);
    k = b.rotary(k, rotary.cos, rotary.sin, config.heads);
  }
  const mixed = b.attention(q, k, v, config.heads); // [batch, n, C]
  return b.linear(mixed, weight(`${name}.out_proj.weight`), weight(`${name}.out_proj.bias`));
}

/** Patches, class token, learned positions, ln_pre. */
function embed(ctx: Context, image: Value, grid: readonly [number, number], weights: Weights): Value {
  const { b, config, weight } = ctx;
  const [gridHeight, gridWidth] = grid;
  const c = config.width;
  const patches = b.conv(image, weight('conv1.weight'), { stride: config.patch }); // [batch, C, gridHeight, gridWidth]
  let x = b.transpose(b.flatten(patches, 2, 3), [0, 2, 1]); // [batch, n, C]
  if (config.classToken) {
    const token = b.reshape(weight('class_embedding'), [1, 1, c]);
    x = b.concat([b.expandBatch(token, x), x], 1); // [batch, 1 + n, C]
  }
  if (config.positions !== 'none') {
    const source = weights('positional_embedding');
    const native = gridHeight === gridWidth && gridHeight === Math.floor(config.imageSize / config.patch);
    let table: Value;
    if (native) table = weight('positional_embedding');
    else if ('data' in source && source.data instanceof Float32Array) {
      const fitted = fitPositions(source.data, config, gridHeight, gridWidth);
      table = b.constant(fitted, [fitted.length / c, c], `positional_embedding/${gridHeight}x${gridWidth}`);
    } else
      return fail(
        'BAD_INPUT',
        'positional_embedding lies in a file',
        `it must be resized to a grid of ${gridHeight} x ${gridWidth}, so its numbers are needed`,
        'load it into memory (checkpointWeights does)',
      );
    x = b.add(x, table);
  }
  return config.lnPre ? b.layerNorm(x, weight('ln_pre.weight'), weight('ln_pre.bias'), config.lnEps) : x;
}

/**
 * Adds a tower to a graph.
 *
 * @param image   `[batch, 3, height, width]`, normalised; height and width are numbers
 * @param weights see {@link checkpointWeights}
 * @throws {DenseError} BAD_INPUT for a size that is no multiple of the patch, a tap that is no block, or an embedding that
 *   the architecture does not have
 */
export function addBackbone(
  b: GraphBuilder,
  image: Value,
  config: BackboneConfig,
  weights: Weights,
  options: BackboneGraphOptions,
): BackboneGraph {
  const [height, width] = image.shape.slice(2) as [number, number];
  const [gridHeight, gridWidth] = patchGrid(config, height, width);
  const wanted = new Set(options.taps ?? []);
  for (const tap of wanted)
    if (!Number.isInteger(tap) || tap < 1 || tap > config.layers)
      fail('BAD_INPUT', `layer ${tap}`, `the network has ${config.layers} blocks`, `use 1 to ${config.layers}`);
  if (options.embedding && config.pool === 'none')
    fail('BAD_INPUT', 'an embedding', 'this architecture has no pooling head', 'use a PE-Core architecture');
  const last = options.normed || options.embedding ? config.layers : Math.max(0, ...wanted);
  const prefix = options.prefix ?? '';
  const ctx: Context = {
    b,
    config,
    weight: name => b.weight(prefix + name, weights(name)),
    rows: (name, from, to) => b.weight(`${prefix}${name}[${from}:${to}]`, weightRows(weights(name), from, to)),
  };

  const rotaryFor = (h: number, w: number, kind: string): Rotary | undefined => {
    if (config.rope === 'none') return undefined;
    const { cos, sin, tokens, pairs } = ropeTable(config, h, w);
    return {
      cos: b.constant(cos, [tokens, pairs], `rope/${kind}cos`),
      sin: b.constant(sin, [tokens, pairs], `rope/${kind}sin`),
    };
  };
  const windows = config.window && windowGrid(gridHeight, gridWidth, config.window.size);
  const global = new Set(config.window?.globalBlocks ?? []);
  const everywhere = rotaryFor(gridHeight, gridWidth, '');
  const inWindow = windows && rotaryFor(windows.size, windows.size, 'window.');

  let x = embed(ctx, image, [gridHeight, gridWidth], weights); // [batch, prefix + n, C]
  let split = false; // tokens are in window order: kept over neighbouring windowed blocks, as nothing else mixes tokens
  const taps = new Map<number, Value>();
  for (let i = 0; i < last; i++) {
    const windowed = windows !== undefined && !global.has(i);
    const reorder = windowed && !windows.padded;
    if (windows && reorder !== split) x = reorder ? splitWindows(b, x, windows) : joinWindows(b, x, windows);
    split = reorder;
    x = residualBlock(ctx, x, i, windowed ? inWindow : everywhere, windowed && windows.padded ? windows : undefined);
    if (wanted.has(i + 1)) taps.set(i + 1, windows && split ? joinWindows(b, x, windows) : x);
  }
  if (windows && split) x = joinWindows(b, x, windows);

  const prefixTokens = config.classToken ? 1 : 0;
  const result = { gridHeight, gridWidth, prefixTokens, taps };
  if (!options.normed && !options.embedding) return result;
  if (config.lnPost) x = b.layerNorm(x, ctx.weight('ln_post.weight'), ctx.weight('ln_post.bias'), config.lnEps);
  const normed = prefixTokens ? b.slice(x, 1, 1) : x;
  if (!options.embedding) return { ...result, normed };
  const embedding = poolTokens(ctx, x);
  return options.normed ? { ...result, normed, embedding } : { ...result, embedding };
}

function poolTokens(ctx: Context, x: Value): Value {
  const { b, config, weight } = ctx;
  let pooled: Value; // [batch, C]
  if (config.pool === 'attn') pooled = attentionPool(ctx, x);
  else if (config.pool === 'tok') pooled = b.squeeze(b.slice(x, 1, 0, 1), [1]);
  else pooled = b.mean(x, [1]);
  if (config.outputDim !== null) pooled = b.linear(pooled, weight('proj'), undefined, { transposed: true });
  return b.l2Normalize(pooled);
}

/**
 * Patch tokens as an image, the prefix tokens dropped: what convolutional heads take.
 * @param tokens a tap of `tower`, `[batch, prefix + n, C]`
 * @returns `[batch, C, gridHeight, gridWidth]`
 */
export function tokensToImage(b: GraphBuilder, tokens: Value, tower: BackboneGraph): Value {
  const patches = tower.prefixTokens ? b.slice(tokens, 1, tower.prefixTokens) : tokens;
  const [batch, , channels] = patches.shape;
  return b.reshape(b.transpose(patches, [0, 2, 1]), [batch!, channels!, tower.gridHeight, tower.gridWidth]);
}
