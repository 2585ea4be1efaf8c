import { readFile } from 'node:fs/promises';
import { type Checkpoint, openCheckpoint } from '../checkpoint/index.ts';
import { fail, type ImageBatch, messageOf, type Tensor, tensor } from '../core/index.ts';
import { type ArrayTensor, type BuilderOptions, GraphBuilder, Session, type SessionOptions } from '../onnx/index.ts';
import { type BackboneConfig, parseBackboneConfig } from './config.ts';
import { addBackbone, patchGrid, type Weights } from './graph.ts';
import { findBackbone, withTimmPositions } from './registry.ts';
import { checkpointWeights } from './weights.ts';

/** Tokens of a tower. */
export type Tokens = Tensor<readonly ['batch', 'token', 'channel']>;
/** One vector per picture, Euclidean length 1. */
export type Embedding = Tensor<readonly ['batch', 'channel']>;

export interface BackboneFeatures {
  /** After i blocks, class token first where there is one. */
  readonly taps: ReadonlyMap<number, Tokens>;
  /** After the last block and ln_post, class token dropped. */
  readonly normed?: Tokens;
  readonly embedding?: Embedding;
}

export interface BackboneOptions extends SessionOptions {
  /** Input size, pixels, multiples of the patch. Default: the trained size. */
  readonly size?: { readonly height: number; readonly width: number };
  /** Blocks after which tokens are wanted, counted from 1. */
  readonly taps?: readonly number[];
  readonly normed?: boolean;
  readonly embedding?: boolean;
  readonly lowering?: BuilderOptions['lowering'];
  /** What errors call the architecture; default its name, where it was given by name. */
  readonly name?: string;
}

/**
 * An architecture by registry name, by the name of released weights, or by a JSON file (its path ends in `.json`).
 *
 * @param options.rope `timm`: positions as timm computes them, instead of the row's
 * @throws {DenseError} UNKNOWN_MODEL for an unknown name, BAD_INPUT for a bad file
 */
export async function loadArch(
  arch: string,
  options: { readonly rope?: 'meta' | 'timm' | undefined } = {},
): Promise<BackboneConfig> {
  let config: BackboneConfig;
  if (/\.json$/i.test(arch)) {
    let json: unknown;
    try {
      json = JSON.parse(await readFile(arch, 'utf8'));
    } catch (error) {
      fail('BAD_INPUT', `architecture file ${arch}`, messageOf(error), 'name a readable JSON file', error);
    }
    config = parseBackboneConfig(json);
  } else config = findBackbone(arch);
  return options.rope === 'timm' ? withTimmPositions(config) : config;
}

/** A vision tower ready to run at one input size, any batch. */
export class Backbone {
  private constructor(
    private readonly session: Session,
    readonly config: BackboneConfig,
    /** Input size, pixels. */
    readonly height: number,
    readonly width: number,
    private readonly taps: readonly number[],
  ) {}

  /** Patches per axis. */
  get grid(): readonly [number, number] {
    return patchGrid(this.config, this.height, this.width);
  }

  /**
   * Opens a tower over a checkpoint file.
   *
   * @param checkpoint path of a `.pt`, `.pth` or `.safetensors` file, or an opened one
   * @param arch see {@link loadArch}; or a row
   * @throws {DenseError} BAD_CHECKPOINT when file and architecture do not fit
   */
  static async open(
    checkpoint: string | Checkpoint,
    arch: string | BackboneConfig,
    options: BackboneOptions = {},
  ): Promise<Backbone> {
    const config = typeof arch === 'string' ? await loadArch(arch) : arch;
    const opened = typeof checkpoint === 'string' ? await openCheckpoint(checkpoint) : checkpoint;
    const weights = await checkpointWeights(
      opened,
      config,
      options.name ?? (typeof arch === 'string' ? arch : 'the architecture'),
    );
    return Backbone.fromWeights(weights, config, options);
  }

  /** Opens a tower over weights from anywhere. */
  static async fromWeights(weights: Weights, config: BackboneConfig, options: BackboneOptions = {}): Promise<Backbone> {
    const native = Math.floor(config.imageSize / config.patch) * config.patch;
    const { height, width } = options.size ?? { height: native, width: native };
    patchGrid(config, height, width);
    const b = new GraphBuilder(options.lowering ? { lowering: options.lowering } : {});
    const image = b.input('image', 'float32', ['batch', 3, height, width]);
    const taps = [...new Set(options.taps ?? [])].sort((x, y) => x - y);
    const tower = addBackbone(b, image, config, weights, { ...options, taps });
    for (const [i, value] of tower.taps) b.output(`layer_${i}`, value);
    if (tower.normed && options.normed) b.output('normed', tower.normed);
    if (tower.embedding) b.output('embedding', tower.embedding);
    return new Backbone(await Session.open(b.build(), options), config, height, width, taps);
  }

  /**
   * Runs a batch.
   * @param batch `[batch, 3, height, width]` of this tower's size, normalised by the row's mean and std
   * @throws {DenseError} BAD_INPUT for another size
   */
  async run(batch: ImageBatch, options: { readonly signal?: AbortSignal } = {}): Promise<BackboneFeatures> {
    const out = await this.session.run({ image: { dims: [...batch.shape], data: batch.data } }, options);
    const tokens = (t: ArrayTensor): Tokens =>
      tensor(
        ['batch', 'token', 'channel'] as const,
        t.dims as unknown as [number, number, number],
        t.data as Float32Array,
      );
    const taps = new Map(this.taps.map(i => [i, tokens(out[`layer_${i}`]!)]));
    const embedding = out.embedding && {
      embedding: tensor(
        ['batch', 'channel'] as const,
        out.embedding.dims as unknown as [number, number],
        out.embedding.data as Float32Array,
      ),
    };
    return { taps, ...(out.normed ? { normed: tokens(out.normed) } : {}), ...embedding };
  }

  async close(): Promise<void> {
    await this.session.close();
  }
}
