import type { DenseError } from '../core/index.ts';
import { type InputList, listInputs } from '../image/index.ts';
import {
  type CocoResult,
  Detector,
  type DetectorLoadOptions,
  detectFiles,
  type FileOutcome,
  FORMAT_TEXT,
  formatHeader,
  type PictureRecord,
} from '../pipelines/index.ts';
import type { DetectFlags } from './detect-flags.ts';
import { detectLiveAndPrint, liveInput, type Printer } from './detect-live.ts';
import { checkLiveFlags } from './live-flags.ts';
import { countFailed, failIfAny, newTally, type PictureTally, tallyText } from './many-pictures.ts';
import { formatTable, makeOutput, type Output } from './output.ts';
import { makeProgress } from './progress.ts';
import { readStdin } from './stdin.ts';

/** How the command gets its detector: tests give their own. */
export type LoadDetector = (model: string, options: DetectorLoadOptions) => Promise<Detector>;

const NONE: InputList = { files: [], failures: [] };

/** Runs `pe-dense detect`: lists, loads, detects, prints. Throws what decides the exit code. */
export async function runDetect(
  inputs: readonly string[],
  flags: DetectFlags,
  signal: AbortSignal,
  load: LoadDetector = Detector.load,
): Promise<void> {
  const output = makeOutput(flags);
  const live = liveInput(inputs, flags);
  checkLiveFlags(live === undefined ? [] : [live], flags);
  const listed = live === undefined ? await listInputs(inputs, { except: flags.out, signal }) : NONE;
  if (listed.files.length === 0 && listed.failures.length === 1) throw listed.failures[0].error;
  const started = performance.now();
  const { model = 'dense-t16', device, threads, size, dtype } = flags;
  const detector = await load(model, { device, threads, size, dtype });
  try {
    const { width, height } = detector.inputSize;
    output.debug(
      `${detector.model}, ${width} x ${height}, ${device}, loaded in ${Math.round(performance.now() - started)} ms`,
    );
    if (live === undefined) await detectAndPrint(detector, listed, flags, output, signal);
    else {
      const options = fileOptions(flags, signal);
      await detectLiveAndPrint(detector, live, flags, options, makePrinter(flags, output, 2), output);
    }
  } finally {
    await detector.close();
  }
}

async function detectAndPrint(
  detector: Detector,
  listed: InputList,
  flags: DetectFlags,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const total = listed.files.length + listed.failures.length;
  const printer = makePrinter(flags, output, total);
  const progress = makeProgress(total, 'pictures', flags);
  const tally = { ...newTally(), objects: 0 };
  const report = (error: DenseError) => countFailed(tally, error, total, progress);
  const started = performance.now();
  try {
    for (const { error } of listed.failures) report(error);
    for await (const outcome of detectFiles(detector, listed.files, fileOptions(flags, signal))) {
      if (outcome.kind === 'failed') report(outcome.error);
      else if (outcome.kind === 'skipped') tally.skipped++;
      else {
        tally.done++;
        tally.objects += outcome.result.length;
      }
      progress.clear();
      printer.picture(outcome);
      progress.update(tally.done + tally.skipped + tally.failed, outcome.fileName);
    }
  } finally {
    progress.stop();
    printer.end();
  }
  if (total === 1 && tally.last) throw tally.last;
  const seconds = (performance.now() - started) / 1000;
  if (total > 1) output.info(summary(tally, seconds, flags.out));
  failIfAny(tally, total);
}

function fileOptions(flags: DetectFlags, signal: AbortSignal) {
  const { slice: size, overlap, sliceMerge: merge, sliceMetric: metric, full } = flags;
  return {
    ...flags,
    formats: flags.format,
    svg: flags.svg && (flags.svgPicture ?? 'embed'),
    slice: size === undefined ? undefined : { size, overlap, merge, metric, full },
    needRows: flags.json,
    readStdin: () => readStdin(signal),
    signal,
  };
}

function makePrinter(flags: DetectFlags, output: Output, total: number): Printer {
  if (flags.json) return cocoPrinter();
  if (flags.out === undefined && flags.format)
    return flags.format[0] === 'coco' ? cocoPrinter() : textPrinter(flags.format[0]);
  if (flags.quiet) return { picture: () => {}, end: () => {} };
  return {
    picture: outcome => {
      if (outcome.kind === 'done') output.data(total === 1 ? tableOf(outcome) : lineOf(outcome));
    },
    end: () => {},
  };
}

/** One JSON array over all pictures, an object per line, closed whatever happens. */
function cocoPrinter(): Printer {
  let begun = false;
  const row = (result: CocoResult) => {
    process.stdout.write(`${begun ? ',\n' : '[\n'}${JSON.stringify(result)}`);
    begun = true;
  };
  return {
    picture: outcome => {
      if (outcome.kind === 'skipped') outcome.rows.forEach(row);
      if (outcome.kind === 'done') outcome.result.toCoco(outcome.imageId, outcome.fileName).forEach(row);
    },
    end: () => void process.stdout.write(begun ? '\n]\n' : '[]\n'),
  };
}

function textPrinter(format: 'jsonl' | 'csv' | 'yolo' | 'voc'): Printer {
  process.stdout.write(formatHeader(format));
  const print = (record: PictureRecord) => process.stdout.write(FORMAT_TEXT[format](record));
  return { picture: outcome => void (outcome.kind === 'done' && print(outcome)), end: () => {} };
}

type Done = Extract<FileOutcome, { kind: 'done' }>;

function tableOf({ result, path }: Done): string {
  if (result.length === 0) return `${path}: nothing found`;
  const rows = result.objects.map(({ name, score, x1, y1, x2, y2 }) => [
    name,
    score.toFixed(2),
    ...[x1, y1, x2 - x1, y2 - y1].map(Math.round),
  ]);
  return formatTable([['object', 'score', 'x', 'y', 'width', 'height'], ...rows]);
}

function lineOf({ result, fileName }: Done): string {
  const counts = result.counts().map(([name, count]) => `${count} ${name}`);
  return `${fileName}: ${counts.join(', ') || 'nothing found'}`;
}

function summary(tally: PictureTally & { readonly objects: number }, seconds: number, out?: string): string {
  const parts = tallyText(tally, seconds, `, ${tally.objects} objects`);
  return [...parts, ...(out === undefined ? [] : [`written to ${out}`])].join('; ');
}
