import { type DenseError, fail } from '../core/index.ts';
import {
  type ValDepthOptions,
  type ValDepthReport,
  type ValOptions,
  type ValReport,
  type ValTalk,
  validateDepth,
  validateDetector,
} from '../pipelines/index.ts';
import { cocoTables } from './coco-tables.ts';
import { depthTable } from './depth-protocol.ts';
import { formatError, formatTable, makeOutput } from './output.ts';
import { makeProgress, type Progress } from './progress.ts';
import type { ValFlags } from './val-flags.ts';

/** How the command measures: tests give their own. */
export interface Measures {
  readonly detect: (options: ValOptions) => Promise<ValReport>;
  readonly depth: (options: ValDepthOptions) => Promise<ValDepthReport>;
}

/** Broken pictures named one by one; of more, only the number is told. */
const NAMED = 10;

/** Runs `pe-dense val`: measures, prints. Throws what decides the exit code. */
export async function runVal(flags: ValFlags, signal: AbortSignal, measures: Partial<Measures> = {}): Promise<void> {
  const output = makeOutput(flags);
  const { slice: size, overlap, sliceMerge: merge, sliceMetric: metric } = flags;
  const failed: DenseError[] = [];
  let progress: Progress | undefined;
  const say = (text: string) => (progress ? progress.log(text) : output.warn(text));
  const talk: ValTalk = {
    onInfo: text => output.info(text),
    onWarning: say,
    onFailed: error => {
      if (failed.push(error) <= NAMED || flags.verbose) say(formatError(error));
    },
    onProgress: (done, total, label) => {
      progress ??= makeProgress(total, 'pictures', flags);
      progress.update(done, label);
      if (done === total) progress.stop();
    },
  };
  const { detect = validateDetector, depth = validateDepth } = measures;
  let report: ValReport | ValDepthReport;
  try {
    const slice = size === undefined ? undefined : { size, overlap, merge, metric };
    report =
      flags.task === 'depth'
        ? await depth({ ...flags, ...talk, signal })
        : await detect({ ...flags, ...talk, slice, signal });
  } finally {
    progress?.stop();
  }
  if (flags.json) output.data(JSON.stringify(report, null, 2));
  else {
    output.data('baselines' in report ? depthTables(report) : cocoTables(report, flags));
    if (report.speed) output.data(`\n${speedTable(report.speed)}`);
  }
  const { run } = report;
  const classes = 'classes' in run ? `, ${run.classes} classes` : '';
  output.info(`${run.images} pictures${classes}; ${run.model} at ${run.size.width} x ${run.size.height}`);
  if (failed.length > NAMED && !flags.verbose) output.warn(`${failed.length - NAMED} more pictures failed`);
  if (failed.length > 0)
    fail(
      'PARTIAL',
      `${failed.length} of ${run.images + failed.length} pictures failed`,
      'they are left out of every figure',
      'correct them and run again with --resume, or take them out of the annotations',
    );
}

/** The model beside what knows nothing of the picture. */
function depthTables(report: ValDepthReport): string {
  const title = `${report.run.model}, ${report.run.kind}, align ${report.align}`;
  return depthTable([[title, report], ...Object.entries(report.baselines)]);
}

function speedTable({ ms_per_picture, pictures_per_second, load, cores }: NonNullable<ValReport['speed']>): string {
  const stages = Object.entries(ms_per_picture).map(([stage, ms]) => [stage, ms.toFixed(2)]);
  return [
    formatTable([['stage', 'ms per picture'], ...stages]),
    `${pictures_per_second.toFixed(1)} pictures/s in this run; stages overlap; load ${load} on ${cores} cores`,
  ].join('\n');
}
