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
  readonly names?: readonly string[] | ((index: number) => string) | undefined;
  /** Name of the mask for error messages. */
  readonly maskName?: string | undefined;
  /** Goes on where an earlier call with the same frames and options was left; one layer only. */
  readonly from?: CarryState | undefined;
  /** Called for a frame, not the first, that cannot be read, which is then left out. */
  readonly onBroken?: ((name: string, error: Error) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is carried from frame to frame. */
export interface CarryState {
  /** Index of the next frame. */
  readonly next: number;
  /** Frames before it that have masks: all but those left out. */
  readonly carried: number;
  /** Labels of the frames before it that it looks at, beside the first one, the oldest first. */
  readonly recent: readonly { readonly index: number; readonly labels: Float32Array }[];
}

/** Masks of one frame. */
export interface CarriedFrame {
  /** 0 is the first frame: its mask is the one given. */
  readonly index: number;
  readonly image: RgbImage;
  /** `[height, width]` ids of the first mask, pixels of the frame; by layer. */
  readonly masks: ReadonlyMap<number | 'last', Uint8Array>;
  /** What the next frame needs, for the first of the layers; see {@link CarryOptions.from}. */
  readonly state: CarryState;
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
   * @param frames paths, encoded pictures or decoded ones; they are taken one by one
   * @param mask of the first frame, its size: any ids 1 to 255; 255 beside other ids is void, alone it is the object
   * @throws {DenseError} BAD_INPUT for a mask without objects or of another size, a frame that cannot be read or has
   *   another size than the first; ABORTED by the signal
   */
  async *carry(
    frames: Iterable<ImageSource> | AsyncIterable<ImageSource>,
    mask: IdMask,
    options: CarryOptions = {},
  ): AsyncGenerator<CarriedFrame, void, undefined> {
    const { signal, maskName = 'the mask', from } = options;
    const ids = objectIds(mask, maskName);
    const { width, height } = mask;
    const known = new Map(from?.recent.map(({ index, labels }) => [index, labels]));
    let carriers: Map<number | 'last', LabelCarrier> | undefined;
    const places: number[] = []; // of the frames the carriers remember
    let carried = from?.carried ?? 0;
    const wanted = (index: number) => !from || index === 0 || index >= from.next || known.has(index);
    const seen = overlapped(chosen(frames, wanted), READ_AHEAD, item => this.look(item, mask, options));
    for await (const frame of seen) {
      throwIfAborted(signal);
      if (!frame) continue; // broken
      const { image, index } = frame;
      const grids = this.grids(frame.features);
      const [rows, columns] = this.extractor!.grid;
      const masks = new Map<number | 'last', Uint8Array>();
      const earlier = known.get(index);
      if (!carriers) {
        const labels = maskToLabels(mask, ids, rows, columns);
        const begin = (grid: Float32Array) => new LabelCarrier(grid, labels, rows, columns, options);
        carriers = new Map([...grids].map(([layer, grid]) => [layer, begin(grid)]));
        for (const layer of grids.keys()) masks.set(layer, Uint8Array.from(mask.data));
      } else if (earlier) for (const [layer, grid] of grids) carriers.get(layer)!.restore(grid, earlier);
      else
        for (const [layer, grid] of grids) {
          const labels = carriers.get(layer)!.next(grid);
          masks.set(layer, labelsToMask(labels, ids, rows, columns, this.patch, { width, height }));
        }
      const { recentLabels } = carriers.get(this.layers[0]!)!;
      if (index > 0) places.push(index);
      places.splice(0, places.length - recentLabels.length);
      if (from && index < from.next) continue; // its mask is there
      const recent = recentLabels.map((labels, k) => ({ index: places[k]!, labels }));
      yield { index, image, masks, state: { next: index + 1, carried: ++carried, recent } };
    }
  }

  /** A frame's picture and features; nothing for one that is broken and may be left out. */
  private async look({ item, index }: { item: ImageSource; index: number }, mask: IdMask, options: CarryOptions) {
    const { signal, names, maskName = 'the mask', onBroken } = options;
    const name = (typeof names === 'function' ? names(index) : names?.[index]) ?? `frame ${index + 1}`;
    const { width, height } = mask;
    let image: RgbImage;
    try {
      image = await decodeImage(item, { signal, name });
      checkSize(image, width, height, name, maskName);
    } catch (error) {
      throwIfAborted(signal);
      if (!onBroken || index === 0) throw error;
      onBroken(name, error as Error);
      return undefined;
    }
    const extractor = await this.extractorFor(width, height);
    const features = await extractor.run(extractor.prepare([image]), signal ? { signal } : {});
    return { image, features, index };
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

/** The wanted items with their places. */
async function* chosen<T>(items: Iterable<T> | AsyncIterable<T>, wanted: (index: number) => boolean) {
  let index = -1;
  for await (const item of items) if (wanted(++index)) yield { item, index };
}
