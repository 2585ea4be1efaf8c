import type { CocoResult } from '../detect/result.ts';
import type { PictureRecord } from './record.ts';

/** One row of COCO's results format, on one line. */
export function cocoLine(row: CocoResult): string {
  return JSON.stringify(row);
}

/** COCO results of one picture: a JSON array, one object per line. */
export function cocoText({ imageId, fileName, result }: PictureRecord): string {
  const lines = result.toCoco(imageId, fileName).map(cocoLine);
  return lines.length === 0 ? '[]\n' : `[\n${lines.join(',\n')}\n]\n`;
}
