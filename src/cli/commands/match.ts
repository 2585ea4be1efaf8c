import { Command } from 'commander';
import { z } from 'zod';
import { fail } from '../../core/index.ts';
import { interruptSignal } from '../interrupt.ts';
import { addNetworkOptions, addTalkOptions, integerIn, networkSchema, parseOptions, talkSchema } from '../options.ts';
import { formatTable, makeOutput } from '../output.ts';
import { readStdin } from '../stdin.ts';
import { addTowerOptions, layersSchema, towerSchema } from './features.ts';

const POINT_TEXT = 'pixels of the first picture: x,y';

const point = z.string().transform((text, context): readonly [number, number] => {
  const parts = text.split(',').map(part => (part.trim() === '' ? Number.NaN : Number(part)));
  if (parts.length === 2 && parts.every(Number.isFinite)) return [parts[0], parts[1]];
  context.addIssue({ code: 'custom', message: POINT_TEXT });
  return z.NEVER;
});

const Options = z.strictObject({
  ...networkSchema,
  ...talkSchema,
  ...towerSchema,
  points: z.array(point, POINT_TEXT).optional(),
  max: integerIn(1, 10000).optional(),
  layer: layersSchema.default(['last']),
  out: z.string().min(1, 'a .png file').optional(),
  json: z.boolean().optional(),
});

/** `pe-dense match`: the same things in two pictures. */
export function matchCommand(): Command {
  const command = new Command('match')
    .summary('find the places of one picture in another')
    .description(
      'For places of picture A, finds the places of picture B that look most alike to the network, between patches.\n' +
        'A match is mutual when the way back from B ends within one patch of where it began. Without --points the most\n' +
        'telling mutual matches are shown.',
    )
    .argument('<pictureA>', 'a file, or - for standard input')
    .argument('<pictureB>', 'a file, or - for standard input')
    .optionsGroup('Matches:')
    .option('--points <x,y...>', 'these places of A, pixels (put them after the pictures)')
    .option('--max <n>', 'without --points: at most this many (default: 30)')
    .option('--layer <layer>', 'compare features after this many blocks, or last', 'last')
    .option('-o, --out <file.png>', 'draw both pictures with their matches')
    .option('--json', '{"image_a", "image_b", "matches": [{"a", "b", "score", "mutual"}]} on standard output');
  addTalkOptions(addNetworkOptions(addTowerOptions(command)));
  return command
    .addHelpText(
      'after',
      '\nExamples:\n  pe-dense match left.jpg right.jpg --out matches.png' +
        '\n  pe-dense match left.jpg right.jpg --points 320,240 100,80 --json',
    )
    .action(async (a: string, b: string, raw: Record<string, unknown>) => {
      const { layer, quiet, verbose, json, ...flags } = parseOptions(Options, raw);
      const output = makeOutput({ quiet, verbose, json });
      const one = layer.length === 1 && layer[0] !== 'all' ? layer[0] : undefined;
      if (one === undefined) fail('BAD_USAGE', '--layer', 'one layer is compared', 'give one number, or last');
      if (a === '-' && b === '-')
        fail('BAD_USAGE', '- twice', 'standard input holds one picture', 'name the other as a file');
      if (flags.points && flags.max !== undefined)
        fail('BAD_USAGE', '--max with --points', 'every given point gets its match', 'leave one out');
      if (flags.out !== undefined && !/\.png$/i.test(flags.out))
        fail('BAD_USAGE', `--out ${flags.out}`, 'the picture is a PNG', 'give it a name that ends in .png');
      const signal = interruptSignal();
      const [imageA, imageB] = [a === '-' ? await readStdin(signal) : a, b === '-' ? await readStdin(signal) : b];
      const { matchImages } = await import('../../pipelines/index.ts');
      const { matches } = await matchImages(imageA, imageB, { ...flags, layer: one, signal });
      if (json) {
        output.data(JSON.stringify({ image_a: a, image_b: b, matches }, null, 2));
        return;
      }
      const px = ([x, y]: readonly [number, number]) => `${x.toFixed(1)}, ${y.toFixed(1)}`;
      const rows = matches.map(m => [px(m.a), px(m.b), Number(m.score.toFixed(4)), m.mutual ? 'yes' : 'no']);
      output.data(formatTable([['in A', 'in B', 'score', 'mutual'], ...rows]));
      if (matches.length === 0) output.info('no mutual matches: the pictures seem to show different things');
      if (flags.out !== undefined) output.info(`picture: ${flags.out}`);
    });
}
