export { type BackboneConfig, type PoolKind, type PositionRule, parseBackboneConfig, type RopeRule } from './config.ts';
export {
  addBackbone,
  type BackboneGraph,
  type BackboneGraphOptions,
  patchGrid,
  tokensToImage,
  type Weights,
} from './graph.ts';
export { fitPositions } from './positions.ts';
export { BACKBONE_NAMES, BACKBONES, type BackboneName, findBackbone, withTimmPositions } from './registry.ts';
export { type RopeTable, ropePositions, ropeTable } from './rope.ts';
export { Backbone, type BackboneFeatures, type BackboneOptions, type Embedding, loadArch, type Tokens } from './run.ts';
export { expectedTensors, parameterCount } from './tensors.ts';
export { checkpointWeights, weightsFrom } from './weights.ts';
