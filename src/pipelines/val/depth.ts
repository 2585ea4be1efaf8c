import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { DenseError, type DepthKind, type DepthMap, fail, messageOf, throwIfAborted } from '../../core/index.ts';
import {
  baselinePlane,
  DEPTH_BASELINES,
  type DepthAlignment,
  type DepthBaseline,
  type DepthMetrics,
  type DepthPlane,
  evaluateDepthMap,
  meanDepthMetrics,
  readDepthFile,
} from '../../evaluate/index.ts';
import { openModel } from '../../model/index.ts';
import { DepthEstimator } from '../depth/estimator.ts';
import type { NetworkOptions } from '../detect/model-parts.ts';
import { type DepthFigures, type DepthReport, type EvaluateDepthOptions, NOTHING, truthOf } from '../evaluate-depth.ts';
import { LineJournal } from '../journal.ts';
import { writeDepthReport } from '../report/depth-page.ts';
import { type TruthPair, truthPairs } from './depth-pairs.ts';
import { failAll } from './detection.ts';
import { hashOf } from './model.ts';
import type { ValKeep, ValTalk } from './options.ts';
import { journalOf, placeOf, sayResumed } from './predict.ts';
import type { ValRun } from './result.ts';
import { type SpeedReport, StageClock } from './speed.ts';
import { speedChart, speedText } from './speed-chart.ts';

/** Options of {@link validateDepth}. */
export interface ValDepthOptions
  extends ValTalk,
    ValKeep,
    NetworkOptions,
    Pick<EvaluateDepthOptions, 'gtKind' | 'align' | 'min' | 'max' | 'crop' | 'scale' | 'signal'> {
  /** Default `dense-t16`. */
  readonly model?: string | undefined;
  /** Folder of the true depth. */
  readonly gt: string;
  readonly images?: string | undefined;
  /** CSV of `ground truth,picture` paths instead of pairing by stem. */
  readonly pairs?: string | undefined;
  readonly limit?: number | undefined;
  readonly batch?: number | undefined;
}

/** `evaluate depth`'s figures, those of predictions that know nothing of the picture, the run and its speed. */
export type ValDepthReport = DepthReport & {
  /** Means over the same pictures; each fitted as the model, or in inverse depth where the model is not fitted. */
  readonly baselines: Readonly<Record<DepthBaseline, DepthFigures>>;
  readonly run: ValRun & { readonly kind: DepthKind };
  readonly speed: SpeedReport | null;
};

/** What gives depth: a DepthEstimator, or a test's own. */
export type DepthNet = Pick<DepthEstimator, 'model' | 'kind' | 'inputSize' | 'stream' | 'estimate' | 'close'>;
/** How it is opened. */
export type OpenDepthNet = (model: string, options: NetworkOptions) => Promise<{ net: DepthNet; hash: string }>;

const openDepthNet: OpenDepthNet = async (model, options) => {
  const hash = hashOf(await openModel(model));
  return { net: await DepthEstimator.load(model, options), hash };
};

/** Figures of one picture, as the journal keeps them; null where no pixel counts. */
type Measured = Readonly<Record<'model' | DepthBaseline, DepthMetrics | null>>;

/**
 * Runs a depth head over pictures with true depth and scores it, beside the baselines. Pictures that cannot be read, or whose
 * true depth cannot, are left out of the figures and named; an interrupted run goes on with `resume`.
 *
 * @throws {DenseError} as `evaluateDepth` for the ground truth; as DepthEstimator.load for the model; ABORTED by the signal
 */
export async function validateDepth(
  options: ValDepthOptions,
  open: OpenDepthNet = openDepthNet,
): Promise<ValDepthReport> {
  const { model = 'dense-t16', device = 'cpu', threads, size, dtype, signal, resume = false } = options;
  const { gtKind, min = 1e-3, max = Infinity, crop = 'none', scale } = options;
  if (!(min > 0 && max > min))
    fail('BAD_USAGE', `--min ${min} and --max ${max}`, 'depths strictly between them count', 'give 0 < min < max');
  const pairs = await truthPairs(options);
  const { net, hash } = await open(model, { device, threads, size, dtype });
  try {
    const inverse = net.kind === 'relative';
    const align: DepthAlignment = options.align ?? (inverse ? 'disparity' : 'none');
    const { width, height } = net.inputSize;
    const protocol = { gtKind: gtKind ?? 'depth', align, min, max: String(max), crop, scale: scale ?? null };
    const key = {
      model: net.model,
      model_hash: hash,
      size: `${width}x${height}`,
      device,
      ...(dtype && { dtype }), // left out as before dtypes, so that their journals hold
      ...protocol,
      ...placeOf(options),
    };
    const { path, kept } = journalOf('depth', key, options);
    const journal = await LineJournal.open(path, key, resume);
    const found = new Map(journal.earlier as [string, Measured][]);
    const left = pairs.filter(p => !found.has(keyOf(p)));
    const resumed = pairs.length - left.length;
    sayResumed(resumed, pairs.length, resume, options);
    const measure = (truth: DepthPlane, plane: DepthPlane, name: string, own: boolean) =>
      evaluateDepthMap(
        truth,
        plane,
        { inverse: own ? inverse : true, align: own || align !== 'none' ? align : 'disparity', min, max, crop },
        name,
      );
    const failed: { picture: TruthPair; error: DenseError }[] = [];
    const clock = new StageClock();
    let whole = false;
    let done = resumed;
    let ran = 0;
    const leave = (picture: TruthPair, error: unknown) => {
      if (!(error instanceof DenseError)) throw error; // not the picture's fault
      failed.push({ picture, error });
      options.onFailed?.(error);
    };
    try {
      const sources = left.map(p => p.picture);
      for await (const item of net.stream(sources, { batch: options.batch, signal, onStage: clock.sink })) {
        const pair = left[item.index]!;
        if ('result' in item) ran++;
        const truth =
          'result' in item ? await readTruth(pair, options).catch((error: unknown) => leave(pair, error)) : undefined;
        if ('result' in item && truth) {
          const baseline = (kind: DepthBaseline) =>
            measure(truth, baselinePlane(kind, truth.width, truth.height), kind, false);
          const row: Measured = {
            model: measure(truth, planeOf(item.result.map), pair.picture, true),
            constant: baseline('constant'),
            gradient: baseline('gradient'),
          };
          found.set(keyOf(pair), row);
          await journal.add([keyOf(pair), row]);
        } else if ('error' in item) leave(pair, item.error);
        options.onProgress?.(++done, pairs.length, pair.name);
        throwIfAborted(signal);
      }
      whole = true;
    } finally {
      await journal.close(kept || !whole);
    }
    const measured = pairs.filter(p => found.has(keyOf(p)));
    if (measured.length === 0) failAll({ failed });
    const rows = (kind: keyof Measured) =>
      measured.flatMap(p => found.get(keyOf(p))![kind] ?? []).filter(row => row !== null);
    const empty = measured.length - rows('model').length;
    if (empty > 0)
      options.onWarning?.(`${empty} of ${measured.length} maps have no pixel that counts and are left out`);
    const baselines = Object.fromEntries(
      DEPTH_BASELINES.map(kind => [kind, meanDepthMetrics(rows(kind)) ?? NOTHING] as const),
    ) as ValDepthReport['baselines'];
    const run = {
      task: 'depth',
      model: net.model,
      model_hash: hash,
      size: { width, height },
      device,
      ...(dtype && { dtype }),
      batch: options.batch ?? 1,
      gt: options.gt,
      resumed,
      failed: failed.map(f => f.picture.picture),
      kind: net.kind,
    } as const;
    const speed = clock.report(ran) ?? null;
    const report: ValDepthReport = {
      ...(meanDepthMetrics(rows('model')) ?? NOTHING),
      images: measured.length - empty,
      missing: failed.length,
      empty,
      align,
      per_image: Object.fromEntries(measured.map(p => [p.name, found.get(keyOf(p))!.model ?? NOTHING])),
      baselines,
      run: { ...run, images: measured.length - empty },
      speed,
    };
    if (options.report !== undefined) {
      const page = await writeDepthReport({
        folder: options.report,
        report,
        charts: speed ? [{ id: 'speed', svg: speedChart(speed, report.run), text: speedText(speed, report.run) }] : [],
        notes:
          failed.length > 0
            ? [`${failed.length} pictures or their depth maps could not be read and are left out of every figure`]
            : [],
        worst: options.worst ?? 12,
        protocol: { inverse, align, min, max },
        onWarning: options.onWarning,
        load: async name => {
          const pair = measured.find(p => p.name === name)!;
          const { image, map } = await net.estimate(pair.picture, { signal });
          return { image, truth: await readTruth(pair, options), prediction: planeOf(map) };
        },
      });
      options.onInfo?.(`report: ${page}`);
    }
    return report;
  } finally {
    await net.close();
  }
}

/** In the journal: the same truth beside another picture is another pair. */
const keyOf = ({ gt, picture }: TruthPair) => `${resolve(gt)},${resolve(picture)}`;

const planeOf = ({ width, height, values }: DepthMap): DepthPlane => ({
  width,
  height,
  data: Float64Array.from(values),
});

async function readTruth({ gt }: TruthPair, options: ValDepthOptions): Promise<DepthPlane> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(gt);
  } catch (error) {
    return fail('BAD_INPUT', `${gt} cannot be read`, messageOf(error), 'check the file and its permissions', error);
  }
  return truthOf(readDepthFile(bytes, gt), options);
}
