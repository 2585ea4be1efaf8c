export {
  type AnchorFreeConfig,
  type AnchorFreeOutputs,
  addAnchorFreeHead,
  towerDepth,
} from './detection/anchor-free.ts';
export { headWeights } from './weights.ts';
