import { inflateSync } from 'node:zlib';
import { ASCENT, DESCENT, OUTLINES, UNITS } from './font-data.ts';
import { type Coverage, fillOutline, type Point } from './raster.ts';

interface Glyph {
  readonly advance: number;
  /** Contours as closed runs of points, curves already cut into lines; units of the em, y up. */
  readonly contours: readonly (readonly Point[])[];
}

const CURVE_STEPS = 6;
let glyphs: Map<number, Glyph> | undefined;

/** Width of a line of text in pixels, at `size` pixels per em. */
export function textWidth(text: string, size: number): number {
  let advance = 0;
  for (const glyph of glyphsOf(text)) advance += glyph.advance;
  return (advance * size) / UNITS;
}

/** Pixels from the top of the line to the baseline, and from there to its bottom. */
export function lineMetrics(size: number): { readonly ascent: number; readonly descent: number } {
  return { ascent: (ASCENT * size) / UNITS, descent: (DESCENT * size) / UNITS };
}

/**
 * Coverage of a line of text: sharp at every size, no system font involved. Characters beyond Latin-1 show as `?`.
 * @param size pixels per em
 * @returns 0..1 per pixel; the baseline lies at `ceil(ascent)` rows from the top
 */
export function rasterizeText(text: string, size: number): Coverage {
  const { ascent, descent } = lineMetrics(size);
  const scale = size / UNITS;
  const baseline = Math.ceil(ascent);
  const contours: Point[][] = [];
  let pen = 0;
  for (const glyph of glyphsOf(text)) {
    for (const contour of glyph.contours)
      contours.push(contour.map(([x, y]) => [(pen + x) * scale, baseline - y * scale] as const));
    pen += glyph.advance;
  }
  return fillOutline(contours, Math.max(1, Math.ceil(pen * scale) + 1), baseline + Math.ceil(descent));
}

function* glyphsOf(text: string): Generator<Glyph> {
  glyphs ??= readGlyphs();
  for (const character of text.normalize('NFC')) yield glyphs.get(character.codePointAt(0)!) ?? glyphs.get(63)!;
}

function readGlyphs(): Map<number, Glyph> {
  const bytes = inflateSync(Buffer.from(OUTLINES, 'base64'));
  const stream = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const found = new Map<number, Glyph>();
  let i = 0;
  while (i < stream.length) {
    const code = stream[i]!;
    const advance = stream[i + 1]!;
    let left = stream[i + 2]!;
    i += 3;
    const contours: Point[][] = [];
    for (; left > 0; left--) {
      const verb = stream[i]!;
      const contour = verb === 0 ? (contours[contours.length] = []) : contours.at(-1)!;
      if (verb === 2) {
        pushCurve(contour, stream[i + 1]!, stream[i + 2]!, stream[i + 3]!, stream[i + 4]!);
        i += 5;
      } else {
        contour.push([stream[i + 1]!, stream[i + 2]!]);
        i += 3;
      }
    }
    found.set(code, { advance, contours });
  }
  return found;
}

function pushCurve(contour: Point[], cx: number, cy: number, x: number, y: number): void {
  const [sx, sy] = contour.at(-1)!;
  for (let step = 1; step <= CURVE_STEPS; step++) {
    const t = step / CURVE_STEPS;
    const a = (1 - t) * (1 - t);
    const b = 2 * t * (1 - t);
    contour.push([a * sx + b * cx + t * t * x, a * sy + b * cy + t * t * y]);
  }
}
