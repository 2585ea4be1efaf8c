import { csvLine, parseCsv } from '../../data/index.ts';
import type { PictureRecord } from './record.ts';

export { parseCsv };

/** First line of the file. x, y, width, height in pixels. */
export const CSV_HEADER = 'image_id,file_name,category_id,category_name,x,y,width,height,score\n';
const FILE_NAME = 1; // column

/** One line per object (RFC 4180, but lines end as on Unix). */
export function csvText({ imageId, fileName, result }: PictureRecord): string {
  return result
    .toCoco(imageId, fileName)
    .map(row => csvLine([imageId, fileName, row.category_id, row.category_name, ...row.bbox, row.score]))
    .join('');
}

/** Lines of an earlier run, by picture. */
export function csvByPicture(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const cells of parseCsv(text).slice(1)) {
    const name = cells[FILE_NAME] ?? '';
    found.set(name, (found.get(name) ?? '') + csvLine(cells));
  }
  return found;
}
