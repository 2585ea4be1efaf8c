import { Command } from 'commander';
import { ALIGNMENTS, CROPS } from '../depth-protocol.ts';
import { interruptSignal } from '../interrupt.ts';
import { addModelOptions, addTalkOptions, parseOptions } from '../options.ts';
import { checkValFlags, DATA, ValFlagsSchema } from '../val-flags.ts';
import type { Measures } from '../val-run.ts';

/** `pe-dense val`: run a model over a data set and score it. */
export function valCommand(measures?: Partial<Measures>): Command {
  const command = new Command('val')
    .summary('run a model over a data set and score it')
    .description(
      "Runs a model over an annotated data set and scores it in one go: COCO's figures, error types, speed, a report. With --task depth: evaluate depth's figures beside the baselines.",
    )
    .requiredOption('--gt <path>', 'annotations: instances.json, data.yaml, a VOC folder, .csv; depth maps')
    .option('--task <name>', 'detect or depth', 'detect')
    .optionsGroup('Data:')
    .option('--images <folder>', 'the pictures (default: found beside the annotations)')
    .option('--format <kind>', `of the annotations: ${DATA.join(', ')} (default: found out)`)
    .option('--split <name>', 'train, val, test, or all (default: val where there are several)')
    .option('--names <file>', 'class names, a line each, where the annotations hold numbers only')
    .option('--classes <names>', 'only these classes of the data set')
    .option('--map <pairs>', "the data set's name of a class = the model's, separated by commas: tvmonitor=tv")
    .option('--limit <n>', 'only the first n pictures')
    .optionsGroup('Results:')
    .option('--score <0..1>', 'drop boxes below this score (default: 0.001, as AP is measured)')
    .option('--max <n>', 'detect: at most this many per picture (default: 100); depth: farthest that counts, metres')
    .option('--nms <kind>', "suppression of overlapping boxes, as in detect (default: the model's)")
    .option('--iou <0..1>', "overlap from which suppression acts (default: the model's)")
    .option('--slice <px>', 'look at slices of this size, and at the whole picture')
    .option('--overlap <0..0.95>', 'share that neighbouring slices have in common (default: 0.2)')
    .option('--slice-merge <kind>', 'how slices are joined, as in detect (default: nms)')
    .option('--slice-metric <kind>', 'overlap of boxes from slices: iou, ios (default: iou)')
    .option('--batch <n>', 'pictures per pass through the network (default: 1)')
    .optionsGroup('Depth:')
    .option('--pairs <file.csv>', 'pairs gt,picture of paths, below --gt and --images (default: by stem)')
    .option('--gt-kind <kind>', 'depth or disparity (default: depth)')
    .option('--scale <n>', 'whole numbers are metres times this: a number, mm, kitti (default: 1000)')
    .option('--align <how>', `per picture: ${ALIGNMENTS.join(', ')} (default: disparity for relative depth, else none)`)
    .option('--min <metres>', 'nearest depth that counts (default: 0.001)')
    .option('--crop <name>', `part of the picture that counts: ${CROPS.join(', ')} (default: none)`)
    .optionsGroup('Outputs:')
    .option('--report <folder>', 'write report.html (one file), its charts, metrics.json and results.json')
    .option('--worst <n>', 'how many of the worst pictures the report shows (default: 12)')
    .option('--per-class', 'a row for each class in the table')
    .option('--errors', 'what costs AP: wrong class, poor box, duplicates, background, missed (TIDE)')
    .option('--json', 'one JSON object on standard output; undefined figures are -1')
    .option('--resume', 'go on with an interrupted run')
    .option('--journal <file>', "what an interrupted run goes on from (default: in the report's folder or the cache)");
  addTalkOptions(addModelOptions(command));
  return command
    .addHelpText(
      'after',
      `
Examples:
  $ pe-dense val --gt instances_val2017.json --images val2017 --report report
  $ pe-dense val --model my-model --gt pets/data.yaml --split val --size 416 --json
  $ pe-dense val --gt instances_val2017.json --images val2017 --report report --resume
  $ pe-dense val --task depth --gt nyu/depth --images nyu/color --max 10 --report report`,
    )
    .action(async (raw: Record<string, unknown>) => {
      const flags = parseOptions(ValFlagsSchema, raw);
      checkValFlags(flags);
      const { runVal } = await import('../val-run.ts');
      await runVal(flags, interruptSignal(), measures);
    });
}
