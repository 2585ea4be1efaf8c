import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openCheckpoint } from '../checkpoint/index.ts';
import { fail, messageOf } from '../core/index.ts';
import { loadModelDirectory, MODEL_FILE, type Model } from './directory.ts';
import { isExternal } from './external.ts';

/** Where models are looked for, by name. */
export interface ModelPlaces {
  /** Models that came with the package. */
  readonly bundled: string;
  /** Models that were pulled. */
  readonly cache: string;
}

export type ModelOrigin = keyof ModelPlaces;

/** A model that was found, not yet loaded. */
export interface FoundModel {
  readonly name: string;
  readonly directory: string;
  /** `path`: named by its directory. */
  readonly origin: ModelOrigin | 'path';
}

/** `models/` of this package (the same from sources and from dist), and the user's cache (XDG_CACHE_HOME). */
export function modelPlaces(environment: NodeJS.ProcessEnv = process.env): ModelPlaces {
  const cacheHome = environment.XDG_CACHE_HOME;
  return {
    bundled: fileURLToPath(new URL('../../models', import.meta.url)),
    // the XDG rule: a relative path there is to be ignored
    cache: join(cacheHome?.startsWith('/') ? cacheHome : join(homedir(), '.cache'), 'pe-dense', 'models'),
  };
}

/** Every model that can be named, bundled ones first; a pulled one of the same name is hidden by the bundled. */
export async function listModels(places: ModelPlaces = modelPlaces()): Promise<FoundModel[]> {
  const found = new Map<string, FoundModel>();
  for (const origin of ['bundled', 'cache'] as const)
    for (const name of await subfolders(places[origin])) {
      const directory = join(places[origin], name);
      if (!found.has(name) && (await isFile(join(directory, MODEL_FILE)))) found.set(name, { name, directory, origin });
    }
  return [...found.values()];
}

/**
 * Finds a model by a bundled name, a pulled name, or the path of its directory. A name wins over a folder of the same
 * name in the working directory; `./name` means the folder.
 *
 * @throws {DenseError} UNKNOWN_MODEL listing the names and the nearest one
 */
export async function findModel(nameOrPath: string, places: ModelPlaces = modelPlaces()): Promise<FoundModel> {
  const models = await listModels(places);
  const named = models.find(({ name }) => name === nameOrPath);
  if (named) return named;
  const directory = resolve(nameOrPath);
  if (await isFile(join(directory, MODEL_FILE))) return { name: nameOrPath, directory, origin: 'path' };
  const names = models.map(({ name }) => name);
  const kind = await stat(directory).catch(() => undefined);
  if (kind?.isFile())
    fail(
      'UNKNOWN_MODEL',
      `${nameOrPath} is a file, not a model`,
      'a model is a directory with model.json beside its weights; a checkpoint does not say how it is to be used',
      'name the directory, or use the checkpoint with a command that takes --arch',
    );
  const nearest = nearestName(nameOrPath, names);
  fail(
    'UNKNOWN_MODEL',
    `there is no model ${nameOrPath}`,
    kind?.isDirectory()
      ? `the folder ${directory} holds no ${MODEL_FILE}`
      : `known are: ${names.length === 0 ? 'none' : names.join(', ')}; and there is no such folder`,
    nearest === undefined
      ? 'see pe-dense models, or name the directory of a model'
      : `did you mean ${nearest}? see pe-dense models`,
  );
}

/** {@link findModel}, then {@link loadModelDirectory}. */
export async function openModel(nameOrPath: string, places: ModelPlaces = modelPlaces()): Promise<Model> {
  return loadModelDirectory((await findModel(nameOrPath, places)).directory);
}

/**
 * Loads a model directory with its hashes and opens every weights file, so that a model that passes can be used.
 * @throws {DenseError} BAD_MODEL or BAD_CHECKPOINT saying what is wrong
 */
export async function verifyModel(directory: string): Promise<Model> {
  const model = await loadModelDirectory(directory);
  // an ONNX file is no table of tensors; its hash was right
  if (!isExternal(model.json.heads.detection)) for (const { path } of model.files.values()) await openCheckpoint(path);
  return model;
}

async function subfolders(folder: string): Promise<string[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    return fail('BAD_MODEL', `${folder} cannot be read`, messageOf(error), 'check its permissions', error);
  }
  return entries
    .filter(entry => entry.isDirectory() || entry.isSymbolicLink())
    .map(entry => entry.name)
    .sort();
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    info => info.isFile(),
    () => false,
  );
}

/** The name with the fewest changed letters, if not more than a third of them changed. */
export function nearestName(wanted: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map(name => ({ name, distance: editDistance(wanted.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(2, Math.floor(best.name.length / 3)) ? best.name : undefined;
}

/** Levenshtein distance: insertions, deletions, replacements. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
