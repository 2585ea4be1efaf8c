import { detections, type RgbImage, rgbImage, throwIfAborted } from '../../core/index.ts';
import { type DataPicture, type Dataset, FINDINGS, type Finding } from '../../data/index.ts';
import { decodeImage, encodePng, resizeImage } from '../../image/index.ts';
import {
  classColor,
  drawDetections,
  drawLine,
  fillRect,
  lineMetrics,
  paintCoverage,
  type Rgb,
  rasterizeText,
  textWidth,
} from '../../render/index.ts';
import { writeWhole } from '../formats/atomic.ts';

const CELL = { width: 280, height: 210, gap: 10, caption: 36 };
const COLUMNS = 6;
const MAX_PICTURES = 48;
const FONT = 12;
const GROUND: Rgb = [24, 26, 30];
const EMPTY: Rgb = [52, 54, 60];
const TEXT: Rgb = [235, 235, 235];
const FAULT: Rgb = [255, 120, 90];

/**
 * Draws a contact sheet: pictures with their boxes, those with findings first and named by them, the rest spread evenly
 * over the data set.
 */
export async function writeSheet(
  path: string,
  dataset: Dataset,
  findings: readonly Finding[],
  signal?: AbortSignal,
): Promise<void> {
  const byPicture = new Map<string, Finding[]>();
  for (const f of findings) {
    if (f.file === undefined) continue;
    const key = keyOf(f);
    byPicture.set(key, [...(byPicture.get(key) ?? []), f]);
  }
  const of = (picture: DataPicture) => byPicture.get(keyOf(picture)) ?? [];
  const chosen = choose(dataset.pictures, of);
  const columns = Math.min(COLUMNS, Math.max(1, chosen.length));
  const rows = Math.max(1, Math.ceil(chosen.length / columns));
  const [stepX, stepY] = [CELL.width + CELL.gap, CELL.height + CELL.caption + CELL.gap];
  const [width, height] = [columns * stepX + CELL.gap, rows * stepY + CELL.gap];
  const sheet = rgbImage(height, width, new Uint8Array(3 * width * height));
  fillRect(sheet, 0, 0, width, height, GROUND);
  const names = dataset.categories.map(c => c.name);
  for (const [i, picture] of chosen.entries()) {
    throwIfAborted(signal);
    const left = CELL.gap + (i % columns) * stepX;
    const top = CELL.gap + Math.floor(i / columns) * stepY;
    const image = picture.path === undefined ? undefined : await decodeImage(picture.path).catch(() => undefined);
    fillRect(sheet, left, top, left + CELL.width, top + CELL.height, EMPTY);
    if (image) paste(sheet, thumbnail(image, picture, names), left, top);
    else cross(sheet, left, top);
    const kinds = [...new Set(of(picture).map(f => f.kind))].join(', ');
    write(sheet, picture.file, left, top + CELL.height + 3, TEXT);
    if (kinds !== '') write(sheet, kinds, left, top + CELL.height + 3 + CELL.caption / 2, FAULT);
  }
  await writeWhole(path, await encodePng(sheet));
}

const keyOf = ({ file, split }: { file?: string | undefined; split?: string | undefined }) => `${split ?? ''}\n${file}`;

/** Pictures with findings, the rarest kinds first so that each kind is seen; then others, evenly spread. */
function choose(pictures: readonly DataPicture[], of: (p: DataPicture) => readonly Finding[]): DataPicture[] {
  const kinds = Object.keys(FINDINGS) as Finding['kind'][];
  const queues = kinds.map(kind => pictures.filter(p => of(p).some(f => f.kind === kind)));
  const chosen = new Set<DataPicture>();
  // a round takes one picture of each kind
  for (let round = 0; chosen.size < MAX_PICTURES && queues.some(q => round < q.length); round++)
    for (const queue of queues) if (round < queue.length && chosen.size < MAX_PICTURES) chosen.add(queue[round]!);
  const rest = pictures.filter(p => !chosen.has(p) && p.path !== undefined);
  const room = Math.min(rest.length, MAX_PICTURES - chosen.size);
  for (let i = 0; i < room; i++) chosen.add(rest[Math.floor((i * rest.length) / room)]!);
  return [...chosen];
}

/** The picture with its boxes, in a cell. The drawing is at the cell's size, so that lines and names stay readable. */
function thumbnail(image: RgbImage, { objects, ...picture }: DataPicture, names: readonly string[]): RgbImage {
  const [height, width] = image.shape;
  const scale = Math.min(CELL.width / width, CELL.height / height);
  const small = resizeImage(image, Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale)), {
    antialias: true,
  });
  // boxes are of the annotated size: where that is wrong they are shown as they would be used
  const x = small.shape[1] / (picture.width || width);
  const y = small.shape[0] / (picture.height || height);
  const boxes = Float32Array.from(objects.flatMap(o => [o.x1 * x, o.y1 * y, o.x2 * x, o.y2 * y]));
  const classes = Int32Array.from(objects, o => o.category);
  const found = detections(boxes, new Float32Array(objects.length).fill(1), classes);
  return drawDetections(small, found, {
    names,
    lineWidth: 1.5,
    fontSize: 10,
    label: i => `${names[classes[i]!]}${objects[i]!.crowd ? ' (crowd)' : ''}`,
    color: i => classColor(classes[i]!),
  });
}

/** Copies a picture into the middle of a cell. */
function paste(sheet: RgbImage, image: RgbImage, left: number, top: number): void {
  const [height, width] = image.shape;
  const x = left + ((CELL.width - width) >> 1);
  const y = top + ((CELL.height - height) >> 1);
  for (let row = 0; row < height; row++)
    sheet.data.set(image.data.subarray(3 * row * width, 3 * (row + 1) * width), 3 * ((y + row) * sheet.shape[1] + x));
}

function cross(sheet: RgbImage, left: number, top: number): void {
  const [right, bottom] = [left + CELL.width, top + CELL.height];
  drawLine(sheet, left, top, right, bottom, 2, FAULT);
  drawLine(sheet, left, bottom, right, top, 2, FAULT);
}

/** A line of text, its beginning cut when it is wider than a cell: names differ at their ends. */
function write(sheet: RgbImage, text: string, left: number, top: number, color: Rgb): void {
  let shown = text;
  for (let cut = 1; textWidth(shown, FONT) > CELL.width && cut < text.length; cut++) shown = `...${text.slice(cut)}`;
  paintCoverage(sheet, rasterizeText(shown, FONT), left, Math.round(top - lineMetrics(FONT).descent / 2), color);
}
