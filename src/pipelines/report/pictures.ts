import { existsSync } from 'node:fs';
import { basename, join, normalize } from 'node:path';
import type { CocoGroundTruth, CocoObjects, CocoResults, TideError } from '../../evaluate/index.ts';
import { decodeImage, encodeJpeg, resizeImage } from '../../image/index.ts';
import { escapeXml } from '../../render/index.ts';
import { ERROR_COLORS, ERROR_LABELS } from './charts.ts';
import type { ImageErrors } from './worst.ts';

const PANEL = 560; // pixels a picture's longer side is shown with
const GAP = 16;
const HEAD = 24;
const QUIET_WIDTH = 34;
const FOUND = '#1a9e5c';
const MISSED = '#e0218a';
const CROWD = '#9aa5b1';
const FOUND_COLORS = { found: FOUND, wrongly: ERROR_COLORS.Cls, missed: MISSED } as const;
const FOUND_TEXT = {
  found: 'found',
  wrongly: 'found, but as another class or poorly placed',
  missed: 'missed',
} as const;

/**
 * One picture twice, side by side: the ground truth at the left (missed objects dashed), the results at the right, coloured
 * by what became of them. The picture is embedded once, as JPEG.
 *
 * @returns SVG markup
 * @throws {DenseError} BAD_INPUT when the picture is missing or cannot be read
 */
export async function drawSideBySide(
  path: string,
  worst: ImageErrors,
  truth: CocoGroundTruth,
  results: CocoResults,
): Promise<string> {
  const image = await decodeImage(path);
  const [imageHeight, imageWidth] = image.shape;
  const scale = Math.min(1, PANEL / Math.max(imageWidth, imageHeight));
  const width = Math.max(1, Math.round(imageWidth * scale));
  const height = Math.max(1, Math.round(imageHeight * scale));
  const jpeg = await encodeJpeg(scale < 1 ? resizeImage(image, height, width, { antialias: true }) : image, {
    quality: 78,
  });
  const data = `data:image/jpeg;base64,${Buffer.from(jpeg).toString('base64')}`;
  const id = `picture-${worst.image}`;
  const view = { scale, width, height, imageHeight, imageWidth };
  const names = truth.categories.names;
  const left = worst.annotations.map(({ index, found, crowd }) =>
    drawObject(truth.annotations, index, view, {
      color: crowd ? CROWD : FOUND_COLORS[found],
      dash: found === 'found' || crowd ? undefined : '6 3',
      label: names[truth.annotations.category[index]!]! + (crowd ? ' (crowd)' : ''),
      quiet: found === 'found',
      tip: crowd ? 'crowd' : FOUND_TEXT[found],
    }),
  );
  const right = worst.results
    .toSorted((a, b) => Number(a.kind !== 'correct') - Number(b.kind !== 'correct')) // errors on top
    .map(({ index, kind }) =>
      drawObject(results, index, view, {
        color: kind === 'correct' ? FOUND : kind === 'ignored' ? CROWD : ERROR_COLORS[kind as TideError],
        dash: undefined,
        label: `${names[results.category[index]!]} ${results.score[index]!.toFixed(2)}`,
        quiet: kind === 'correct' || kind === 'ignored',
        tip: kind in ERROR_LABELS ? ERROR_LABELS[kind as TideError] : kind,
      }),
    );
  const panel = (x: number, title: string, objects: string[]) =>
    `<text x="${x}" y="15" font-size="13" font-weight="600" fill="#1f2933">${title}</text>` +
    `<svg x="${x}" y="${HEAD}" width="${width}" height="${height}"><use href="#${id}"/>${objects.join('')}</svg>`;
  const total = 2 * width + GAP;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total} ${height + HEAD}" width="${total}" role="img" ` +
    `aria-label="${escapeXml(`${worst.fileName}: ground truth and results`)}" font-family="system-ui, sans-serif">` +
    `<defs><image id="${id}" width="${width}" height="${height}" href="${data}"/></defs>` +
    `${panel(0, 'ground truth', left)}${panel(width + GAP, 'results', right)}</svg>`
  );
}

/** A ground truth may name pictures with their folder (`val2014/x.jpg`) where the folder given is already that one. */
export function pictureBelow(folder: string, fileName: string): string {
  const inside = normalize(fileName);
  const whole = join(folder, inside);
  return !inside.startsWith('..') && existsSync(whole) ? whole : join(folder, basename(fileName));
}

interface View {
  readonly scale: number;
  readonly width: number;
  readonly height: number;
  readonly imageHeight: number;
  readonly imageWidth: number;
}

function drawObject(
  objects: CocoObjects,
  i: number,
  view: View,
  style: {
    readonly color: string;
    readonly dash: string | undefined;
    readonly label: string;
    readonly tip?: string;
    readonly quiet: boolean;
  },
): string {
  const { scale } = view;
  const f = (v: number) => String(Math.round(v * scale * 10) / 10);
  const [x, y, w, h] = [0, 1, 2, 3].map(k => objects.box[4 * i + k]!) as [number, number, number, number];
  const dash = style.dash ? ` stroke-dasharray="${style.dash}"` : '';
  const path = maskPath(objects, i, view);
  const mask = path ? `<path d="${path}" fill="${style.color}" fill-opacity="0.35" fill-rule="evenodd"/>` : '';
  // a white line below the coloured one keeps it apart from any picture
  const box =
    `<rect x="${f(x)}" y="${f(y)}" width="${f(w)}" height="${f(h)}" fill="none" stroke="#ffffff" stroke-opacity="0.7" stroke-width="3.4"/>` +
    `<rect x="${f(x)}" y="${f(y)}" width="${f(w)}" height="${f(h)}" fill="none" stroke="${style.color}" stroke-width="1.8"${dash}/>`;
  const textWidth = style.label.length * 5.9 + 6;
  const labelX = Math.max(0, Math.min(x * scale, view.width - textWidth));
  const labelY = y * scale >= 14 ? y * scale - 14 : Math.min(y * scale, view.height - 14);
  // in a crowd of objects only the errors and what is large enough keep their label; the rest tell it under the pointer
  const label =
    style.quiet && w * scale < QUIET_WIDTH
      ? ''
      : `<rect x="${labelX.toFixed(1)}" y="${labelY.toFixed(1)}" width="${textWidth.toFixed(1)}" height="14" fill="${style.color}"/>` +
        `<text x="${(labelX + 3).toFixed(1)}" y="${(labelY + 10.5).toFixed(1)}" font-size="10.5" fill="#ffffff">${escapeXml(style.label)}</text>`;
  const tip = `<title>${escapeXml(style.tip ? `${style.label}: ${style.tip}` : style.label)}</title>`;
  return `<g>${tip}${mask}${box}${label}</g>`;
}

/** Outline of an object's mask: its polygons, or its runs as slivers two screen pixels wide. */
function maskPath(objects: CocoObjects, i: number, { scale, imageHeight, imageWidth }: View): string {
  const { segments } = objects;
  if (segments === undefined || segments.kind(i) === 0) return '';
  const f = (v: number) => String(Math.round(v * scale * 10) / 10);
  const rings = segments.polygons(i);
  if (rings.length > 0)
    return rings
      .map(
        ring =>
          `${Array.from(
            { length: ring.length >> 1 },
            (_, k) => `${k ? 'L' : 'M'}${f(ring[2 * k]!)} ${f(ring[2 * k + 1]!)}`,
          ).join('')}Z`,
      )
      .join('');
  const { counts, height } = segments.mask(i, imageHeight, imageWidth, [], objects.nameOf);
  const step = Math.max(1, Math.round(2 / scale));
  let path = '';
  let at = 0;
  for (let k = 0; k < counts.length; k++) {
    const end = at + counts[k]!;
    if (k % 2 === 1)
      for (let from = at; from < end; ) {
        const column = Math.floor(from / height);
        const to = Math.min(end, (column + 1) * height);
        if (column % step === 0)
          path += `M${f(column)} ${f(from - column * height)}h${f(step)}v${f(to - from)}h-${f(step)}z`;
        from = to;
      }
    at = end;
  }
  return path;
}

/** Colours of the pictures, for the legend. */
export const LEGEND: readonly (readonly [string, string])[] = [
  [FOUND, 'found / correct'],
  [MISSED, 'missed'],
  ...(['Cls', 'Loc', 'Both', 'Dupe', 'Bkg'] as const).map(k => [ERROR_COLORS[k], ERROR_LABELS[k]] as const),
  [CROWD, 'crowd / does not count'],
];
