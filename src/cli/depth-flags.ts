import { extname } from 'node:path';
import { z } from 'zod';
import { fail } from '../core/index.ts';
import { integerIn, list, modelSchema, number, numberIn, oneOf, talkSchema } from './options.ts';

export const FORMATS = ['png16', 'color', 'npy', 'pfm', 'ply', 'glb', 'side', 'contours'] as const;
export const COLOR_MAPS = ['turbo', 'viridis', 'inferno', 'grey'] as const;
const VIDEO_ENDINGS = ['.mp4', '.m4v', '.mov', '.mkv'];

const INTRINSICS_TEXT = 'four numbers in pixels: fx,fy,cx,cy';
const intrinsics = z.string().transform((text, context) => {
  const numbers = text.split(',').map(word => (word.trim() === '' ? Number.NaN : Number(word)));
  const [fx, fy, cx, cy] = numbers;
  if (numbers.length === 4 && numbers.every(Number.isFinite) && fx > 0 && fy > 0) return { fx, fy, cx, cy };
  context.addIssue({ code: 'custom', message: INTRINSICS_TEXT });
  return z.NEVER;
});
const FOV_TEXT = 'degrees, above 0 and below 180';
const above0 = (text: string) => number(text).refine(n => n > 0, text);
const place = z.string().min(1, 'a frame number (120) or a time (12.5s, 1:02:03.5)');

/** What `pe-dense depth` accepts. */
export const DepthFlagsSchema = z.strictObject({
  ...modelSchema,
  ...talkSchema,
  out: z.string().min(1, 'a folder').optional(),
  formats: list.pipe(z.array(oneOf(FORMATS), `words of ${FORMATS.join(', ')}, separated by commas`)).optional(),
  colormap: oneOf(COLOR_MAPS).optional(),
  colorbar: z.boolean().optional(),
  json: z.boolean().optional(),
  resume: z.boolean().optional(),
  fov: number(FOV_TEXT)
    .refine(n => n > 0 && n < 180, FOV_TEXT)
    .optional(),
  intrinsics: intrinsics.optional(),
  near: above0('a number above 0').optional(),
  far: above0('a number above 0').optional(),
  points: integerIn(1).optional(),
  edge: above0('a share above 0, such as 0.1').optional(),
  video: z.string().min(1, 'a file (.mp4, .mov, .mkv) or a folder').optional(),
  smooth: z.boolean().optional(),
  start: place.optional(),
  end: place.optional(),
  every: integerIn(1).optional(),
  fps: numberIn(0.001, 1000).optional(),
  skipBroken: z.boolean().optional(),
});
export type DepthFlags = z.output<typeof DepthFlagsSchema>;

/**
 * Checks flags that make sense only together, or not together.
 * @param asVideo whether the input is taken as a video
 * @throws {DenseError} BAD_USAGE naming them
 */
export function checkDepthFlags(inputs: readonly string[], flags: DepthFlags, asVideo: boolean): void {
  const { out, formats, resume, fov, near = 1, far = 20, video, smooth } = flags;
  if (fov !== undefined && flags.intrinsics !== undefined)
    fail('BAD_USAGE', '--fov with --intrinsics', 'both say how wide the camera sees', 'leave one out');
  if (near >= far)
    fail(
      'BAD_USAGE',
      `--near ${near} --far ${far}`,
      'relative depth is spread from near to far',
      'give a larger --far',
    );
  if (out === undefined && formats)
    fail('BAD_USAGE', '--formats without --out', 'each is a file for every picture', 'name a folder with --out');
  if (out === undefined && resume && video === undefined)
    fail(
      'BAD_USAGE',
      '--resume without --out',
      'without outputs there is nothing to resume',
      'name the folder with --out',
    );
  if ((video !== undefined || smooth) && inputs.length > 1)
    fail(
      'BAD_USAGE',
      `${video === undefined ? '--smooth' : '--video'} with ${inputs.length} inputs`,
      'it takes one video, or one folder of frames',
      'give one at a time',
    );
  if (smooth && video === undefined && out === undefined)
    fail(
      'BAD_USAGE',
      '--smooth without an output',
      'the smoothed depth would go nowhere',
      'add --video FILE or --out DIR',
    );
  const ending = video === undefined || /[/\\]$/.test(video) ? '' : extname(video).toLowerCase();
  if (ending !== '' && !VIDEO_ENDINGS.includes(ending))
    fail(
      'BAD_USAGE',
      `--video ${video}`,
      `its ending ${ending} is none of ${VIDEO_ENDINGS.join(', ')}`,
      'use one of those',
    );
  const { start, end, every, fps, skipBroken } = flags;
  const framed = { '--start': start, '--end': end, '--every': every, '--fps': fps, '--skip-broken': skipBroken };
  for (const [flag, value] of Object.entries(framed))
    if (!asVideo && value !== undefined)
      fail(
        'BAD_USAGE',
        `${flag} without a video`,
        'it chooses frames',
        'give a video file, or --video FILE with a folder',
      );
}
