import { basename, dirname, join } from 'node:path';
import { CategoryTable, type Dataset, parseCsv, parseCsvTable, parseNames, strictly } from '../../data/index.ts';
import type { DatasetSource } from './open-options.ts';
import { filesBelow, findImagesFolder, namesIfThere, placed, readText, scaled } from './places.ts';

/** Where the classes of a CSV file stand when it was written by `convert`. */
export function classesBeside(csv: string): string {
  return join(dirname(csv), `${basename(csv).replace(/\.csv$/i, '')}.classes.txt`);
}

/** Opens boxes in CSV; columns: see parseCsvTable. */
export async function openCsv(source: DatasetSource): Promise<Dataset> {
  const { annotations, onProblem = strictly, signal } = source;
  const text = await readText(annotations);
  const given = source.names === undefined ? undefined : await readText(source.names);
  const namesText = given ?? (await namesIfThere(classesBeside(annotations)));
  // what `convert` wrote is a plain list, whatever commas are in its names
  const pairs = given === undefined ? undefined : namePairs(given);
  const fixed = pairs ? [...pairs.values()] : namesText === undefined ? undefined : parseNames(namesText);
  const categories = new CategoryTable(fixed);
  const table = parseCsvTable(text, categories, annotations, onProblem, pairs);
  const candidates = ['.', 'images', '..', '../images'].map(c => join(dirname(annotations), c));
  let pictures = table.pictures.map(p => ({ ...p, file: p.file.replace(/^\.\//, '') }));
  if (table.normalised) pictures = await withEndings(pictures, source.images ?? dirname(annotations), signal);
  const images = source.images ?? (await findImagesFolder(candidates, pictures));
  const found = await placed(pictures, images, signal);
  if (!table.normalised) return { categories: categories.list, pictures: found };
  return {
    categories: categories.list,
    pictures: found.map(p => {
      if (p.width > 0) return { ...p, objects: p.objects.map(o => scaled(o, p.width, p.height)) };
      onProblem({
        kind: 'missing-picture',
        where: annotations,
        what: `has boxes of ${p.file}`,
        why: 'they are shares of its size, and the picture cannot be read',
        fix: 'name the folder of the pictures with --images',
        file: p.file,
      });
      return { ...p, objects: [] };
    }),
  };
}

/** Rows `id,name` of Open Images' class descriptions; undefined when the file is a plain list. */
function namePairs(text: string): ReadonlyMap<string, string> | undefined {
  const rows = parseCsv(text);
  const isPair = rows.length > 0 && rows.every(row => row.length === 2);
  return isPair ? new Map(rows.map(([id, name]) => [id!.trim(), name!.trim()])) : undefined;
}

/** Open Images names pictures without their endings. */
async function withEndings<P extends { readonly file: string }>(
  pictures: readonly P[],
  folder: string,
  signal: AbortSignal | undefined,
): Promise<P[]> {
  const files = await filesBelow(folder, signal);
  const byStem = new Map(files.map(f => [f.relative.replace(/\.[^.]*$/, ''), f.relative]));
  return pictures.map(p => ({ ...p, file: byStem.get(p.file) ?? p.file }));
}
