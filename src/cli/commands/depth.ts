import { Command } from 'commander';
import { COLOR_MAPS, checkDepthFlags, DepthFlagsSchema, FORMATS } from '../depth-flags.ts';
import type { LoadDepth } from '../depth-run.ts';
import { interruptSignal } from '../interrupt.ts';
import { addModelOptions, addTalkOptions, parseOptions } from '../options.ts';

/** `pe-dense depth`: how far away everything in a picture is. */
export function depthCommand(load?: LoadDepth): Command {
  const command = new Command('depth')
    .summary('estimate depth of pictures and videos')
    .description(
      'Estimates how far away everything in a picture is. Relative depth orders the scene (larger is nearer) without a\n' +
        'unit; a metric model gives metres. Every output says which of the two it is.',
    )
    .argument('<picture...>', 'files, folders, globs, or - for standard input; or one video')
    .optionsGroup('Outputs:')
    .option('-o, --out <folder>', 'write <name>.depth.png, <name>.depth.color.png and <name>.depth.json there')
    .option('--formats <kinds>', `files for each picture: ${FORMATS.join(', ')} (default: png16,color)`)
    .option('--colormap <name>', `colours: ${COLOR_MAPS.join(', ')} (default: turbo)`)
    .option('--colorbar', 'a colour bar with its values beside coloured maps')
    .option('--json', 'kind, range, size and files of each picture on standard output')
    .option('--resume', 'skip pictures whose outputs are all there')
    .optionsGroup('In space (ply, glb):')
    .option('--fov <degrees>', 'horizontal field of view (default: 60, an assumption)')
    .option('--intrinsics <fx,fy,cx,cy>', 'of the camera, in pixels of the picture, instead of --fov')
    .option('--near <z>', 'where relative depth is put: its nearest point (default: 1)')
    .option('--far <z>', 'and its farthest (default: 20)')
    .option('--points <n>', 'at most this many points in a cloud (default: 4 million)')
    .option('--edge <share>', 'cut the mesh where distances differ by more than this share (default: 0.1)')
    .optionsGroup('Videos and folders of frames:')
    .option('--video <file>', 'coloured depth as a video (.mp4, .mov, .mkv), or a folder for coloured frames')
    .option('--smooth', 'align relative depth from frame to frame and smooth it over time')
    .option('--start <place>', 'first frame: a number from 1, or a time like 12.5s or 1:02:03')
    .option('--end <place>', 'last frame (included), or a time (not included)')
    .option('--every <n>', 'read every n-th frame (default: 1)')
    .option('--fps <n>', "frames per second of a folder (default: its seqinfo.ini's, or 30)")
    .option('--skip-broken', 'leave frames out that cannot be decoded, instead of stopping there');
  addTalkOptions(addModelOptions(command));
  return command
    .addHelpText(
      'after',
      '\nExamples:\n  pe-dense depth room.jpg --out depth --formats png16,color,ply --colorbar' +
        '\n  pe-dense depth street.mp4 --video depth.mp4 --smooth',
    )
    .action(async (inputs: string[], raw: Record<string, unknown>) => {
      const flags = parseOptions(DepthFlagsSchema, raw);
      const { isVideo, runDepth } = await import('../depth-run.ts');
      const asVideo = await isVideo(inputs, flags);
      checkDepthFlags(inputs, flags, asVideo);
      await runDepth(inputs, flags, asVideo, interruptSignal(), load);
    });
}
