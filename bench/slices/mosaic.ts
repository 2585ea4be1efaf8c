/**
 * Lays the pictures of a COCO-format set beside each other on large canvases, at their own size, with their annotations:
 * large pictures full of small objects, to measure what slices gain.
 *
 * Run: npx tsx bench/slices/mosaic.ts COCO_DIR OUT [SIDE]
 * COCO_DIR holds images/ and instances.json; OUT gets images/1.jpg, 2.jpg, ... of SIDE x SIDE pixels (4000) and
 * instances.json. docs/detect.md has the commands that follow and their figures.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rgbImage } from '../../src/core/index.ts';
import { decodeImage, encodeJpeg } from '../../src/image/index.ts';

interface Coco {
  readonly images: readonly {
    readonly id: number;
    readonly file_name: string;
    readonly width: number;
    readonly height: number;
  }[];
  readonly annotations: readonly {
    readonly image_id: number;
    readonly bbox: readonly number[];
    readonly segmentation?: unknown;
  }[];
  readonly categories: unknown;
}

const [from, out, sideText = '4000'] = process.argv.slice(2);
if (from === undefined || out === undefined) throw new Error('usage: mosaic.ts COCO_DIR OUT [SIDE]');
const side = Number(sideText);
const coco = JSON.parse(readFileSync(join(from, 'instances.json'), 'utf8')) as Coco;
mkdirSync(join(out, 'images'), { recursive: true });

const GREY = 114;
const canvas = new Uint8Array(side * side * 3);
const images: object[] = [];
const annotations: object[] = [];
let [x, y, shelf] = [0, 0, 0];

async function flush() {
  const id = images.length + 1;
  const file = `${id}.jpg`;
  writeFileSync(join(out!, 'images', file), await encodeJpeg(rgbImage(side, side, canvas), { quality: 95 }));
  images.push({ id, file_name: file, width: side, height: side });
  canvas.fill(GREY);
  [x, y, shelf] = [0, 0, 0];
}

canvas.fill(GREY);
for (const { id, file_name, width, height } of [...coco.images].sort((a, b) => a.id - b.id)) {
  if (x + width > side) [x, y, shelf] = [0, y + shelf, 0];
  if (y + height > side) await flush();
  const { data } = await decodeImage(join(from, 'images', file_name));
  for (let row = 0; row < height; row++)
    canvas.set(data.subarray(row * width * 3, (row + 1) * width * 3), ((y + row) * side + x) * 3);
  for (const annotation of coco.annotations) {
    if (annotation.image_id !== id) continue;
    const [left, top, w, h] = annotation.bbox as [number, number, number, number];
    // boxes are what is scored; masks would have to be moved too
    const { segmentation: _, ...rest } = annotation;
    annotations.push({ ...rest, image_id: images.length + 1, bbox: [left + x, top + y, w, h] });
  }
  x += width;
  shelf = Math.max(shelf, height);
}
await flush();
writeFileSync(join(out, 'instances.json'), JSON.stringify({ images, annotations, categories: coco.categories }));
console.log(
  `${images.length} pictures of ${side} x ${side}, ${annotations.length} objects, from ${coco.images.length} pictures`,
);
