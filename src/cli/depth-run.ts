import { stat } from 'node:fs/promises';
import type { DenseError } from '../core/index.ts';
import { hasImageExtension, type InputList, listInputs } from '../image/index.ts';
import {
  DepthEstimator,
  type DepthOutcome,
  type DepthRecord,
  type DepthSource,
  type DepthVideoReport,
  depthOfFiles,
  depthOfVideo,
} from '../pipelines/index.ts';
import type { DepthFlags } from './depth-flags.ts';
import { frameProgress } from './frame-progress.ts';
import { countFailed, failIfAny, newTally, type PictureTally, tallyText } from './many-pictures.ts';
import { formatTable, makeOutput, type Output } from './output.ts';
import { makeProgress } from './progress.ts';
import { spoolStdin } from './spool.ts';
import { readStdin } from './stdin.ts';

/** A loaded estimator. */
export type LoadedDepth = DepthSource & { close(): Promise<void> };
/** How the command gets its estimator: tests give their own. */
export type LoadDepth = (
  model: string,
  options: Pick<DepthFlags, 'device' | 'threads' | 'size' | 'dtype'>,
) => Promise<LoadedDepth>;

/** Whether an input is taken as a video: `--video` or `--smooth` say so, or the file is no picture. */
export async function isVideo(inputs: readonly string[], { video, smooth }: DepthFlags): Promise<boolean> {
  if (video !== undefined || smooth) return true;
  const [input] = inputs;
  if (inputs.length !== 1 || input === '-' || hasImageExtension(input)) return false;
  return stat(input).then(
    found => found.isFile() && VIDEO_FILE.test(input),
    () => false,
  );
}

/** Endings of files that are videos; others that are no pictures get the picture decoder's error. */
const VIDEO_FILE = /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|ts|m2ts|wmv|flv|3gp|ogv)$/i;

/** Runs `pe-dense depth`: loads, estimates, writes, prints. Throws what decides the exit code. */
export async function runDepth(
  inputs: readonly string[],
  flags: DepthFlags,
  asVideo: boolean,
  signal: AbortSignal,
  load: LoadDepth = DepthEstimator.load,
): Promise<void> {
  const output = makeOutput(flags);
  const listed = asVideo ? undefined : await listInputs(inputs, { except: flags.out, signal });
  if (listed?.files.length === 0 && listed.failures.length === 1) throw listed.failures[0].error;
  const piped = asVideo && inputs[0] === '-' ? await spoolStdin(signal) : undefined;
  const started = performance.now();
  const { model = 'dense-t16', device, threads, size, dtype } = flags;
  try {
    const estimator = await load(model, { device, threads, size, dtype });
    try {
      output.debug(`${estimator.model}, ${device}, loaded in ${Math.round(performance.now() - started)} ms`);
      if (listed) await picturesAndPrint(estimator, listed, flags, output, signal);
      else await videoAndPrint(estimator, piped?.path ?? inputs[0], flags, output, signal);
    } finally {
      await estimator.close();
    }
  } finally {
    await piped?.remove();
  }
}

/** Flags as the pipelines name them. */
function exportOptions({ colormap: colorMap, colorbar: colorBar, ...flags }: DepthFlags) {
  return { ...flags, colorMap, colorBar };
}

async function picturesAndPrint(
  source: DepthSource,
  listed: InputList,
  flags: DepthFlags,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const total = listed.files.length + listed.failures.length;
  const progress = makeProgress(total, 'pictures', flags);
  const tally = newTally();
  const print = makePrinter(flags, output, total);
  const report = (error: DenseError) => countFailed(tally, error, total, progress);
  const started = performance.now();
  try {
    for (const { error } of listed.failures) report(error);
    const options = { ...exportOptions(flags), readStdin: () => readStdin(signal), signal };
    for await (const outcome of depthOfFiles(source, listed.files, options)) {
      if (outcome.kind === 'failed') report(outcome.error);
      else tally[outcome.kind]++;
      progress.clear();
      print.picture(outcome);
      progress.update(tally.done + tally.skipped + tally.failed, outcome.fileName);
    }
  } finally {
    progress.stop();
    print.end();
  }
  if (total === 1 && tally.last) throw tally.last;
  const seconds = (performance.now() - started) / 1000;
  if (total > 1) output.info(summary(tally, seconds, flags.out));
  else output.info(flags.out === undefined ? 'nothing written: name a folder with --out' : `written to ${flags.out}`);
  failIfAny(tally, total);
}

/** One JSON array over all pictures, an object per line, closed whatever happens; or a line for each. */
function makePrinter(flags: DepthFlags, output: Output, total: number) {
  let begun = false;
  if (flags.json)
    return {
      picture(outcome: DepthOutcome) {
        if (outcome.kind === 'failed') return;
        process.stdout.write(`${begun ? ',\n' : '[\n'}${JSON.stringify(outcome.record)}`);
        begun = true;
      },
      end: () => void process.stdout.write(begun ? '\n]\n' : '[]\n'),
    };
  return {
    picture(outcome: DepthOutcome) {
      if (flags.quiet || outcome.kind !== 'done') return;
      output.data(total === 1 ? tableOf(outcome.record) : lineOf(outcome.record));
    },
    end: () => {},
  };
}

const short = (value: number) => Number(value.toPrecision(4));

function lineOf({ file_name, kind, min, max, width, height }: DepthRecord): string {
  return `${file_name}: ${meaning(kind, min, max)}, ${width} x ${height}`;
}

/** Relative depth never claims metres. */
function meaning(kind: DepthRecord['kind'], min: number, max: number): string {
  if (kind === 'metric') return `metric depth, ${short(min)} to ${short(max)} metres`;
  return `relative depth (inverse, no unit), ${short(min)} far to ${short(max)} near`;
}

function tableOf(record: DepthRecord): string {
  const files = Object.entries(record.paths).map(([format, path]) => [format, path ?? '']);
  return [lineOf(record), ...(files.length > 0 ? [formatTable([['format', 'file'], ...files])] : [])].join('\n');
}

function summary(tally: PictureTally, seconds: number, out?: string): string {
  const where = out === undefined ? 'nothing written: name a folder with --out' : `written to ${out}`;
  return [...tallyText(tally, seconds), where].join('; ');
}

async function videoAndPrint(
  source: DepthSource,
  input: string,
  flags: DepthFlags,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const progress = frameProgress(flags, output);
  const started = performance.now();
  try {
    const report = await depthOfVideo(input, source, {
      ...exportOptions(flags),
      signal,
      onNote: text => output.info(text),
      onBroken: progress.onBroken,
      onFrame: progress.onFrame,
    });
    progress.stop();
    if (flags.json) output.data(`[\n${JSON.stringify(report)}\n]`);
    else if (report.skipped) output.info(`done earlier: ${Object.values(report.paths).join(', ')}`);
    else if (!flags.quiet) output.data(videoLines(report));
    const seconds = (performance.now() - started) / 1000;
    if (!report.skipped)
      output.info(
        `${report.frames} frames in ${seconds.toFixed(1)} s; ${(report.frames / seconds).toFixed(1)} frames/s`,
      );
  } finally {
    progress.stop();
  }
}

function videoLines({ file_name, kind, min, max, frames, cuts, flicker, paths }: DepthVideoReport): string {
  const percent = (value: number | null) => (value === null ? 'not measurable' : `${value.toFixed(2)} %`);
  const steady = cuts === null ? '' : `, smoothed ${percent(flicker.written)}, ${cuts} cuts`;
  return [
    `${file_name}: ${frames} frames, ${kind ? meaning(kind, min, max) : 'no depth'}`,
    `flicker per frame where nothing moved: network ${percent(flicker.network)}${steady}`,
    ...Object.entries(paths).map(([what, path]) => `${what}: ${path}`),
  ].join('\n');
}
