import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DenseError, fail, messageOf } from '../../core/index.ts';
import {
  type CocoEvaluation,
  type CocoGroundTruth,
  type CocoResults,
  type Confusion,
  confusion,
  type Id,
  type IouType,
  operatingCurve,
  type TideReport,
} from '../../evaluate/index.ts';
import {
  classChart,
  classPrChart,
  confusionChart,
  ERROR_LABELS,
  ERROR_TEXT,
  errorChart,
  prChart,
  scoreChart,
  sizeChart,
  topConfusions,
} from './charts.ts';
import { type ReportParts, reportPage } from './page.ts';
import { drawSideBySide, pictureBelow } from './pictures.ts';
import { worstImages } from './worst.ts';

/** What goes into a report of a finished evaluation. */
export interface ReportInput {
  readonly folder: string;
  readonly gt: string;
  readonly dt: string;
  readonly iouType: IouType;
  readonly truth: CocoGroundTruth;
  readonly results: CocoResults;
  readonly evaluation: CocoEvaluation;
  readonly tide: TideReport;
  /** where the pictures are, or each one's file by its id; without it none are drawn */
  readonly images?: string | ((id: Id) => string) | undefined;
  /** results below it are not drawn nor counted as confusions; default: the score of the best F1 */
  readonly score?: number | undefined;
  /** how many images to show. Default 12 */
  readonly worst?: number | undefined;
  /** said at the top, before the counts */
  readonly facts?: ReportParts['facts'] | undefined;
  /** what a reader must know, one sentence each */
  readonly notes?: readonly string[] | undefined;
  /** charts behind the others */
  readonly charts?: ReportParts['charts'] | undefined;
  /** more for metrics.json */
  readonly metrics?: object | undefined;
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** Files a report consists of. */
export interface ReportFiles {
  /** the page: one file, nothing else needed to read it */
  readonly page: string;
  /** the same charts for papers and slides */
  readonly charts: readonly string[];
}

/**
 * Writes `report.html` (self-contained), its charts as SVG files and `metrics.json` to a folder.
 *
 * @throws {DenseError} BAD_INPUT when the folder cannot be written or no picture can be read from `images`
 */
export async function writeReport(input: ReportInput): Promise<ReportFiles> {
  const { truth, results, evaluation, tide, iouType, folder } = input;
  const curve = operatingCurve(evaluation, results);
  const score = input.score ?? (curve.best >= 0 ? curve.scores[curve.best]! : 0);
  const name = basename(input.dt);
  const federated = truth.lvis !== undefined;
  const matrix = federated
    ? undefined
    : confusion(truth, results, { iouType, score, categories: evaluation.params.categories });
  const names = truth.categories.names;
  const charts: ReportParts['charts'][number][] = [
    {
      id: 'errors',
      svg: errorChart(tide),
      text: Object.entries(ERROR_LABELS)
        .map(([k, label]) => `${label}: ${ERROR_TEXT[k as keyof typeof ERROR_TEXT]}`)
        .join('; '),
    },
    { id: 'precision-recall', svg: prChart(evaluation, name) },
    { id: 'score', svg: scoreChart(curve) },
    { id: 'sizes', svg: sizeChart(evaluation) },
    ...(evaluation.params.useCategories
      ? [
          { id: 'precision-recall-classes', svg: classPrChart(evaluation) },
          { id: 'classes', svg: classChart(evaluation) },
        ]
      : []),
    ...(input.charts ?? []),
    ...(matrix ? [{ id: 'confusion', svg: confusionChart(matrix, names, score, evaluation.params.categories) }] : []),
  ];
  const worst = worstImages(truth, results, tide, score, input.worst ?? 12);
  const drawn = await drawPictures(input, worst);
  const page = reportPage({
    title: `${name}: ${iouType === 'segm' ? 'masks' : 'boxes'}${federated ? ', LVIS' : ''}`,
    facts: [
      ...(input.facts ?? []),
      ['ground truth', basename(input.gt)],
      ['images', evaluation.params.images.length.toLocaleString('en')],
      ['classes', evaluation.params.categories.length.toLocaleString('en')],
      ['objects', truth.annotations.length.toLocaleString('en')],
      ['results', results.length.toLocaleString('en')],
      ['results per image', evaluation.params.maxDets.join(', ')],
      ['score of the best F1', curve.best >= 0 ? curve.scores[curve.best]!.toFixed(3) : 'none'],
    ],
    warnings: [...(input.notes ?? []), ...truth.warnings, ...results.warnings],
    evaluation,
    charts,
    confusions: matrix ? topConfusions(matrix, names) : [],
    worst: drawn,
    pictureNote: pictureNote(input, score),
  });
  return await write(folder, page, charts, metricsOf(input, matrix, score, curve));
}

function pictureNote({ images, score: given }: ReportInput, score: number): string {
  const threshold = `Results of score ${score.toFixed(3)} or more${given === undefined ? ', where F1 is best' : ''}.`;
  if (images === undefined)
    return `${threshold} There are no pictures in this report because their folder was not given: pass --images DIR to have them drawn.`;
  return `${threshold} Left: the ground truth, dashed what was missed or found wrongly. Right: the results.`;
}

async function drawPictures(
  { images, truth, results, onWarning }: ReportInput,
  worst: ReturnType<typeof worstImages>,
): Promise<ReportParts['worst']> {
  const drawn: { errors: (typeof worst)[number]; picture: string | undefined }[] = [];
  let failure: DenseError | undefined;
  for (const errors of worst) {
    let picture: string | undefined;
    if (images !== undefined)
      try {
        picture = await drawSideBySide(
          typeof images === 'string' ? pictureBelow(images, errors.fileName) : images(truth.images.ids[errors.image]!),
          errors,
          truth,
          results,
        );
      } catch (error) {
        if (!(error instanceof DenseError)) throw error;
        failure = error;
        onWarning?.(`${errors.fileName} is not drawn: ${error.detail.what}`);
      }
    drawn.push({ errors, picture });
  }
  if (failure && drawn.every(d => d.picture === undefined))
    fail(
      'BAD_INPUT',
      typeof images === 'string'
        ? `none of the pictures can be read from ${images}`
        : 'none of the pictures can be read',
      failure.detail.what,
      'give --images the folder that holds the files the ground truth names',
      failure,
    );
  return drawn;
}

function metricsOf(
  { evaluation, tide, truth, metrics: more }: ReportInput,
  matrix: Confusion | undefined,
  score: number,
  curve: ReturnType<typeof operatingCurve>,
): object {
  return {
    ...evaluation.figures,
    per_class: evaluation.perClass,
    tide: tideJson(tide),
    best_f1:
      curve.best < 0
        ? null
        : {
            score: curve.scores[curve.best],
            precision: curve.precision[curve.best],
            recall: curve.recall[curve.best],
            f1: curve.f1[curve.best],
          },
    confusion: matrix && {
      score,
      rows: [...truth.categories.names, 'background'],
      columns: [...truth.categories.names, 'missed'],
      counts: Array.from({ length: matrix.categories + 1 }, (_, i) => [
        ...matrix.counts.subarray(i * (matrix.categories + 1), (i + 1) * (matrix.categories + 1)),
      ]),
    },
    ...more,
  };
}

/** The error breakdown as JSON. */
export function tideJson({ AP, dAP, special, counts }: TideReport): object {
  return { AP50: AP, dAP, ...special, counts };
}

async function write(
  folder: string,
  page: string,
  charts: ReportParts['charts'],
  metrics: object,
): Promise<ReportFiles> {
  const files = { page: join(folder, 'report.html'), charts: charts.map(c => join(folder, `${c.id}.svg`)) };
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(files.page, page);
    for (const [i, chart] of charts.entries()) await writeFile(files.charts[i]!, chart.svg);
    await writeFile(join(folder, 'metrics.json'), `${JSON.stringify(metrics, null, 2)}\n`);
  } catch (error) {
    fail(
      'BAD_INPUT',
      `cannot write the report to ${folder}`,
      messageOf(error),
      'give a folder that can be written',
      error,
    );
  }
  return files;
}
