import type { ExpectedTensor } from '../checkpoint/index.ts';
import type { BackboneConfig } from './config.ts';

/** Every tensor of a tower under Meta's names, in the order of its forward pass. */
export function expectedTensors(config: BackboneConfig): ExpectedTensor[] {
  const { width: c, mlpWidth, patch } = config;
  const out: ExpectedTensor[] = [];
  const add = (name: string, ...shape: number[]) => out.push({ name, shape });
  const norm = (name: string) => {
    add(`${name}.weight`, c);
    add(`${name}.bias`, c);
  };
  const linear = (name: string, to: number, from: number) => {
    add(`${name}.weight`, to, from);
    add(`${name}.bias`, to);
  };
  const attention = (name: string) => {
    add(`${name}.in_proj_weight`, 3 * c, c);
    add(`${name}.in_proj_bias`, 3 * c);
    linear(`${name}.out_proj`, c, c);
  };
  add('conv1.weight', c, 3, patch, patch);
  if (config.classToken) add('class_embedding', c);
  const side = Math.floor(config.imageSize / patch);
  if (config.positions !== 'none') add('positional_embedding', side * side + (config.classToken ? 1 : 0), c);
  if (config.lnPre) norm('ln_pre');
  for (let i = 0; i < config.layers; i++) {
    const block = `transformer.resblocks.${i}`;
    norm(`${block}.ln_1`);
    attention(`${block}.attn`);
    if (config.layerScale) add(`${block}.ls_1.gamma`, c);
    norm(`${block}.ln_2`);
    linear(`${block}.mlp.c_fc`, mlpWidth, c);
    linear(`${block}.mlp.c_proj`, c, mlpWidth);
    if (config.layerScale) add(`${block}.ls_2.gamma`, c);
  }
  if (config.lnPost) norm('ln_post');
  if (config.pool === 'attn') {
    add('attn_pool.probe', 1, 1, c);
    attention('attn_pool.attn');
    norm('attn_pool.layernorm');
    linear('attn_pool.mlp.c_fc', 4 * c, c);
    linear('attn_pool.mlp.c_proj', c, 4 * c);
  }
  if (config.outputDim !== null) add('proj', c, config.outputDim);
  return out;
}

/** Number of weights of a tower. */
export function parameterCount(config: BackboneConfig): number {
  return expectedTensors(config).reduce((sum, t) => sum + t.shape.reduce((p, d) => p * d, 1), 0);
}
