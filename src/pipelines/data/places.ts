import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { fail, messageOf, throwIfAborted } from '../../core/index.ts';
import type { DataObject, DataPicture } from '../../data/index.ts';
import { type InputFile, listInputs, readImageSize } from '../../image/index.ts';
import { overlapped } from '../overlap.ts';

/** Heads of pictures read at once. */
const READ_AHEAD = 8;

/** What lies at a path. */
export async function kindOf(path: string): Promise<'file' | 'folder' | 'missing'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    return 'missing';
  }
}

/** @throws {DenseError} BAD_INPUT when it cannot be read */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    fail('BAD_INPUT', `cannot read ${path}`, messageOf(error), 'check the path and its permissions', error);
  }
}

/** Files below a folder that end as wanted (default: like pictures), sorted; none when the folder is not there. */
export async function filesBelow(
  folder: string,
  signal?: AbortSignal,
  accept?: (path: string) => boolean,
): Promise<readonly InputFile[]> {
  if ((await kindOf(folder)) !== 'folder') return [];
  return (await listInputs([folder], { signal, accept })).files;
}

/** The folder of pictures among several: the first that holds one of the first files; undefined when none does. */
export async function findImagesFolder(
  candidates: readonly string[],
  files: readonly { readonly file: string; readonly split?: string | undefined }[],
): Promise<string | undefined> {
  for (const folder of candidates)
    for (const picture of files.slice(0, 5)) if (await findPicture(folder, picture)) return folder;
  return undefined;
}

/** A picture below a folder, or below the folder's sub-folder of its split; undefined when it is in neither. */
async function findPicture(
  folder: string,
  { file, split }: { readonly file: string; readonly split?: string | undefined },
): Promise<string | undefined> {
  const places = [join(folder, file), ...(split === undefined ? [] : [join(folder, split, file)])];
  for (const place of isAbsolute(file) ? [file] : places) if ((await kindOf(place)) === 'file') return place;
  return undefined;
}

/**
 * Pictures with the places of their files, and with the sizes of those that lack one.
 * @param images folder of the pictures, when it is known
 */
export async function placed(
  pictures: readonly DataPicture[],
  images: string | undefined,
  signal?: AbortSignal,
): Promise<DataPicture[]> {
  const out: DataPicture[] = [];
  for await (const picture of overlapped(pictures, READ_AHEAD, picture => place(picture, images))) {
    throwIfAborted(signal);
    out.push(picture);
  }
  return out;
}

async function place(picture: DataPicture, images: string | undefined): Promise<DataPicture> {
  const path = images === undefined ? undefined : ((await findPicture(images, picture)) ?? join(images, picture.file));
  const file = isAbsolute(picture.file) ? nameBelow(picture.file, images) : picture.file;
  const known = { ...picture, file, ...(path !== undefined && { path }) };
  if ((picture.width > 0 && picture.height > 0) || path === undefined) return known;
  const size = await readImageSize(path).catch(() => undefined);
  return size ? { ...known, ...size } : known;
}

/** An absolute path as a name below the folder of pictures; its last part when it lies elsewhere. */
function nameBelow(path: string, images: string | undefined): string {
  const below = images === undefined ? '..' : relative(images, path).replaceAll('\\', '/');
  return below.startsWith('..') || isAbsolute(below) ? path.replace(/^.*[/\\]/, '') : below;
}

/** An object whose box is in shares of the picture, with its box in pixels; polygons stay as they are. */
export function scaled(object: DataObject, width: number, height: number): DataObject {
  const { x1, y1, x2, y2 } = object;
  return { ...object, x1: x1 * width, y1: y1 * height, x2: x2 * width, y2: y2 * height };
}

/** Class names of a file, a name per line; undefined when there is no such file. */
export async function namesIfThere(path: string): Promise<string | undefined> {
  return (await kindOf(path)) === 'file' ? readText(path) : undefined;
}
