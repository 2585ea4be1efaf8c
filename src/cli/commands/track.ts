import { Command } from 'commander';
import { BLUR_KINDS, BOX_STYLES } from '../detect-flags.ts';
import { interruptSignal } from '../interrupt.ts';
import { addLiveOptions } from '../live-flags.ts';
import { addModelOptions, addTalkOptions, parseOptions } from '../options.ts';
import type { LoadTrackDetector } from '../track-run.ts';

const TRACKERS = 'byte, ocsort, botsort';
const collect = (text: string, before: string[] = []) => [...before, text];

/** `pe-dense track`: follow objects through a video. */
export function trackCommand(load?: LoadTrackDetector): Command {
  const command = new Command('track')
    .summary('follow objects through a video')
    .description('Follows objects through a video or a folder of frames: each keeps its number from frame to frame.')
    .argument('<video>', 'a video file, a folder of frames, an address or camera, or - for standard input')
    .optionsGroup('Tracking:')
    .option('--tracker <name>', `how boxes become tracks: ${TRACKERS} (default: byte)`)
    .option('--track-score <0..1>', 'boxes this sure begin and carry tracks (default: 0.3; given ones 0.6)')
    .option('--appearance <on|off>', 'botsort: compare looks too, by features of the same pass (default: off)')
    .option('--set <name=value,...>', 'further options of the tracker, such as trackBuffer=60')
    .option('--agnostic', 'let a track change its class')
    .option('--detections <file>', 'track these boxes, without a model: MOTChallenge text or COCO results')
    .optionsGroup('What to keep:')
    .option('--score <0..1>', 'drop boxes below this score (default: 0.1; given ones 0)')
    .option('--classes <names>', 'only these classes, separated by commas')
    .option('--max <n>', "at most this many objects per frame (default: the model's, 100)")
    .option('--iou <0..1>', "overlap from which boxes suppress each other (default: the model's, 0.6)")
    .optionsGroup('Frames:')
    .option('--start <place>', 'first frame: a number from 1, or a time like 12.5s or 1:02:03')
    .option('--end <place>', 'last frame (included), or a time (not included)')
    .option('--every <n>', 'read every n-th frame (default: 1)')
    .option('--fps <n>', "frames per second of a folder (default: its seqinfo.ini's, or 30)")
    .option('--skip-broken', 'leave frames out that cannot be decoded, instead of stopping there')
    .optionsGroup('Counting:')
    .option('--line <x1,y1,x2,y2[,name]>', 'count who crosses; may be given again', collect)
    .option('--zone <x1,y1,x2,y2,x3,y3,...[,name]>', 'count who is inside; may be given again', collect)
    .option('--anchor <point>', 'point of a box that counts: centre, bottom (default: centre)')
    .option('--hold <n>', 'frames on the new side before it counts (default: 1)')
    .optionsGroup('Outputs:')
    .option('-o, --out <folder>', 'write <name>.tracks.txt, <name>.tracks.json and the drawn video there')
    .option('--mot <file>', 'MOTChallenge text')
    .option('--video <file>', 'drawn video (.mp4, .mov, .mkv), or a folder for drawn frames')
    .option('--heatmap <file>', 'PNG of where objects have been, over the first frame')
    .option('--json', 'frames, counts and summary on standard output')
    .option('--no-draw', 'no drawn video in --out')
    .option('--trail <n>', 'frames a drawn trail reaches back (default: 30)')
    .option('--line-width <px>', "of the drawn boxes (default: from the picture's size)")
    .option('--hide-labels', 'draw boxes and trails only')
    .option('--box-style <style>', `${BOX_STYLES.join(', ')} (default: full)`)
    .option('--blur <names>', 'make these classes unrecognisable in all drawn frames')
    .option('--blur-kind <kind>', `${BLUR_KINDS.join(', ')} (default: gaussian)`)
    .option('--resume', 'go on where an interrupted run stopped')
    .option('--batch <n>', 'frames per pass through the network (default: 1)');
  addTalkOptions(addModelOptions(addLiveOptions(command)));
  return command
    .addHelpText(
      'after',
      '\nExamples:\n  pe-dense track traffic.mp4 --out tracked --classes car,truck --line 0,300,768,300,road' +
        '\n  pe-dense track rtsp://camera/stream --duration 1:00 --out tracked' +
        '\n  pe-dense track frames --detections det.txt --mot result.txt',
    )
    .action(async (source: string, raw: Record<string, unknown>) => {
      const { checkTrackFlags, TrackFlagsSchema } = await import('../track-flags.ts');
      const flags = parseOptions(TrackFlagsSchema, raw);
      checkTrackFlags(source, flags);
      const { runTrack } = await import('../track-run.ts');
      await runTrack(source, flags, interruptSignal(), load);
    });
}
