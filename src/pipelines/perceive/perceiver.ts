import { type DepthKind, type DepthMap, fail, type RgbImage, throwIfAborted } from '../../core/index.ts';
import { decodeImage, type ImageSource, type ImageTransform, imageToBatch } from '../../image/index.ts';
import { openModel } from '../../model/index.ts';
import { checkDevice } from '../../onnx/index.ts';
import { checkDepthSize, type DepthOptions, depthHeadOf } from '../depth/estimator.ts';
import { fitDepth } from '../depth/fit.ts';
import { finishDetections } from '../detect/finish.ts';
import { asDetectionNetwork, detectionPart } from '../detect/load.ts';
import type { NetworkOptions } from '../detect/model-parts.ts';
import type { DetectionNetwork } from '../detect/network.ts';
import { type DetectOptions, type ResolvedOptions, resolveOptions } from '../detect/options.ts';
import { DetectionResult } from '../detect/result.ts';
import { overlapped } from '../overlap.ts';
import { batchSize, IN_SESSION, inChunks, type PictureItem, streamPictures } from '../stream.ts';
import { type Network, type NetworkOutputs, openNetwork } from './network.ts';
import { featuresOf, type PictureFeatures } from './picture-features.ts';

/** What a perceiver is loaded with; what is left out of the network costs no time. */
export interface PerceiverLoadOptions extends NetworkOptions {
  /** With the detection head; default where the model has one. */
  readonly detect?: boolean | undefined;
  /** With the depth head; default where the model has one. */
  readonly depth?: boolean | undefined;
  /** Blocks (from 1) whose patch features are handed out; default none. */
  readonly features?: readonly number[] | undefined;
}

/** What is wanted of a picture. */
export interface PerceiveOptions
  extends Pick<DetectOptions, 'batch' | 'background' | 'maxPixels' | 'allowUrl' | 'signal'> {
  /** Objects, and which to keep; default whenever the perceiver was loaded with them. */
  readonly detect?: boolean | Pick<DetectOptions, 'score' | 'max' | 'nms' | 'iou' | 'agnostic' | 'classes'> | undefined;
  /** Depth, and its size; likewise. */
  readonly depth?: boolean | Pick<DepthOptions, 'size'> | undefined;
}

/** What one pass saw in a picture. */
export interface Perception {
  /** As decoded: after its EXIF rotation. */
  readonly image: RgbImage;
  /** As `Detector` finds them. */
  readonly detections?: DetectionResult;
  /** As `DepthEstimator` estimates it. */
  readonly depth?: DepthMap;
  /** Of the blocks the perceiver was loaded with. */
  readonly features?: PictureFeatures;
}

/** One picture of a stream: what was seen, or why it could not be read. */
export type PerceptionItem<S extends ImageSource = ImageSource> = PictureItem<Perception, S>;

/** {@link PerceiveOptions}, checked. */
interface Wanted {
  readonly detect: ResolvedOptions | undefined;
  readonly depth: NonNullable<DepthOptions['size']> | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Objects, depth and features of a picture out of one pass through the backbone. Holds a loaded network: close it, or let
 * `await using` do so.
 *
 * @example
 * const perceiver = await Perceiver.load('dense-t16');
 * const { detections, depth } = await perceiver.perceive('street.jpg', { detect: true, depth: true });
 */
export class Perceiver {
  private constructor(
    private readonly network: Network,
    private readonly detection: DetectionNetwork | undefined,
    /** Name of the model. */
    readonly model: string,
    /** Kind of the depth; undefined without a depth head. */
    readonly depthKind: DepthKind | undefined,
  ) {}

  /**
   * Loads a model's backbone with its heads in one graph.
   *
   * @param model a bundled name, a pulled name, or a model directory; default `dense-t16`, the bundled one (trained by this
   *   project)
   * @throws {DenseError} UNKNOWN_MODEL; BAD_MODEL, also for a head asked for that the model lacks; BAD_CHECKPOINT; BAD_INPUT for
   *   a size or a block it does not have, or when nothing is left to compute; UNAVAILABLE for a device this machine lacks
   */
  static async load(model = 'dense-t16', options: PerceiverLoadOptions = {}): Promise<Perceiver> {
    checkDevice(options.device ?? 'cpu'); // before any reading: it needs none
    const opened = await openModel(model);
    const { heads, name } = opened.json;
    const detection = (options.detect ?? heads.detection !== undefined) ? detectionPart(opened) : undefined;
    const depth = (options.depth ?? heads.depth !== undefined) ? depthHeadOf(opened) : undefined;
    const features = options.features?.length ? options.features : undefined;
    if (!detection && !depth && !features)
      fail(
        'BAD_INPUT',
        `nothing to perceive with ${name}`,
        'detect and depth are off or the model has no heads, and no features are asked for',
        'turn one of them on',
      );
    const network = await openNetwork(opened, { detection, depth, features }, options);
    const asDetector = detection && asDetectionNetwork(opened, detection, network, features);
    return new Perceiver(network, asDetector, name, depth?.output);
  }

  /** Names of the classes, by index; none without a detection head. */
  get labels(): readonly string[] {
    return this.detection?.labels.names ?? [];
  }

  /** Size of the network's input, pixels. */
  get inputSize(): { readonly height: number; readonly width: number } {
    return { height: this.network.input.height, width: this.network.input.width };
  }

  /**
   * Looks at one picture.
   *
   * @param source a path, a `file:` URL, an encoded file's bytes, raw pixels, or a decoded picture
   * @throws {DenseError} BAD_INPUT for a picture that cannot be read, an option out of range, or something the perceiver was
   *   not loaded with; ABORTED by the signal
   */
  async perceive(source: ImageSource, options: PerceiveOptions = {}): Promise<Perception> {
    const wanted = this.resolve(options);
    const image = await decodeImage(source, options);
    return (await this.perceiveImages([image], 1, wanted))[0];
  }

  /**
   * Looks at several pictures, `options.batch` per pass (default: all of them together).
   * @throws {DenseError} as {@link perceive}; the first picture that cannot be read fails the whole call
   */
  async perceiveBatch(sources: readonly ImageSource[], options: PerceiveOptions = {}): Promise<Perception[]> {
    const wanted = this.resolve(options);
    if (sources.length === 0) return [];
    const batch = batchSize(options.batch ?? sources.length);
    const images = await Promise.all(sources.map(source => decodeImage(source, options)));
    return this.perceiveImages(images, batch, wanted);
  }

  /**
   * Looks at many pictures, in order; decoding overlaps the network. A picture that cannot be read is an item with an
   * `error`; the stream goes on.
   *
   * @throws {DenseError} ABORTED by the signal; RUNTIME or UNAVAILABLE when the network itself fails
   */
  async *stream<S extends ImageSource>(
    sources: Iterable<S> | AsyncIterable<S>,
    options: PerceiveOptions = {},
  ): AsyncGenerator<PerceptionItem<S>, void, undefined> {
    const wanted = this.resolve(options);
    const batch = batchSize(options.batch);
    yield* streamPictures(sources, { ...options, batch }, images => this.perceiveImages(images, batch, wanted));
  }

  private resolve({ detect, depth, signal }: PerceiveOptions): Wanted {
    const detects = detect ?? this.detection !== undefined;
    const measures = depth ?? this.depthKind !== undefined;
    if (detects && !this.detection) notLoaded('detect');
    if (measures && !this.depthKind) notLoaded('depth');
    const size = typeof measures === 'object' ? measures.size : undefined;
    checkDepthSize(size);
    const detection = typeof detects === 'object' ? detects : {};
    return {
      detect: detects ? resolveOptions({ ...detection, signal }, this.detection!) : undefined,
      depth: measures ? (size ?? 'picture') : undefined,
      signal,
    };
  }

  private async perceiveImages(images: readonly RgbImage[], batch: number, wanted: Wanted): Promise<Perception[]> {
    const results: Perception[] = [];
    const passes = overlapped(inChunks(images, batch), IN_SESSION, chunk => this.passOnce(chunk, wanted));
    for await (const seen of passes) results.push(...seen);
    return results;
  }

  private async passOnce(images: readonly RgbImage[], wanted: Wanted): Promise<Perception[]> {
    throwIfAborted(wanted.signal);
    const { batch, transforms } = imageToBatch(images, this.network.input);
    const outputs = await this.network.run(batch, wanted.signal);
    const found = wanted.detect && finishDetections(outputs.detection!, transforms, this.detection!, wanted.detect);
    return images.map((image, i) => {
      const features = outputs.features && featuresOf(outputs.features, i, transforms[i], this.network.input);
      const [height, width] = image.shape;
      const depth = wanted.depth && this.depthOf(outputs, i, transforms[i], wanted.depth);
      return {
        image,
        ...(found && { detections: new DetectionResult(width, height, found[i], this.detection!.labels, features) }),
        ...(depth && { depth }),
        ...(features && { features }),
      };
    });
  }

  private depthOf(
    outputs: NetworkOutputs,
    i: number,
    transform: ImageTransform,
    size: NonNullable<DepthOptions['size']>,
  ) {
    return fitDepth(outputs.depth![i], transform, this.network.input, size);
  }

  /** Ends the network's thread and frees its memory. */
  async close(): Promise<void> {
    await this.network.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function notLoaded(what: 'detect' | 'depth'): never {
  fail(
    'BAD_INPUT',
    `${what} is asked of a perceiver that was loaded without it`,
    'its network has no such head, by the model or by the load options',
    `load it with { ${what}: true }, or leave ${what} out`,
  );
}
