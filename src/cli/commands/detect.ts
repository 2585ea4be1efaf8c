import { Command } from 'commander';
import {
  BLUR_KINDS,
  BOX_STYLES,
  checkTogether,
  DetectOptions,
  FORMATS,
  NMS,
  SLICE_MERGES,
  SVG_PICTURES,
} from '../detect-flags.ts';
import type { LoadDetector } from '../detect-run.ts';
import { interruptSignal } from '../interrupt.ts';
import { addLiveOptions } from '../live-flags.ts';
import { addModelOptions, addTalkOptions, parseOptions } from '../options.ts';

/** `pe-dense detect`: find objects in pictures. */
export function detectCommand(load?: LoadDetector): Command {
  const command = new Command('detect')
    .summary('find objects in pictures')
    .description('Finds objects in pictures and says what they are, where they are and how sure the network is.')
    .argument('<picture...>', 'files, folders, globs, web addresses, - for standard input; or one camera or stream')
    .option('--allow-url', 'read pictures from web addresses (http, https)')
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
    .option('--svg', 'write <name>.boxes.svg too')
    .option('--svg-picture <kind>', `below its boxes: ${SVG_PICTURES.join(', ')} (default: embed)`)
    .option('--save-crops <folder>', "write each object's pixels there")
    .option('--line-width <px>', "of the drawn boxes (default: from the picture's size)")
    .option('--hide-labels', 'draw boxes only')
    .option('--box-style <style>', `${BOX_STYLES.join(', ')} (default: full)`)
    .option('--blur <names>', 'make these classes unrecognisable, in <name>.blurred.jpg and all other pictures')
    .option('--blur-kind <kind>', `${BLUR_KINDS.join(', ')} (default: gaussian)`)
    .option('--resume', 'skip pictures whose outputs are all there')
    .option('--batch <n>', 'pictures per pass through the network (default: 1)');
  addTalkOptions(addModelOptions(addLiveOptions(command)));
  return command
    .addHelpText(
      'after',
      '\nExamples:\n  pe-dense detect street.jpg\n  pe-dense detect photos --out found --classes person,dog',
    )
    .action(async (inputs: string[], raw: Record<string, unknown>) => {
      const flags = parseOptions(DetectOptions, raw);
      checkTogether(flags);
      const { runDetect } = await import('../detect-run.ts');
      await runDetect(inputs, flags, interruptSignal(), load);
    });
}
