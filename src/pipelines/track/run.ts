import { access, readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { DenseError, fail, type LabelSet, messageOf } from '../../core/index.ts';
import type { Tracks } from '../../track/index.ts';
import { type FrameSource, type FrameTime, type LiveStats, openFrames, type VideoInfo } from '../../video/index.ts';
import { blurredClasses } from '../blurred.ts';
import type { Detector } from '../detect/detector.ts';
import type { DetectOptions } from '../detect/options.ts';
import { expectedFrames } from '../expected-frames.ts';
import { liveStats, openIfLive } from '../live-source.ts';
import { overlapped } from '../overlap.ts';
import { stoppedError } from '../stopped.ts';
import { takesNewest } from '../stream.ts';
import { checkAppearance, checkFeatures } from './appearance.ts';
import { type Follower, makeFollower } from './follow.ts';
import { detectedFrames, givenFrames, resumedFrames, type SeenFrame, type Stop, untilStopped } from './frames.ts';
import { type GivenDetections, readGivenDetections } from './given.ts';
import { Journal } from './journal.ts';
import type { LineReport, StopReport, TrackSummary, ZoneReport } from './json.ts';
import type { TrackFileOptions } from './options.ts';
import { type OutputPaths, Outputs, outputPaths, writtenPaths } from './outputs.ts';
import { Tally } from './tally.ts';

/** Frames being encoded and written while the next are tracked. */
const WRITE_AHEAD = 2;
/** A model's boxes reach the tracker from this score on; it uses weak ones to hold on to its tracks. */
const LOWEST_SCORE = 0.1;

/** What a run found. */
export interface TrackReport {
  readonly info: VideoInfo;
  /** Frames tracked. */
  readonly frames: number;
  readonly lines: readonly LineReport[];
  readonly zones: readonly ZoneReport[];
  readonly summary: readonly TrackSummary[];
  /** Files and folders written. */
  readonly written: readonly string[];
  /** With `resume`: an earlier run had done everything. */
  readonly skipped: boolean;
  /** Of a live source: frames received and left out, connections restored. */
  readonly live?: LiveStats | undefined;
}

/** Loads the network; asked only when it is needed. */
export type DetectorSource = () => Promise<Detector>;

/**
 * Follows objects through a video, a folder of frames or, with `options.live`, a camera or stream, and writes what was asked for. Decoding, the network, tracking
 * and encoding overlap, and no more than a few frames are held, whatever the length.
 *
 * When it stops early (the signal, a broken frame, a full disk), every output that can be is ended whole with the
 * frames before, the JSON says where, and the error tells it too. A model's boxes are kept in a journal beside the
 * outputs until the run is whole: with `resume` they are replayed, and the result is that of an uninterrupted run.
 *
 * @param source video file or folder of frames; with `options.live` also what openLive takes
 * @param load gives the detector; not called with `options.detections`
 * @throws {DenseError} BAD_INPUT for a source, frame or file of detections that cannot be read; BAD_USAGE for options that
 *   make no sense; UNAVAILABLE for a video without FFmpeg; ABORTED by the signal; RUNTIME for a full disk
 */
export async function trackVideo(
  source: string,
  load: DetectorSource,
  options: TrackFileOptions = {},
): Promise<TrackReport> {
  checkAppearance(options);
  const opened = (await openIfLive(source, options)) ?? (await openFrames(source, sourceOptions(options)));
  try {
    return await trackOpened(opened, load, options);
  } finally {
    await opened.close?.();
  }
}

async function trackOpened(opened: FrameSource, load: DetectorSource, options: TrackFileOptions): Promise<TrackReport> {
  const { info } = opened;
  const paths = await outputPaths(info, options);
  const written = writtenPaths(paths);
  const given = options.detections === undefined ? undefined : await readGivenDetections(options.detections);
  if (!given && (await isDone(paths, options))) {
    if (options.onJson) options.onJson(await readFile(paths.json!, 'utf8'));
    return { info, frames: 0, lines: [], zones: [], summary: [], written, skipped: true };
  }
  const detector = given ? undefined : await load();
  if (detector) checkFeatures(detector, options);
  const labels: LabelSet = given ? given.labels : detector!.labelSet;
  blurredClasses(options, labels); // a wrong name must not leave a journal behind
  const follower = makeFollower(options, labels, info.fps / (options.every ?? 1), given !== undefined);
  const tally = new Tally({ ...options, trail: 0 }, labels);
  const ahead = new Tally(options, labels);
  const { looksAbove } = follower;
  const journal = detector && (await openJournal(paths, info, detector, options, looksAbove));
  const run: Run = {
    source: opened,
    options,
    paths,
    follower,
    tally,
    ahead,
    labels,
    journal,
    done: 0,
    last: undefined,
  };
  try {
    await work(run, detector, given);
  } catch (error) {
    await journal?.close(false);
    throw error;
  } finally {
    follower.close();
  }
  await journal?.close(true);
  let lastGiven = 0;
  for (const frame of given?.byFrame.keys() ?? []) lastGiven = Math.max(lastGiven, frame);
  if (options.end === undefined && run.last && lastGiven > run.last.index + 1)
    options.onNote?.(`detections reach to frame ${lastGiven}, the video ends with frame ${run.last.index + 1}`);
  return { info, frames: run.done, ...tally.report(), written, skipped: false, live: liveStats(opened) };
}

interface Run {
  readonly source: FrameSource;
  readonly options: TrackFileOptions;
  readonly paths: OutputPaths;
  readonly follower: Follower;
  /** What is in every output, for the report; and what has been tracked, for the next frame's drawing. */
  readonly tally: Tally;
  readonly ahead: Tally;
  readonly labels: LabelSet;
  readonly journal: Journal | undefined;
  done: number;
  /** Last frame that is in every output. */
  last: FrameTime | undefined;
}

async function work(run: Run, detector: Detector | undefined, given: GivenDetections | undefined): Promise<void> {
  const { source, options, paths, tally } = run;
  const outputs = await Outputs.open(paths, source.info, run.labels, options);
  const stop: Stop = {};
  const total = expectedFrames(source.info, options);
  try {
    const pixels = paths.video.length > 0 || paths.heatmap !== undefined || run.follower.needsPixels;
    const seen = detector
      ? modelFrames(run, detector, pixels, stop)
      : givenFrames(source, given!, options, pixels, stop);
    let queue: Promise<void> = Promise.resolve(); // a video takes its frames one after the other
    const finished = overlapped(trackedFrames(run, seen, outputs), WRITE_AHEAD, async ({ time, tracks, drawn }) => {
      queue = queue.then(() => outputs.write(drawn, time, tracks));
      await queue;
      return { time, tracks };
    });
    for await (const { time, tracks } of finished) {
      tally.add(time.index + 1, tracks);
      run.done++;
      run.last = time;
      options.onFrame?.(run.done, total, time.index);
    }
  } catch (error) {
    stop.error ??= error;
  }
  const stopped = 'error' in stop ? stopReport(run, stop.error) : undefined;
  try {
    await outputs.finish({ ...tally.report(), stopped });
  } catch (error) {
    if (!('error' in stop)) stop.error = error;
  }
  if ('error' in stop) throw stopError(run, stop.error);
}

async function* trackedFrames(run: Run, seen: AsyncIterable<SeenFrame>, outputs: Outputs) {
  for await (const frame of seen) {
    if (frame.fresh) await run.journal?.add(frame);
    const tracks: Tracks = await run.follower.follow(frame);
    run.ahead.add(frame.time.index + 1, tracks);
    const drawn = await outputs.draw(frame.image, frame.time, frame.found, tracks, run.ahead);
    yield { time: frame.time, tracks, drawn };
  }
}

/** A model's frames: those of an interrupted run from its journal, the rest through the network. */
async function* modelFrames(
  { source, options, journal, follower }: Run,
  detector: Detector,
  pixels: boolean,
  stop: Stop,
): AsyncGenerator<SeenFrame, void, undefined> {
  const earlier = journal?.earlier ?? [];
  const detect = { ...detectOptions(options), looksAbove: follower.looksAbove, newest: takesNewest(source) };
  if (earlier.length === 0) return yield* detectedFrames(untilStopped(source, stop), detector, detect);
  if (pixels) return yield* resumedFrames(untilStopped(source, stop), earlier, detector, detect);
  for (const frame of earlier) yield { ...frame, image: undefined, fresh: false };
  const start = earlier.at(-1)!.time.index + (options.every ?? 1) + 1;
  const rest = await openFrames(source.info.source, { ...sourceOptions(options), start, mayBeEmpty: true });
  yield* detectedFrames(untilStopped(rest, stop), detector, detect);
}

function sourceOptions({ start, end, every, fps, signal, skipBroken, onBroken }: TrackFileOptions) {
  return { start, end, every, fps, signal, onBroken: skipBroken ? (onBroken ?? (() => {})) : undefined };
}

/** The signal is left out: it ends the frames, and those on their way are finished. */
function detectOptions({
  score = LOWEST_SCORE,
  max,
  nms,
  iou,
  classes,
  slice,
  batch,
  agnostic,
}: TrackFileOptions): DetectOptions {
  // one thing seen as several classes would become several tracks
  return { score, max, nms, iou, classes, slice, batch, ...(agnostic && { agnostic }) };
}

async function openJournal(
  { journal }: OutputPaths,
  info: VideoInfo,
  detector: Detector,
  options: TrackFileOptions,
  looksAbove: number | undefined,
): Promise<Journal | undefined> {
  if (journal === undefined || info.kind === 'live') return undefined;
  const { size, mtimeMs } = await stat(info.source);
  const { start = 1, every = 1, skipBroken = false } = options;
  const key = {
    source: resolve(info.source),
    ...(info.kind === 'video' ? { bytes: size, changed: mtimeMs } : {}), // a folder may be repaired in between
    model: detector.model,
    input: detector.inputSize,
    ...(detector.dtype !== undefined && { dtype: detector.dtype }),
    start,
    every,
    skipBroken,
    ...detectOptions(options),
    ...(looksAbove !== undefined && { appearance: detector.features.at(-1), looksAbove }),
  };
  return Journal.open(journal, key, options.resume ?? false);
}

/** Whether an earlier run has written everything: its outputs are there and its journal is gone. */
async function isDone(paths: OutputPaths, options: TrackFileOptions): Promise<boolean> {
  const { json, journal } = paths;
  if (!options.resume || journal === undefined || (options.onJson && !json)) return false;
  const isThere = (path: string) =>
    access(path).then(
      () => true,
      () => false,
    );
  if (await isThere(journal)) return false;
  const all = await Promise.all(writtenPaths(paths).map(isThere));
  return all.every(Boolean);
}

function stopReport({ last }: Run, error: unknown): StopReport {
  const reason =
    error instanceof DenseError ? (error.code === 'ABORTED' ? 'interrupted' : error.detail.what) : messageOf(error);
  return { frame: last ? last.index + 1 : 0, time_s: Math.round((last?.time_s ?? 0) * 1e6) / 1e6, reason };
}

/** The error with where the outputs end. */
function stopError({ last, source, journal }: Run, error: unknown): unknown {
  const where = last ? `the outputs end, whole, with frame ${last.index + 1}` : 'no frame was finished';
  return stoppedError(error, { source: source.info.source, where, resumable: journal !== undefined });
}

/** @throws {DenseError} BAD_USAGE when two outputs are one file */
export function checkOutputs(paths: OutputPaths): void {
  const seen = new Set<string>();
  for (const path of writtenPaths(paths).map(p => resolve(p))) {
    if (seen.has(path))
      fail('BAD_USAGE', `${path} is named twice`, 'two outputs cannot be one file', 'choose other names');
    seen.add(path);
  }
}
