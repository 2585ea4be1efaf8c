import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { DenseError, fail } from '../../core/index.ts';
import type { PropagatedVideo } from '../../pipelines/index.ts';
import { parseFramePoint } from '../../video/index.ts';
import { interruptSignal } from '../interrupt.ts';
import {
  addNetworkOptions,
  addTalkOptions,
  integerIn,
  networkSchema,
  number,
  parseOptions,
  size,
  talkSchema,
} from '../options.ts';
import { formatError, formatTable, makeOutput } from '../output.ts';
import { makeProgress } from '../progress.ts';
import { spoolStdin } from '../spool.ts';
import { addTowerOptions, towerSchema } from './features.ts';

const LAYER_TEXT = 'the number of a block, or last';
const POSITIVE_TEXT = 'a number above 0';
const place = z.string().min(1, 'a frame number (120) or a time (12.5s, 1:02:03.5)');

const Options = z.strictObject({
  ...networkSchema,
  ...talkSchema,
  ...towerSchema,
  mask: z.string().min(1, 'a PNG file').optional(),
  split: z.string().min(1, 'a text file').optional(),
  out: z.string().min(1, 'a folder'),
  overlay: z.string().min(1, 'a folder or a video file').optional(),
  layer: z.union([z.literal('last'), integerIn(1, 1000)], { error: LAYER_TEXT }).optional(),
  context: integerIn(0, 1000),
  topk: integerIn(1, 100_000),
  radius: integerIn(0, 10_000),
  temperature: number(POSITIVE_TEXT).refine(t => t > 0, POSITIVE_TEXT),
  size: z.string().transform((text, context) => {
    if (/^\d+$/.test(text.trim())) return Number(text);
    const exact = size.safeParse(text);
    if (exact.success) return exact.data;
    context.addIssue({ code: 'custom', message: 'pixels of the short side: 480, or width x height like 832x480' });
    return z.NEVER;
  }),
  start: place.optional(),
  end: place.optional(),
  every: integerIn(1).optional(),
  skipBroken: z.boolean().optional(),
  resume: z.boolean().optional(),
  json: z.boolean().optional(),
});

/** `pe-dense propagate`: the masks of the first frame through the video. */
export function propagateCommand(): Command {
  const command = new Command('propagate')
    .summary("carry the first frame's masks through a video")
    .description(
      'Carries the masks of the first frame through a video by the likeness of features, without any training:\n' +
        'each patch takes the labels of the patches most like it in the first frame and the frames just before.\n' +
        'Writes a palette PNG for every frame, with the object ids of the first mask.',
    )
    .argument(
      '<frames>',
      'a video file, a folder of frames, a glob, or - for a video on standard input; without --mask, a DAVIS folder',
    )
    .optionsGroup('Input and outputs:')
    .option('--mask <first.png>', 'objects of the first frame read: palette or grey PNG, 0 background, ids 1 to 255')
    .option('--start <place>', 'first frame: a number from 1, or a time of a video like 12.5s or 1:02:03')
    .option('--end <place>', 'last frame (included), or a time (not included)')
    .option('--every <n>', 'read every n-th frame (default: 1)')
    .option('--skip-broken', 'leave frames out that cannot be decoded, instead of stopping there')
    .option('--split <file>', 'of a DAVIS folder these sequences, one per line (default: all)')
    .requiredOption(
      '-o, --out <folder>',
      'write <frame name>.png there, of a video file 000001.png and so on; DAVIS: <sequence>/<frame name>.png',
    )
    .option(
      '--overlay <path>',
      'the frames with the objects in colour: a video (.mp4, .mov, .mkv), else JPEGs in a folder',
    )
    .option('--resume', 'go on where an interrupted run stopped; skip videos whose masks are all there')
    .option('--json', 'a summary as JSON on standard output')
    .optionsGroup('Protocol:')
    .option('--layer <n>', `${LAYER_TEXT} (default: the best one measured, else the last)`)
    .option('--context <n>', 'previous frames looked at beside the first', '7')
    .option('--topk <n>', 'most similar patches that pass on their labels', '5')
    .option('--radius <n>', 'patches to each side that are searched; 0: the whole frame', '12')
    .option('--temperature <t>', 'weights are exp(cosine / t)', '0.1');
  addTalkOptions(addNetworkOptions(addTowerOptions(command)));
  const sizeOption = command.options.find(option => option.long === '--size')!;
  sizeOption.description = "the network's input: pixels of the short side, or WxH";
  sizeOption.default('480');
  command.setOptionValue('size', '480');
  return command
    .addHelpText(
      'after',
      '\nExamples:\n  pe-dense propagate frames --mask first.png --out masks' +
        '\n  pe-dense propagate clip.mp4 --start 12.5s --mask first.png --out masks --overlay drawn.mp4' +
        '\n  pe-dense propagate DAVIS --split DAVIS/ImageSets/2017/val.txt --out masks' +
        '\n  pe-dense evaluate davis --gt DAVIS/Annotations/480p --pred masks',
    )
    .action(async (frames: string, raw: Record<string, unknown>) => {
      const flags = parseOptions(Options, raw);
      if (flags.mask !== undefined && flags.split !== undefined)
        fail('BAD_USAGE', '--mask with --split', 'a DAVIS folder has its own masks', 'leave one out');
      for (const name of ['start', 'end'] as const) if (flags[name] !== undefined) parseFramePoint(flags[name], name);
      if (frames !== '-') return run(frames, flags);
      if (flags.mask === undefined || flags.resume)
        fail(
          'BAD_USAGE',
          flags.resume ? '--resume with standard input' : 'standard input without --mask',
          flags.resume ? 'it cannot be read again' : 'it is one video',
          flags.resume ? 'save the video to a file first' : 'give the mask of its first frame',
        );
      const piped = await spoolStdin(interruptSignal());
      try {
        await run(piped.path, flags);
      } finally {
        await piped.remove();
      }
    });
}

async function run(frames: string, flags: z.output<typeof Options>): Promise<void> {
  const { mask, split, out, overlay, layer, json } = flags;
  const signal = interruptSignal();
  const output = makeOutput(flags);
  const { findDavis, findVideo, MaskPropagator, propagateFiles } = await import('../../pipelines/index.ts');
  const videos =
    mask === undefined ? await findDavis(frames, split, out, flags) : [await findVideo(frames, mask, out, flags)];
  const propagator = await MaskPropagator.load({ ...flags, layers: layer === undefined ? undefined : [layer] });
  const counted = videos.map(video => video.frames);
  const total = counted.every(n => n !== undefined) ? counted.reduce((sum, n) => sum + n, 0) : undefined;
  const progress = makeProgress(total, 'frames', flags);
  const done: PropagatedVideo[] = [];
  const failed: { name: string; error: string }[] = [];
  let before = 0;
  try {
    for (const video of videos) {
      const options = {
        ...flags,
        overlay: overlay !== undefined && mask === undefined ? join(overlay, video.name) : overlay,
        signal,
        onFrame: (_: unknown, frame: number) => progress.update(before + frame, video.name),
        onBroken: (name: string, error: Error) => progress.log(`${name} left out: ${error.message.split('\n')[0]}`),
        onNote: (text: string) => output.info(text),
      };
      try {
        done.push(await propagateFiles(propagator, video, options));
      } catch (error) {
        if (videos.length === 1 || !(error instanceof DenseError) || error.code !== 'BAD_INPUT') throw error;
        failed.push({ name: video.name, error: error.detail.what });
        progress.log(formatError(error));
      }
      before += video.frames ?? 0;
    }
  } finally {
    progress.stop();
    await propagator.close();
  }
  const summary = { model: propagator.name, layer: propagator.layers[0], videos: done, failed };
  output.data(json ? JSON.stringify(summary, null, 2) : table(done));
  if (failed.length > 0)
    fail(
      'PARTIAL',
      `${failed.length} of ${videos.length} videos failed`,
      'each is named above with its reason',
      'correct or leave out those, the others are done',
    );
}

function table(videos: readonly PropagatedVideo[]): string {
  const rows = videos.map(v => [
    v.name,
    v.frames,
    v.objects.join(' '),
    v.input.join(' x '),
    v.skipped ? 'was there' : `${((v.frames - v.resumed) / v.seconds).toFixed(1)}/s`,
    v.out,
  ]);
  return formatTable([['video', 'frames', 'objects', 'input', 'speed', 'masks'], ...rows]);
}
