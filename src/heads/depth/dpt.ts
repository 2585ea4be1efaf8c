/**
 * DPT depth head on four taps of a plain vision transformer, slimmed for small backbones.
 *
 * Each tap becomes a map at 4, 2, 1 or 1/2 times the patch grid; from the deepest on they are fused, refined and enlarged.
 * @see Ranftl et al. 2021, arXiv 2103.13413, section 3; tools/train/dpt.py (the same network in PyTorch, batch norms not yet
 *   folded, with its differences from the paper)
 */
import { type BackboneGraph, tokensToImage, type Weights } from '../../backbone/index.ts';
import { fail } from '../../core/index.ts';
import type { GraphBuilder, Value } from '../../onnx/index.ts';

/** What model.json says of a depth head; widths are read from the weights. */
export interface DptConfig {
  /** Four blocks, for the finest map first. */
  readonly taps: readonly number[];
  readonly output: 'relative' | 'metric';
  /** Pixels of the network's input per pixel of the map; default 2. */
  readonly stride?: 1 | 2 | undefined;
  /** Metric only: number of bins, whose centres are evenly spaced in log depth from `near` to `far` metres, ends included. */
  readonly bins?: number | undefined;
  readonly near?: number | undefined;
  readonly far?: number | undefined;
}

/** Tensors of a weights file: their names, and a lookup. */
export interface DptWeights {
  readonly names: Iterable<string>;
  readonly weights: Weights;
}

const NORM_EPS = 1e-5; // torch.nn.LayerNorm's default, as trained
const LEVELS = 4;

/** What the blocks need: the builder and its folded weights. */
interface Context {
  readonly b: GraphBuilder;
  readonly w: (name: string) => Value;
  readonly has: (name: string) => boolean;
}

/** Size of the map for an input, pixels. */
export function dptSize(
  { stride = 2 }: { readonly stride?: 1 | 2 | undefined },
  height: number,
  width: number,
): { height: number; width: number } {
  return { height: Math.floor(height / stride), width: Math.floor(width / stride) };
}

/** A folded convolution with `same` padding. */
function conv(ctx: Context, x: Value, name: string, options: { stride?: number; groups?: number } = {}): Value {
  const weight = ctx.w(`${name}.weight`);
  const padding = Math.floor((weight.shape[2] as number) / 2);
  return ctx.b.conv(x, weight, { bias: ctx.w(`${name}.bias`), padding, ...options });
}

/** A 3 x 3 convolution of a unit, whole or depthwise and then pointwise, as its weights are. x `[batch, F, h, w]` */
function unitConv(ctx: Context, x: Value, name: string): Value {
  if (!ctx.has(`${name}.dw.weight`)) return conv(ctx, x, name);
  return conv(ctx, conv(ctx, x, `${name}.dw`, { groups: x.shape[1] as number }), `${name}.pw`);
}

/** x + conv2(relu(conv1(relu(x)))); x `[batch, F, h, w]` */
function residualUnit(ctx: Context, x: Value, name: string): Value {
  const { b } = ctx;
  const inner = unitConv(ctx, b.relu(x), `${name}.conv1`);
  return b.add(x, unitConv(ctx, b.relu(inner), `${name}.conv2`));
}

/** Bilinear, half-pixel centres; nothing happens where the size is right. */
function resizeTo(b: GraphBuilder, x: Value, height: number, width: number): Value {
  return x.shape[2] === height && x.shape[3] === width ? x : b.resize(x, height, width);
}

/**
 * A tap as a map of level 0 to 3.
 * @param tokens `[batch, prefix + gh gw, C]`
 * @returns `[batch, F, h, w]`, 4, 2, 1 or 1/2 (rounded up) times the grid
 */
function reassemble(ctx: Context, tokens: Value, tap: number, level: number, tower: BackboneGraph): Value {
  const { b, w } = ctx;
  const normed = b.layerNorm(tokens, w(`depth.norms.${tap}.weight`), w(`depth.norms.${tap}.bias`), NORM_EPS);
  const name = `depth.reassemble.${level}`;
  const weight = w(`${name}.project.weight`); // [c, C, 1, 1]: as a product of tokens, before they are turned into an image
  const rows = b.reshape(weight, [weight.shape[0]!, weight.shape[1]!]);
  const projected = b.linear(normed, rows, w(`${name}.project.bias`)); // [batch, prefix + gh gw, c]
  let x = tokensToImage(b, projected, tower); // [batch, c, gh, gw]
  if (level < 2) {
    const stride = level === 0 ? 4 : 2;
    x = b.convTranspose(x, w(`${name}.resize.weight`), { bias: w(`${name}.resize.bias`), stride });
  } else if (level === 3) x = conv(ctx, x, `${name}.resize`, { stride: 2 });
  return conv(ctx, x, `${name}.layer`); // [batch, F, h, w]
}

/**
 * Adds a level's own map to what comes from the deeper level, refines and projects it.
 * @param x    `[batch, F, h, w]` from the deeper level; at the deepest its own map, and no `skip`
 * @param skip `[batch, F, h, w]`
 */
function fusion(ctx: Context, x: Value, skip: Value | undefined, level: number): Value {
  const name = `depth.fusion.${level}`;
  if (skip) x = ctx.b.add(x, residualUnit(ctx, skip, `${name}.unit1`));
  return conv(ctx, residualUnit(ctx, x, `${name}.unit2`), `${name}.project`);
}

/** `[batch, F, 4 gh, 4 gw]` to `[batch, 1 or bins, height, width]`; what is finer than 4 times the grid is interpolated. */
function output(ctx: Context, x: Value, size: { height: number; width: number }): Value {
  const { b } = ctx;
  const half = b.relu(conv(ctx, x, 'depth.out.conv1')); // [batch, F / 2, 4 gh, 4 gw]
  const large = resizeTo(b, half, size.height, size.width);
  return conv(ctx, b.relu(conv(ctx, large, 'depth.out.conv2')), 'depth.out.conv3');
}

/** Metres expected over the bins. logits `[batch, bins, h, w]`, returns `[batch, 1, h, w]` */
function expectation(b: GraphBuilder, logits: Value, centres: Float32Array): Value {
  const weight = b.constant(centres, [1, centres.length, 1, 1], 'centres');
  return b.conv(b.softmax(logits, 1), weight);
}

/** Centres of the bins, metres: evenly spaced in log depth, ends included. */
export function binCentres(bins: number, near: number, far: number): Float32Array {
  const [from, to] = [Math.log(near), Math.log(far)];
  return Float32Array.from({ length: bins }, (_, i) => Math.exp(from + ((to - from) * i) / (bins - 1)));
}

/**
 * Adds the head behind a tower.
 *
 * @param tower   built with the head's taps
 * @param input   size of the network's input, pixels
 * @param tensors `depth.*` as tools/train/export.py writes them, batch norms folded
 * @returns `[batch, height, width]` of {@link dptSize}: inverse depth up to scale and shift, larger is nearer; or metres
 * @throws {DenseError} BAD_MODEL when taps, bins or widths in the description and in the weights disagree; BAD_CHECKPOINT for
 *   a missing tensor
 */
export function addDptHead(
  b: GraphBuilder,
  tower: BackboneGraph,
  input: { readonly height: number; readonly width: number },
  config: DptConfig,
  tensors: DptWeights,
): Value {
  const names = new Set(tensors.names);
  checkTaps(config, tower, names, tensors.weights);
  const ctx: Context = { b, w: name => b.weight(name, tensors.weights(name)), has: name => names.has(name) };
  return b.scope('depth', () => {
    const maps = config.taps.map((tap, level) => reassemble(ctx, tower.taps.get(tap)!, tap, level, tower));
    let x = fusion(ctx, maps[LEVELS - 1]!, undefined, LEVELS - 1);
    for (let level = LEVELS - 2; level >= 0; level--) {
      const skip = maps[level]!;
      x = fusion(ctx, resizeTo(b, x, skip.shape[2] as number, skip.shape[3] as number), skip, level);
    }
    const raw = output(ctx, x, dptSize(config, input.height, input.width));
    const wanted = config.output === 'metric' ? config.bins! : 1;
    if (raw.shape[1] !== wanted)
      fail(
        'BAD_MODEL',
        `depth.out.conv3 gives ${raw.shape[1]} channels`,
        config.output === 'metric' ? `heads.depth has ${wanted} bins` : 'a relative map has 1',
        'correct output and bins of heads.depth in model.json',
      );
    const values = config.output === 'metric' ? expectation(b, raw, centresOf(config)) : raw;
    return b.squeeze(values, [1]); // [batch, height, width]
  });
}

function centresOf({ bins, near, far }: DptConfig): Float32Array {
  if (bins !== undefined && bins >= 2 && near !== undefined && far !== undefined && near > 0 && far > near)
    return binCentres(bins, near, far);
  return fail(
    'BAD_MODEL',
    `a metric head with bins ${bins}, near ${near} and far ${far}`,
    'metres are expected over at least 2 bins, from near to a larger far',
    'give heads.depth bins, near and far in model.json',
  );
}

/** The taps as described, as trained and as built must be the same. */
function checkTaps(config: DptConfig, tower: BackboneGraph, names: ReadonlySet<string>, weights: Weights): void {
  const { taps } = config;
  if (taps.length !== LEVELS)
    fail(
      'BAD_MODEL',
      `a DPT head on the blocks [${taps.join(', ')}]`,
      `it takes ${LEVELS}, one for each of its maps`,
      'name four blocks in heads.depth.taps of model.json',
    );
  const trained = [...names].flatMap(name => /^depth\.norms\.(\d+)\.weight$/.exec(name)?.[1] ?? []);
  if (trained.length === 0)
    fail(
      'BAD_MODEL',
      'the weights hold no depth head',
      'there is no tensor depth.norms.*, though model.json names one',
      'use weights that were trained with a depth head, or leave heads.depth out of model.json',
    );
  const [described, inWeights] = [[...new Set(taps)].sort(byNumber), trained.map(Number).sort(byNumber)];
  if (described.join() !== inWeights.join())
    fail(
      'BAD_MODEL',
      `heads.depth.taps [${taps.join(', ')}]`,
      `the weights have norms for the blocks [${inWeights.join(', ')}]`,
      'correct heads.depth.taps in model.json',
    );
  for (const tap of taps) {
    const tokens = tower.taps.get(tap);
    if (!tokens)
      fail('BAD_MODEL', `tap ${tap}`, 'the tower was built without it', 'list it in backbone.taps of model.json');
    const [width] = weights(`depth.norms.${tap}.weight`).shape;
    if (width !== tokens.shape[2])
      fail(
        'BAD_MODEL',
        `depth.norms.${tap}.weight has ${width} numbers`,
        `tokens of this backbone have ${tokens.shape[2]} channels`,
        'correct backbone.arch in model.json, or use the weights of this backbone',
      );
  }
}

const byNumber = (a: number, b: number) => a - b;
