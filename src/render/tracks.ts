import type { Detections, RgbImage } from '../core/index.ts';
import type { BoxStyle } from './box-frames.ts';
import { drawDetections } from './boxes.ts';
import { copyImage, drawLine, paintCoverage } from './canvas.ts';
import { type Chip, chipOf, drawingSizes, paintChip } from './chips.ts';
import { classColor, type Rgb } from './color.ts';
import { type Coverage, fillOutline } from './raster.ts';

/** Boxes with identities. */
export interface DrawnTracks extends Detections {
  /** `[n]` */
  readonly ids: ArrayLike<number>;
}

/** A counting line with what is written beside it. */
export interface DrawnLine {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  readonly text: string;
}

/** A counting zone with what is written in it. */
export interface DrawnZone {
  /** `[n, 2]` x, y */
  readonly points: readonly number[];
  readonly text: string;
}

export interface TrackDrawOptions {
  /** Name of each class. */
  readonly names: readonly string[];
  /** Where each track has been: `[n, 2]` x, y, oldest first, by id. */
  readonly trails?: ReadonlyMap<number, ArrayLike<number>> | undefined;
  readonly lines?: readonly DrawnLine[] | undefined;
  readonly zones?: readonly DrawnZone[] | undefined;
  /** Pixels; default from the picture's size. */
  readonly lineWidth?: number | undefined;
  readonly hideLabels?: boolean | undefined;
  /** Default `full`; `none` leaves out labels and trails too. */
  readonly boxStyle?: BoxStyle | undefined;
}

const ZONE_COLOR: Rgb = [64, 196, 255];
const LINE_COLOR: Rgb = [255, 214, 64];

/**
 * A copy of the frame with zones, lines, trails and boxes, in this order. A track keeps its colour for life, so that an
 * exchange of identities is seen; trails fade with age. The tick on a line points to where `in` leads.
 *
 * @param tracks boxes in pixels of `image`; parts outside are cut off
 */
export function drawTracks(image: RgbImage, tracks: DrawnTracks, options: TrackDrawOptions): RgbImage {
  const out = copyImage(image);
  const sizes = drawingSizes(image.shape[0], image.shape[1]);
  const width = Math.max(1, Math.round(options.lineWidth ?? sizes.lineWidth));
  for (const zone of options.zones ?? []) drawZone(out, zone, width);
  for (const line of options.lines ?? []) drawCountingLine(out, line, width);
  for (let i = 0; i < tracks.length; i++) {
    const trail = options.boxStyle === 'none' ? undefined : options.trails?.get(tracks.ids[i]!);
    if (trail) drawTrail(out, trail, width, classColor(tracks.ids[i]!));
  }
  const counts = countChips(image, options, sizes.fontSize);
  const drawn = drawDetections(out, tracks, {
    names: options.names,
    lineWidth: options.lineWidth,
    hideLabels: options.hideLabels,
    boxStyle: options.boxStyle,
    keepClear: counts.map(({ chip, x, y }) => ({ x, y, width: chip.width, height: chip.height })),
    color: i => classColor(tracks.ids[i]!),
    label: i => `${options.names[tracks.classes[i]!] ?? tracks.classes[i]} ${tracks.ids[i]}`,
  });
  for (const { chip, x, y, color } of counts) paintChip(drawn, chip, x, y, color, 0.92);
  return drawn;
}

/** A polyline through `points` that fades towards its oldest end. */
export function drawTrail(image: RgbImage, points: ArrayLike<number>, lineWidth: number, color: Rgb): void {
  const n = points.length / 2;
  for (let k = 1; k < n; k++) {
    const [x1, y1, x2, y2] = [points[2 * k - 2]!, points[2 * k - 1]!, points[2 * k]!, points[2 * k + 1]!];
    if (isFar(image, x1, y1) || isFar(image, x2, y2)) continue;
    drawLine(image, x1, y1, x2, y2, lineWidth, color, 0.15 + (0.85 * k) / n);
  }
}

/** Points far outside would make the line's mask large and show nothing. */
function isFar({ shape: [height, width] }: RgbImage, x: number, y: number): boolean {
  return !(x > -width && x < 2 * width && y > -height && y < 2 * height);
}

function drawCountingLine(image: RgbImage, { x1, y1, x2, y2 }: DrawnLine, width: number): void {
  const [a, b] = [clipEnd(image, x1, y1, x2, y2), clipEnd(image, x2, y2, x1, y1)];
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [nx, ny] = [(-(y2 - y1) / length) * 8 * width, ((x2 - x1) / length) * 8 * width];
  const [mx, my] = [(x1 + x2) / 2, (y1 + y2) / 2];
  for (const [w, color, alpha] of [
    [width + 2, [0, 0, 0], 0.5],
    [width, LINE_COLOR, 1],
  ] as const) {
    drawLine(image, ...a, ...b, w, color, alpha);
    if (!isFar(image, mx, my)) drawLine(image, mx, my, mx + nx, my + ny, w, color, alpha);
  }
}

/** The end (x, y) of a line, moved along it to within a picture's size of the picture. */
function clipEnd(image: RgbImage, x: number, y: number, toX: number, toY: number): [number, number] {
  const [height, width] = image.shape;
  const share = (at: number, to: number, low: number, high: number) => {
    const goal = Math.min(high, Math.max(low, at));
    return goal === at || to === at ? 0 : Math.min(1, (goal - at) / (to - at));
  };
  const t = Math.max(0, share(x, toX, -width, 2 * width), share(y, toY, -height, 2 * height));
  return [x + t * (toX - x), y + t * (toY - y)];
}

interface ZoneMask {
  readonly coverage: Coverage;
  readonly left: number;
  readonly top: number;
  /** Of the picture it was made for. */
  readonly width: number;
  readonly height: number;
}

const masks = new WeakMap<readonly number[], ZoneMask>(); // a zone is the same in every frame of a video

function zoneMask(points: readonly number[], width: number, height: number): ZoneMask {
  const known = masks.get(points);
  if (known?.width === width && known.height === height) return known;
  const range = (offset: number, size: number) => {
    const values = points.filter((_, i) => i % 2 === offset);
    const low = Math.min(size, Math.max(0, Math.floor(Math.min(...values))));
    return [low, Math.max(low, Math.min(size, Math.ceil(Math.max(...values))))] as const;
  };
  const [left, right] = range(0, width);
  const [top, bottom] = range(1, height);
  const corners = Array.from(
    { length: points.length / 2 },
    (_, i) => [points[2 * i]! - left, points[2 * i + 1]! - top] as const,
  );
  const made = { coverage: fillOutline([corners], right - left, bottom - top), left, top, width, height };
  masks.set(points, made);
  return made;
}

function drawZone(image: RgbImage, { points }: DrawnZone, width: number): void {
  const { coverage, left, top: first } = zoneMask(points, image.shape[1], image.shape[0]);
  paintCoverage(image, coverage, left, first, ZONE_COLOR, 0.12);
  const corners = Array.from({ length: points.length / 2 }, (_, i) => [points[2 * i]!, points[2 * i + 1]!] as const);
  corners.forEach(([x, y], i) => {
    const [toX, toY] = corners[(i + 1) % corners.length]!;
    drawLine(image, ...clipEnd(image, x, y, toX, toY), ...clipEnd(image, toX, toY, x, y), width, ZONE_COLOR, 0.9);
  });
}

/** A line's or zone's counts, and where they stand. */
interface CountChip {
  readonly chip: Chip;
  readonly x: number;
  readonly y: number;
  readonly color: Rgb;
}

/** Counts at the middle of each line and at the top corner of each zone, moved into the picture. */
function countChips(image: RgbImage, { lines = [], zones = [] }: TrackDrawOptions, fontSize: number): CountChip[] {
  const [h, w] = image.shape;
  const centred = (text: string, x: number, y: number, color: Rgb): CountChip => {
    const chip = chipOf(text, fontSize, w);
    return {
      chip,
      x: Math.round(Math.max(0, Math.min(x - chip.width / 2, w - chip.width))),
      y: Math.round(Math.max(0, Math.min(y - chip.height / 2, h - chip.height))),
      color,
    };
  };
  const topOf = (points: readonly number[]) => {
    let top = 0;
    for (let k = 0; 2 * k < points.length; k++) if (points[2 * k + 1] < points[2 * top + 1]) top = k;
    return [points[2 * top], points[2 * top + 1] + fontSize] as const;
  };
  return [
    ...zones.filter(zone => zone.text !== '').map(zone => centred(zone.text, ...topOf(zone.points), ZONE_COLOR)),
    ...lines
      .filter(line => line.text !== '')
      .map(({ x1, y1, x2, y2, text }) => centred(text, (x1 + x2) / 2, (y1 + y2) / 2, LINE_COLOR)),
  ];
}
