import { join } from 'node:path';
import { DenseError, fail } from '../../core/index.ts';
import { writeWhole } from '../formats/atomic.ts';
import { tideJson, writeReport } from '../report/index.ts';
import { openValData, type ValData, type ValPicture } from './data.ts';
import { type LabelMatch, matchLabels } from './labels.ts';
import { type OpenValDetector, openValDetector } from './model.ts';
import type { ValOptions } from './options.ts';
import { type Predictions, pictureKey, predict } from './predict.ts';
import type { CocoFigures, ValReport } from './result.ts';
import { scorePredictions, type ValScore } from './score.ts';
import { speedChart, speedText } from './speed-chart.ts';

/**
 * Runs a detector over an annotated data set and scores it: COCO's figures, error types, and on request the report.
 * Pictures that cannot be read are left out of the figures and named; an interrupted run goes on with `resume`.
 *
 * @throws {DenseError} BAD_INPUT when the data set cannot be read, its classes are not the model's, or none of its
 *   pictures can be read (PARTIAL when there are several); ABORTED by the signal; as Detector.load for the model
 */
export async function validateDetector(
  options: ValOptions,
  open: OpenValDetector = openValDetector,
): Promise<ValReport> {
  const { model = 'dense-t16', device = 'cpu', threads, size, dtype, onInfo, onWarning } = options;
  const data = await openValData(options);
  const { detector, hash } = await open(model, { device, threads, size, dtype });
  try {
    const names = data.categories.map(c => c.name);
    const { objects } = data;
    const match = matchLabels(detector.labelSet, detector.model, names, { ...options, objects });
    for (const note of match.notes) onInfo?.(note);
    const wanted = detector.labels.filter((_, c) => match.categoryOf[c]! >= 0);
    const classes = wanted.length < detector.labels.length ? wanted : undefined;
    const predictions = await predict(detector, hash, data.pictures, { ...options, classes });
    const pictures = data.pictures.filter(p => predictions.found.has(pictureKey(p)));
    if (pictures.length === 0) failAll(predictions);
    warnOfSizes(pictures, predictions, onWarning);
    const score = scorePredictions(data, pictures, match, predictions);
    for (const warning of [...score.truth.warnings, ...score.results.warnings]) onWarning?.(warning);
    const report: ValReport = {
      ...(score.evaluation.figures as CocoFigures),
      per_class: score.evaluation.perClass,
      tide: tideJson(score.tide),
      run: {
        task: 'detect',
        model: detector.model,
        model_hash: hash,
        size: detector.inputSize,
        device,
        ...(dtype && { dtype }),
        batch: options.batch ?? 1,
        gt: options.gt,
        images: pictures.length,
        resumed: predictions.resumed,
        failed: predictions.failed.map(f => f.picture.file),
        classes: match.scored.length,
        score: options.score ?? 0.001,
        max: options.max ?? 100,
      },
      speed: predictions.speed ?? null,
    };
    if (options.report !== undefined) await reportTo(options.report, { options, data, match, pictures, score, report });
    return report;
  } finally {
    await detector.close();
  }
}

/** None could be read: one picture's own reason, or the first's. */
export function failAll({ failed }: { readonly failed: readonly { readonly error: DenseError }[] }): never {
  const { error } = failed[0]!;
  if (failed.length === 1) throw error;
  const { what, why, fix } = error.detail;
  throw new DenseError(
    'PARTIAL',
    { what: `all ${failed.length} pictures failed`, why: `the first: ${what}, ${why}`, fix },
    { cause: error },
  );
}

/** Boxes of a picture of another size lie elsewhere. */
function warnOfSizes(
  pictures: readonly ValPicture[],
  { found }: Predictions,
  onWarning: ((text: string) => void) | undefined,
): void {
  const other = pictures.filter(p => {
    const { width, height } = found.get(pictureKey(p))!;
    return p.width > 0 && p.height > 0 && (p.width !== width || p.height !== height);
  });
  if (other.length === 0) return;
  const { file, width, height } = other[0]!;
  const is = found.get(pictureKey(other[0]!))!;
  onWarning?.(
    `${other.length} pictures are not as large as the annotations say (${file} is ${is.width} x ${is.height}, they say ` +
      `${width} x ${height}): their boxes may not fit`,
  );
}

async function reportTo(
  folder: string,
  {
    options,
    data,
    match,
    pictures,
    score,
    report,
  }: {
    readonly options: ValOptions;
    readonly data: ValData;
    readonly match: LabelMatch;
    readonly pictures: readonly ValPicture[];
    readonly score: ValScore;
    readonly report: ValReport;
  },
): Promise<void> {
  const { run, speed } = report;
  const paths = new Map(pictures.map(p => [p.id, p.path]));
  const { failed } = run;
  await writeWhole(join(folder, 'results.json'), `[\n${score.rows.map(row => JSON.stringify(row)).join(',\n')}\n]\n`);
  const { page } = await writeReport({
    folder,
    gt: options.gt,
    dt: run.model,
    iouType: 'bbox',
    ...score,
    images: id => paths.get(id) ?? fail('BAD_INPUT', `no picture ${id}`, 'it is not of this run', 'report this'),
    worst: options.worst,
    onWarning: options.onWarning,
    facts: [
      ['model', `${run.model} (${run.model_hash.slice(0, 12)})`],
      ['network input', `${run.size.width} x ${run.size.height}`],
      ['device', run.device],
      ['format', data.format],
    ],
    notes: [
      ...(failed.length > 0
        ? [`${failed.length} pictures could not be read and are left out of every figure: ${list(failed)}`]
        : []),
      ...match.notes,
    ],
    charts: speed ? [{ id: 'speed', svg: speedChart(speed, run), text: speedText(speed, run) }] : [],
    metrics: { run, speed },
  });
  options.onInfo?.(`report: ${page}`);
}

const list = (names: readonly string[]) =>
  `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;
