import { readFile, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { fail, messageOf, throwIfAborted } from '../core/index.ts';
import {
  baselinePlane,
  type DepthAlignment,
  type DepthBaseline,
  type DepthCrop,
  type DepthMetrics,
  type DepthPlane,
  evaluateDepthMap,
  meanDepthMetrics,
  readDepthFile,
  type StoredPlane,
} from '../evaluate/index.ts';
import { type DepthPair, depthFiles, pairByStem, readPairs, sidecarOf } from './depth-files.ts';

export interface EvaluateDepthOptions {
  /** folder of ground truth maps, or one file; with `pairs` the folder its paths start from */
  readonly gt?: string | undefined;
  /** folder of predictions, or one file; absent with `baseline` */
  readonly pred?: string | undefined;
  /** CSV of `ground truth,prediction` paths instead of pairing by stem */
  readonly pairs?: string | undefined;
  /** a prediction that knows nothing of the picture, in place of `pred` */
  readonly baseline?: DepthBaseline | undefined;
  readonly gtKind?: 'depth' | 'disparity' | undefined;
  /** default: the prediction's sidecar (`NAME.depth.json`), else depth */
  readonly predKind?: 'depth' | 'inverse' | undefined;
  /** default: disparity for inverse predictions and baselines, none for depth */
  readonly align?: DepthAlignment | undefined;
  /** metres, default 0.001 */
  readonly min?: number | undefined;
  /** metres, default: no limit */
  readonly max?: number | undefined;
  readonly crop?: DepthCrop | undefined;
  /** whole numbers of the ground truth stand for metres times this; default 1000 (1 for disparity) */
  readonly scale?: number | undefined;
  /** the same for predictions; default as `scale`, 1 for inverse depth */
  readonly predScale?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onWarning?: ((text: string) => void) | undefined;
}

export type DepthFigures = DepthMetrics | { readonly [K in keyof DepthMetrics]: null };

/** Means over pictures at the top level, each picture below; null where no pixel counts. */
export type DepthReport = DepthFigures & {
  /** pictures measured */
  readonly images: number;
  /** pictures of the ground truth without a prediction */
  readonly missing: number;
  /** pictures without a pixel that counts */
  readonly empty: number;
  readonly align: DepthAlignment | 'mixed';
  readonly per_image: Readonly<Record<string, DepthFigures>>;
};

/** Figures of a picture without a pixel that counts. */
export const NOTHING = {
  abs_rel: null,
  sq_rel: null,
  rmse: null,
  rmse_log: null,
  log10: null,
  silog: null,
  delta1: null,
  delta2: null,
  delta3: null,
} as const;

/**
 * Measures predicted depth maps against ground truth, picture by picture, and averages over pictures.
 *
 * @throws {DenseError} BAD_USAGE for flags that do not go together; BAD_INPUT naming the file that is missing or broken
 */
export async function evaluateDepth(options: EvaluateDepthOptions): Promise<DepthReport> {
  const { min = 1e-3, max = Infinity } = options;
  if (!(min > 0 && max > min))
    fail('BAD_USAGE', `--min ${min} and --max ${max}`, 'depths strictly between them count', 'give 0 < min < max');
  const { pairs, missing } = await findPairs(options);
  const measured: DepthMetrics[] = [];
  const perImage: Record<string, DepthFigures> = {};
  const alignments = new Set<DepthAlignment>();
  let empty = 0;
  for (const pair of pairs) {
    throwIfAborted(options.signal);
    const { metrics, align } = await measurePair(pair, options);
    perImage[pair.name] = metrics ?? NOTHING;
    alignments.add(align);
    if (metrics) measured.push(metrics);
    else empty++;
  }
  if (missing > 0)
    options.onWarning?.(
      `measured ${pairs.length} of ${pairs.length + missing} ground truth maps: the others have no prediction of the same stem`,
    );
  if (empty > 0) options.onWarning?.(`${empty} of ${pairs.length} maps have no pixel that counts and are left out`);
  return {
    ...(meanDepthMetrics(measured) ?? NOTHING),
    images: measured.length,
    missing,
    empty,
    align: alignments.size === 1 ? [...alignments][0]! : 'mixed',
    per_image: perImage,
  };
}

async function measurePair(pair: DepthPair, options: EvaluateDepthOptions) {
  const truth = truthOf(readDepthFile(await read(pair.gt), pair.gt), options);
  let prediction: DepthPlane;
  let inverse = true;
  if (options.baseline) prediction = baselinePlane(options.baseline, truth.width, truth.height);
  else {
    const file = pair.pred!;
    const stored = readDepthFile(await read(file), file);
    const sidecar = await sidecarOf(file);
    const kind = options.predKind ?? kindOf(sidecar?.kind ?? stored.text.kind) ?? 'depth';
    inverse = kind === 'inverse';
    prediction = predictionOf(stored, inverse, sidecar, options);
  }
  const align = options.align ?? (inverse ? 'disparity' : 'none');
  const { min = 1e-3, max = Infinity, crop = 'none' } = options;
  const metrics = evaluateDepthMap(truth, prediction, { inverse, align, min, max, crop }, pair.pred ?? pair.gt);
  return { metrics, align };
}

const kindOf = (kind: string | undefined) =>
  kind === 'relative' ? ('inverse' as const) : kind === 'metric' ? ('depth' as const) : undefined;

/** Ground truth in metres, holes as 0; whole numbers are metres times `scale`. */
export function truthOf(stored: StoredPlane, options: Pick<EvaluateDepthOptions, 'gtKind' | 'scale'>): DepthPlane {
  const disparity = options.gtKind === 'disparity';
  const scale = stored.integer ? (options.scale ?? (disparity ? 1 : 1000)) : 1;
  return {
    width: stored.width,
    height: stored.height,
    // 0 is a hole in both kinds; a disparity of 0 becomes an infinite depth, which never counts
    data: stored.data.map(v => (disparity ? (v > 0 ? scale / v : 0) : v / scale)),
  };
}

function predictionOf(
  stored: StoredPlane,
  inverse: boolean,
  sidecar: { min?: number | undefined; max?: number | undefined } | undefined,
  options: EvaluateDepthOptions,
): DepthPlane {
  const { width, height, data } = stored;
  if (!stored.integer) return { width, height, data };
  const low = sidecar?.min ?? numberOf(stored.text.min);
  const high = sidecar?.max ?? numberOf(stored.text.max);
  if (inverse && options.predScale === undefined && low !== undefined && high !== undefined)
    return { width, height, data: data.map(v => low + (v / stored.limit) * (high - low)) };
  const scale = options.predScale ?? (inverse ? 1 : (options.scale ?? 1000));
  return { width, height, data: data.map(v => v / scale) };
}

function numberOf(text: string | undefined): number | undefined {
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

async function findPairs(options: EvaluateDepthOptions): Promise<{ pairs: DepthPair[]; missing: number }> {
  const { gt, pred, baseline } = options;
  if (baseline && pred)
    fail('BAD_USAGE', '--baseline and --pred', 'a baseline takes the place of predictions', 'give one of the two');
  if (options.pairs) {
    const base = (root: string | undefined, path: string) =>
      isAbsolute(path) ? path : join(root ?? dirname(options.pairs!), path);
    const rows = await readPairs(options.pairs);
    return {
      pairs: rows.map(r => ({ name: r.gt, gt: base(gt, r.gt), pred: baseline ? undefined : base(pred, r.pred) })),
      missing: 0,
    };
  }
  if (!gt) return fail('BAD_USAGE', '--gt is missing', 'there is nothing to measure against', 'give --gt DIR');
  if (!pred && !baseline)
    return fail('BAD_USAGE', '--pred is missing', 'there is nothing to measure', 'give --pred DIR, or --baseline');
  const truths = await depthFiles(gt, '--gt');
  if (baseline) return { pairs: truths.map(f => ({ name: f.stem, gt: f.path, pred: undefined })), missing: 0 };
  if (truths.length === 1 && (await isFile(gt)) && (await isFile(pred!)))
    return { pairs: [{ name: truths[0]!.stem, gt, pred: pred! }], missing: 0 };
  return pairByStem(truths, await depthFiles(pred!, '--pred'), gt, pred!);
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    return fail('BAD_INPUT', `${path} cannot be read`, messageOf(error), 'check the file and its permissions', error);
  }
}
