/**
 * Anchor-free detection head on a simple feature pyramid over taps of a plain vision transformer.
 *
 * Per cell it scores every class and describes the distance to each box side as a distribution over bins.
 * @see Li et al. 2022, ViTDet, arXiv 2203.16527, section 3 (the pyramid); Li et al. 2020, GFL, arXiv 2006.04388 (the outputs);
 *   tools/train/head.py (the same network in PyTorch, batch norms not yet folded)
 */
import { type BackboneGraph, tokensToImage, type Weights } from '../../backbone/index.ts';
import { fail } from '../../core/index.ts';
import type { GraphBuilder, Value } from '../../onnx/index.ts';

export interface AnchorFreeConfig {
  /** Blocks whose tokens feed the head. */
  readonly taps: readonly number[];
  /** Pixels of the input per cell: half the patch, the patch, twice the patch. */
  readonly strides: readonly number[];
  /** Bins per side; the last stands for bins - 1 strides. */
  readonly bins: number;
  readonly classes: number;
}

/** What the head computes for A anchors: the cells of all levels, in the order of `strides`, row by row. */
export interface AnchorFreeOutputs {
  /** `[batch, A, classes]`, 0..1 */
  readonly scores: Value;
  /** `[batch, A, 4]` distances from the cell's centre to left, top, right, bottom, pixels of the input */
  readonly ltrb: Value;
}

const NORM_EPS = 1e-5; // torch.nn.LayerNorm's default, as trained

/** What a convolution needs: the builder and its folded weight and bias. */
interface Context {
  readonly b: GraphBuilder;
  readonly weights: Weights;
  readonly w: (name: string) => Value;
}

/** A folded convolution with `same` padding. */
function conv(ctx: Context, x: Value, name: string, options: { stride?: number; groups?: number } = {}): Value {
  const { b, w } = ctx;
  const weight = w(`${name}.weight`);
  const padding = Math.floor((weight.shape[2] as number) / 2);
  return b.conv(x, weight, { bias: w(`${name}.bias`), padding, ...options });
}

/** Depthwise, then pointwise, as often as there are weights for it. x `[batch, D, h, w]` */
function tower(ctx: Context, x: Value, level: number, depth: number): Value {
  const { b } = ctx;
  for (let i = 0; i < depth; i++) {
    const name = `head.towers.${level}.${i}`;
    x = b.hardSwish(conv(ctx, x, `${name}.dw`, { groups: x.shape[1] as number }));
    x = b.hardSwish(conv(ctx, x, `${name}.pw`));
  }
  return x;
}

/**
 * Adds the head behind a tower.
 *
 * @param weights lookup of `head.*` as tools/train/export.py writes them (batch norms folded)
 * @param depth   depthwise-pointwise pairs per level, see {@link towerDepth}
 * @throws {DenseError} BAD_MODEL when strides do not fit the patch, a tap is missing or a weight has the wrong shape
 */
export function addAnchorFreeHead(
  b: GraphBuilder,
  backbone: BackboneGraph,
  patch: number,
  config: AnchorFreeConfig,
  weights: Weights,
  depth: number,
): AnchorFreeOutputs {
  const expected = [patch / 2, patch, 2 * patch];
  if (config.strides.length !== 3 || config.strides.some((s, i) => s !== expected[i]))
    fail(
      'BAD_MODEL',
      `strides [${config.strides.join(', ')}]`,
      `a patch of ${patch} gives the levels [${expected.join(', ')}]`,
      'correct heads.detection.strides in model.json',
    );
  const { classes, bins } = config;
  const ctx: Context = { b, weights, w: name => b.weight(name, weights(name)) };
  const { w } = ctx;

  return b.scope('head', () => {
    const normed = config.taps.map(t => {
      const tokens = backbone.taps.get(t);
      if (!tokens)
        fail('BAD_MODEL', `tap ${t}`, 'the tower was built without it', 'list it in backbone.taps of model.json');
      return b.layerNorm(tokens, w(`head.norms.${t}.weight`), w(`head.norms.${t}.bias`), NORM_EPS);
    });
    const joined = b.concat(normed, -1); // [batch, n, taps * C]
    const lateral = b.hardSwish(b.linear(joined, w('head.lateral.weight'), w('head.lateral.bias'))); // [batch, n, D]
    const middle = b.hardSwish(conv(ctx, tokensToImage(b, lateral, backbone), 'head.mix')); // [batch, D, gh, gw]
    const up = b.convTranspose(middle, w('head.up.weight'), { bias: w('head.up.bias'), stride: 2 });
    const levels = [b.hardSwish(up), middle, b.hardSwish(conv(ctx, middle, 'head.down', { stride: 2 }))];

    const maps = levels.map((x, level) => {
      const out = conv(ctx, tower(ctx, x, level, depth), `head.out.${level}`); // [batch, classes + 4 bins, h, w]
      if (out.shape[1] !== classes + 4 * bins)
        fail(
          'BAD_MODEL',
          `head.out.${level} gives ${out.shape[1]} channels`,
          `${classes} classes and 4 x ${bins} bins make ${classes + 4 * bins}`,
          'correct labels and bins in model.json',
        );
      return b.flatten(out, 2, 3); // [batch, classes + 4 bins, h * w]
    });
    const cells = maps.map(m => m.shape[2] as number);
    const flat = b.transpose(b.concat(maps, 2), [0, 2, 1]); // [batch, A, classes + 4 bins]
    const [logits, sides] = b.split(flat, [classes, 4 * bins], -1) as [Value, Value];
    const anchors = cells.reduce((sum, n) => sum + n, 0);
    const distribution = b.softmax(b.reshape(sides, [sides.shape[0]!, anchors, 4, bins])); // [batch, A, 4, bins]
    const index = b.constant(
      Float32Array.from({ length: bins }, (_, i) => i),
      [bins, 1],
      'bins',
    );
    const strides = Float32Array.from(config.strides.flatMap((s, i) => new Array<number>(cells[i]!).fill(s)));
    const expectation = b.squeeze(b.matmul(distribution, index), [3]); // [batch, A, 4], in strides
    return {
      scores: b.sigmoid(logits),
      ltrb: b.mul(expectation, b.constant(strides, [1, anchors, 1], 'strides')),
    };
  });
}

/** Depthwise-pointwise pairs per level among the names of a weights file. */
export function towerDepth(names: Iterable<string>): number {
  let depth = 0;
  for (const name of names) {
    const found = /^head\.towers\.0\.(\d+)\.dw\.weight$/.exec(name);
    if (found) depth = Math.max(depth, Number(found[1]) + 1);
  }
  return depth;
}
