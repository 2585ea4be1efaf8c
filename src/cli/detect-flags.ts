import { z } from 'zod';
import { fail } from '../core/index.ts';
import { liveSchema } from './live-flags.ts';
import { integerIn, list, modelSchema, numberIn, oneOf, talkSchema } from './options.ts';

export const FORMATS = ['coco', 'jsonl', 'csv', 'yolo', 'voc'] as const;
export const NMS = ['hard', 'soft-linear', 'soft-gaussian', 'soft-power', 'wbf', 'none'] as const;
export const BOX_STYLES = ['full', 'corners', 'none'] as const;
export const BLUR_KINDS = ['gaussian', 'pixelate', 'fill'] as const;
export const SVG_PICTURES = ['embed', 'link', 'none'] as const;
export const SLICE_MERGES = ['nms', 'nmm', 'greedy-nmm', 'wbf'] as const;
export const SLICE_METRICS = ['iou', 'ios'] as const;

/** What `pe-dense detect` accepts. */
export const DetectOptions = z.object({
  ...modelSchema,
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
  sliceMetric: oneOf(SLICE_METRICS).optional(),
  full: z.boolean(),
  batch: integerIn(1, 1024).optional(),
  format: list.pipe(z.array(oneOf(FORMATS), `words of ${FORMATS.join(', ')}, separated by commas`)).optional(),
  json: z.boolean().optional(),
  draw: z.boolean(),
  saveCrops: z.string().min(1, 'a folder').optional(),
  lineWidth: numberIn(0.5, 1000).optional(),
  hideLabels: z.boolean().optional(),
  boxStyle: oneOf(BOX_STYLES).optional(),
  svg: z.boolean().optional(),
  svgPicture: oneOf(SVG_PICTURES).optional(),
  blur: list.optional(),
  blurKind: oneOf(BLUR_KINDS).optional(),
  resume: z.boolean().optional(),
  allowUrl: z.boolean().optional(),
  ...liveSchema,
});
export type DetectFlags = z.output<typeof DetectOptions>;

/**
 * Checks flags that make sense only together, or not together.
 * @throws {DenseError} BAD_USAGE naming both
 */
export function checkTogether({
  out,
  format,
  json,
  slice,
  overlap,
  sliceMerge,
  sliceMetric,
  full,
  resume,
  svg,
  svgPicture,
  blur,
  blurKind,
  saveCrops,
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
  if (svg && out === undefined)
    fail('BAD_USAGE', '--svg without --out', 'it is one file per picture', 'name a folder with --out');
  if (svgPicture !== undefined && !svg)
    fail('BAD_USAGE', '--svg-picture without --svg', 'it says what lies below the boxes of an SVG', 'add --svg');
  if (svgPicture === 'link' && blur)
    fail(
      'BAD_USAGE',
      '--svg-picture link with --blur',
      'the picture linked to is not blurred',
      'use --svg-picture embed, which holds the blurred picture, or none',
    );
  if (blur && out === undefined && saveCrops === undefined)
    fail('BAD_USAGE', '--blur without --out', 'no picture would be written', 'name a folder with --out');
  checkBlurKind(blur, blurKind);
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

/** @throws {DenseError} BAD_USAGE for a kind of blur where nothing is blurred */
export function checkBlurKind(blur: readonly string[] | undefined, blurKind: string | undefined): void {
  if (blurKind !== undefined && blur === undefined)
    fail('BAD_USAGE', '--blur-kind without --blur', 'it says how objects are blurred', 'name classes with --blur');
}
