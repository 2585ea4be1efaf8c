import { existsSync } from 'node:fs';
import { fail, sizeOf, throwIfAborted } from '../../core/index.ts';
import { decodeImage, imageToBatch, listInputs } from '../../image/index.ts';
import { type ActivationRange, quantisedInputs, Session, type SessionOptions } from '../../onnx/index.ts';
import { buildExport, type ExportGraphOptions, INPUT_NAME } from './graph.ts';
import { RangeHistogram } from './histogram.ts';
import type { FoundNetwork } from './source.ts';

export interface CalibrateOptions extends SessionOptions {
  /** Folder (or glob) of pictures like those the network will see. */
  readonly folder: string;
  /** At most this many pictures, evenly spaced through the sorted list; default 100. */
  readonly pictures?: number | undefined;
  /** 50..100, see {@link RangeHistogram.range}; default 99.99. */
  readonly percentile?: number | undefined;
  /** Layers, by their weight, that stay in float32. */
  readonly skip?: (weight: string) => boolean;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** What calibration found. */
export interface Calibration {
  /** By value name in the graph. */
  readonly ranges: ReadonlyMap<string, ActivationRange>;
  readonly pictures: number;
  readonly percentile: number;
}

const MAX_BYTES = 256 * 2 ** 20; // of outputs of one pass

/**
 * Runs a network over pictures and measures what its layers are given.
 * @throws {DenseError} BAD_INPUT for a folder that is not there or holds no picture, or a picture that cannot be read
 */
export async function calibrate(
  network: FoundNetwork,
  graph: ExportGraphOptions,
  options: CalibrateOptions,
): Promise<Calibration> {
  const files = await calibrationPictures(options.folder, options.pictures ?? 100, options.signal);
  const { folder: _, pictures: __, percentile = 99.99, skip, signal, progress, ...session } = options;
  const b = buildExport(network, { ...graph, input: 'float32', nms: undefined });
  const values = quantisedInputs(b, skip);
  const outputs = values.map((value, i) => ({ value, name: `calibrate.${i}`, histogram: new RangeHistogram() }));
  for (const { value, name } of outputs) b.output(name, value);
  const opened = await Session.open(b.build({ weights: 'auto' }), session);
  try {
    const { height, width } = network.input;
    for (const [i, file] of files.entries()) {
      throwIfAborted(signal);
      const { batch } = imageToBatch([await decodeImage(file)], network.input);
      for (const group of groupsOf(outputs)) {
        const feeds = { [INPUT_NAME]: { dims: [1, 3, height, width], data: batch.data } };
        const found = await opened.run(feeds, { outputs: group.map(o => o.name), signal });
        for (const { name, histogram } of group) histogram.add(found[name]!.data as Float32Array);
      }
      progress?.(i + 1, files.length);
    }
  } finally {
    await opened.close();
  }
  const ranges = new Map(outputs.map(({ value, histogram }) => [value.name, histogram.range(percentile)]));
  return { ranges, pictures: files.length, percentile };
}

/** Outputs that fit in memory together: a pass for each group. */
function groupsOf<T extends { readonly value: { readonly shape: readonly (number | string)[] } }>(
  all: readonly T[],
): T[][] {
  const groups: T[][] = [[]];
  let bytes = 0;
  for (const one of all) {
    const own = 4 * sizeOf(one.value.shape.map(d => (typeof d === 'number' ? d : Number.parseInt(d, 10) || 1))); // batch 1
    if (bytes + own > MAX_BYTES && bytes > 0) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)!.push(one);
    bytes += own;
  }
  return groups;
}

async function calibrationPictures(folder: string, most: number, signal: AbortSignal | undefined): Promise<string[]> {
  const { files, failures } = await listInputs([folder], { signal });
  // a path that is nowhere is listed as a file, which only opening it would find out
  const nowhere = files.length === 1 && !existsSync(files[0]!.path);
  const failed = failures[0]?.error;
  if (failed || nowhere || files.length === 0)
    fail(
      'BAD_INPUT',
      `--calibrate ${folder}`,
      failed?.detail.what ?? (nowhere ? 'there is no such folder' : 'no picture is there'),
      'name a folder of pictures like those the network will see; about 100 are enough',
      failed,
    );
  const step = Math.max(1, files.length / most);
  return Array.from({ length: Math.min(most, files.length) }, (_, i) => files[Math.floor(i * step)]!.path);
}
