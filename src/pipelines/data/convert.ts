import { resolve } from 'node:path';
import { fail } from '../../core/index.ts';
import { openDataset } from './open.ts';
import type { DatasetSource } from './open-options.ts';
import { type WriteDatasetOptions, type WriteReport, writeDataset } from './write.ts';

export interface ConvertOptions extends WriteDatasetOptions {
  /** One data set, or several to be joined: classes of one name become one. */
  readonly sources: readonly DatasetSource[];
}

export interface ConvertReport extends WriteReport {
  readonly pictures: number;
  readonly objects: number;
  readonly categories: number;
  readonly splits: readonly string[];
}

/**
 * Converts annotated data sets between COCO, YOLO, PASCAL VOC and CSV.
 * @throws {DenseError} as {@link openDataset} and {@link writeDataset}; BAD_USAGE when the output is the input
 */
export async function convertDataset(options: ConvertOptions): Promise<ConvertReport> {
  for (const { annotations } of options.sources)
    if (resolve(annotations) === resolve(options.out))
      fail('BAD_USAGE', `--out ${options.out}`, 'it is what is read', 'name another place');
  const dataset = await openDataset(
    options.sources.map(source => ({ onWarning: options.onWarning, signal: options.signal, ...source })),
  );
  const written = await writeDataset(dataset, options);
  return {
    pictures: dataset.pictures.length,
    objects: dataset.pictures.reduce((n, p) => n + p.objects.length, 0),
    categories: dataset.categories.length,
    splits: [...new Set(dataset.pictures.flatMap(p => p.split ?? []))],
    ...written,
  };
}
