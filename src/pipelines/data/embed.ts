import type { RgbImage } from '../../core/index.ts';
import { pooledFeatures } from '../../data/index.ts';
import { FeatureExtractor, type FeatureLoadOptions } from '../features/extract.ts';

/** Parts per side; see bench/near-duplicates.ts for what others find. */
const CELLS = 2;

/** Features by which near duplicates are found: those after the last block, averaged over four quarters of the picture. */
export interface Embedder {
  embed(image: RgbImage): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Loads the network. @throws {DenseError} as {@link FeatureExtractor.load} */
export async function loadEmbedder(options: FeatureLoadOptions = {}): Promise<Embedder> {
  const extractor = await FeatureExtractor.load({ ...options, layers: ['last'] });
  const [rows, columns] = extractor.grid;
  return {
    async embed(image) {
      const { layers } = await extractor.run(extractor.prepare([image]));
      const { data, shape } = extractor.toGrid('last', layers.get('last')!);
      return pooledFeatures(data, rows, columns, shape[3], CELLS);
    },
    close: () => extractor.close(),
  };
}
