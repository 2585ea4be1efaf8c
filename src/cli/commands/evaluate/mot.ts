import { Command } from 'commander';
import { z } from 'zod';
import { addTalkOptions, list, numberIn, oneOf, parseOptions, talkSchema } from '../../options.ts';
import { formatTable, makeOutput } from '../../output.ts';

const BENCHMARKS = ['mot15', 'mot16', 'mot17', 'mot20'] as const;

const Options = z.strictObject({
  gt: z.string(),
  pred: z.string(),
  benchmark: oneOf(BENCHMARKS).default('mot15'),
  threshold: numberIn(0, 1).default(0.5),
  sequences: list.optional(),
  perSequence: z.boolean().optional(),
  json: z.boolean().optional(),
  ...talkSchema,
});

const FRACTIONS = ['HOTA', 'DetA', 'AssA', 'LocA', 'DetRe', 'DetPr', 'AssRe', 'AssPr'] as const;
const CLEAR = ['MOTA', 'MOTP', 'IDSW', 'FP', 'FN', 'MT', 'PT', 'ML', 'Frag', 'Rcll', 'Prcn'] as const;
const IDENTITY = ['IDF1', 'IDP', 'IDR', 'IDTP', 'IDFN', 'IDFP', 'Dets', 'GT_Dets', 'IDs', 'GT_IDs'] as const;
const COUNTS: ReadonlySet<string> = new Set([
  ...['IDSW', 'FP', 'FN', 'MT', 'PT', 'ML', 'Frag'],
  ...['IDTP', 'IDFN', 'IDFP', 'Dets', 'GT_Dets', 'IDs', 'GT_IDs'],
]);

/** `evaluate mot`: tracking results against ground truth. */
export function motCommand(): Command {
  const command = new Command('mot')
    .summary('score tracks: HOTA, CLEAR and identity, as TrackEval does')
    .description('Scores tracking results in MOT Challenge text against ground truth: HOTA, CLEAR (MOTA) and identity.')
    .requiredOption('--gt <file|folder>', 'gt.txt, or a folder of sequences (SEQ/gt/gt.txt or SEQ.txt)')
    .requiredOption('--pred <file|folder>', 'result file, or the folder with SEQ.txt')
    .option('--benchmark <name>', `preprocessing rules: ${BENCHMARKS.join(', ')}`, 'mot15')
    .option('--threshold <0..1>', 'IoU from which CLEAR and identity match', '0.5')
    .option('--sequences <list>', 'only these sequences, separated by commas')
    .option('--per-sequence', 'a row for each sequence in the tables')
    .option('--json', 'one JSON object on standard output, fractions instead of per cent');
  return addTalkOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ pe-dense evaluate mot --gt MOT17/train --pred results --benchmark mot17 --per-sequence
  $ pe-dense evaluate mot --gt gt.txt --pred result.txt --json`,
    )
    .action(async (raw: Record<string, unknown>) => {
      const options = parseOptions(Options, raw);
      const out = makeOutput(options);
      const { evaluateMot } = await import('../../../pipelines/index.ts');
      const report = await evaluateMot(options);
      if (options.json) {
        out.data(JSON.stringify(report, null, 2));
        return;
      }
      const rows: [string, object][] = [['COMBINED', report]];
      if (options.perSequence) rows.unshift(...Object.entries(report.per_sequence));
      const tables = [FRACTIONS, CLEAR, IDENTITY].map(keys =>
        formatTable([['sequence', ...keys], ...rows.map(([name, figures]) => [name, ...cells(figures, keys)])]),
      );
      out.data(tables.join('\n\n'));
    });
}

function cells(figures: object, keys: readonly string[]): (string | number)[] {
  // per cent with five significant digits, as TrackEval prints
  return keys.map(key => {
    const value = (figures as Record<string, number>)[key]!;
    return COUNTS.has(key) ? value : Number((100 * value).toPrecision(5));
  });
}
