import { z } from 'zod';
import { fail } from '../core/index.ts';
import { parseFramePoint } from '../video/index.ts';
import { BLUR_KINDS, BOX_STYLES, checkBlurKind } from './detect-flags.ts';
import { checkLiveFlags, liveSchema } from './live-flags.ts';
import { integerIn, list, modelSchema, numberIn, oneOf, talkSchema } from './options.ts';

export const TRACKER_NAMES = ['byte', 'ocsort', 'botsort'] as const;

const place = z.string().min(1, 'a frame number (120) or a time (12.5s, 1:02:03.5)');
const file = z.string().min(1, 'a file');

/** What `pe-dense track` accepts. */
export const TrackFlagsSchema = z.object({
  ...modelSchema,
  ...talkSchema,
  tracker: oneOf(TRACKER_NAMES).optional(),
  trackScore: numberIn(0, 1).optional(),
  appearance: oneOf(['on', 'off'])
    .transform(word => word === 'on')
    .optional(),
  set: list.optional(),
  agnostic: z.boolean().optional(),
  detections: file.optional(),
  score: numberIn(0, 1).optional(),
  classes: list.optional(),
  max: integerIn(1).optional(),
  iou: numberIn(0, 1).optional(),
  batch: integerIn(1, 1024).optional(),
  start: place.optional(),
  end: place.optional(),
  every: integerIn(1).optional(),
  fps: numberIn(0.001, 1000).optional(),
  skipBroken: z.boolean().optional(),
  line: z.array(z.string()).optional(),
  zone: z.array(z.string()).optional(),
  anchor: oneOf(['centre', 'bottom']).optional(),
  hold: integerIn(1).optional(),
  out: z.string().min(1, 'a folder').optional(),
  mot: file.optional(),
  video: file.optional(),
  draw: z.boolean(),
  trail: integerIn(0, 100_000).optional(),
  lineWidth: numberIn(0.5, 1000).optional(),
  hideLabels: z.boolean().optional(),
  boxStyle: oneOf(BOX_STYLES).optional(),
  blur: list.optional(),
  blurKind: oneOf(BLUR_KINDS).optional(),
  heatmap: z
    .string()
    .regex(/\.png$/i, 'a file name that ends in .png')
    .optional(),
  resume: z.boolean().optional(),
  json: z.boolean().optional(),
  ...liveSchema,
});
export type TrackFlags = z.output<typeof TrackFlagsSchema>;

/**
 * Checks flags that make sense only together, or not together.
 * @throws {DenseError} BAD_USAGE naming them
 */
export function checkTrackFlags(source: string, flags: TrackFlags): void {
  const { start, end, detections, model, resume, out, mot, video, heatmap, draw, blur, blurKind } = flags;
  checkLiveFlags([source], flags);
  if (start !== undefined) parseFramePoint(start, 'start');
  if (end !== undefined) parseFramePoint(end, 'end');
  if (detections !== undefined && model !== undefined)
    fail('BAD_USAGE', '--detections with --model', 'the boxes come from one of them', 'leave one of them out');
  if (resume && out === undefined && mot === undefined && video === undefined && heatmap === undefined)
    fail(
      'BAD_USAGE',
      '--resume without an output',
      'without outputs there is nothing to resume',
      'name them with --out, --mot, --video or --heatmap',
    );
  if (resume && source === '-')
    fail('BAD_USAGE', '--resume with standard input', 'it cannot be read again', 'save the video to a file first');
  if (!draw && out === undefined)
    fail('BAD_USAGE', '--no-draw without --out', 'only --out draws by itself', 'leave it out');
  if (blur && (out === undefined || !draw) && video === undefined && heatmap === undefined)
    fail('BAD_USAGE', '--blur without pictures', 'no frame would be drawn', 'name a video with --video or --out');
  checkBlurKind(blur, blurKind);
}

/**
 * Reads `name=value` pairs of `--set`.
 * @throws {DenseError} BAD_USAGE naming the pair
 */
export function trackerOptionsOf(pairs: readonly string[] | undefined): Record<string, number | boolean> | undefined {
  if (!pairs) return undefined;
  return Object.fromEntries(
    pairs.map(pair => {
      const [, name = '', text = ''] = /^(\w+)\s*=\s*(\S+)$/.exec(pair) ?? [];
      const value = text === 'true' ? true : text === 'false' ? false : Number(text);
      if (name === '' || (typeof value === 'number' && !Number.isFinite(value)))
        fail(
          'BAD_USAGE',
          `--set got ${JSON.stringify(pair)}`,
          'it takes options of the tracker as name=value',
          'write --set trackBuffer=60,fuseScore=false',
        );
      return [name, value] as const;
    }),
  );
}
