import { join } from 'node:path';
import {
  type DepthMap,
  depthRange,
  isDepth,
  littleEndian,
  npyHeader,
  pfmHeader,
  type RgbImage,
} from '../../core/index.ts';
import { encodeJpeg, encodePng, encodePngRows, resizeImage } from '../../image/index.ts';
import {
  type ColorMap,
  colorBar,
  colorRange,
  type DepthMeshOptions,
  type DepthRange,
  depthColorRows,
  depthMeshGlb,
  drawContours,
  type PointCloudOptions,
  pointCloudPly,
  type SidePanel,
  sideBySide,
  sideGap,
} from '../../render/index.ts';
import { writePieces, writeWhole } from '../formats/atomic.ts';

/** Kinds of files a depth map is written to, and how their names end. */
const ENDINGS = {
  png16: '.depth.png',
  color: '.depth.color.png',
  npy: '.depth.npy',
  pfm: '.depth.pfm',
  ply: '.ply',
  glb: '.glb',
  side: '.depth.side.png',
  contours: '.depth.contours.png',
} as const;
export type DepthFormat = keyof typeof ENDINGS;
export const DEPTH_FORMATS = Object.keys(ENDINGS) as readonly DepthFormat[];

/** How depth is drawn and put in space. */
export interface DepthExportOptions extends PointCloudOptions, DepthMeshOptions {
  /** Default png16 and color. */
  readonly formats?: readonly DepthFormat[] | undefined;
  /** Default turbo. */
  readonly colorMap?: ColorMap | undefined;
  /** Put a colour bar beside coloured maps; default false. */
  readonly colorBar?: boolean | undefined;
}

/** What stands in a map's `<name>.depth.json`. */
export interface DepthSidecar {
  readonly kind: DepthMap['kind'];
  /** Least and largest value: unitless for relative depth, metres for metric. */
  readonly min: number;
  readonly max: number;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly model: string;
}

export type DepthPaths = Readonly<Partial<Record<DepthFormat | 'json', string>>>;

/** Rows of numbers handed to the disk at once. */
const BAND = 64;
/** Longer sides of a mesh's texture are shrunk to this. */
const TEXTURE_SIDE = 4096;
/** Largest number of millimetres that 16 bits hold. */
const MOST_MM = 65535;

/** Where {@link writeDepth} puts a picture's files. */
export function depthPaths(out: string, stem: string, formats: readonly DepthFormat[]): DepthPaths {
  const paths = formats.map(format => [format, join(out, `${stem}${ENDINGS[format]}`)] as const);
  return { ...Object.fromEntries(paths), json: join(out, `${stem}.depth.json`) };
}

/** What a map says about itself. */
export function sidecarFor(map: DepthMap, model: string): DepthSidecar {
  const { kind, width, height } = map;
  return { kind, ...depthRange(map), width, height, model };
}

/**
 * Writes a depth map of its picture's size in all formats asked for, one after the other and a band of rows at a time, so
 * that a large picture's files never lie in memory; the sidecar last. Each file appears whole.
 *
 * @throws {DenseError} BAD_INPUT for an option out of range; RUNTIME when the disk refuses
 */
export async function writeDepth(
  map: DepthMap,
  image: RgbImage,
  sidecar: DepthSidecar,
  paths: DepthPaths,
  options: DepthExportOptions = {},
): Promise<void> {
  const { height } = map;
  const range = colorRange(map);
  if (paths.png16) await writePieces(paths.png16, encodeDepthPng(map, sidecar));
  if (paths.npy) await writePieces(paths.npy, npyPieces(map));
  if (paths.pfm) await writePieces(paths.pfm, pfmPieces(map));
  if (paths.color) await writePieces(paths.color, picturePieces(height, coloredPanels(map, range, options)));
  if (paths.side) await writePieces(paths.side, picturePieces(height, [image, ...coloredPanels(map, range, options)]));
  if (paths.contours)
    await writeWhole(paths.contours, await encodePng(drawContours(image, map, { range, colorMap: options.colorMap })));
  if (paths.ply) await writePieces(paths.ply, pointCloudPly(map, image, options));
  if (paths.glb) {
    const texture = { mimeType: 'image/jpeg', bytes: await encodeJpeg(textureOf(image)) } as const;
    await writeWhole(paths.glb, depthMeshGlb(map, texture, options));
  }
  if (paths.json) await writeWhole(paths.json, `${JSON.stringify(sidecar)}\n`);
}

/**
 * 16-bit grey PNG of a depth map: millimetres, 0 for none and 65535 for what is farther (metric), or the values from min to
 * max spread over 0 to 65535 (relative). Kind, min, max and model are tEXt chunks.
 */
export function encodeDepthPng(map: DepthMap, { kind, min, max, model }: DepthSidecar): AsyncGenerator<Uint8Array> {
  const { width, height, values } = map;
  const number =
    kind === 'metric'
      ? (v: number) => Math.min(MOST_MM, Math.max(1, Math.round(1000 * v)))
      : (v: number) => (max > min ? Math.round((65535 * (v - min)) / (max - min)) : 0);
  const text = { kind, min: String(min), max: String(max), model: model.replace(/[^\x20-\x7e\xa0-\xff]/g, '?') };
  return encodePngRows(
    'grey16',
    width,
    height,
    (y, out) => {
      for (let x = 0; x < width; x++) {
        const v = values[y * width + x];
        const n = isDepth(kind, v) ? number(v) : 0;
        out[2 * x] = n >> 8;
        out[2 * x + 1] = n & 255;
      }
    },
    { text },
  );
}

/** A map in colours, with its bar where that is asked for. */
export function coloredPanels(map: DepthMap, range: DepthRange, options: DepthExportOptions): SidePanel[] {
  const { colorMap } = options;
  const colored = { width: map.width, row: depthColorRows(map, { colorMap, range }) };
  return options.colorBar ? [colored, colorBar(map.height, { kind: map.kind, range, colorMap })] : [colored];
}

function picturePieces(height: number, panels: readonly SidePanel[]): AsyncGenerator<Uint8Array> {
  const { width, row } = sideBySide(panels, sideGap(height));
  return encodePngRows('rgb8', width, height, row);
}

function* npyPieces({ width, height, values }: DepthMap) {
  yield npyHeader({ shape: [height, width], data: values });
  for (let y = 0; y < height; y += BAND) yield littleEndian(values, y * width, Math.min(BAND, height - y) * width);
}

function* pfmPieces({ width, height, values }: DepthMap) {
  yield pfmHeader(width, height);
  for (let y = height - 1; y >= 0; y--) yield littleEndian(values, y * width, width);
}

function textureOf(image: RgbImage): RgbImage {
  const [height, width] = image.shape;
  const scale = TEXTURE_SIDE / Math.max(height, width);
  if (scale >= 1) return image;
  const side = (pixels: number) => Math.max(1, Math.round(pixels * scale)); // of a strip one side may all but vanish
  return resizeImage(image, side(height), side(width), { antialias: true });
}
