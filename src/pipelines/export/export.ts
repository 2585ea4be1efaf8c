/** `pe-dense export`: a network as self-contained ONNX. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdir, realpath, rename, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { DenseError, fail, messageOf } from '../../core/index.ts';
import { writeModelJson } from '../../model/index.ts';
import { checkDevice, type DataFile, type Device, type GraphBuilder, quantise } from '../../onnx/index.ts';
import type { LayerChoice } from '../features/extract.ts';
import { writeWhole } from '../formats/atomic.ts';
import { type Calibration, calibrate } from './calibrate.ts';
import {
  EXPORT_DTYPES,
  type ExportDtype,
  type ExportedPort,
  type ExportFacts,
  exportedModelJson,
  exportMetadata,
  portsOf,
} from './describe.ts';
import { buildExport, type ExportGraphOptions, type ExportInput } from './graph.ts';
import type { GraphNms } from './outputs.ts';
import { type ExportHead, type ExportSource, type FoundNetwork, findNetwork } from './source.ts';
import { weightFloats } from './weights.ts';

export interface ExportOptions extends ExportSource {
  /** Folder for the files; made where it is missing. */
  readonly out: string;
  /** Default all the model has; the features of a bare checkpoint. */
  readonly heads?: readonly ExportHead[] | undefined;
  /** A file for each head instead of one graph for all. */
  readonly separate?: boolean | undefined;
  /** Default `fp32`. `fp16`: weights stored in half precision, computed in float32. */
  readonly dtype?: ExportDtype | undefined;
  /** For `int8`: a folder of pictures to measure ranges on (static); without it inputs are measured at every run. */
  readonly calibrate?: string | undefined;
  /** Pictures used for it; default 100. */
  readonly calibrationPictures?: number | undefined;
  /** Share of values inside the measured range; 100 takes the smallest and largest. Default 99.99. */
  readonly percentile?: number | undefined;
  /** `int8`: seven bits for weights, for x86 processors without VNNI. */
  readonly reduceRange?: boolean | undefined;
  /** Suppression inside the graph, with the model's numbers where none is given. */
  readonly nms?: { readonly [K in keyof GraphNms]?: GraphNms[K] | undefined } | undefined;
  /** ONNX operator set, 17 to 20; default 17. */
  readonly opset?: number | undefined;
  readonly input?: ExportInput | undefined;
  /** Blocks whose features come out, for the head `features`; default the last. */
  readonly layers?: readonly LayerChoice[] | undefined;
  /** Where calibration runs. */
  readonly device?: Device | undefined;
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((done: number, total: number) => void) | undefined;
  /** Bytes of weights above which they go into a file of their own; default 1.9 GB: protobuf ends at 2 GiB. */
  readonly dataFileAbove?: number | undefined;
}

/** One file written. */
export interface ExportedFile {
  readonly path: string;
  /** Bytes, the data file included. */
  readonly bytes: number;
  /** Present where the weights did not fit into the graph. */
  readonly dataFile?: string;
  readonly heads: readonly ExportHead[];
  readonly inputs: readonly ExportedPort[];
  readonly outputs: readonly ExportedPort[];
  /** Layers that compute in eight bits. */
  readonly quantisedLayers: number;
}

export interface ExportReport {
  readonly model: string;
  readonly dtype: ExportDtype;
  readonly opset: number;
  readonly quantisation?: string;
  readonly files: readonly ExportedFile[];
  /** Path of the model.json by which this toolkit runs the boxes again; absent for files without boxes. */
  readonly modelJson?: string;
}

/** Layers that keep float32 in static int8: the patches (raw pixels), and what is read as scores, sides and depth. */
const SENSITIVE = /^(conv1\.|head\.out\.|depth\.out\.)/;

/**
 * Writes a network as ONNX in standard operators.
 *
 * @throws {DenseError} BAD_USAGE for options that do not go together; UNKNOWN_MODEL, BAD_MODEL, BAD_CHECKPOINT; BAD_INPUT for
 *   a size, an opset or a calibration folder that cannot be used; RUNTIME when the disk refuses
 */
export async function exportModel(options: ExportOptions): Promise<ExportReport> {
  checkOptions(options);
  const { dtype = 'fp32', opset = 17, input = 'float32' } = options;
  const { network, heads } = await findNetwork(options, options.heads);
  if (options.nms && !heads.includes('detection'))
    fail('BAD_USAGE', '--with-nms', `${network.name} is exported without boxes`, 'add detection to --heads');
  await checkPlace(options.out, network);
  const nms = options.nms && suppressionOf(network, options.nms);
  const sets = options.separate && heads.length > 1 ? heads.map(head => [head]) : [heads];
  const files: ExportedFile[] = [];
  let quantisation: string | undefined;
  let described: { facts: ExportFacts; file: ExportedFile } | undefined;
  for (const set of sets) {
    const plan: ExportGraphOptions = {
      heads: set,
      opset,
      input,
      layers: options.layers,
      nms: set.includes('detection') ? nms : undefined,
      storedAs: dtype === 'fp32' ? 'float32' : 'float16',
    };
    const calibration = await calibrationOf(network, plan, options);
    quantisation = dtype === 'int8' ? quantisationText(calibration) : undefined;
    const facts: ExportFacts = { heads: set, dtype, input, opset, nms: plan.nms, quantisation };
    const file = await writeGraph(network, plan, facts, calibration, options, sets.length > 1 ? set[0]! : 'model');
    files.push(file);
    if (set.includes('detection')) described = { facts, file };
  }
  const modelJson = described && (await describe(network, described.facts, described.file, options.out));
  return {
    model: network.name,
    dtype,
    opset,
    ...(quantisation && { quantisation }),
    files,
    ...(modelJson && { modelJson }),
  };
}

function checkOptions({ dtype = 'fp32', opset = 17, calibrate: folder, ...options }: ExportOptions): void {
  if (!Number.isInteger(opset) || opset < 17 || opset > 20)
    fail('BAD_INPUT', `opset ${opset}`, 'graphs are written in operator sets 17 to 20', 'use 17, 18, 19 or 20');
  if (!EXPORT_DTYPES.includes(dtype))
    fail('BAD_INPUT', `dtype ${String(dtype)}`, 'no such number type', `use one of: ${EXPORT_DTYPES.join(', ')}`);
  if (dtype !== 'int8' && (folder !== undefined || options.reduceRange))
    fail(
      'BAD_USAGE',
      `--${folder === undefined ? 'reduce-range' : 'calibrate'} with --dtype ${dtype}`,
      'only eight-bit files have ranges',
      'add --dtype int8, or leave it out',
    );
  const lone = (['calibrationPictures', 'percentile'] as const).find(key => options[key] !== undefined);
  if (lone && folder === undefined)
    fail(
      'BAD_USAGE',
      `${lone === 'percentile' ? '--percentile' : '--calibration-pictures'} without --calibrate`,
      'it says how ranges are measured on pictures',
      'name a folder of pictures with --calibrate',
    );
  const { percentile = 100, calibrationPictures = 1 } = options;
  if (!(percentile > 50 && percentile <= 100))
    fail(
      'BAD_INPUT',
      `percentile ${percentile}`,
      'it is a number above 50, at most 100',
      'use 99.99, or 100 for the whole range',
    );
  if (!Number.isInteger(calibrationPictures) || calibrationPictures < 1)
    fail('BAD_INPUT', `${calibrationPictures} calibration pictures`, 'at least one is needed', 'use about 100');
  checkDevice(options.device ?? 'cpu');
}

/** An export must not overwrite the model it is made from. */
async function checkPlace(out: string, { model }: FoundNetwork): Promise<void> {
  const real = await realpath(out).catch(() => resolve(out));
  if (model && real === model.directory)
    fail(
      'BAD_USAGE',
      `--out ${out}`,
      'the model itself is there, and its model.json would be lost',
      'name another folder',
    );
}

function suppressionOf({ detection }: FoundNetwork, wanted: NonNullable<ExportOptions['nms']>): GraphNms {
  const { iou, score, max } = detection!.nms;
  const given = { iou: wanted.iou ?? iou, score: wanted.score ?? score, max: wanted.max ?? max };
  for (const key of ['iou', 'score'] as const)
    if (!(given[key] >= 0 && given[key] <= 1))
      fail('BAD_INPUT', `${key} ${given[key]}`, 'it is a number from 0 to 1', 'correct it');
  if (!Number.isInteger(given.max) || given.max < 1)
    fail('BAD_INPUT', `max ${given.max}`, 'it is a number of boxes, at least 1', 'correct it');
  return given;
}

async function calibrationOf(network: FoundNetwork, plan: ExportGraphOptions, options: ExportOptions) {
  if (options.calibrate === undefined) return undefined;
  const { device, threads, signal, progress } = options;
  return calibrate(network, plan, {
    folder: options.calibrate,
    pictures: options.calibrationPictures,
    percentile: options.percentile,
    skip: name => SENSITIVE.test(name),
    signal,
    progress,
    ...(device && { device }),
    ...(threads && { threads }),
  });
}

const quantisationText = (found: Calibration | undefined): string =>
  found
    ? `static, ranges of ${found.pictures} pictures, ${found.percentile === 100 ? 'smallest to largest' : `percentile ${found.percentile}`}`
    : 'dynamic';

async function writeGraph(
  network: FoundNetwork,
  plan: ExportGraphOptions,
  facts: ExportFacts,
  calibration: Calibration | undefined,
  options: ExportOptions,
  stem: string,
): Promise<ExportedFile> {
  const b = buildExport(network, plan);
  const quantised = facts.dtype === 'int8' ? quantiseGraph(b, calibration, options.reduceRange ?? false) : [];
  const metadata = exportMetadata(network, facts);
  const path = join(options.out, `${stem}.onnx`);
  const large = b.weightBytes > (options.dataFileAbove ?? 1.9e9);
  const { graph, dataBytes } = large
    ? await withDataFile(options.out, `${stem}.onnx.data`, weights => b.build({ weights, metadata }))
    : { graph: b.build({ weights: 'inline', metadata }), dataBytes: 0 };
  await writeWhole(path, graph.bytes);
  return {
    path,
    bytes: graph.bytes.length + dataBytes,
    ...(large && { dataFile: join(options.out, `${stem}.onnx.data`) }),
    heads: facts.heads,
    inputs: portsOf(graph.inputs),
    outputs: portsOf(graph.outputs),
    quantisedLayers: quantised.length,
  };
}

/** Rewrites an exported graph to eight bits: dynamic without a calibration. */
export function quantiseGraph(b: GraphBuilder, calibration: Calibration | undefined, reduceRange: boolean): string[] {
  const common = { read: weightFloats, reduceRange };
  return calibration
    ? quantise(b, { ...common, mode: 'static', ranges: calibration.ranges, skip: name => SENSITIVE.test(name) })
    : quantise(b, { ...common, mode: 'dynamic' });
}

/** Streams weights into a file beside the graph, which appears when it is whole. */
async function withDataFile<T>(folder: string, location: string, build: (file: DataFile) => T) {
  const path = join(folder, location);
  const temporary = join(folder, `.${location}.${process.pid}.tmp`);
  let file: number | undefined;
  let at = 0;
  try {
    await mkdir(folder, { recursive: true });
    file = openSync(temporary, 'wx');
    const write = (bytes: Uint8Array) => {
      for (let done = 0; done < bytes.length; ) done += writeSync(file!, bytes, done, bytes.length - done, at + done);
      at += bytes.length;
    };
    const append = (bytes: Uint8Array) => {
      if (at % 64 > 0) write(new Uint8Array(64 - (at % 64))); // aligned, so that it can be mapped into memory
      const from = at;
      write(bytes);
      return from;
    };
    const graph = build({ location, append });
    closeSync(file);
    file = undefined;
    await rename(temporary, path);
    return { graph, dataBytes: at };
  } catch (error) {
    if (file !== undefined) closeSync(file);
    await rm(temporary, { force: true });
    if (error instanceof DenseError) throw error;
    return fail('RUNTIME', `${path} could not be written`, messageOf(error), 'check the folder and its space', error);
  }
}

async function describe(
  network: FoundNetwork,
  facts: ExportFacts,
  file: ExportedFile,
  out: string,
): Promise<string | undefined> {
  const { dtype } = facts;
  const json = exportedModelJson(network, facts, {
    weights: { path: basename(file.path), dtype },
    ...(file.dataFile && { data: { path: basename(file.dataFile), dtype } }),
  });
  if (!json) return undefined;
  await writeModelJson(out, json);
  return join(out, 'model.json');
}
