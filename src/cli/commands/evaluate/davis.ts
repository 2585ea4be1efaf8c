import { Command } from 'commander';
import { z } from 'zod';
import { addTalkOptions, list, oneOf, parseOptions, talkSchema } from '../../options.ts';
import { formatTable, makeOutput } from '../../output.ts';

const Options = z.strictObject({
  gt: z.string(),
  pred: z.string(),
  sequences: list.optional(),
  split: z.string().optional(),
  year: oneOf(['2016', '2017']).optional(),
  perSequence: z.boolean().optional(),
  json: z.boolean().optional(),
  ...talkSchema,
});

const COLUMNS = ['J&F-Mean', 'J-Mean', 'J-Recall', 'J-Decay', 'F-Mean', 'F-Recall', 'F-Decay'] as const;

/** `evaluate davis`: masks carried through videos against annotations. */
export function davisCommand(): Command {
  const command = new Command('davis')
    .summary('score video object segmentation: J, F and J&F, as davis2017-evaluation does')
    .description(
      'Scores masks of video objects against annotations (semi-supervised: the first and the last frame are left out).',
    )
    .requiredOption('--gt <folder>', 'annotations, SEQ/00000.png (Annotations/480p)')
    .requiredOption('--pred <folder>', 'results with the same names: palette or grey PNGs of object ids')
    .option('--sequences <list>', 'these sequences, separated by commas (default: all that have results)')
    .option('--split <file>', 'a list of sequences, one per line (ImageSets/2017/val.txt)')
    .option('--year <year>', '2016: one object per sequence, 2017: each id is one (default: by the annotations)')
    .option('--per-sequence', 'a row for each object in the table')
    .option('--json', 'one JSON object on standard output');
  return addTalkOptions(command)
    .addHelpText(
      'after',
      `
Example:
  $ pe-dense evaluate davis --gt DAVIS/Annotations/480p --pred masks --split DAVIS/ImageSets/2017/val.txt`,
    )
    .action(async (raw: Record<string, unknown>) => {
      const options = parseOptions(Options, raw);
      const out = makeOutput(options);
      const { evaluateDavis } = await import('../../../pipelines/index.ts');
      const report = await evaluateDavis({ ...options, onInfo: out.debug, onWarning: out.warn });
      if (options.json) {
        out.data(JSON.stringify(report, null, 2));
        return;
      }
      const row = (name: string, figures: object) => [
        name,
        ...COLUMNS.map(key => (figures as Record<string, number>)[key]!.toFixed(3)),
      ];
      const rows = options.perSequence ? Object.entries(report.per_object).map(([name, f]) => row(name, f)) : [];
      out.data(formatTable([['object', ...COLUMNS], ...rows, row('all', report)]));
    });
}
