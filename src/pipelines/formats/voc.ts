import { posix } from 'node:path';
import { escapedXml } from '../../data/index.ts';
import type { PictureRecord } from './record.ts';

/**
 * A PASCAL VOC annotation. Its pixels count from 1 and xmax, ymax are the last pixel inside, so a box from 0 to 10
 * becomes 1 to 10; edges are rounded to whole pixels. `score` is an addition that readers of VOC pass over.
 */
export function vocText({ fileName, result }: PictureRecord): string {
  const folder = posix.dirname(fileName);
  const objects = result.objects.map(({ name, score, x1, y1, x2, y2 }) => {
    const [xmin, ymin] = [Math.round(x1) + 1, Math.round(y1) + 1];
    const [xmax, ymax] = [Math.max(xmin, Math.round(x2)), Math.max(ymin, Math.round(y2))];
    return `  <object>
    <name>${escapedXml(name)}</name>
    <pose>Unspecified</pose>
    <truncated>0</truncated>
    <difficult>0</difficult>
    <score>${score.toFixed(7)}</score>
    <bndbox>
      <xmin>${xmin}</xmin>
      <ymin>${ymin}</ymin>
      <xmax>${xmax}</xmax>
      <ymax>${ymax}</ymax>
    </bndbox>
  </object>
`;
  });
  return `<annotation>
  <folder>${escapedXml(folder === '.' ? '' : folder)}</folder>
  <filename>${escapedXml(posix.basename(fileName))}</filename>
  <size>
    <width>${result.width}</width>
    <height>${result.height}</height>
    <depth>3</depth>
  </size>
  <segmented>0</segmented>
${objects.join('')}</annotation>
`;
}
