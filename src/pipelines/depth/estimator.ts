import { type DepthKind, type DepthMap, fail, type RgbImage, throwIfAborted } from '../../core/index.ts';
import { decodeImage, type ImageSource, imageToBatch, type UrlOptions } from '../../image/index.ts';
import { type DptHead, isDpt, type Model, openModel } from '../../model/index.ts';
import { checkDevice } from '../../onnx/index.ts';
import type { NetworkOptions } from '../detect/model-parts.ts';
import { overlapped } from '../overlap.ts';
import { type Network, openNetwork } from '../perceive/network.ts';
import type { StageSink } from '../stages.ts';
import { batchSize, IN_SESSION, inChunks, type PictureItem, streamPictures } from '../stream.ts';
import { DEPTH_SIZES, type DepthSize, fitDepth } from './fit.ts';

/** How depth is wanted. */
export interface DepthOptions {
  /**
   * `picture` (default): a number for each pixel, bilinear; `network`: as fine as the network draws it, over the whole
   * picture. For edges as sharp as the picture's, give the latter to `upsampleDepth`.
   */
  readonly size?: DepthSize | undefined;
  /** Pictures per pass through the network; default 1. */
  readonly batch?: number | undefined;
  /** What shows through transparent parts; default white. RGB, 0..255. */
  readonly background?: readonly [number, number, number] | undefined;
  /** Largest picture accepted, pixels. */
  readonly maxPixels?: number | undefined;
  /** Permits pictures from web addresses, with default limits or with those given; default false. */
  readonly allowUrl?: boolean | UrlOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Hears how long each stage took. */
  readonly onStage?: StageSink | undefined;
}

/** Depth of one picture, with the picture. */
export interface DepthResult {
  readonly map: DepthMap;
  /** As decoded: after its EXIF rotation. */
  readonly image: RgbImage;
}

/** One picture of a stream: its depth, or why it could not be read. */
export type DepthStreamItem<S extends ImageSource = ImageSource> = PictureItem<DepthResult, S>;

/**
 * Estimates how far away everything in a picture is. Holds a loaded network: close it, or let `await using` do so.
 *
 * @example
 * const estimator = await DepthEstimator.load('dense-t16');
 * const { map } = await estimator.estimate('street.jpg'); // map.kind: 'relative' (larger is nearer) or 'metric' (metres)
 */
export class DepthEstimator {
  private constructor(
    private readonly network: Network,
    /** Name of the model. */
    readonly model: string,
    /** `relative`: inverse depth up to scale and shift, larger is nearer; `metric`: metres, larger is farther. */
    readonly kind: DepthKind,
  ) {}

  /**
   * Loads a model.
   *
   * @param model a bundled name, a pulled name, or a model directory (so also one of your own: any backbone row with a DPT
   *   head trained by tools/train); default `dense-t16`, the bundled one (trained by this project)
   * @throws {DenseError} UNKNOWN_MODEL; BAD_MODEL, also for a model without a depth head; BAD_CHECKPOINT; BAD_INPUT for a size
   *   it cannot take; UNAVAILABLE for a device this machine lacks
   */
  static async load(model = 'dense-t16', options: NetworkOptions = {}): Promise<DepthEstimator> {
    checkDevice(options.device ?? 'cpu'); // before any reading: it needs none
    const opened = await openModel(model);
    const head = depthHeadOf(opened);
    const network = await openNetwork(opened, { depth: head }, options);
    return new DepthEstimator(network, opened.json.name, head.output);
  }

  /** Size of the network's input, pixels. */
  get inputSize(): { readonly height: number; readonly width: number } {
    return { height: this.network.input.height, width: this.network.input.width };
  }

  /**
   * Depth of one picture.
   *
   * @param source a path, a `file:` URL, an encoded file's bytes, raw pixels, or a decoded picture
   * @throws {DenseError} BAD_INPUT for a picture that cannot be read or an option out of range; ABORTED by the signal
   */
  async estimate(source: ImageSource, options: DepthOptions = {}): Promise<DepthResult> {
    checkDepthSize(options.size);
    const image = await decodeImage(source, options);
    return (await this.estimateImages([image], 1, options))[0];
  }

  /**
   * Depth of several pictures, `options.batch` per pass through the network (default: all of them together).
   * @throws {DenseError} as {@link estimate}; the first picture that cannot be read fails the whole call
   */
  async estimateBatch(sources: readonly ImageSource[], options: DepthOptions = {}): Promise<DepthResult[]> {
    checkDepthSize(options.size);
    if (sources.length === 0) return [];
    const batch = batchSize(options.batch ?? sources.length);
    const images = await Promise.all(sources.map(source => decodeImage(source, options)));
    return this.estimateImages(images, batch, options);
  }

  /**
   * Depth of many pictures, in order: while one passes through the network, the next are decoded, and memory holds only a
   * few of them. A picture that cannot be read is an item with an `error`; the stream goes on.
   *
   * @throws {DenseError} ABORTED by the signal; RUNTIME or UNAVAILABLE when the network itself fails
   */
  async *stream<S extends ImageSource>(
    sources: Iterable<S> | AsyncIterable<S>,
    options: DepthOptions = {},
  ): AsyncGenerator<DepthStreamItem<S>, void, undefined> {
    checkDepthSize(options.size);
    const batch = batchSize(options.batch);
    yield* streamPictures(sources, { ...options, batch }, images => this.estimateImages(images, batch, options));
  }

  private async estimateImages(
    images: readonly RgbImage[],
    batch: number,
    options: DepthOptions,
  ): Promise<DepthResult[]> {
    const results: DepthResult[] = [];
    const passes = overlapped(inChunks(images, batch), IN_SESSION, chunk => this.passOnce(chunk, options));
    for await (const found of passes) results.push(...found);
    return results;
  }

  private async passOnce(images: readonly RgbImage[], { size, signal, onStage }: DepthOptions): Promise<DepthResult[]> {
    throwIfAborted(signal);
    const { input } = this.network;
    const started = performance.now();
    const { batch, transforms } = imageToBatch(images, input);
    const resized = performance.now();
    const { depth } = await this.network.run(batch, signal);
    const ran = performance.now();
    const fitted = images.map((image, i) => ({
      image,
      map: fitDepth(depth![i], transforms[i], input, size ?? 'picture'),
    }));
    onStage?.('resize', started, resized);
    onStage?.('network', resized, ran);
    onStage?.('postprocess', ran, performance.now());
    return fitted;
  }

  /** Ends the network's thread and frees its memory. */
  async close(): Promise<void> {
    await this.network.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** A model's depth head. @throws {DenseError} BAD_MODEL for a model without */
export function depthHeadOf(model: Model): DptHead {
  const head = model.json.heads.depth;
  if (isDpt(head)) return head;
  return fail(
    'BAD_MODEL',
    `model ${model.json.name} gives no depth`,
    head === undefined ? 'it has no depth head' : `its depth head is of kind ${JSON.stringify(head.kind)}`,
    'use a model with a DPT head; see pe-dense models',
  );
}

/** @throws {DenseError} BAD_INPUT for a word that is no size */
export function checkDepthSize(size: DepthSize | undefined): void {
  if (size === undefined || DEPTH_SIZES.includes(size)) return;
  fail('BAD_INPUT', `size is ${JSON.stringify(size)}`, 'there is no such size', 'use picture or network');
}
