import { fail, type RgbImage, throwIfAborted } from '../../core/index.ts';
import { decodeImage, type ImageSource } from '../../image/index.ts';
import type { Device } from '../../onnx/index.ts';
import {
  type IdMask,
  LabelCarrier,
  labelsToMask,
  maskToLabels,
  objectIds,
  type PropagateOptions,
} from '../../track/index.ts';
import { FeatureExtractor, type FeatureSet } from '../features/extract.ts';
import { findTower, type TowerSource } from '../features/tower.ts';
import { overlapped } from '../overlap.ts';
import { defaultTrackingLayer } from './layer.ts';

/** Pictures being read or in the network at once, ahead of the search. */
const READ_AHEAD = 2;

export interface PropagatorLoadOptions extends TowerSource {
  /** Blocks whose features carry the mask, each on its own; default {@link defaultTrackingLayer}. */
  readonly layers?: readonly (number | 'last')[] | undefined;
  /** Short side of the network's input, see {@link trackingSize}; or the input exactly. Default 480. */
  readonly size?: number | { readonly width: number; readonly height: number } | undefined;
  readonly device?: Device | undefined;
  readonly threads?: number | undefined;
  readonly lowMemory?: boolean | undefined;
}

export interface CarryOptions extends PropagateOptions {
  /** For error messages, by frame; default: its number. */
  readonly names?: readonly string[] | undefined;
  /** Name of the mask for error messages. */
  readonly maskName?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Masks of one frame. */
export interface CarriedFrame {
  /** 0 is the first frame: its mask is the one given. */
  readonly index: number;
  readonly image: RgbImage;
  /** `[height, width]` ids of the first mask, pixels of the frame; by layer. */
  readonly masks: ReadonlyMap<number | 'last', Uint8Array>;
}

/**
 * Input size of the protocol: the short side nearest to `short` that is whole patches, the other side in proportion,
 * down to a multiple of 4 patches (64 pixels for patch 16, as in DINO's script: 854 x 480 becomes 832 x 480).
 */
export function trackingSize(width: number, height: number, short: number, patch: number) {
  const side = Math.max(1, Math.round(short / patch)) * patch;
  const long = (other: number, least: number) =>
    Math.max(Math.ceil(side / (4 * patch)), Math.floor((side * other) / least / (4 * patch))) * 4 * patch;
  return height > width
    ? { width: side, height: long(height, width) }
    : { width: width === height ? side : long(width, height), height: side };
}

/**
 * Carries the mask of a video's first frame through the video by the likeness of patch features, without training: the
 * zero-shot tracking protocol of DINO that the Perception Encoder's authors use. Holds a loaded network: close it.
 *
 * @example
 * const propagator = await MaskPropagator.load({ model: 'dense-t16' });
 * for await (const { index, masks } of propagator.carry(frames, mask)) save(index, masks.get(propagator.layers[0]));
 * @see Bolya et al., "Perception Encoder", 2025, zero-shot tracking; Caron et al. 2021
 */
export class MaskPropagator {
  private extractor: FeatureExtractor | undefined;

  private constructor(
    private readonly options: PropagatorLoadOptions,
    /** The model's or the architecture's name. */
    readonly name: string,
    readonly layers: readonly (number | 'last')[],
    private readonly patch: number,
  ) {}

  /** @throws {DenseError} UNKNOWN_MODEL, BAD_MODEL, BAD_CHECKPOINT; BAD_INPUT for a layer it does not have */
  static async load(options: PropagatorLoadOptions = {}): Promise<MaskPropagator> {
    const { name, config } = await findTower(options);
    const layers = options.layers ?? [defaultTrackingLayer(name, config.layers)];
    for (const layer of layers)
      if (layer !== 'last' && !(Number.isInteger(layer) && layer >= 1 && layer <= config.layers))
        fail(
          'BAD_INPUT',
          `layer ${layer}`,
          `${name} has ${config.layers} blocks`,
          `name one from 1 to ${config.layers}, or last`,
        );
    return new MaskPropagator(options, name, layers, config.patch);
  }

  /** The network's input for pictures of this size, pixels. */
  inputSize(width: number, height: number): { readonly width: number; readonly height: number } {
    const { size = 480 } = this.options;
    return typeof size === 'number' ? trackingSize(width, height, size, this.patch) : size;
  }

  /**
   * Masks of all frames, in order; the network works ahead on the next frames.
   *
   * @param mask of the first frame, its size: any ids 1 to 255; 255 beside other ids is void, alone it is the object
   * @throws {DenseError} BAD_INPUT for a mask without objects or of another size, a frame that cannot be read or has
   *   another size than the first; ABORTED by the signal
   */
  async *carry(
    frames: readonly ImageSource[],
    mask: IdMask,
    options: CarryOptions = {},
  ): AsyncGenerator<CarriedFrame, void, undefined> {
    const { signal, names = frames.map((_, i) => `frame ${i + 1}`), maskName = 'the mask' } = options;
    const ids = objectIds(mask, maskName);
    const { width, height } = mask;
    const carriers = new Map<number | 'last', LabelCarrier>();
    for await (const { image, features, index } of overlapped(frames.entries(), READ_AHEAD, async ([i, source]) => {
      const picture = await decodeImage(source, { signal, name: names[i] });
      checkSize(picture, width, height, names[i]!, maskName);
      const extractor = await this.extractorFor(width, height);
      const set = await extractor.run(extractor.prepare([picture]), signal ? { signal } : {});
      return { image: picture, features: set, index: i };
    })) {
      throwIfAborted(signal);
      const grids = this.grids(features);
      const [rows, columns] = this.extractor!.grid;
      const masks = new Map<number | 'last', Uint8Array>();
      for (const [layer, grid] of grids) {
        const carrier = carriers.get(layer);
        if (carrier)
          masks.set(layer, labelsToMask(carrier.next(grid), ids, rows, columns, this.patch, { width, height }));
        else {
          const labels = maskToLabels(mask, ids, rows, columns);
          carriers.set(layer, new LabelCarrier(grid, labels, rows, columns, options));
          masks.set(layer, Uint8Array.from(mask.data));
        }
      }
      yield { index, image, masks };
    }
  }

  async close(): Promise<void> {
    await this.extractor?.close();
    this.extractor = undefined;
  }

  private grids({ layers }: FeatureSet): Map<number | 'last', Float32Array> {
    return new Map([...layers].map(([layer, tokens]) => [layer, this.extractor!.toGrid(layer, tokens).data]));
  }

  private opening: Promise<FeatureExtractor> | undefined;
  private openSize = '';

  /** The network at the size that pictures of this size want; a video of another size opens it anew. */
  private extractorFor(width: number, height: number): Promise<FeatureExtractor> {
    const size = this.inputSize(width, height);
    const key = `${size.width}x${size.height}`;
    if (this.opening && this.openSize === key) return this.opening;
    this.openSize = key;
    this.opening = this.reopen(size);
    return this.opening;
  }

  private async reopen(size: { width: number; height: number }): Promise<FeatureExtractor> {
    await this.extractor?.close();
    this.extractor = await FeatureExtractor.load({ ...this.options, layers: this.layers, size });
    return this.extractor;
  }
}

function checkSize(image: RgbImage, width: number, height: number, name: string, maskName: string): void {
  const [h, w] = image.shape;
  if (w !== width || h !== height)
    fail(
      'BAD_INPUT',
      `${name} is ${w} x ${h}`,
      `${maskName} is ${width} x ${height}, and so must be every frame`,
      'paint the mask on the first frame at its own size, and give the frames of one video',
    );
}
