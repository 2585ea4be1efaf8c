import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { fail, messageOf } from '../core/index.ts';
import { formatIssuePath, type ModelJson, type ModelJsonInput, ModelSchema } from './schema.ts';

export const MODEL_FILE = 'model.json';
// a model.json with measurements is a few kB; more than this is another file
const MAX_MODEL_JSON = 1 << 20;

/** A file of a model, found and (unless asked otherwise) hashed. */
export interface ModelFile {
  /** Real path: symbolic links resolved. */
  readonly path: string;
  readonly bytes: number;
  readonly dtype: ModelJson['files'][string]['dtype'];
  readonly sha256: string;
}

/** A model directory that passed its checks. */
export interface Model {
  /** Real path of the directory. */
  readonly directory: string;
  readonly json: ModelJson;
  /** By variant: `weights`, and where there are any `weights-int8`, ... */
  readonly files: ReadonlyMap<string, ModelFile>;
}

/**
 * Loads and checks a model directory: model.json against its schema, every file there with the hash it should have.
 *
 * @param options.verify `false` skips the hashes (listing many models); default true
 * @throws {DenseError} BAD_MODEL naming the key or the file that is wrong
 */
export async function loadModelDirectory(
  directory: string,
  { verify = true }: { readonly verify?: boolean } = {},
): Promise<Model> {
  const real = await realpath(directory).catch((error: unknown) =>
    fail('BAD_MODEL', `no model directory at ${directory}`, messageOf(error), 'check the path', error),
  );
  const json = await readModelJson(real);
  const files = new Map<string, ModelFile>();
  for (const [variant, entry] of Object.entries(json.files)) {
    const path = join(real, entry.path);
    const found = await locate(real, path, variant);
    if (verify) await checkHash(found.path, entry.sha256);
    files.set(variant, { ...found, dtype: entry.dtype, sha256: entry.sha256 });
  }
  return { directory: real, json, files };
}

/**
 * Reads a model.json value through its schema.
 * @param origin where it comes from, for messages
 * @throws {DenseError} BAD_MODEL naming the key, what it takes and what came
 */
export function parseModelJson(value: unknown, origin: string): ModelJson {
  const result = ModelSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const more = result.error.issues.length - 1;
  const also = more > 0 ? ` (and ${more} more)` : '';
  const where = formatIssuePath(issue.path);
  const unknown = issue.code === 'unrecognized_keys' || /unrecognized key/i.test(issue.message);
  fail(
    'BAD_MODEL',
    `${origin}: ${unknown ? issue.message : `${where === '' ? 'its content' : where} is ${shown(value, issue.path)}`}${also}`,
    unknown
      ? `${where === '' ? 'model.json' : where} has no such key, and one that is misspelt would change results silently`
      : `expected: ${issue.message}`,
    'correct model.json (docs/checkpoints.md lists its keys)',
  );
}

/**
 * Writes `model.json` into a directory, hashes of its files filled in, whole or not at all.
 *
 * @param json as in the file; `sha256` may be left out of `files`
 * @throws {DenseError} BAD_MODEL when it does not pass the schema or a file is missing
 */
export async function writeModelJson(directory: string, json: ModelJsonToWrite): Promise<ModelJson> {
  const files: ModelJsonInput['files'] = {};
  for (const [variant, entry] of Object.entries(json.files)) {
    const { path } = await locate(directory, join(directory, entry.path), variant);
    files[variant] = { ...entry, sha256: await sha256Of(path) };
  }
  const checked = parseModelJson({ ...json, files }, join(directory, MODEL_FILE));
  const temporary = join(directory, `.${randomBytes(8).toString('hex')}.tmp`);
  try {
    await writeFile(temporary, `${JSON.stringify(checked, null, 2)}\n`, { flag: 'wx' });
    await rename(temporary, join(directory, MODEL_FILE));
  } catch (error) {
    await rm(temporary, { force: true });
    fail('RUNTIME', `${join(directory, MODEL_FILE)} could not be written`, messageOf(error), 'check the folder', error);
  }
  return checked;
}

/** {@link ModelJsonInput} before its files are hashed. */
export type ModelJsonToWrite = Omit<ModelJsonInput, 'files'> & {
  readonly files: Readonly<Record<string, { path: string; dtype: ModelFile['dtype'] }>>;
};

/**
 * The backbone of a model.
 * @throws {DenseError} BAD_MODEL for a detector of another project, which holds its whole network and gives boxes only
 */
export function backboneOf(json: ModelJson): NonNullable<ModelJson['backbone']> {
  return (
    json.backbone ??
    fail(
      'BAD_MODEL',
      `model ${json.name} has no features`,
      "it is another project's detector, which gives boxes and nothing else",
      'name a model with a backbone (pe-dense models lists them), or a checkpoint',
    )
  );
}

/** Hash of a file, 64 hexadecimal digits. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function readModelJson(directory: string): Promise<ModelJson> {
  const path = join(directory, MODEL_FILE);
  let value: unknown;
  try {
    if ((await stat(path)).size > MAX_MODEL_JSON) throw new Error(`it is larger than ${MAX_MODEL_JSON} bytes`);
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    fail(
      'BAD_MODEL',
      `${path} cannot be read`,
      messageOf(error),
      'a model directory holds model.json beside its weights; name such a directory',
      error,
    );
  }
  return parseModelJson(value, path);
}

async function locate(directory: string, path: string, variant: string): Promise<{ path: string; bytes: number }> {
  try {
    const real = await realpath(path);
    const info = await stat(real);
    if (!info.isFile()) throw new Error('it is not a file');
    return { path: real, bytes: info.size };
  } catch (error) {
    fail(
      'BAD_MODEL',
      `file ${relative(resolve(directory), resolve(path)).split(sep).join('/')} (${variant}) of model ${directory} is not there`,
      messageOf(error),
      'fetch the model again, or correct files in its model.json',
      error,
    );
  }
}

async function checkHash(path: string, expected: string): Promise<void> {
  const given = await sha256Of(path);
  if (given === expected) return;
  fail(
    'BAD_MODEL',
    `${path} is not the file its model.json describes`,
    `its sha256 is ${given}, and ${expected} is expected`,
    'fetch the model again; after changing its weights on purpose, write model.json anew',
  );
}

/** The value at a path, for a message. */
function shown(value: unknown, path: readonly PropertyKey[]): string {
  let at = value;
  for (const key of path) at = (at as Record<PropertyKey, unknown> | undefined)?.[key];
  const text = at === undefined ? 'missing' : JSON.stringify(at);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
