import { Backbone, type BackboneConfig, type Embedding, patchGrid, type Tokens } from '../../backbone/index.ts';
import { type Features, fail, type ImageBatch, type RgbImage, tensor } from '../../core/index.ts';
import { decodeImage, type ImageSource, imageToBatch } from '../../image/index.ts';
import type { Device } from '../../onnx/index.ts';
import { findTower, type TowerSource } from './tower.ts';

/** A block's number (how many blocks were run), every block, or the end of the network (after ln_post). */
export type LayerChoice = number | 'last' | 'all';

export interface FeatureLoadOptions extends TowerSource {
  /** Default `['last']`. */
  readonly layers?: readonly LayerChoice[] | undefined;
  /** Input size, pixels; default the trained one, or the model's. */
  readonly size?: { readonly width: number; readonly height: number } | number | undefined;
  readonly device?: Device | undefined;
  readonly threads?: number | undefined;
  /** Leave the weights in their file: slower, but a large tower starts at once and needs little memory. */
  readonly lowMemory?: boolean | undefined;
}

/** Features of a batch. */
export interface FeatureSet {
  /**
   * By block: `[batch, tokens, channels]`, class token first where there is one, before ln_post. Under `last`: after
   * ln_post where there is one, class token dropped.
   */
  readonly layers: ReadonlyMap<number | 'last', Tokens>;
  /** `[batch, D]`, Euclidean length 1; architectures with pooling only, when the whole network was run. */
  readonly embedding?: Embedding;
}

/**
 * Turns pictures into the features of a vision tower. Holds a loaded network: close it.
 *
 * @example
 * const extractor = await FeatureExtractor.load({ checkpoint: 'PE-Spatial-B16-512.pt', arch: 'pe-spatial-b16' });
 * const { layers } = await extractor.extract(['cat.jpg']);
 */
export class FeatureExtractor {
  private constructor(
    private readonly backbone: Backbone,
    /** The model's or the architecture's name. */
    readonly name: string,
    private readonly wanted: readonly (number | 'last')[],
  ) {}

  /**
   * Loads a tower at one input size.
   * @throws {DenseError} UNKNOWN_MODEL, BAD_MODEL, BAD_CHECKPOINT; BAD_INPUT for a layer or a size it does not have
   */
  static async load(options: FeatureLoadOptions = {}): Promise<FeatureExtractor> {
    const tower = await findTower(options);
    const { config } = tower;
    const { size = tower, device, threads, lowMemory } = options;
    const { width, height } = typeof size === 'number' ? { width: size, height: size } : size;
    const chosen = options.layers ?? ['last'];
    const wanted = [...new Set(chosen.flatMap(choice => expand(choice, config)))];
    const whole = chosen.some(choice => choice === 'last' || choice === 'all');
    const backbone = await Backbone.open(tower.checkpoint, config, {
      name: tower.name,
      size: { height, width },
      taps: wanted.filter(layer => layer !== 'last'),
      normed: wanted.includes('last'),
      embedding: whole && config.pool !== 'none',
      ...(device && { device }),
      ...(threads && { threads }),
      ...(lowMemory && { lowMemory }),
    });
    return new FeatureExtractor(backbone, tower.name, wanted);
  }

  get config(): BackboneConfig {
    return this.backbone.config;
  }

  /** Input size, pixels. */
  get size(): { readonly width: number; readonly height: number } {
    return { width: this.backbone.width, height: this.backbone.height };
  }

  /** Patches per axis: rows, columns. */
  get grid(): readonly [number, number] {
    return patchGrid(this.config, this.backbone.height, this.backbone.width);
  }

  /** Features of pictures, squashed to the input size and normalised as the row says. */
  async extract(
    pictures: readonly ImageSource[],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<FeatureSet> {
    const images = await Promise.all(pictures.map(picture => decodeImage(picture, options)));
    return this.run(this.prepare(images), options);
  }

  /** The network's input for decoded pictures. */
  prepare(images: readonly RgbImage[]): ImageBatch {
    const { mean, std, antialias } = this.config;
    return imageToBatch(images, { ...this.size, mean, std, antialias }).batch;
  }

  /**
   * Features of an input that is prepared already.
   * @param batch `[batch, 3, height, width]`, normalised
   */
  async run(batch: ImageBatch, options: { readonly signal?: AbortSignal } = {}): Promise<FeatureSet> {
    const out = await this.backbone.run(batch, options);
    const layers = new Map(this.wanted.map(i => [i, i === 'last' ? out.normed! : out.taps.get(i)!] as const));
    return { layers, ...(out.embedding ? { embedding: out.embedding } : {}) };
  }

  /** Tokens of picture `index` on their grid, the class token removed. */
  toGrid(layer: number | 'last', tokens: Tokens, index = 0): Features {
    const [rows, columns] = this.grid;
    const [, count, channels] = tokens.shape;
    const skip = count - rows * columns;
    if (skip !== (layer !== 'last' && this.config.classToken ? 1 : 0))
      fail('BAD_INPUT', `${count} tokens`, `the grid is ${columns} x ${rows}`, 'pass tokens of this extractor');
    const from = (index * count + skip) * channels;
    const data = tokens.data.subarray(from, from + rows * columns * channels);
    return tensor(['batch', 'gridY', 'gridX', 'channel'] as const, [1, rows, columns, channels], data);
  }

  async close(): Promise<void> {
    await this.backbone.close();
  }
}

function expand(choice: LayerChoice, config: BackboneConfig): (number | 'last')[] {
  if (choice === 'all') return Array.from({ length: config.layers }, (_, i) => i + 1);
  return [choice];
}
