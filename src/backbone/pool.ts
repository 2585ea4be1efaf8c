import type { GraphBuilder, Value } from '../onnx/index.ts';
import type { BackboneConfig } from './config.ts';

/**
 * Attention pooling: one learned query looks at all tokens, then an MLP.
 * The query's share of the packed projection and the keys' and values' share are rows of one stored weight.
 *
 * @param x `[batch, n, C]`
 * @returns `[batch, C]`
 * @see perception_models pe.py AttentionPooling
 */
export function attentionPool(
  ctx: {
    readonly b: GraphBuilder;
    readonly config: BackboneConfig;
    readonly weight: (name: string) => Value;
    readonly rows: (name: string, from: number, to: number) => Value;
  },
  x: Value,
): Value {
  const { b, config, weight, rows } = ctx;
  const c = config.width;
  const heads = config.poolHeads;
  const depth = c / heads;
  const [batch, n] = x.shape;
  const inProj = ['attn_pool.attn.in_proj_weight', 'attn_pool.attn.in_proj_bias'] as const;
  return b.scope('attn_pool', () => {
    const probe = weight('attn_pool.probe'); // [1, 1, C]
    const query = b.mul(b.linear(probe, rows(inProj[0], 0, c), rows(inProj[1], 0, c)), depth ** -0.5);
    const q = b.transpose(b.reshape(query, [1, 1, heads, depth]), [0, 2, 1, 3]); // [1, h, 1, d]
    const kv = b.linear(x, rows(inProj[0], c, 3 * c), rows(inProj[1], c, 3 * c)); // [batch, n, 2 C]
    const [keys, values] = b.split(kv, [c, c], -1) as [Value, Value];
    const k = b.transpose(b.reshape(keys, [batch!, n!, heads, depth]), [0, 2, 3, 1]); // [batch, h, d, n]
    const v = b.transpose(b.reshape(values, [batch!, n!, heads, depth]), [0, 2, 1, 3]); // [batch, h, n, d]
    const mixed = b.matmul(b.softmax(b.matmul(q, k)), v); // [batch, h, 1, d]
    const row = b.reshape(b.transpose(mixed, [0, 2, 1, 3]), [batch!, c]);
    const y = b.linear(row, weight('attn_pool.attn.out_proj.weight'), weight('attn_pool.attn.out_proj.bias'));
    const norm = b.layerNorm(y, weight('attn_pool.layernorm.weight'), weight('attn_pool.layernorm.bias'), config.lnEps);
    const hidden = b.linear(norm, weight('attn_pool.mlp.c_fc.weight'), weight('attn_pool.mlp.c_fc.bias'));
    return b.add(
      y,
      b.linear(b.gelu(hidden), weight('attn_pool.mlp.c_proj.weight'), weight('attn_pool.mlp.c_proj.bias')),
    );
  });
}
