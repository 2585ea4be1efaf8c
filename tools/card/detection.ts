/** Blocks on detection: figures, classes, sizes, error types, scores; from one run of `val` over a data set. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CocoEvaluation,
  type CocoResults,
  evaluateCoco,
  loadGroundTruth,
  loadResults,
  operatingCurve,
  TIDE_ERRORS,
  type TideReport,
  tide,
} from '../../src/evaluate/index.ts';
import { validateDetector } from '../../src/pipelines/index.ts';
import { ERROR_TEXT } from '../../src/pipelines/report/charts.ts';
import { points, table } from './markdown.ts';

const BANDS = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1];
const THRESHOLDS = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7];

/** What the blocks are made from. */
export interface DetectionInput {
  readonly model: string;
  readonly gt: string;
  readonly images: string;
  /** For the report of the run. */
  readonly folder: string;
  /** The score below which `detect` drops boxes. */
  readonly defaultScore: number;
  readonly threads: number;
}

export async function detectionBlocks(input: DetectionInput): Promise<Map<string, string>> {
  const { model, gt, images, folder, threads } = input;
  const report = await validateDetector({ model, gt, images, report: folder, worst: 1, threads });
  const truth = loadGroundTruth(JSON.parse(readFileSync(gt, 'utf8')));
  const results = loadResults(JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8')), truth);
  const evaluation = evaluateCoco(truth, results);
  const pictures = report.run.images;
  const { width, height } = report.run.size;
  const counted = evaluation.matches.positives;
  const objects = Object.values(evaluation.perClass).reduce((sum, f) => sum + f.annotations, 0);
  if (counted.length === 0) throw new Error(`${gt} has no objects`);
  const figures = Object.entries(evaluation.figures);
  return new Map([
    [
      'figures',
      [
        `\`pe-dense val --gt instances.json --images images\`, ${pictures} pictures, ${objects} objects, ${width} x ${height}:`,
        '',
        table([figures.map(([key]) => key), figures.map(([, value]) => points(value, 2))]),
      ].join('\n'),
    ],
    ['sizes', sizes(evaluation)],
    ['errors', errors(tide(truth, results), evaluation)],
    ['scores', scores(evaluation, results, pictures, input.defaultScore)],
    ['classes', classes(evaluation)],
  ]);
}

function sizes({ figures, matches, params }: CocoEvaluation): string {
  const count = (label: string) => {
    const area = params.areas.findIndex(a => a.name === label);
    let sum = 0;
    for (let k = 0; k < matches.groups; k++) sum += matches.positives[k * params.areas.length + area]!;
    return sum;
  };
  const row = (name: string, key: 's' | 'm' | 'l', label: string) => [
    name,
    count(label),
    points(figures[`AP${key}`], 2),
    points(figures[`AR${key}`], 2),
  ];
  return table([
    ['size of the object in the picture', 'objects', 'AP', 'AR100'],
    row('small, below 32 x 32 px', 's', 'small'),
    row('medium', 'm', 'medium'),
    row('large, above 96 x 96 px', 'l', 'large'),
  ]);
}

function errors(report: TideReport, { figures }: CocoEvaluation): string {
  const worst = TIDE_ERRORS.toSorted((a, b) => report.dAP[b] - report.dAP[a])[0]!;
  return [
    `What AP50 (${points(report.AP)} as TIDE counts it, ${points(figures.AP50)} as COCO does) would gain if one kind of error ` +
      'alone were repaired, in points:',
    '',
    table([
      ['error', 'what it is', 'gain', 'count'],
      ...TIDE_ERRORS.map(key => [key, ERROR_TEXT[key], points(report.dAP[key]), report.counts[key]]),
      ['', 'all false positives', points(report.special.FalsePos), ''],
      ['', 'all false negatives', points(report.special.FalseNeg), ''],
    ]),
    '',
    `The dearest kind: **${worst}** (${ERROR_TEXT[worst]}).`,
  ].join('\n');
}

function scores(evaluation: CocoEvaluation, results: CocoResults, pictures: number, defaultScore: number): string {
  const { matches } = evaluation;
  const rows = Array.from(matches.result, (r, i) => ({
    score: results.score[r]!,
    right: matches.hits[0]![i]! & 1, // bit 0: IoU 0.5
    wrong: matches.misses[0]![i]! & 1,
  }));
  let objects = 0;
  const areas = evaluation.params.areas.length;
  for (let k = 0; k < matches.groups; k++) objects += matches.positives[k * areas]!;
  const within = (low: number, high: number) => {
    const chosen = rows.filter(({ score }) => score >= low && score < high);
    const right = chosen.reduce((sum, row) => sum + row.right, 0);
    return { right, all: right + chosen.reduce((sum, row) => sum + row.wrong, 0) };
  };
  const curve = operatingCurve(evaluation, results);
  const best =
    curve.best < 0 ? 'none' : `${curve.f1[curve.best]!.toFixed(3)} at score ${curve.scores[curve.best]!.toFixed(2)}`;
  const at = (low: number) => {
    const { right, all } = within(low, Number.POSITIVE_INFINITY);
    return [
      low === defaultScore ? `**${low.toFixed(2)}** (default)` : low.toFixed(2),
      points(all ? right / all : undefined),
      points(right / objects),
      ((2 * right) / (all + objects)).toFixed(3),
      (all / pictures).toFixed(1),
    ];
  };
  const thresholds = [...new Set([...THRESHOLDS, defaultScore])].toSorted((a, b) => a - b);
  return [
    'What a threshold on the score keeps, all classes together, a box being right from IoU 0.5:',
    '',
    table([['score from', 'precision', 'recall', 'F1', 'boxes per picture'], ...thresholds.map(at)]),
    '',
    `Best F1: ${best}. \`detect\` drops boxes below ${defaultScore} unless told otherwise.`,
    '',
    'How sure a score is: results of \`val\` (from score 0.001) by their score.',
    '',
    table([
      ['score', 'boxes', 'of them right'],
      ...BANDS.slice(1).map((high, i) => {
        const { right, all } = within(BANDS[i]!, high === 1 ? Number.POSITIVE_INFINITY : high);
        return [`${BANDS[i]} to ${high}`, all, all ? `${points(right / all)} %` : '-'];
      }),
    ]),
  ].join('\n');
}

function classes({ perClass }: CocoEvaluation): string {
  const all = Object.entries(perClass);
  const there = all.filter(([, f]) => f.annotations > 0).toSorted(([, a], [, b]) => b.annotations - a.annotations);
  const absent = all.length - there.length;
  return [
    table([
      ['class', 'objects', 'AP', 'AP50', 'AR100'],
      ...there.map(([name, f]) => [name, f.annotations, points(f.AP), points(f.AP50), points(f.AR100)]),
    ]),
    ...(absent > 0 ? ['', `${absent} classes have no object in this set and are not measured.`] : []),
  ].join('\n');
}
