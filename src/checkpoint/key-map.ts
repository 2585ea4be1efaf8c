/** Rotary tables as the official detectors store them: `[tokens, head dimension]`. */
export const ROPE_TABLE = /(^|\.)rope(_win|_glb)?\.freqs_(cos|sin)$/;

/**
 * One row per tensor of a Perception Encoder vision tower: Meta's name (ours, the canonical one) and timm's. `{i}` is a
 * block number, `{p}` is weight or bias.
 *
 * @see facebookresearch/perception_models core/vision_encoder/pe.py (names); timm models/eva.py `_convert_pe` (the map,
 *   read backwards here: what timm split is joined again, what it transposed is transposed back)
 */
export interface KeyRow {
  readonly meta: string;
  /** timm's names; several where timm splits one tensor of Meta's along its first axis. */
  readonly timm: readonly string[];
  readonly transform?: KeyTransformKind;
  /** Number of axes of Meta's tensor, where timm's has more: leading axes of length 1 are dropped. */
  readonly axes?: number;
}

/** `reshape`: same bytes, fewer axes. `concat`: several tensors one after another along axis 0. `transpose`: 2 axes swapped. */
export type KeyTransformKind = 'reshape' | 'concat' | 'transpose';

export const KEY_MAP: readonly KeyRow[] = [
  { meta: 'conv1.weight', timm: ['patch_embed.proj.weight'] },
  { meta: 'class_embedding', timm: ['cls_token'], transform: 'reshape', axes: 1 },
  { meta: 'positional_embedding', timm: ['pos_embed'], transform: 'reshape', axes: 2 },
  { meta: 'ln_pre.{p}', timm: ['norm_pre.{p}'] },
  { meta: 'ln_post.{p}', timm: ['norm.{p}'] },
  { meta: 'transformer.resblocks.{i}.ln_1.{p}', timm: ['blocks.{i}.norm1.{p}'] },
  { meta: 'transformer.resblocks.{i}.attn.in_proj_{p}', timm: ['blocks.{i}.attn.qkv.{p}'] },
  { meta: 'transformer.resblocks.{i}.attn.out_proj.{p}', timm: ['blocks.{i}.attn.proj.{p}'] },
  { meta: 'transformer.resblocks.{i}.ls_1.gamma', timm: ['blocks.{i}.gamma_1'] },
  { meta: 'transformer.resblocks.{i}.ln_2.{p}', timm: ['blocks.{i}.norm2.{p}'] },
  { meta: 'transformer.resblocks.{i}.mlp.c_fc.{p}', timm: ['blocks.{i}.mlp.fc1.{p}'] },
  { meta: 'transformer.resblocks.{i}.mlp.c_proj.{p}', timm: ['blocks.{i}.mlp.fc2.{p}'] },
  { meta: 'transformer.resblocks.{i}.ls_2.gamma', timm: ['blocks.{i}.gamma_2'] },
  { meta: 'attn_pool.probe', timm: ['attn_pool.latent'] },
  { meta: 'attn_pool.attn.in_proj_{p}', timm: ['attn_pool.q.{p}', 'attn_pool.kv.{p}'], transform: 'concat' },
  { meta: 'attn_pool.attn.out_proj.{p}', timm: ['attn_pool.proj.{p}'] },
  { meta: 'attn_pool.layernorm.{p}', timm: ['attn_pool.norm.{p}'] },
  { meta: 'attn_pool.mlp.c_fc.{p}', timm: ['attn_pool.mlp.fc1.{p}'] },
  { meta: 'attn_pool.mlp.c_proj.{p}', timm: ['attn_pool.mlp.fc2.{p}'] },
  { meta: 'proj', timm: ['head.weight'], transform: 'transpose' },
];

/** timm names that stand for nothing of Meta's, with the reason. */
export const TIMM_ONLY: Readonly<Record<string, string>> = {
  'head.bias': "timm's projection has a bias, Meta's has none (timm's conversion fills it with zeros)",
};

/** Parts that may lie inside a Meta-named vision tower without belonging to it. */
export const ASIDE: readonly { readonly pattern: RegExp; readonly reason: string }[] = [
  { pattern: /^head\./, reason: 'a head, not the backbone' },
  { pattern: ROPE_TABLE, reason: 'a rotary table, computed from the architecture' },
];

/** Names that tell the naming: one of Meta's, one of timm's, both in every vision tower. */
export const NAMING_SIGNS = { meta: 'conv1.weight', timm: 'patch_embed.proj.weight' } as const;

export type Naming = keyof typeof NAMING_SIGNS;

/** Row and filled-in Meta name for a timm name; undefined for a name the map does not know. */
export function rowOfTimm(name: string): { row: KeyRow; meta: string; part: number } | undefined {
  for (const { row, part, pattern } of TIMM_PATTERNS) {
    const match = pattern.exec(name);
    if (match) return { row, part, meta: fill(row.meta, match.groups ?? {}) };
  }
  return undefined;
}

/** timm's names of a Meta tensor, empty when there is none. */
export function timmNamesOf(meta: string): string[] {
  for (const row of KEY_MAP) {
    const match = patternOf(row.meta).exec(meta);
    if (match) return row.timm.map(name => fill(name, match.groups ?? {}));
  }
  return [];
}

const TIMM_PATTERNS = KEY_MAP.flatMap(row => row.timm.map((name, part) => ({ row, part, pattern: patternOf(name) })));

function patternOf(template: string): RegExp {
  const escaped = template.replace(/[.]/g, '\\.');
  return new RegExp(`^${escaped.replace('{i}', '(?<i>\\d+)').replace('{p}', '(?<p>weight|bias)')}$`);
}

function fill(template: string, groups: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w)\}/g, (_, key: string) => groups[key] ?? '');
}
