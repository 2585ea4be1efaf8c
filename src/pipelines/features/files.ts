import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, type ImageBatch, messageOf, type NpyArray, readNpy, tensor, writeNpy } from '../../core/index.ts';
import { decodeImage, encodePng, type ImageSource } from '../../image/index.ts';
import { drawFeatures } from '../../render/index.ts';
import { writeWhole } from '../formats/atomic.ts';
import { FeatureExtractor, type FeatureLoadOptions } from './extract.ts';

export interface FeatureFilesOptions extends FeatureLoadOptions {
  /** The picture; or, instead, */
  readonly image?: ImageSource | undefined;
  /** a `.npy` file, float32 `[batch, 3, height, width]`, normalised: the network's input exactly. */
  readonly tensor?: string | undefined;
  /** A `.npy` file for one layer, or a folder for `layer_<i>.npy`, `last.npy` and `embedding.npy`. */
  readonly out?: string | undefined;
  /** Picture of the last chosen layer by its principal components. */
  readonly pca?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One array that was computed. */
export interface FeatureRecord {
  readonly layer: number | 'last' | 'embedding';
  readonly shape: readonly number[];
  readonly mean: number;
  readonly std: number;
  /** Where it was written. */
  readonly file?: string;
}

export interface FeatureReport {
  readonly name: string;
  /** Input size, pixels. */
  readonly width: number;
  readonly height: number;
  /** Patches: columns, rows. */
  readonly grid: readonly [number, number];
  readonly features: readonly FeatureRecord[];
  readonly pca?: string;
}

/**
 * Computes features of a picture or an input tensor and writes what was asked for, each file whole or not at all.
 * @throws {DenseError} BAD_USAGE for options that exclude each other, BAD_INPUT, BAD_CHECKPOINT, BAD_MODEL
 */
export async function writeFeatures(options: FeatureFilesOptions): Promise<FeatureReport> {
  const { out, layers = ['last'], signal } = options;
  if ((options.image === undefined) === (options.tensor === undefined))
    fail(
      'BAD_USAGE',
      options.image === undefined ? 'no picture' : 'a picture and --tensor',
      'features are computed from one of the two',
      'name a picture, or a .npy file with --tensor',
    );
  if (options.tensor !== undefined && options.size !== undefined)
    fail('BAD_USAGE', '--size with --tensor', 'the tensor has its own size', 'leave --size out');
  const single = out !== undefined && /\.npy$/i.test(out);
  if (single && (layers.length > 1 || layers.includes('all')))
    fail('BAD_USAGE', `--out ${out} for several layers`, 'a .npy file holds one', 'name a folder');

  const given = options.tensor === undefined ? undefined : await readTensorFile(options.tensor);
  const image = options.image === undefined ? undefined : await decodeImage(options.image, { signal });
  const size = given ? { height: given.shape[2], width: given.shape[3] } : options.size;
  const extractor = await FeatureExtractor.load({ ...options, layers, size });
  try {
    const set = await extractor.run(given ?? extractor.prepare([image!]), signal ? { signal } : {});
    const features: FeatureRecord[] = [];
    const keep = async (layer: FeatureRecord['layer'], array: NpyArray<Float32Array>, file: string | undefined) => {
      if (file !== undefined) await writeWhole(file, writeNpy(array));
      features.push({ layer, shape: [...array.shape], ...spread(array.data), ...(file === undefined ? {} : { file }) });
    };
    for (const [layer, tokens] of set.layers) {
      const name = layer === 'last' ? 'last.npy' : `layer_${layer}.npy`;
      await keep(layer, tokens, out === undefined ? undefined : single ? out : join(out, name));
    }
    if (set.embedding && !single)
      await keep('embedding', set.embedding, out === undefined ? undefined : join(out, 'embedding.npy'));
    if (options.pca !== undefined) {
      const [layer, tokens] = [...set.layers].at(-1)!;
      const [rows, columns] = extractor.grid;
      const [height, width] = image ? image.shape : [extractor.size.height, extractor.size.width];
      const picture = drawFeatures(extractor.toGrid(layer, tokens).data, rows, columns, { height, width });
      await writeWhole(options.pca, await encodePng(picture));
    }
    const { name, grid } = extractor;
    const report = { name, ...extractor.size, grid: [grid[1], grid[0]] as const, features };
    return options.pca === undefined ? report : { ...report, pca: options.pca };
  } finally {
    await extractor.close();
  }
}

/** @throws {DenseError} BAD_INPUT unless it is float32 `[batch, 3, height, width]` */
async function readTensorFile(path: string): Promise<ImageBatch> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    fail('BAD_INPUT', `cannot read ${path}`, messageOf(error), 'check the path', error);
  }
  const { shape, data } = readNpy(bytes, path);
  if (!(data instanceof Float32Array) || shape.length !== 4 || shape[1] !== 3 || shape.includes(0))
    return fail(
      'BAD_INPUT',
      `${path} holds ${data.constructor.name} (${shape.join(', ')})`,
      'the network takes float32 of shape (batch, 3, height, width), normalised',
      'save it with numpy.save(path, x.astype("float32"))',
    );
  return tensor(
    ['batch', 'channel', 'height', 'width'] as const,
    shape as unknown as [number, number, number, number],
    data,
  );
}

function spread(data: Float32Array): { mean: number; std: number } {
  let sum = 0;
  let squares = 0;
  for (const v of data) {
    sum += v;
    squares += v * v;
  }
  const mean = sum / data.length;
  return { mean, std: Math.sqrt(Math.max(0, squares / data.length - mean * mean)) };
}
