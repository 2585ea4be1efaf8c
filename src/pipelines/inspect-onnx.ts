import { constants } from 'node:fs';
import { access, copyFile, mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DenseError, fail, messageOf } from '../core/index.ts';
import { proposeDetector } from '../heads/index.ts';
import {
  MODEL_FILE,
  type ModelJson,
  type ModelJsonToWrite,
  parseModelJson,
  sha256Of,
  writeModelJson,
} from '../model/index.ts';
import { type ModelSummary, type ModelValue, readModel } from '../onnx/index.ts';

/** A model.json to start from. */
export interface ProposedModel {
  readonly json: ModelJson;
  /** What in it is a guess, for a person to check. */
  readonly notes: readonly string[];
}

/** What an ONNX file says, without its numbers. */
export interface OnnxInspection {
  /** Real path. */
  readonly path: string;
  readonly format: 'onnx';
  readonly bytes: number;
  readonly irVersion: number;
  readonly producer: string;
  readonly opsets: ModelSummary['opsets'];
  readonly metadata: ModelSummary['metadata'];
  readonly inputs: readonly ModelValue[];
  readonly outputs: readonly ModelValue[];
  /** How many of each operator, most first. */
  readonly operators: Readonly<Record<string, number>>;
  readonly weights: { readonly tensors: number; readonly elements: number; readonly outside: readonly string[] };
  readonly proposal?: ProposedModel;
  /** Why there is no proposal, where there is none. */
  readonly problem?: string;
}

/**
 * Looks at an ONNX file and proposes the model.json with which its detector runs here.
 * @throws {DenseError} BAD_CHECKPOINT when the file cannot be read or is no ONNX model
 */
export async function inspectOnnx(path: string): Promise<OnnxInspection> {
  const { real, data } = await readWhole(path);
  const model = readModel(data);
  if (model.nodes.length === 0)
    fail(
      'BAD_CHECKPOINT',
      `${path} holds no network`,
      'an ONNX file lists operators, and this one has none',
      'check the file',
    );
  const counts = new Map<string, number>();
  for (const { type } of model.nodes) counts.set(type, (counts.get(type) ?? 0) + 1);
  const { irVersion, producer, opsets, metadata, inputs, outputs, weights } = model;
  return {
    path: real,
    format: 'onnx',
    bytes: data.length,
    irVersion,
    producer,
    opsets,
    metadata,
    inputs,
    outputs,
    operators: Object.fromEntries([...counts].sort((a, b) => b[1] - a[1])),
    weights: {
      tensors: weights.length,
      elements: weights.reduce((sum, w) => sum + w.shape.reduce((p, d) => p * d, 1), 0),
      outside: [...new Set(weights.flatMap(w => (w.external ? [w.external.location] : [])))],
    },
    ...(await propose(model, real)),
  };
}

async function readWhole(path: string): Promise<{ real: string; data: Buffer }> {
  try {
    const real = await realpath(path);
    if (!(await stat(real)).isFile()) throw new Error('it is not a file');
    return { real, data: await readFile(real) };
  } catch (error) {
    return fail('BAD_CHECKPOINT', `${path} cannot be read`, messageOf(error), 'check the path', error);
  }
}

async function propose(model: ModelSummary, path: string): Promise<{ proposal: ProposedModel } | { problem: string }> {
  try {
    const { input, head, nms, notes } = proposeDetector(model);
    const file = basename(path);
    const json = {
      format: 1,
      name:
        file
          .replace(/\.onnx$/i, '')
          .replace(/[^a-z0-9._-]+/gi, '-')
          .replace(/^[^a-z0-9]+/i, '')
          .slice(0, 64) || 'detector',
      version: '1.0.0',
      license: 'unknown: write down the license of these weights',
      origin: 'unknown: write down where the file comes from',
      data: 'unknown: write down what the detector was trained on',
      input,
      heads: { detection: head },
      nms,
      files: { weights: { path: file, dtype: storedDtype(model), sha256: await sha256Of(path) } },
    };
    return { proposal: { json: parseModelJson(json, 'the proposed model.json'), notes } };
  } catch (error) {
    if (!(error instanceof DenseError) || error.code !== 'BAD_MODEL') throw error;
    return { problem: `${error.detail.what}: ${error.detail.why}` };
  }
}

const STORED: Readonly<Partial<Record<string, ModelJson['files'][string]['dtype']>>> = {
  float32: 'fp32',
  float16: 'fp16',
  bfloat16: 'bf16',
  int8: 'int8',
  uint8: 'int8',
};

/** Numbers that most of a file's weights are stored in; fp32 where it lists none. */
function storedDtype({ weights }: ModelSummary): ModelJson['files'][string]['dtype'] {
  const elements = { fp32: 0, fp16: 0, bf16: 0, int8: 0 };
  for (const { dtype, shape } of weights) {
    const stored = STORED[dtype]; // whole numbers of 32 and 64 bits are shapes and indices
    if (stored) elements[stored] += shape.reduce((product, side) => product * side, 1);
  }
  const [most] = Object.entries(elements).sort((a, b) => b[1] - a[1]); // stable: fp32 comes first where all are 0
  return most![0] as keyof typeof elements;
}

/**
 * Makes a model directory of a proposal: the ONNX file (copied, unless it lies there already) and model.json.
 *
 * @returns path of the model.json
 * @throws {DenseError} BAD_INPUT when there is a model.json already; BAD_MODEL when there is no proposal
 */
export async function writeProposal(
  { path, proposal, problem, weights }: OnnxInspection,
  directory: string,
): Promise<string> {
  if (!proposal)
    fail(
      'BAD_MODEL',
      `no model.json can be proposed for ${path}`,
      problem ?? 'it is not known',
      'write it by hand (docs/own-detector.md)',
    );
  const target = join(directory, MODEL_FILE);
  if (
    await access(target).then(
      () => true,
      () => false,
    )
  )
    fail(
      'BAD_INPUT',
      `${target} is there already`,
      'it may hold corrections',
      'name another folder, or remove that file first',
    );
  const file = basename(path);
  await mkdir(directory, { recursive: true });
  const beside = (await realpath(directory)) === dirname(path);
  if (!beside) {
    if (weights.outside.length > 0)
      fail(
        'BAD_INPUT',
        `${path} has weights in ${weights.outside.join(', ')}`,
        'they have to lie beside it',
        `put all of them into ${directory} and inspect the file there`,
      );
    await copyFile(path, join(directory, file), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE).catch(
      (error: unknown) =>
        fail(
          'BAD_INPUT',
          `${join(directory, file)} could not be written`,
          messageOf(error),
          'name another folder',
          error,
        ),
    );
  }
  await writeModelJson(directory, proposal.json as ModelJsonToWrite);
  return target;
}
