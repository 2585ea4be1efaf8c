import { join, resolve } from 'node:path';
import { fail } from '../../core/index.ts';
import { type Dataset, splitsOf } from '../../data/index.ts';
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
  checkApart(options, [options.out]);
  const dataset = await openDataset(
    options.sources.map(source => ({ onWarning: options.onWarning, signal: options.signal, ...source })),
  );
  checkApart(options, filesBelowOut(dataset, options));
  const written = await writeDataset(dataset, options);
  return {
    pictures: dataset.pictures.length,
    objects: dataset.pictures.reduce((n, p) => n + p.objects.length, 0),
    categories: dataset.categories.length,
    splits: [...new Set(dataset.pictures.flatMap(p => p.split ?? []))],
    ...written,
  };
}

/** Files that COCO and CSV are written to when a folder is named; YOLO and VOC want a new one. */
function filesBelowOut(dataset: Dataset, { format, out }: ConvertOptions): string[] {
  if (format === 'csv') return [join(out, 'annotations.csv')];
  if (format !== 'coco') return [];
  return splitsOf(dataset).map(split => join(out, split === undefined ? 'instances.json' : `instances_${split}.json`));
}

function checkApart({ sources }: ConvertOptions, written: readonly string[]): void {
  const read = new Set(sources.map(({ annotations }) => resolve(annotations)));
  for (const path of written)
    if (read.has(resolve(path))) fail('BAD_USAGE', `--out ${path}`, 'it is what is read', 'name another place');
}
