import { fail } from '../core/index.ts';

/**
 * Where token i of n on one axis stands, for the rotary embedding. At the trained grid `meta` and `timm` agree; at any
 * other they do not, and a wrong rule raises no error.
 * - `meta`: i, plus 1 beside a class token (perception_models core/vision_encoder/rope.py, Rope2D)
 * - `timm`: the same, stretched to the trained grid: (i + offset) / n * ropeGrid (timm layers/pos_embed_sincos.py)
 * - `vitdet`: i / n * ropeGrid + 1, n counted inside the window in windowed blocks (the official detectors)
 * - `none`: no rotary embedding
 */
export type RopeRule = 'meta' | 'timm' | 'vitdet' | 'none';

/**
 * How the learned position grid meets another grid. `bilinear`: Meta, without antialias. `bicubic`: timm, with
 * antialias. `tile`: repeated (the official detectors). `none`: the network has none.
 */
export type PositionRule = 'bilinear' | 'bicubic' | 'tile' | 'none';

/** `attn`: attention pooling; `tok`: the class token; `avg`: the mean token; `none`: tokens only. */
export type PoolKind = 'attn' | 'tok' | 'avg' | 'none';

/** One vision tower. */
export interface BackboneConfig {
  /** Channels of a token. */
  readonly width: number;
  /** Number of blocks. */
  readonly layers: number;
  readonly heads: number;
  /** Hidden channels of a block's MLP. */
  readonly mlpWidth: number;
  /** Pixels. */
  readonly patch: number;
  /** Trained size, pixels, square; the learned position grid has (imageSize / patch) squared cells. */
  readonly imageSize: number;
  readonly classToken: boolean;
  readonly lnPre: boolean;
  readonly lnPost: boolean;
  readonly lnEps: number;
  readonly layerScale: boolean;
  readonly pool: PoolKind;
  readonly poolHeads: number;
  /** Columns of the projection after pooling; null without one. */
  readonly outputDim: number | null;
  readonly rope: RopeRule;
  readonly ropeTheta: number;
  /** The grid that `timm` and `vitdet` positions are stretched to. */
  readonly ropeGrid: number;
  readonly positions: PositionRule;
  /** Attention inside `size` x `size` windows of tokens, except in `globalBlocks` (counted from 0). */
  readonly window?: { readonly size: number; readonly globalBlocks: readonly number[] };
  /** Of RGB in 0..1. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /** Average over the shrunk area when a picture is resized. */
  readonly antialias: boolean;
  /** Where the published weights are. */
  readonly weights?: { readonly repo: string; readonly file: string; readonly license: string };
}

/** Fields of Meta's PEConfig, with its defaults; absent `required` ones have none. */
const FIELDS: Readonly<Record<string, 'integer' | 'number' | 'boolean' | 'text' | 'object'>> = {
  patch_size: 'integer',
  width: 'integer',
  layers: 'integer',
  heads: 'integer',
  mlp_ratio: 'number',
  output_dim: 'integer',
  ls_init_value: 'number',
  drop_path: 'number',
  image_size: 'integer',
  use_abs_posemb: 'boolean',
  use_cls_token: 'boolean',
  use_rope2d: 'boolean',
  pool_type: 'text',
  attn_pooler_heads: 'integer',
  use_ln_pre: 'boolean',
  use_ln_post: 'boolean',
  // ours
  ln_eps: 'number',
  rope: 'text',
  rope_theta: 'number',
  rope_grid: 'integer',
  positions: 'text',
  window: 'object',
  mean: 'object',
  std: 'object',
  antialias: 'boolean',
};

const bad = (what: string, why: string, fix: string): never => fail('BAD_INPUT', `architecture: ${what}`, why, fix);

class Reader {
  constructor(private readonly json: Readonly<Record<string, unknown>>) {
    for (const [key, value] of Object.entries(json)) {
      const kind = Object.hasOwn(FIELDS, key) ? FIELDS[key] : undefined;
      if (kind === undefined) bad(`field "${key}"`, 'it is not known', `use: ${Object.keys(FIELDS).join(', ')}`);
      if (value === null) continue;
      const fits =
        kind === 'integer'
          ? Number.isInteger(value) && (value as number) > 0
          : kind === 'number'
            ? typeof value === 'number' && Number.isFinite(value) && value >= 0
            : typeof value === (kind === 'text' ? 'string' : kind);
      if (!fits)
        bad(
          `field "${key}" is ${JSON.stringify(value)}`,
          `it takes a ${kind}${kind === 'integer' ? ' of at least 1' : ''}`,
          'correct it',
        );
    }
  }

  get<T>(key: string, fallback?: T): T {
    const value = this.json[key];
    if (value !== undefined && value !== null) return value as T;
    return fallback !== undefined ? fallback : bad(`field "${key}" is missing`, 'it has no default', 'add it');
  }

  word<T extends string>(key: string, words: readonly T[], fallback: T): T {
    const value = this.get<string>(key, fallback);
    if (!(words as readonly string[]).includes(value))
      bad(`field "${key}" is "${value}"`, 'it is not known', `use one of: ${words.join(', ')}`);
    return value as T;
  }

  triple(key: string, fallback: readonly [number, number, number]): readonly [number, number, number] {
    const value = this.get<unknown>(key, fallback);
    if (!Array.isArray(value) || value.length !== 3 || value.some(v => typeof v !== 'number'))
      return bad(`field "${key}" is ${JSON.stringify(value)}`, 'it takes three numbers, one per colour', 'correct it');
    return value as [number, number, number];
  }

  window(): BackboneConfig['window'] {
    const value = this.json.window as { size?: unknown; global_blocks?: unknown } | null | undefined;
    if (value === undefined || value === null) return undefined;
    const { size, global_blocks: blocks } = value;
    if (
      !Number.isInteger(size) ||
      (size as number) < 1 ||
      !Array.isArray(blocks) ||
      blocks.some(i => !Number.isInteger(i))
    )
      return bad('field "window"', 'it takes { "size": tokens, "global_blocks": [numbers from 0] }', 'correct it');
    return { size: size as number, globalBlocks: blocks as number[] };
  }
}

/**
 * Reads an architecture in the form of Meta's PEConfig (the `vision` object of a config.json, or a file holding one
 * under that key); absent fields take Meta's defaults. `rope: "timm"` chooses timm's positions and its resize of the
 * position grid.
 *
 * @throws {DenseError} BAD_INPUT naming the field, what it takes and what came
 * @see facebookresearch/perception_models core/vision_encoder/config.py, pe.py VisionTransformer
 */
export function parseBackboneConfig(json: unknown): BackboneConfig {
  const object = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);
  if (!object(json))
    return bad(JSON.stringify(json) ?? 'nothing', 'it is not a JSON object', 'write { "width": ..., ... }');
  const vision = json.vision ?? json;
  if (!object(vision)) return bad('field "vision"', 'it is not a JSON object', 'write { "width": ..., ... }');
  const r = new Reader(vision);
  const width = r.get<number>('width');
  const patch = r.get<number>('patch_size');
  const imageSize = r.get<number>('image_size', 224);
  const rope = r.get('use_rope2d', true) ? r.word('rope', ['meta', 'timm', 'vitdet', 'none'], 'meta') : 'none';
  const rule: PositionRule = rope === 'timm' ? 'bicubic' : rope === 'vitdet' ? 'tile' : 'bilinear';
  const window = r.window();
  const config: BackboneConfig = {
    width,
    layers: r.get('layers'),
    heads: r.get('heads'),
    mlpWidth: Math.trunc(width * r.get<number>('mlp_ratio', 4)),
    patch,
    imageSize,
    classToken: r.get('use_cls_token', false),
    lnPre: r.get('use_ln_pre', true),
    lnPost: r.get('use_ln_post', true),
    lnEps: r.get('ln_eps', 1e-5),
    layerScale: vision.ls_init_value !== undefined && vision.ls_init_value !== null,
    pool: r.word('pool_type', ['attn', 'tok', 'avg', 'none'], 'attn'),
    poolHeads: r.get('attn_pooler_heads', 8),
    outputDim: vision.output_dim === undefined || vision.output_dim === null ? null : r.get<number>('output_dim'),
    rope,
    ropeTheta: r.get('rope_theta', 10000),
    ropeGrid: r.get('rope_grid', Math.floor(imageSize / patch)),
    positions: r.get('use_abs_posemb', true)
      ? r.word('positions', ['bilinear', 'bicubic', 'tile', 'none'], rule)
      : 'none',
    ...(window ? { window } : {}),
    mean: r.triple('mean', [0.5, 0.5, 0.5]),
    std: r.triple('std', [0.5, 0.5, 0.5]),
    antialias: r.get('antialias', false),
  };
  checkConfig(config);
  return config;
}

/**
 * Checks what must hold between fields.
 * @throws {DenseError} BAD_INPUT
 */
export function checkConfig(c: BackboneConfig): void {
  if (c.width % c.heads !== 0 || (c.rope !== 'none' && (c.width / c.heads) % 4 !== 0))
    bad(
      `width ${c.width} with ${c.heads} heads`,
      `${c.width / c.heads} channels per head; the rotary embedding needs a whole multiple of 4`,
      'choose a width that divides',
    );
  if (c.pool === 'attn' && c.width % c.poolHeads !== 0)
    bad(
      `width ${c.width} with ${c.poolHeads} pooling heads`,
      'they do not divide',
      'choose attn_pooler_heads that divide it',
    );
  if (c.pool === 'tok' && !c.classToken) bad('pool_type "tok"', 'there is no class token', 'set use_cls_token');
  if (c.window && c.classToken)
    bad('window with a class token', 'a class token belongs to no window', 'set use_cls_token to false');
}
