import { posix } from 'node:path';
import type { CategoryTable } from './categories.ts';
import type { DataCategory, DataObject, DataPicture, ProblemSink } from './types.ts';
import { childOf, escapedXml, parseXml, textOf, type XmlElement } from './xml.ts';

const FLAGS = ['difficult', 'truncated', 'occluded'] as const;

/** What a VOC annotation says of its picture; `width` and `height` are 0 when it does not. */
export interface VocPicture {
  /** file name as it stands in the annotation */
  readonly filename: string;
  readonly width: number;
  readonly height: number;
  readonly objects: DataObject[];
}

/**
 * Reads one PASCAL VOC annotation. Its pixels are counted from `origin` on; with 1, as PASCAL counts, `xmax` is the last
 * pixel inside, so 1..10 becomes 0 to 10; with 0 the numbers are taken as plain coordinates.
 *
 * @param where what errors call the file
 * @param sink takes objects without a name or box, and (with fixed classes) of unknown ones
 * @throws {DenseError} BAD_INPUT when it is not well-formed or no annotation
 */
export function parseVoc(
  text: string,
  categories: CategoryTable,
  where: string,
  sink: ProblemSink,
  origin: 0 | 1 = 1,
): VocPicture {
  const root = parseXml(text, where);
  const size = childOf(root, 'size');
  const pixels = (name: string) => Math.max(0, Number(textOf(size, name)) || 0);
  const filename = textOf(root, 'filename') ?? '';
  if (root.name !== 'annotation')
    sink({
      kind: 'bad-record',
      where,
      what: `begins with <${root.name}>`,
      why: 'a VOC file holds an <annotation>',
      fix: 'leave the file out',
    });
  const objects: DataObject[] = [];
  const readObject = (element: XmlElement, i: number) => {
    const place = { where: `${where}: object ${i + 1}`, file: filename };
    const name = textOf(element, 'name');
    const box = childOf(element, 'bndbox');
    const edges = ['xmin', 'ymin', 'xmax', 'ymax'].map(edge => textOf(box, edge));
    const [xmin, ymin, xmax, ymax] = edges.map(edge => (edge ? Number(edge) : Number.NaN)) as [
      number,
      number,
      number,
      number,
    ];
    if (!name || ![xmin, ymin, xmax, ymax].every(Number.isFinite))
      return sink({
        ...place,
        kind: 'bad-record',
        what: name ? `has the box ${JSON.stringify(edges)}` : 'has no name',
        why: 'an object has a name, and a bndbox with xmin, ymin, xmax, ymax',
        fix: 'correct or remove the object',
      });
    const category = categories.indexOf(name);
    if (category < 0)
      return sink({
        ...place,
        kind: 'unknown-class',
        what: `is a ${JSON.stringify(name)}`,
        why: 'the list of classes does not name it',
        fix: 'add it to the list of classes, or correct the name',
      });
    const flags = FLAGS.filter(flag => Number(textOf(element, flag)) === 1).map(flag => [flag, true] as const);
    const pose = textOf(element, 'pose');
    objects.push({
      x1: xmin - origin,
      y1: ymin - origin,
      x2: xmax,
      y2: ymax,
      category,
      ...Object.fromEntries(flags),
      ...(pose && pose !== 'Unspecified' && { pose }),
    });
  };
  root.children.filter(child => child.name === 'object').forEach(readObject);
  return { filename, width: pixels('width'), height: pixels('height'), objects };
}

/**
 * The text of one PASCAL VOC annotation: edges rounded to whole pixels, counted from 1, `xmax` and `ymax` the last pixel
 * inside.
 *
 * @param folder of the pictures, below the data set's root
 */
export function formatVoc(picture: DataPicture, categories: readonly DataCategory[], folder = 'JPEGImages'): string {
  const objects = picture.objects.map(o => {
    const [xmin, ymin] = [Math.round(o.x1) + 1, Math.round(o.y1) + 1];
    return `  <object>
    <name>${escapedXml(categories[o.category]!.name)}</name>
    <pose>${escapedXml(o.pose ?? 'Unspecified')}</pose>
    <truncated>${o.truncated ? 1 : 0}</truncated>
    <difficult>${o.difficult ? 1 : 0}</difficult>
${o.occluded ? '    <occluded>1</occluded>\n' : ''}    <bndbox>
      <xmin>${xmin}</xmin>
      <ymin>${ymin}</ymin>
      <xmax>${Math.max(xmin, Math.round(o.x2))}</xmax>
      <ymax>${Math.max(ymin, Math.round(o.y2))}</ymax>
    </bndbox>
  </object>
`;
  });
  return `<annotation>
  <folder>${escapedXml(posix.join(folder, posix.dirname(picture.file)))}</folder>
  <filename>${escapedXml(posix.basename(picture.file))}</filename>
  <size>
    <width>${picture.width}</width>
    <height>${picture.height}</height>
    <depth>3</depth>
  </size>
  <segmented>0</segmented>
${objects.join('')}</annotation>
`;
}
