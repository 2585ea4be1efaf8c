import { cocoLine } from './coco.ts';
import type { PictureRecord } from './record.ts';

/** One object of COCO's results format per line; a picture in which nothing was found adds no line. */
export function jsonlText({ imageId, fileName, result }: PictureRecord): string {
  return result
    .toCoco(imageId, fileName)
    .map(row => `${cocoLine(row)}\n`)
    .join('');
}

/** Lines of an earlier run, by picture. */
export function jsonlByPicture(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const { file_name } = JSON.parse(line) as { file_name: string };
    found.set(file_name, `${found.get(file_name) ?? ''}${line}\n`);
  }
  return found;
}
