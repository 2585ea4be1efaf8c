import { fail } from '../core/index.ts';
import type { BackboneConfig } from './config.ts';

// sizes: width, layers, heads, MLP width, patch
const T16 = { width: 192, layers: 12, heads: 3, mlpWidth: 768, patch: 16, classToken: true } as const;
const S16 = { width: 384, layers: 12, heads: 6, mlpWidth: 1536, patch: 16, classToken: true } as const;
const B16 = { width: 768, layers: 12, heads: 12, mlpWidth: 3072, patch: 16, classToken: true } as const;
const L14 = { width: 1024, layers: 24, heads: 16, mlpWidth: 4096, patch: 14, classToken: true } as const;
const G14 = { width: 1536, layers: 50, heads: 16, mlpWidth: 8960, patch: 14, classToken: false } as const;

/** What every released tower shares. */
const PE = {
  lnPre: true,
  lnEps: 1e-5,
  poolHeads: 8,
  rope: 'meta',
  ropeTheta: 10000,
  positions: 'bilinear',
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  antialias: false,
} as const;

const CORE = { ...PE, lnPost: true, layerScale: false, pool: 'attn' } as const;
const SPATIAL = { ...PE, lnPost: false, layerScale: false, pool: 'none', outputDim: null } as const;
const LANG = { ...PE, lnPost: false, layerScale: true, pool: 'none', outputDim: null } as const;

const from = (name: string) => ({ repo: `facebook/${name}`, file: `${name}.pt`, license: 'Apache-2.0' }) as const;

/**
 * The released Perception Encoder vision towers.
 * @see facebookresearch/perception_models core/vision_encoder/config.py
 */
export const BACKBONES = {
  'pe-spatial-t16': { ...T16, ...SPATIAL, imageSize: 512, ropeGrid: 32, weights: from('PE-Spatial-T16-512') },
  'pe-spatial-s16': { ...S16, ...SPATIAL, imageSize: 512, ropeGrid: 32, weights: from('PE-Spatial-S16-512') },
  'pe-spatial-b16': { ...B16, ...SPATIAL, imageSize: 512, ropeGrid: 32, weights: from('PE-Spatial-B16-512') },
  'pe-spatial-l14': { ...L14, ...SPATIAL, imageSize: 448, ropeGrid: 32, weights: from('PE-Spatial-L14-448') },
  'pe-spatial-g14': {
    ...G14,
    ...SPATIAL,
    layerScale: true,
    imageSize: 448,
    ropeGrid: 32,
    weights: from('PE-Spatial-G14-448'),
  },
  'pe-core-t16': { ...T16, ...CORE, imageSize: 384, ropeGrid: 24, outputDim: 512, weights: from('PE-Core-T16-384') },
  'pe-core-s16': { ...S16, ...CORE, imageSize: 384, ropeGrid: 24, outputDim: 512, weights: from('PE-Core-S16-384') },
  'pe-core-b16': { ...B16, ...CORE, imageSize: 224, ropeGrid: 14, outputDim: 1024, weights: from('PE-Core-B16-224') },
  'pe-core-l14': { ...L14, ...CORE, imageSize: 336, ropeGrid: 24, outputDim: 1024, weights: from('PE-Core-L14-336') },
  'pe-core-g14': { ...G14, ...CORE, imageSize: 448, ropeGrid: 32, outputDim: 1280, weights: from('PE-Core-G14-448') },
  'pe-lang-l14': { ...L14, ...LANG, layers: 23, imageSize: 448, ropeGrid: 32, weights: from('PE-Lang-L14-448') },
  'pe-lang-g14': { ...G14, ...LANG, layers: 47, imageSize: 448, ropeGrid: 32, weights: from('PE-Lang-G14-448') },
} as const satisfies Record<string, BackboneConfig>;

export type BackboneName = keyof typeof BACKBONES;

/** Names of the registry, in its order. */
export const BACKBONE_NAMES = Object.keys(BACKBONES) as BackboneName[];

/**
 * A row by its name, or by the name of the released weights (`PE-Spatial-T16-512`), in any case.
 * @throws {DenseError} UNKNOWN_MODEL with the names there are
 */
export function findBackbone(name: string): BackboneConfig {
  const wanted = name.toLowerCase();
  for (const key of BACKBONE_NAMES) {
    const row: BackboneConfig = BACKBONES[key];
    if (key === wanted || row.weights?.repo.split('/')[1]?.toLowerCase() === wanted) return row;
  }
  return fail(
    'UNKNOWN_MODEL',
    `architecture "${name}"`,
    'there is none of that name',
    `use one of: ${BACKBONE_NAMES.join(', ')}, or a .json file`,
  );
}

/** A row with timm's position rules instead of Meta's: for timm checkpoints used at another size than they were trained at. */
export function withTimmPositions(config: BackboneConfig): BackboneConfig {
  return { ...config, rope: 'timm', positions: 'bicubic', ropeGrid: Math.floor(config.imageSize / config.patch) };
}
