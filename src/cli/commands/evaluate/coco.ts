import { Command } from 'commander';
import { z } from 'zod';
import { cocoTables } from '../../coco-tables.ts';
import { addTalkOptions, integerIn, list, number, oneOf, parseOptions, talkSchema } from '../../options.ts';
import { makeOutput } from '../../output.ts';

const COMMON = {
  gt: z.string(),
  dt: z.string(),
  iouType: oneOf(['bbox', 'segm']).default('bbox'),
  categories: list.optional(),
  skipUnknown: z.boolean().optional(),
  perClass: z.boolean().optional(),
  errors: z.boolean().optional(),
  chart: z.string().optional(),
  report: z.string().optional(),
  images: z.string().optional(),
  score: number('a number').optional(),
  worst: integerIn(0, 1000).optional(),
  json: z.boolean().optional(),
  ...talkSchema,
};
const numbers = list.transform((words, context) => {
  const values = words.map(Number);
  if (values.every(v => Number.isInteger(v) && v >= 1)) return values;
  context.addIssue({ code: 'custom', message: 'whole numbers from 1, separated by commas' });
  return z.NEVER;
});
const CocoOptions = z.strictObject({ ...COMMON, maxDets: numbers.optional(), classAgnostic: z.boolean().optional() });
const LvisOptions = z.strictObject({ ...COMMON, maxDets: integerIn(1).optional() });

/** `evaluate coco`: boxes and masks against a COCO ground truth. */
export function cocoCommand(): Command {
  const command = new Command('coco')
    .summary('score boxes or masks: the 12 figures of pycocotools, to the last digit')
    .description('Scores boxes or masks against a COCO instances file: the official figures, to the last digit.');
  addFiles(command)
    .option('--max-dets <list>', 'results per image and class that count (default: 1,10,100)')
    .option('--class-agnostic', 'ignore the classes, as in proposal scoring');
  return addExample(addTalkOptions(command), 'coco --gt instances_val2017.json --dt results.json').action(
    async (raw: Record<string, unknown>) => run(parseOptions(CocoOptions, raw), 'coco'),
  );
}

/** `evaluate lvis`: boxes and masks against an LVIS ground truth. */
export function lvisCommand(): Command {
  const command = new Command('lvis')
    .summary('score boxes or masks on LVIS, federated, as the lvis package does')
    .description(
      'Scores boxes or masks against an LVIS file: AP of rare, common and frequent classes, to the last digit.',
    );
  addFiles(command).option('--max-dets <n>', 'best results per image that count (default: 300)');
  return addExample(addTalkOptions(command), 'lvis --gt lvis_v1_val.json --dt results.json').action(
    async (raw: Record<string, unknown>) => {
      const options = parseOptions(LvisOptions, raw);
      await run({ ...options, maxDets: options.maxDets === undefined ? undefined : [options.maxDets] }, 'lvis');
    },
  );
}

function addFiles(command: Command): Command {
  return command
    .requiredOption('--gt <file>', 'ground truth; - for standard input')
    .requiredOption('--dt <file>', 'results: a list of {image_id, category_id, bbox or segmentation, score}; - too')
    .option('--iou-type <type>', 'bbox or segm', 'bbox')
    .option('--categories <list>', 'only these classes: names or ids, separated by commas')
    .option('--skip-unknown', 'leave out records of unknown images or classes instead of failing')
    .option('--per-class', 'a row for each class in the table')
    .option('--errors', 'what costs AP: wrong class, poor box, duplicates, background, missed (TIDE)')
    .option('--chart <file.svg>', 'write the precision and recall chart')
    .option('--report <folder>', 'write report.html (one file), its charts and metrics.json')
    .option('--images <folder>', 'the pictures, for the report')
    .option('--score <n>', 'the report shows results from this score on (default: where F1 is best)')
    .option('--worst <n>', 'how many of the worst images the report shows (default: 12)')
    .option('--json', 'one JSON object on standard output; undefined figures are -1');
}

function addExample(command: Command, example: string): Command {
  return command.addHelpText(
    'after',
    `
Examples:
  $ pe-dense evaluate ${example} --per-class
  $ pe-dense evaluate ${example} --iou-type segm --json
  $ pe-dense evaluate ${example} --report report --images val2017`,
  );
}

type Options = Omit<z.output<typeof CocoOptions>, 'classAgnostic'> & { readonly classAgnostic?: boolean | undefined };

async function run(options: Options, rules: 'coco' | 'lvis'): Promise<void> {
  const out = makeOutput(options);
  const { evaluateCocoFiles } = await import('../../../pipelines/index.ts');
  const report = await evaluateCocoFiles({ ...options, rules, onInfo: out.info, onWarning: out.warn });
  if (options.json) out.data(JSON.stringify(report, null, 2));
  else out.data(cocoTables(report, options));
}
