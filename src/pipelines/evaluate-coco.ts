import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fail, messageOf } from '../core/index.ts';
import {
  type CategoryFigures,
  type CocoEvaluation,
  type CocoGroundTruth,
  evaluateCoco,
  evaluateLvis,
  type Figures,
  type Id,
  type IouType,
  loadGroundTruth,
  loadResults,
  tide,
} from '../evaluate/index.ts';
import { prChart } from './report/charts.ts';
import { tideJson, writeReport } from './report/index.ts';

export interface EvaluateCocoOptions {
  /** instances file, `-` for standard input */
  readonly gt: string;
  /** results file, `-` for standard input */
  readonly dt: string;
  /** `lvis` follows the federated rules. Default `coco` */
  readonly rules?: 'coco' | 'lvis' | undefined;
  readonly iouType?: IouType | undefined;
  /** COCO: per image and category, default 1, 10, 100. LVIS: one number per image, default 300 */
  readonly maxDets?: readonly number[] | undefined;
  /** names or ids; default all */
  readonly categories?: readonly string[] | undefined;
  /** COCO: categories are ignored */
  readonly classAgnostic?: boolean | undefined;
  /** leave out what belongs to unknown images or categories instead of failing */
  readonly skipUnknown?: boolean | undefined;
  /** file for the precision and recall chart */
  readonly chart?: string | undefined;
  /** folder for the report */
  readonly report?: string | undefined;
  /** folder of the pictures, drawn into the report */
  readonly images?: string | undefined;
  /** score below which the report drops results; default: where F1 is best */
  readonly score?: number | undefined;
  /** how many images the report shows */
  readonly worst?: number | undefined;
  /** break the errors down (always done for a report) */
  readonly errors?: boolean | undefined;
  readonly onInfo?: ((text: string) => void) | undefined;
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** Figures at the top level, each category's below, by name. */
export type CocoReport = Figures & {
  readonly per_class: Readonly<Record<string, CategoryFigures>>;
  /** AP lost to each type of error; only when asked for */
  readonly tide?: object;
};

/**
 * Measures boxes or masks against a COCO or LVIS ground truth: the official figures, and on request the chart, the error
 * breakdown and the HTML report.
 *
 * @throws {DenseError} BAD_INPUT naming the file and record that is wrong, BAD_USAGE for impossible options
 */
export async function evaluateCocoFiles(options: EvaluateCocoOptions): Promise<CocoReport> {
  const { iouType = 'bbox', rules = 'coco', skipUnknown, onInfo, onWarning } = options;
  if (options.gt === '-' && options.dt === '-')
    fail('BAD_USAGE', 'both files are standard input', 'there is only one', 'give the path of one of them');
  const reading = { iouType, skipUnknown };
  const started = performance.now();
  const truth = loadGroundTruth(options.gt, { ...reading, lvis: rules === 'lvis' });
  const results = loadResults(options.dt, truth, reading);
  for (const warning of [...truth.warnings, ...results.warnings]) onWarning?.(warning);
  const loaded = performance.now();
  const categoryIds = options.categories?.map(name => categoryId(truth, name));
  const evaluation =
    rules === 'lvis'
      ? evaluateLvis(truth, results, { iouType, categoryIds, maxDets: options.maxDets?.[0] })
      : evaluateCoco(truth, results, {
          iouType,
          categoryIds,
          maxDets: options.maxDets,
          useCategories: !options.classAgnostic,
        });
  const seconds = (ms: number) => (ms / 1000).toFixed(2);
  onInfo?.(
    `${truth.images.ids.length} images, ${truth.annotations.length} annotations, ${results.length} results; ` +
      `read in ${seconds(loaded - started)} s, evaluated in ${seconds(performance.now() - loaded)} s`,
  );
  const errors =
    options.errors || options.report !== undefined
      ? tide(truth, results, { iouType, categories: evaluation.params.categories })
      : undefined;
  if (options.chart !== undefined) await writeChart(options.chart, prChart(evaluation, options.dt));
  if (options.report !== undefined) {
    const { page } = await writeReport({
      ...options,
      folder: options.report,
      iouType,
      truth,
      results,
      evaluation,
      tide: errors!,
    });
    onInfo?.(`report: ${page}`);
  }
  return {
    ...evaluation.figures,
    per_class: evaluation.perClass,
    ...(errors && { tide: tideJson(errors) }),
  } as CocoReport;
}

/** A category's id from its name, or from the id as text. */
function categoryId(truth: CocoGroundTruth, text: string): Id {
  const { names, ids } = truth.categories;
  const byName = names.indexOf(text);
  if (byName >= 0) return ids[byName]!;
  const byId = ids.find(id => String(id) === text);
  if (byId !== undefined) return byId;
  return fail(
    'BAD_USAGE',
    `there is no category ${JSON.stringify(text)}`,
    'neither a name nor an id of the ground truth reads so',
    `choose among: ${names.slice(0, 20).join(', ')}${names.length > 20 ? ', ...' : ''}`,
  );
}

async function writeChart(path: string, svg: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, svg);
  } catch (error) {
    fail('BAD_INPUT', `cannot write the chart to ${path}`, messageOf(error), 'give a path that can be written', error);
  }
}

export type { CocoEvaluation };
