import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RgbImage } from '../../core/index.ts';
import { encodeJpeg, encodePng } from '../../image/index.ts';
import { type BoxStyle, concealDetections, detectionsSvg, drawDetections } from '../../render/index.ts';
import type { BlurOptions } from '../blurred.ts';
import { writeWhole } from '../formats/atomic.ts';
import { saveCrops } from './crops.ts';
import type { DetectionResult } from './result.ts';

/** What lies below the boxes of an SVG: the picture itself, a link to it, or nothing. */
export type SvgPicture = 'embed' | 'link' | 'none';

/** Pictures made of a picture and what was found in it. */
export interface PictureOptions extends BlurOptions {
  /** Folder of the outputs. */
  readonly out?: string | undefined;
  /** Write `<name>.boxes.png`; default true. */
  readonly draw?: boolean | undefined;
  /** Write `<name>.boxes.svg` over the picture embedded in it (default), linked, or left out. */
  readonly svg?: SvgPicture | boolean | undefined;
  /** Pixels; default from the picture's size. */
  readonly lineWidth?: number | undefined;
  readonly hideLabels?: boolean | undefined;
  /** Default full. */
  readonly boxStyle?: BoxStyle | undefined;
  /** Folder for the pixels of each object. */
  readonly saveCrops?: string | undefined;
}

/** Paths of the pictures that a run leaves in `out` for one picture. */
export function picturePaths(stem: string, { out, draw, svg, blur }: PictureOptions): string[] {
  if (out === undefined) return [];
  const endings = [...(draw !== false ? ['boxes.png'] : []), ...(svg ? ['boxes.svg'] : [])];
  if (blur) endings.push('blurred.jpg');
  return endings.map(ending => join(out, `${stem}.${ending}`));
}

/**
 * Writes what {@link picturePaths} names, and the crops. With `blur`, nothing that is written shows those objects, an
 * SVG's own picture and the crops included.
 *
 * @param path of the picture, `-` where it has none; only a link needs it
 * @param blurred class indices, see blurredClasses
 */
export function writePictures(
  image: RgbImage,
  result: DetectionResult,
  stem: string,
  path: string,
  blurred: ReadonlySet<number> | undefined,
  options: PictureOptions,
): Promise<void>[] {
  const { out, lineWidth, hideLabels, boxStyle, svg, blurKind } = options;
  const shown = blurred ? concealDetections(image, result, { kind: blurKind }, blurred) : image;
  const drawing = { names: result.labels.names, lineWidth, hideLabels, boxStyle };
  const make: Record<string, (to: string) => Promise<string | Uint8Array>> = {
    'boxes.png': () => encodePng(drawDetections(shown, result, drawing)),
    'boxes.svg': async to => {
      const href = await hrefOf(shown, path, to, blurred !== undefined, svg);
      return detectionsSvg(result, { ...drawing, width: result.width, height: result.height, href });
    },
    'blurred.jpg': () => encodeJpeg(shown, { quality: 95 }),
  };
  const written = picturePaths(stem, options).map(async to =>
    writeWhole(to, await make[to.slice(join(out!, stem).length + 1)](to)),
  );
  if (options.saveCrops !== undefined) written.push(saveCrops(options.saveCrops, stem, shown, result));
  return written;
}

async function hrefOf(
  image: RgbImage,
  path: string,
  to: string,
  changed: boolean,
  kind: PictureOptions['svg'],
): Promise<string | undefined> {
  if (kind === 'none') return undefined;
  if (kind === 'link' && path !== '-' && !changed) return linkTo(path, to);
  return `data:image/jpeg;base64,${Buffer.from(await encodeJpeg(image)).toString('base64')}`;
}

/** Address of a file, relative to another: both may be moved together. */
function linkTo(path: string, from: string): string {
  if (/^https?:/i.test(path)) return path;
  const way = relative(dirname(resolve(from)), resolve(path));
  if (isAbsolute(way)) return pathToFileURL(way).href; // another drive
  return way.split(sep).map(encodeURIComponent).join('/');
}
