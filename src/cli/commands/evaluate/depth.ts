import { Command } from 'commander';
import { z } from 'zod';
import { ALIGNMENTS, CROPS, depthProtocol, depthScale, depthTable } from '../../depth-protocol.ts';
import { addTalkOptions, oneOf, parseOptions, talkSchema } from '../../options.ts';
import { makeOutput } from '../../output.ts';

const BASELINES = ['constant', 'gradient'] as const;

const Options = z.strictObject({
  gt: z.string().optional(),
  pred: z.string().optional(),
  pairs: z.string().optional(),
  baseline: oneOf(BASELINES).optional(),
  predKind: oneOf(['depth', 'inverse']).optional(),
  ...depthProtocol,
  predScale: depthScale.optional(),
  perImage: z.boolean().optional(),
  json: z.boolean().optional(),
  ...talkSchema,
});

/** `evaluate depth`: predicted depth maps against ground truth. */
export function depthCommand(): Command {
  const command = new Command('depth')
    .summary('score depth maps: AbsRel, RMSE, log errors, deltas, with or without alignment')
    .description(
      'Scores predicted depth maps (npy, npz, pfm, 16-bit png, pgm) against ground truth, paired by the stem of their names.',
    )
    .option('--gt <folder|file>', 'ground truth; 0 means none')
    .option('--pred <folder|file>', 'predictions, for example 000012.depth.npy for 000012.png')
    .option('--pairs <file.csv>', 'pairs gt,pred of paths, below --gt and --pred (else below the file)')
    .option('--baseline <name>', `score a prediction that ignores the picture: ${BASELINES.join(', ')}`)
    .optionsGroup('Meaning of the numbers:')
    .option('--gt-kind <kind>', 'depth or disparity (default: depth)')
    .option('--pred-kind <kind>', 'depth or inverse (default: the .depth.json beside it, else depth)')
    .option('--scale <n>', 'whole numbers are metres times this: a number, mm, kitti (default: 1000)')
    .option('--pred-scale <n>', 'the same for predictions (default: as --scale)')
    .optionsGroup('Protocol:')
    .option(
      '--align <how>',
      `per picture: ${ALIGNMENTS.join(', ')} (default: disparity for inverse predictions, else none)`,
    )
    .option('--min <metres>', 'nearest depth that counts (default: 0.001)')
    .option('--max <metres>', 'farthest depth that counts (default: no limit)')
    .option('--crop <name>', `part of the picture that counts: ${CROPS.join(', ')} (default: none)`)
    .optionsGroup('Output:')
    .option('--per-image', 'a row for each picture in the table')
    .option('--json', 'one JSON object on standard output');
  return addTalkOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ pe-dense evaluate depth --gt nyu/depth --pred out --align disparity --max 10
  $ pe-dense evaluate depth --gt kitti/gt --pred out --scale kitti --crop garg --max 80 --json
  $ pe-dense evaluate depth --gt nyu/depth --baseline gradient`,
    )
    .action(async (raw: Record<string, unknown>) => {
      const options = parseOptions(Options, raw);
      const out = makeOutput(options);
      const { evaluateDepth } = await import('../../../pipelines/index.ts');
      const report = await evaluateDepth({ ...options, onWarning: out.warn });
      if (options.json) {
        out.data(JSON.stringify(report, null, 2));
        return;
      }
      const rows = options.perImage ? Object.entries(report.per_image) : [];
      const title = `mean of ${report.images} ${report.images === 1 ? 'picture' : 'pictures'}, align ${report.align}`;
      out.data(depthTable([...rows, [title, report]]));
    });
}
