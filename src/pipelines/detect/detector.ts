import { type Detections, type LabelSet, type RgbImage, throwIfAborted } from '../../core/index.ts';
import { decodeImage, type ImageSource, imageToBatch } from '../../image/index.ts';
import type { Slice } from '../../postprocess/index.ts';
import { overlapped } from '../overlap.ts';
import { featuresOf, type PictureFeatures } from '../perceive/picture-features.ts';
import { IN_SESSION, inChunks, type PictureItem, streamPictures } from '../stream.ts';
import { finishDetections } from './finish.ts';
import { type DetectorLoadOptions, openDetectionNetwork } from './load.ts';
import type { DetectionNetwork } from './network.ts';
import { type DetectOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { DetectionResult } from './result.ts';
import { joinViews, viewPixels, viewsOf } from './slices.ts';

/** One picture of a stream: what was found, or why it could not be read. */
export type StreamItem<S extends ImageSource = ImageSource> = PictureItem<DetectionResult, S>;

/** What one view of a picture gave. */
interface ViewFound {
  readonly found: Detections;
  readonly features: PictureFeatures | undefined;
}

/**
 * Finds objects in pictures. Holds a loaded network: close it, or let `await using` do so.
 *
 * @example
 * const detector = await Detector.load('dense-t16');
 * const found = await detector.detect('street.jpg');
 */
export class Detector {
  private constructor(private readonly network: DetectionNetwork) {}

  /**
   * Loads a model.
   *
   * @param model a bundled name, a pulled name, or a model directory; default `dense-t16`, the bundled one (trained by
   *   this project)
   * @throws {DenseError} UNKNOWN_MODEL, BAD_MODEL, BAD_CHECKPOINT; BAD_INPUT for a size it cannot take; UNAVAILABLE for a
   *   device this machine lacks
   */
  static async load(model = 'dense-t16', options: DetectorLoadOptions = {}): Promise<Detector> {
    return new Detector(await openDetectionNetwork(model, options));
  }

  /** A detector around a network of your own. */
  static from(network: DetectionNetwork): Detector {
    return new Detector(network);
  }

  /** Name of the model. */
  get model(): string {
    return this.network.name;
  }

  /** Names of the classes, by index. */
  get labels(): readonly string[] {
    return this.network.labels.names;
  }

  /** Names of the classes with their ids in files. */
  get labelSet(): LabelSet {
    return this.network.labels;
  }

  /** Size of the network's input, pixels. */
  get inputSize(): { readonly height: number; readonly width: number } {
    return { height: this.network.input.height, width: this.network.input.width };
  }

  /** Numbers that were asked for; undefined when they are as the model stores them. */
  get dtype(): string | undefined {
    return this.network.dtype;
  }

  /** Blocks whose features come with every result. */
  get features(): readonly number[] {
    return this.network.features ?? [];
  }

  /**
   * Finds objects in one picture.
   *
   * @param source a path, a `file:` URL, an encoded file's bytes, raw pixels, or a decoded picture
   * @throws {DenseError} BAD_INPUT for a picture that cannot be read or an option out of range; ABORTED by the signal
   */
  async detect(source: ImageSource, options: DetectOptions = {}): Promise<DetectionResult> {
    const resolved = resolveOptions(options, this.network);
    const image = await decodeImage(source, options);
    return (await this.detectImages([image], resolved))[0];
  }

  /**
   * Finds objects in several pictures, `options.batch` per pass through the network (default: all of them together).
   * @throws {DenseError} as {@link detect}; the first picture that cannot be read fails the whole call
   */
  async detectBatch(sources: readonly ImageSource[], options: DetectOptions = {}): Promise<DetectionResult[]> {
    if (sources.length === 0) return [];
    const resolved = resolveOptions({ ...options, batch: options.batch ?? sources.length }, this.network);
    const images = await Promise.all(sources.map(source => decodeImage(source, options)));
    return this.detectImages(images, resolved);
  }

  /**
   * Finds objects in many pictures, in order: while one passes through the network, the next are decoded, and memory
   * holds only a few of them. A picture that cannot be read is an item with an `error`; the stream goes on.
   *
   * @throws {DenseError} ABORTED by the signal; RUNTIME or UNAVAILABLE when the network itself fails
   */
  async *stream<S extends ImageSource>(
    sources: Iterable<S> | AsyncIterable<S>,
    options: DetectOptions = {},
  ): AsyncGenerator<StreamItem<S>, void, undefined> {
    const resolved = resolveOptions(options, this.network);
    const { batch } = resolved;
    yield* streamPictures(sources, { ...options, batch }, images => this.detectImages(images, resolved));
  }

  /** All views of all pictures, `batch` per pass. */
  private async detectImages(images: readonly RgbImage[], options: ResolvedOptions): Promise<DetectionResult[]> {
    const views = images.map(image => viewsOf(image, options.slice));
    const all = views.flatMap((list, i) => list.map(view => ({ image: images[i], view })));
    const found: ViewFound[] = [];
    for await (const list of overlapped(inChunks(all, options.batch), IN_SESSION, chunk =>
      this.passOnce(chunk, options),
    ))
      found.push(...list);
    let at = 0;
    return images.map((image, i) => {
      const own = found.slice(at, (at += views[i].length));
      const [height, width] = image.shape;
      const lists = own.map(view => view.found);
      const joined = joinViews(lists, views[i], image, options);
      // with slices the last view is the whole picture: resolveOptions has seen to it where features are wanted
      return new DetectionResult(width, height, joined, this.network.labels, own.at(-1)?.features);
    });
  }

  private async passOnce(
    chunk: readonly { readonly image: RgbImage; readonly view: Slice }[],
    options: ResolvedOptions,
  ): Promise<ViewFound[]> {
    throwIfAborted(options.signal);
    const started = performance.now();
    const pixels = chunk.map(({ image, view }) => viewPixels(image, view));
    const { batch, transforms } = imageToBatch(pixels, this.network.input);
    const resized = performance.now();
    const outputs = await this.network.run(batch, options.signal);
    const ran = performance.now();
    const taps = 'features' in outputs ? outputs.features : undefined;
    const lists = finishDetections(outputs, transforms, this.network, options);
    options.onStage?.('resize', started, resized);
    options.onStage?.('network', resized, ran);
    options.onStage?.('postprocess', ran, performance.now());
    return lists.map((found, i) => ({
      found,
      features: taps && featuresOf(taps, i, transforms[i], this.network.input),
    }));
  }

  /** Ends the network's thread and frees its memory. */
  async close(): Promise<void> {
    await this.network.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
