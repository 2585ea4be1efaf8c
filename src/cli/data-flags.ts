import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { z } from 'zod';
import { fail } from '../core/index.ts';
import { DATA_FORMATS } from '../data/index.ts';
import type { DatasetSource } from '../pipelines/index.ts';
import { oneOf } from './options.ts';

/** Flags that say how annotations are read. */
export const sourceSchema = {
  from: oneOf(DATA_FORMATS).optional(),
  images: z.array(z.string().min(1, 'a folder')).optional(),
  split: z.string().min(1, 'the name of a split').optional(),
  names: z.string().min(1, 'a file with a class name per line').optional(),
  vocOrigin: oneOf(['0', '1']).optional(),
};

/** Adds --from, --images, --split, --names, --voc-origin. */
export function addSourceOptions(command: Command): Command {
  return command
    .option('--from <format>', `${DATA_FORMATS.join(', ')} (default: found out)`)
    .option('--images <folder...>', 'the pictures; one folder for all, or one for each (default: found beside them)')
    .option('--split <name>', 'only this split; of annotations without splits, the name they get')
    .option('--names <file>', 'class names, one per line; Open Images: its class descriptions')
    .option('--voc-origin <n>', "VOC: number of the first pixel, 1 as PASCAL's or 0 (default: 1)");
}

type SourceFlags = { readonly [K in keyof typeof sourceSchema]?: z.output<(typeof sourceSchema)[K]> };

/**
 * Sources from what the user typed: `FILE` or `split=FILE`.
 * @throws {DenseError} BAD_USAGE when folders of pictures and annotations do not pair up
 */
export function sourcesOf(annotations: readonly string[], flags: SourceFlags): DatasetSource[] {
  const { from: format, images = [], split, names, vocOrigin } = flags;
  if (images.length > 1 && images.length !== annotations.length)
    fail(
      'BAD_USAGE',
      `${images.length} folders with --images for ${annotations.length} annotations`,
      'there is one folder for all, or one for each',
      'name as many, in the same order',
    );
  return annotations.map((text, i) => {
    const [, prefix, path] = existsSync(text) ? [] : (/^([\w-]+)=(.+)$/.exec(text) ?? []);
    return {
      annotations: path ?? text,
      images: images.length > 1 ? images[i] : images[0],
      format,
      split: prefix ?? split,
      names,
      vocOrigin: vocOrigin === undefined ? undefined : vocOrigin === '0' ? 0 : 1,
    };
  });
}
