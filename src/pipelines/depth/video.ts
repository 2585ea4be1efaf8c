import { access } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type DepthMap, type RgbImage, rgbImage } from '../../core/index.ts';
import { DepthSmoother, FlickerMeter, upsampleDepth } from '../../postprocess/index.ts';
import { colorRange, type DepthRange, sideBySide, sideGap } from '../../render/index.ts';
import {
  canWriteVideo,
  type FrameTime,
  openFrames,
  openVideoWriter,
  type VideoInfo,
  type VideoWriter,
} from '../../video/index.ts';
import { expectedFrames } from '../expected-frames.ts';
import { overlapped } from '../overlap.ts';
import { stoppedError } from '../stopped.ts';
import { type Stop, untilStopped } from '../track/frames.ts';
import { sourceStem } from '../track/outputs.ts';
import {
  coloredPanels,
  type DepthExportOptions,
  type DepthFormat,
  depthPaths,
  sidecarFor,
  writeDepth,
} from './exports.ts';
import { type DepthSource, lowDepthOf } from './files.ts';

export interface DepthVideoOptions extends DepthExportOptions {
  /** Coloured video (.mp4, .mov, .mkv), or a folder of coloured frames for a path without ending. */
  readonly video?: string | undefined;
  /** Folder of `<name>.depth.mp4` (where `video` is absent) and, with `formats`, of each frame's files. */
  readonly out?: string | undefined;
  /** Align relative maps from frame to frame and smooth over time; default false. */
  readonly smooth?: boolean | undefined;
  readonly start?: number | string | undefined;
  readonly end?: number | string | undefined;
  readonly every?: number | undefined;
  /** Frames per second of a folder. */
  readonly fps?: number | undefined;
  /** Leave frames out that cannot be decoded, instead of stopping there. */
  readonly skipBroken?: boolean | undefined;
  /** Do nothing when the video of an earlier run is there. */
  readonly resume?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onBroken?: ((frame: FrameTime, error: Error) => void) | undefined;
  readonly onNote?: ((text: string) => void) | undefined;
  /** Called after each frame is in every output. */
  readonly onFrame?: ((done: number, total: number | undefined, index: number) => void) | undefined;
}

/** What a run over a video gave. */
export interface DepthVideoReport {
  readonly file_name: string;
  readonly kind: DepthMap['kind'] | null;
  /** Least and largest value of all frames. */
  readonly min: number;
  readonly max: number;
  readonly width: number;
  readonly height: number;
  readonly model: string;
  readonly frames: number;
  /** Cuts found while smoothing; null without smoothing. */
  readonly cuts: number | null;
  /** Percent of the spread per frame in unchanged parts of the picture, see `FlickerMeter`; null where nothing stood still. */
  readonly flicker: { readonly network: number | null; readonly written: number | null };
  readonly paths: { readonly video?: string; readonly frames?: string };
  /** With `resume`: an earlier run had done everything. */
  readonly skipped: boolean;
}

/** How fast the colours' range follows the video, per frame: a range of its own for each frame would flicker. */
const RANGE_PACE = 0.05;

interface Run {
  readonly info: VideoInfo;
  readonly options: DepthVideoOptions;
  readonly source: DepthSource;
  /** Opened with the first frame: a colour bar makes it wider than the source. */
  writer: VideoWriter | undefined;
  readonly videoPath: string | undefined;
  readonly frameFolder: string | undefined;
  readonly smoother: DepthSmoother | undefined;
  readonly before: FlickerMeter;
  readonly after: FlickerMeter;
  range: DepthRange | undefined;
  cuts: number;
  kind: DepthMap['kind'] | null;
  min: number;
  max: number;
  frames: number;
  last: FrameTime | undefined;
}

/**
 * Estimates the depth of a video or a folder of frames, frame by frame, and writes it as a coloured video and, with
 * `formats`, as each frame's files. Decoding, the network and writing overlap; only a few frames are held. When it stops
 * early, the video ends whole with the frames before, and the error says where.
 *
 * @param input video file or folder of frames
 * @throws {DenseError} BAD_INPUT for an input or a frame that cannot be read, BAD_USAGE for a bad part or output, UNAVAILABLE
 *   without FFmpeg, ABORTED by the signal, RUNTIME for a full disk
 */
export async function depthOfVideo(
  input: string,
  source: DepthSource,
  options: DepthVideoOptions = {},
): Promise<DepthVideoReport> {
  const { start, end, every, fps, signal, skipBroken, onBroken } = options;
  const broken = skipBroken ? (onBroken ?? (() => {})) : undefined;
  const opened = await openFrames(input, { start, end, every, fps, signal, onBroken: broken });
  const { info } = opened;
  const places = await placesOf(info, options);
  if (options.resume && places.video !== undefined && (await isThere(places.video)))
    return report(newRun(info, source, options, places), places, true);
  const run = newRun(info, source, options, places);
  const stop: Stop = {};
  try {
    await work(run, untilStopped(opened, stop), expectedFrames(info, options));
  } catch (error) {
    stop.error ??= error;
  }
  try {
    if (run.frames === 0) await run.writer?.discard();
    else await run.writer?.finish();
  } catch (error) {
    if (!('error' in stop)) stop.error = error;
  }
  if ('error' in stop) {
    const where = run.last ? `the outputs end, whole, with frame ${run.last.index + 1}` : 'no frame was finished';
    throw stoppedError(stop.error, { source: info.source, where, resumable: false });
  }
  return report(run, places, false);
}

async function work(
  run: Run,
  frames: AsyncIterable<FrameTime & { readonly image: RgbImage }>,
  total: number | undefined,
): Promise<void> {
  const { options, source } = run;
  // the signal ends the frames; those on their way are finished
  const estimated = overlapped(frames, 2, async frame => ({ ...frame, low: await lowDepthOf(source, frame.image) }));
  const written = overlapped(steadied(run, estimated), 1, async frame => {
    await writeFrame(run, frame);
    return frame;
  });
  for await (const frame of written) {
    run.frames++;
    run.last = frame;
    options.onFrame?.(run.frames, total, frame.index);
  }
}

type Estimated = FrameTime & { readonly image: RgbImage; readonly low: DepthMap };

/** Smooths in the order of the frames, measures, and follows the range of the colours. */
async function* steadied(run: Run, frames: AsyncIterable<Estimated>) {
  for await (const frame of frames) {
    run.before.add(frame.low, frame.image);
    const smoothed = run.smoother?.next(frame.low, frame.image);
    const low = smoothed?.map ?? frame.low;
    run.after.add(low, frame.image);
    const now = colorRange(low);
    const before = run.range;
    if (smoothed?.cut && before !== undefined) run.cuts++; // a first frame begins anew too, and is no cut
    const follow = (from: number, to: number) => from + RANGE_PACE * (to - from);
    run.range =
      before !== undefined && run.options.colorBar
        ? before // numbers beside the colours must not wander
        : before === undefined || smoothed?.cut
          ? now
          : { min: follow(before.min, now.min), max: follow(before.max, now.max) };
    yield { ...frame, low, range: run.range };
  }
}

async function writeFrame(run: Run, frame: Estimated & { readonly range: DepthRange }): Promise<void> {
  const { options, source, frameFolder, videoPath } = run;
  const map = await upsampleDepth(frame.low, frame.image);
  const sidecar = sidecarFor(map, source.model);
  run.kind = map.kind;
  run.min = Math.min(run.min, sidecar.min);
  run.max = Math.max(run.max, sidecar.max);
  if (frameFolder !== undefined) {
    const stem = frame.name?.replace(/\.[^.]*$/, '') ?? String(frame.index + 1).padStart(6, '0');
    await writeDepth(
      map,
      frame.image,
      sidecar,
      depthPaths(frameFolder, stem, frameFormats(run.info, options)),
      options,
    );
  }
  if (videoPath === undefined) return;
  const { every = 1 } = options;
  const drawn = coloredFrame(map, frame.range, options);
  run.writer ??= await openWriter(videoPath, drawn.shape[1], run.info, options);
  await run.writer.write(drawn, { ...frame, duration: every === 1 ? frame.duration : undefined });
}

/** The frame in colours, with its bar where that is asked for. */
function coloredFrame(map: DepthMap, range: DepthRange, options: DepthExportOptions): RgbImage {
  const { width, row } = sideBySide(coloredPanels(map, range, options), sideGap(map.height));
  const data = new Uint8Array(3 * width * map.height);
  for (let y = 0; y < map.height; y++) row(y, data, 3 * y * width);
  return rgbImage(map.height, width, data);
}

interface Places {
  readonly video: string | undefined;
  readonly frames: string | undefined;
}

/** A folder's frames are written as pictures are; of a video file only the formats asked for, in a folder of its name. */
async function placesOf(info: VideoInfo, { video, out, formats }: DepthVideoOptions): Promise<Places> {
  if (out === undefined) return { video, frames: undefined };
  const stem = sourceStem(info.source);
  if (info.kind === 'folder') return { video, frames: out };
  const own = join(out, `${stem}.depth${(await canWriteVideo()) ? '.mp4' : '/'}`);
  return { video: video ?? own, frames: formats === undefined ? undefined : join(out, stem) };
}

function frameFormats({ kind }: VideoInfo, { formats }: DepthVideoOptions): readonly DepthFormat[] {
  return formats ?? (kind === 'folder' ? ['png16', 'color'] : []);
}

function openWriter(
  path: string,
  width: number,
  info: VideoInfo,
  { every = 1, onNote }: DepthVideoOptions,
): Promise<VideoWriter> {
  return openVideoWriter(path, {
    width,
    height: info.height,
    frameRate: [info.frameRate[0], info.frameRate[1] * every],
    timeBase: info.timeBase,
    pixelAspect: info.pixelAspect,
    audio: info.kind === 'video' ? info : undefined,
    onNote,
  });
}

function newRun(info: VideoInfo, source: DepthSource, options: DepthVideoOptions, { video, frames }: Places): Run {
  return {
    info,
    options,
    source,
    writer: undefined,
    videoPath: video,
    frameFolder: frames,
    smoother: options.smooth ? new DepthSmoother() : undefined,
    before: new FlickerMeter(),
    after: new FlickerMeter(),
    range: undefined,
    cuts: 0,
    kind: null,
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
    frames: 0,
    last: undefined,
  };
}

function report(run: Run, { video, frames }: Places, skipped: boolean): DepthVideoReport {
  const { info, source, options, kind, min, max } = run;
  return {
    file_name: basename(info.source),
    kind,
    min: run.frames > 0 ? min : 0,
    max: run.frames > 0 ? max : 0,
    width: info.width,
    height: info.height,
    model: source.model,
    frames: run.frames,
    cuts: options.smooth ? run.cuts : null,
    flicker: { network: run.before.percent ?? null, written: run.after.percent ?? null },
    paths: { ...(video !== undefined && { video }), ...(frames !== undefined && { frames }) },
    skipped,
  };
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
