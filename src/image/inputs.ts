import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, posix, relative, resolve, sep } from 'node:path';
import { DenseError, fail, messageOf, throwIfAborted } from '../core/index.ts';
import { globBase, globToRegExp, hasMagic } from './glob.ts';
import { hasImageExtension } from './source.ts';
import { isWebAddress } from './source-url.ts';

/** One picture to work on. */
export interface InputFile {
  /** What to open; `-` is standard input; `http:` and `https:` addresses stay as they are. */
  readonly path: string;
  /** Path below the folder or glob it was found under, with forward slashes; the file's name when given itself. */
  readonly relative: string;
}

/** An input that led to nothing. */
export interface InputFailure {
  readonly input: string;
  readonly error: DenseError;
}

export interface InputList {
  /** Sorted by path, each file once. */
  readonly files: readonly InputFile[];
  readonly failures: readonly InputFailure[];
}

export interface ListOptions {
  /** Folder never entered, so that a run does not eat its own earlier outputs. */
  readonly except?: string | undefined;
  /** Which files of a folder or a glob are taken; default: those that end like a picture. */
  readonly accept?: ((path: string) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Resolves what a user typed: files, folders (with everything below; hidden entries left out), globs
 * (`*`, `**`, `?`, `[a-z]`, `{a,b}`), web addresses and `-`. A file that does not exist is listed all the same: opening it will say so.
 */
export async function listInputs(inputs: readonly string[], options: ListOptions = {}): Promise<InputList> {
  const found = new Map<string, InputFile>();
  const failures: InputFailure[] = [];
  for (const input of inputs) {
    try {
      for (const file of await expand(input, options)) {
        const key = file.path === '-' || isWebAddress(file.path) ? file.path : resolve(file.path);
        if (!found.has(key)) found.set(key, file);
      }
    } catch (error) {
      if (!(error instanceof DenseError) || error.code === 'ABORTED') throw error;
      failures.push({ input, error });
    }
  }
  const files = [...found.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return { files, failures };
}

async function expand(input: string, options: ListOptions): Promise<InputFile[]> {
  if (input === '-') return [{ path: '-', relative: 'stdin' }];
  if (isWebAddress(input)) return [{ path: input, relative: nameOfAddress(input) }];
  const kind = await kindOf(input);
  if (kind === 'file') return [{ path: input, relative: basename(input) }];
  if (kind === 'folder') return expandFolder(input, options);
  if (hasMagic(input)) return expandGlob(input, options);
  return [{ path: input, relative: basename(input) }];
}

/** The last part of an address's path, or the server's name where there is none; never a way out of a folder. */
function nameOfAddress(address: string): string {
  const { pathname = '', hostname = '' } = URL.canParse(address) ? new URL(address) : {};
  const last = /[^/]*$/.exec(pathname.replace(/\/+$/, ''))![0].replace(/%[\da-f]{2}/gi, '_');
  return last.replace(/^\.+/, '') || hostname || 'address';
}

async function expandFolder(folder: string, options: ListOptions): Promise<InputFile[]> {
  const files = await walk(folder, options);
  if (files.length === 0)
    fail(
      'BAD_INPUT',
      `no pictures in folder ${folder}`,
      'nothing in it ends like a picture',
      'give a folder of pictures',
    );
  return files.map(path => ({ path, relative: slashed(relative(folder, path)) }));
}

async function expandGlob(pattern: string, options: ListOptions): Promise<InputFile[]> {
  const base = globBase(pattern);
  const matches = globToRegExp(slashed(pattern));
  const below = (await kindOf(base)) === 'folder' ? await walk(base, options) : [];
  const files = below.filter(path => matches.test(slashed(path)));
  if (files.length === 0)
    fail(
      'BAD_INPUT',
      `nothing matches ${pattern}`,
      `no picture below ${base} fits it`,
      'check the pattern, and quote it',
    );
  return files.map(path => ({ path, relative: slashed(relative(base, path)) }));
}

async function walk(root: string, options: ListOptions): Promise<string[]> {
  const accept = options.accept ?? hasImageExtension;
  const except = options.except === undefined ? undefined : resolve(options.except);
  const files: string[] = [];
  const above = new Set<string>(); // real paths of the folders we are inside: a link back to one is a circle
  const enter = async (folder: string): Promise<void> => {
    throwIfAborted(options.signal);
    const real = await realpath(folder);
    if (above.has(real) || resolve(folder) === except) return;
    above.add(real);
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = posixJoin(folder, entry.name);
      const kind = entry.isSymbolicLink() ? await kindOf(path) : entry.isDirectory() ? 'folder' : 'file';
      if (kind === 'folder') await enter(path);
      else if (kind === 'file' && accept(path)) files.push(path);
    }
    above.delete(real);
  };
  try {
    await enter(root);
  } catch (error) {
    if (error instanceof DenseError) throw error;
    fail('BAD_INPUT', `cannot read folder ${root}`, messageOf(error), 'check its permissions', error);
  }
  return files.sort();
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'missing'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    return 'missing';
  }
}

function posixJoin(folder: string, name: string): string {
  return sep === '/' ? posix.join(folder, name) : join(folder, name);
}

function slashed(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}

/**
 * Output names, one per file: the relative path without its extension; where two would meet, each keeps its extension;
 * where they still meet (two folders given), later ones get a number.
 */
export function outputStems(files: readonly InputFile[]): string[] {
  const bare = files.map(file => withoutExtension(file.relative));
  const count = new Map<string, number>();
  for (const stem of bare) count.set(stem, (count.get(stem) ?? 0) + 1);
  const taken = new Set<string>();
  return files.map((file, i) => {
    const wanted = count.get(bare[i]!) === 1 ? bare[i]! : file.relative;
    let stem = wanted;
    for (let n = 2; taken.has(stem); n++) stem = `${wanted}.${n}`;
    taken.add(stem);
    return stem;
  });
}

function withoutExtension(path: string): string {
  const name = posix.basename(path);
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? path : posix.join(dirname(path), name.slice(0, dot));
}
