/**
 * Weights outside the graph. onnxruntime looks for them beside the graph and resolves symbolic links first, so the
 * graph goes into a cache folder next to a hard link of the weight file, or, where links cannot be made, is handed over
 * as bytes while the process stands in the weights' folder. Nothing is written beside a checkpoint.
 */
import { link, mkdir, mkdtemp, readdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fail, messageOf } from '../core/index.ts';
import type { Graph } from './model.ts';

/** Folder for things that can be made again: `PE_DENSE_CACHE`, else the platform's cache folder. */
export function cacheFolder(): string {
  const { PE_DENSE_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (PE_DENSE_CACHE) return PE_DENSE_CACHE;
  if (process.platform === 'win32' && LOCALAPPDATA) return join(LOCALAPPDATA, 'pe-dense');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'pe-dense');
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'pe-dense');
}

const PREFIX = 'graph-';
const STALE_MS = 3_600_000;

/** A crash leaves a link behind, and a link keeps a deleted file's bytes on disk. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(PREFIX)) continue;
    const path = join(folder, name);
    const age = await stat(path).then(
      s => Date.now() - s.mtimeMs,
      () => 0,
    );
    if (age > STALE_MS) await rm(path, { recursive: true, force: true });
  }
}

/** The graph beside hard links of its weights, or undefined where the file system says no. */
async function linked(graph: Graph, cache: string): Promise<string | undefined> {
  let folder: string | undefined;
  try {
    await mkdir(cache, { recursive: true });
    const root = await realpath(cache);
    await sweep(root).catch(() => undefined);
    folder = await mkdtemp(join(root, PREFIX));
    for (const file of graph.externalFiles) await link(file, join(folder, basename(file)));
    await writeFile(join(folder, 'graph.onnx'), graph.bytes);
    return folder;
  } catch {
    if (folder) await rm(folder, { recursive: true, force: true });
    return undefined;
  }
}

let turn: Promise<unknown> = Promise.resolve();

/** One at a time in the whole process: the working directory is everyone's. */
async function standingIn<T>(folder: string, body: () => Promise<T>): Promise<T> {
  const run = turn.then(async () => {
    const home = process.cwd();
    try {
      process.chdir(folder);
    } catch (error) {
      return fail(
        'UNAVAILABLE',
        `the weights in ${folder} cannot be used in place`,
        `no hard link could be made in the cache folder, and the folder could not be entered: ${messageOf(error)}`,
        'set PE_DENSE_CACHE to a folder on the same disk as the checkpoint',
        error,
      );
    }
    try {
      return await body();
    } finally {
      process.chdir(home);
    }
  });
  turn = run.catch(() => undefined);
  return run;
}

/** How a graph's weights may be found; `auto` tries the link, then the working directory. */
export type Placement = 'auto' | 'link' | 'chdir';

/**
 * Calls `create` with the graph such that onnxruntime finds its weights.
 *
 * @param create gets the graph's bytes, or the path of a graph file that is gone afterwards
 * @throws {DenseError} UNAVAILABLE when neither way works
 */
export async function withWeights<T>(
  graph: Graph,
  options: { readonly cache?: string; readonly placement?: Placement },
  create: (model: Uint8Array | string) => Promise<T>,
): Promise<T> {
  if (graph.externalFiles.length === 0) return create(graph.bytes);
  const placement = options.placement ?? 'auto';
  const folder = placement === 'chdir' ? undefined : await linked(graph, options.cache ?? cacheFolder());
  if (folder) {
    try {
      return await create(join(folder, 'graph.onnx'));
    } finally {
      await rm(folder, { recursive: true, force: true }).catch(() => undefined); // Windows keeps mapped files
    }
  }
  const folders = new Set(graph.externalFiles.map(f => dirname(f)));
  if (folders.size > 1 || placement === 'link')
    fail(
      'UNAVAILABLE',
      `the weights in ${[...folders].join(', ')} cannot be used in place`,
      'no hard link could be made in the cache folder',
      'set PE_DENSE_CACHE to a folder on the same disk as the checkpoint',
    );
  return standingIn([...folders][0]!, () => create(graph.bytes));
}
