import { z } from 'zod';
import { fail } from '../core/index.ts';
import { depthProtocol } from './depth-protocol.ts';
import { NMS, SLICE_MERGES, SLICE_METRICS } from './detect-flags.ts';
import { integerIn, list, modelSchema, number, numberIn, oneOf, talkSchema } from './options.ts';

export const DATA = ['coco', 'yolo', 'voc', 'csv'] as const;

const text = (what: string) => z.string().min(1, what).optional();
/** `theirs=model,...` */
const pairs = list.transform((words, context) => {
  const split = words.map(word => word.split('=').map(part => part.trim()));
  if (split.every(parts => parts.length === 2 && !parts.includes('')))
    return Object.fromEntries(split as [string, string][]);
  context.addIssue({ code: 'custom', message: "names as theirs=model's, separated by commas" });
  return z.NEVER;
});

/** What `pe-dense val` accepts. */
export const ValFlagsSchema = z.strictObject({
  ...modelSchema,
  ...talkSchema,
  gt: z.string().min(1, 'annotations'),
  images: text('a folder'),
  task: oneOf(['detect', 'depth']).default('detect'),
  pairs: text('a file'),
  ...depthProtocol,
  format: oneOf(DATA).optional(),
  names: text('a file'),
  split: text('a name'),
  classes: list.optional(),
  map: pairs.optional(),
  limit: integerIn(1).optional(),
  score: numberIn(0, 1).optional(),
  max: number('a number above 0')
    .refine(n => n > 0, 'a number above 0')
    .optional(),
  nms: oneOf(NMS).optional(),
  iou: numberIn(0, 1).optional(),
  slice: integerIn(16).optional(),
  overlap: numberIn(0, 0.95).optional(),
  sliceMerge: oneOf(SLICE_MERGES).optional(),
  sliceMetric: oneOf(SLICE_METRICS).optional(),
  batch: integerIn(1, 1024).optional(),
  report: text('a folder'),
  worst: integerIn(0, 1000).optional(),
  journal: text('a file'),
  resume: z.boolean().optional(),
  perClass: z.boolean().optional(),
  errors: z.boolean().optional(),
  json: z.boolean().optional(),
});
export type ValFlags = z.output<typeof ValFlagsSchema>;

const DEPTH_ONLY = ['pairs', 'gtKind', 'scale', 'align', 'min', 'crop'] as const;
const DETECT_ONLY = [
  ...(['format', 'names', 'split', 'classes', 'map', 'score', 'nms', 'iou', 'slice', 'overlap'] as const),
  ...(['sliceMerge', 'sliceMetric', 'perClass', 'errors'] as const),
];

/** @throws {DenseError} BAD_USAGE for flags that do not go together */
export function checkValFlags(flags: ValFlags): void {
  const { slice, overlap, sliceMerge, sliceMetric, worst, report, task } = flags;
  const alone = { '--overlap': overlap, '--slice-merge': sliceMerge, '--slice-metric': sliceMetric };
  for (const [flag, value] of Object.entries(alone))
    if (slice === undefined && value !== undefined)
      fail('BAD_USAGE', `${flag} without --slice`, 'it says how slices are made or joined', 'add --slice PX');
  if (task === 'detect' && flags.max !== undefined && !Number.isInteger(flags.max))
    fail('BAD_USAGE', `--max got ${flags.max}`, 'it counts results of a picture', 'give a whole number, at least 1');
  if (worst !== undefined && report === undefined)
    fail('BAD_USAGE', '--worst without --report', 'it counts pictures of the report', 'name a folder with --report');
  const strange = (task === 'depth' ? DETECT_ONLY : DEPTH_ONLY).find(name => flags[name] !== undefined);
  if (strange !== undefined)
    fail(
      'BAD_USAGE',
      `--${strange.replace(/[A-Z]/g, c => `-${c.toLowerCase()}`)} with --task ${task}`,
      'it belongs to the other task',
      `leave it out, or give --task ${task === 'depth' ? 'detect' : 'depth'}`,
    );
}
