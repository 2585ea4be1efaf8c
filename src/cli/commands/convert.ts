import { Command } from 'commander';
import { z } from 'zod';
import { DATA_FORMATS } from '../../data/index.ts';
import { addSourceOptions, sourceSchema, sourcesOf } from '../data-flags.ts';
import { interruptSignal } from '../interrupt.ts';
import { addTalkOptions, oneOf, parseOptions, talkSchema } from '../options.ts';
import { makeOutput } from '../output.ts';
import { makeProgress } from '../progress.ts';

const PICTURES = ['none', 'copy', 'link'] as const;

const Options = z.strictObject({
  ...sourceSchema,
  ...talkSchema,
  to: oneOf(DATA_FORMATS),
  annotations: z.array(z.string().min(1, 'a file or folder')),
  out: z.string().min(1, 'a file or folder'),
  masks: z.boolean().optional(),
  pictures: oneOf(PICTURES).optional(),
  lossy: z.boolean().optional(),
  json: z.boolean().optional(),
});

/** `pe-dense convert`: annotated data sets from one format to another. */
export function convertCommand(): Command {
  const command = new Command('convert')
    .summary('data sets from COCO, YOLO, VOC or CSV to another of them')
    .description(
      'Converts annotated data sets between COCO, YOLO, PASCAL VOC and CSV. Nothing is lost in silence: what a format\n' +
        'cannot hold is named and refused, unless --lossy accepts it. Several annotations are joined, classes by name.',
    )
    .requiredOption('--annotations <path...>', '.json, data.yaml, .data, .csv or a folder; split=PATH names its split')
    .requiredOption('--to <format>', DATA_FORMATS.join(', '))
    .requiredOption('-o, --out <path>', 'coco: .json or folder; csv: .csv; yolo and voc: a new folder');
  addSourceOptions(command)
    .option('--pictures <mode>', `into the new yolo or voc folder: ${PICTURES.join(', ')} (default: none)`)
    .option('--masks', 'yolo: polygons instead of boxes')
    .option('--lossy', 'accept what the format cannot hold; it is named')
    .option('--json', 'what was done as JSON on standard output');
  return addTalkOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  pe-dense convert --from yolo --to coco --annotations pets/data.yaml --out pets-coco\n' +
        '  pe-dense convert --to yolo --annotations train=train.json val=val.json --images photos --out pets --lossy',
    )
    .action(async (raw: Record<string, unknown>) => {
      const { to, json, annotations, ...flags } = parseOptions(Options, raw);
      const output = makeOutput({ ...flags, json });
      const { convertDataset } = await import('../../pipelines/index.ts');
      let progress: ReturnType<typeof makeProgress> | undefined;
      try {
        const report = await convertDataset({
          ...flags,
          format: to,
          sources: sourcesOf(annotations, flags),
          signal: interruptSignal(),
          onWarning: text => output.warn(`note: ${text}`),
          onProgress: (done, total) => {
            progress ??= makeProgress(total, 'pictures', flags);
            progress.update(done);
          },
        });
        progress?.stop();
        if (json) return output.data(JSON.stringify(report, null, 2));
        const { pictures, objects, categories, files, imageFolders } = report;
        if (!flags.quiet)
          output.data(
            `${pictures} pictures, ${objects} objects, ${categories} classes; written to ${files.join(', ')}`,
          );
        if ((flags.pictures ?? 'none') === 'none')
          for (const [split, folder] of Object.entries(imageFolders))
            output.info(`put the pictures${split === '' ? '' : ` of ${split}`} into ${folder} (or: --pictures copy)`);
      } finally {
        progress?.stop();
      }
    });
}
