/** Red, green, blue, 0..255, sRGB. */
export type Rgb = readonly [number, number, number];

const GOLDEN_ANGLE = 137.50776405; // degrees: successive hues never bunch up
const LIGHTNESS = [0.74, 0.62, 0.82];
const CHROMA = 0.17;

/** The colour of a class (or a track): the same for the same number, on every machine and in every run. */
export function classColor(index: number): Rgb {
  const hue = ((25 + index * GOLDEN_ANGLE) * Math.PI) / 180;
  return oklch(LIGHTNESS[index % LIGHTNESS.length]!, CHROMA, hue);
}

/** Black or white, whichever reads better on a colour (WCAG relative luminance). */
export function textColorOn(background: Rgb): Rgb {
  return luminance(background) > 0.179 ? [0, 0, 0] : [255, 255, 255];
}

/** WCAG 2 relative luminance, 0..1. */
export function luminance([r, g, b]: Rgb): number {
  const linear = (v: number) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}

/** Björn Ottosson's OKLCH to sRGB; chroma is lowered until the colour exists on a screen. */
function oklch(lightness: number, chroma: number, hue: number): Rgb {
  for (let c = chroma; ; c -= 0.01) {
    const linear = oklabToLinear(lightness, c * Math.cos(hue), c * Math.sin(hue));
    if (c <= 0 || linear.every(v => v >= 0 && v <= 1)) return linear.map(encode) as unknown as Rgb;
  }
}

function oklabToLinear(lightness: number, a: number, b: number): [number, number, number] {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

function encode(linear: number): number {
  const v = Math.min(1, Math.max(0, linear));
  return Math.round(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055));
}
