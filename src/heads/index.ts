export { addDptHead, binCentres, type DptConfig, type DptWeights, dptSize } from './depth/dpt.ts';
export {
  type AnchorFreeConfig,
  type AnchorFreeOutputs,
  addAnchorFreeHead,
  towerDepth,
} from './detection/anchor-free.ts';
export { type DetectorProposal, proposeDetector } from './external/propose.ts';
export { headWeights } from './weights.ts';
