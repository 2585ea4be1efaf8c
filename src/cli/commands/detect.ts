import { Command } from 'commander';
import { z } from 'zod';
import { fail } from '../../core/index.ts';
import type { Detector, DetectorLoadOptions } from '../../pipelines/index.ts';
import { interruptSignal } from '../interrupt.ts';
import {
  addNetworkOptions,
  addTalkOptions,
  integerIn,
  list,
  networkSchema,
  numberIn,
  oneOf,
  parseOptions,
  talkSchema,
} from '../options.ts';

const FORMATS = ['coco', 'jsonl', 'csv', 'yolo', 'voc'] as const;
const NMS = ['hard', 'soft-linear', 'soft-gaussian', 'soft-power', 'wbf', 'none'] as const;
const SLICE_MERGES = ['nms', 'nmm', 'greedy-nmm', 'wbf'] as const;

const Options = z.object({
  ...networkSchema,
  ...talkSchema,
  out: z.string().min(1, 'a folder').optional(),
  score: numberIn(0, 1).optional(),
  classes: list.optional(),
  max: integerIn(1).optional(),
  nms: oneOf(NMS).optional(),
  iou: numberIn(0, 1).optional(),
  agnostic: z.boolean().optional(),
  slice: integerIn(16).optional(),
  overlap: numberIn(0, 0.95).optional(),
  sliceMerge: oneOf(SLICE_MERGES).optional(),
  sliceMetric: oneOf(['iou', 'ios']).optional(),
  full: z.boolean(),
  batch: integerIn(1, 1024).optional(),
  format: list.pipe(z.array(oneOf(FORMATS), `words of ${FORMATS.join(', ')}, separated by commas`)).optional(),
  json: z.boolean().optional(),
  draw: z.boolean(),
  saveCrops: z.string().min(1, 'a folder').optional(),
  lineWidth: numberIn(0.5, 1000).optional(),
  hideLabels: z.boolean().optional(),
  resume: z.boolean().optional(),
});
export type DetectFlags = z.output<typeof Options>;

/** How the command gets its detector: tests give their own. */
export type LoadDetector = (model: string, options: DetectorLoadOptions) => Promise<Detector>;

/** `pe-dense detect`: find objects in pictures. */
export function detectCommand(load?: LoadDetector): Command {
  const command = new Command('detect')
    .summary('find objects in pictures')
    .description('Finds objects in pictures and says what they are, where they are and how sure the network is.')
    .argument('<picture...>', 'files, folders, globs, or - for standard input')
    .optionsGroup('What to keep:')
    .option('--score <0..1>', "drop boxes below this score (default: the model's, 0.3)")
    .option('--classes <names>', 'only these classes, separated by commas')
    .option('--max <n>', "at most this many objects per picture (default: the model's, 100)")
    .option('--nms <kind>', `suppression of overlapping boxes: ${NMS.join(', ')}`)
    .option('--iou <0..1>', "overlap from which suppression acts (default: the model's, 0.6)")
    .option('--agnostic', 'suppress across classes')
    .optionsGroup('Large pictures:')
    .option('--slice <px>', 'look at slices of this size, and at the whole picture')
    .option('--overlap <0..0.95>', 'share that neighbouring slices have in common (default: 0.2)')
    .option('--slice-merge <kind>', `how slices are joined: ${SLICE_MERGES.join(', ')} (default: greedy-nmm)`)
    .option('--slice-metric <kind>', 'overlap of boxes from slices: iou, ios (default: ios)')
    .option('--no-full', 'slices only, not the whole picture')
    .optionsGroup('Outputs:')
    .option('-o, --out <folder>', 'write <name>.detections.json and <name>.boxes.png there')
    .option('--format <kinds>', `files of detections: ${FORMATS.join(', ')} (default: coco)`)
    .option('--json', 'COCO results on standard output')
    .option('--no-draw', 'no pictures with boxes')
    .option('--save-crops <folder>', "write each object's pixels there")
    .option('--line-width <px>', "of the drawn boxes (default: from the picture's size)")
    .option('--hide-labels', 'draw boxes only')
    .option('--resume', 'skip pictures whose outputs are all there')
    .option('--batch <n>', 'pictures per pass through the network (default: 1)');
  addTalkOptions(addNetworkOptions(command));
  return command
    .addHelpText(
      'after',
      '\nExamples:\n  pe-dense detect street.jpg\n  pe-dense detect photos --out found --classes person,dog',
    )
    .action(async (inputs: string[], raw: Record<string, unknown>) => {
      const flags = parseOptions(Options, raw);
      checkTogether(flags);
      const { runDetect } = await import('../detect-run.ts');
      await runDetect(inputs, flags, interruptSignal(), load);
    });
}

function checkTogether({
  out,
  format,
  json,
  slice,
  overlap,
  sliceMerge,
  sliceMetric,
  full,
  resume,
}: DetectFlags): void {
  const perPicture = format?.find(kind => kind === 'yolo' || kind === 'voc');
  if (out === undefined && perPicture)
    fail('BAD_USAGE', `--format ${perPicture} without --out`, 'it is one file per picture', 'name a folder with --out');
  if (out === undefined && format && format.length > 1)
    fail(
      'BAD_USAGE',
      `--format ${format.join(',')} without --out`,
      'standard output takes one format',
      'name one, or a folder with --out',
    );
  if (out === undefined && json && format && format[0] !== 'coco')
    fail(
      'BAD_USAGE',
      `--json with --format ${format[0]}`,
      'both ask for standard output',
      'leave one out, or name a folder with --out',
    );
  if (out === undefined && resume)
    fail(
      'BAD_USAGE',
      '--resume without --out',
      'without outputs there is nothing to resume',
      'name the folder with --out',
    );
  const alone = {
    '--overlap': overlap,
    '--slice-merge': sliceMerge,
    '--slice-metric': sliceMetric,
    '--no-full': full ? undefined : true,
  };
  for (const [flag, value] of Object.entries(alone))
    if (slice === undefined && value !== undefined)
      fail(
        'BAD_USAGE',
        `${flag} without --slice`,
        'it says how slices are made or joined',
        'add --slice PX, or leave it out',
      );
}
