"""Writes src/render/font-data.ts: outlines of DejaVu Sans Bold, printable ASCII and Latin-1.

Run from the repository root: pip install fonttools==4.68.0 matplotlib==3.11.2; python tools/fonts/make_outlines.py
(matplotlib's package carries the font and its licence; the licence is copied to src/render/LICENSES).

Outlines rather than an atlas of pixels: smaller, and sharp at every size. Stream of int16 per glyph:
code, advance, number of segments, then per segment 0 x y (move), 1 x y (line) or 2 cx cy x y (quadratic curve);
y points up from the baseline, units of the em in UNITS. Deflated, base64.
"""
import base64
import struct
import zlib
from pathlib import Path

import matplotlib
from fontTools.pens.basePen import decomposeQuadraticSegment
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont

FONTS = Path(matplotlib.get_data_path()) / "fonts/ttf"
font = TTFont(FONTS / "DejaVuSans-Bold.ttf")
glyphs, names, metrics = font.getGlyphSet(), font.getBestCmap(), font["hmtx"]


def segments(name: str) -> list[tuple[int, ...]]:
    pen = DecomposingRecordingPen(glyphs)
    glyphs[name].draw(pen)
    out: list[tuple[int, ...]] = []
    start = None
    for verb, points in pen.value:
        if verb == "moveTo":
            start = points[0]
            out.append((0, *start))
        elif verb == "lineTo":
            out.append((1, *points[0]))
        elif verb == "qCurveTo":
            if points[-1] is None:
                raise ValueError(f"{name}: a contour without on-curve points")
            for control, end in decomposeQuadraticSegment(points):
                out.append((2, *control, *end))
        elif verb == "closePath":
            out.append((1, *start))
    return [tuple(round(v) for v in s) for s in out]


stream: list[int] = []
for code in [*range(0x20, 0x7F), *range(0xA0, 0x100)]:
    name = names[code]
    parts = segments(name)
    stream += [code, metrics[name][0], len(parts)]
    for part in parts:
        stream += part

packed = base64.b64encode(zlib.compress(struct.pack(f"<{len(stream)}h", *stream), 9)).decode()
hhea = font["hhea"]
Path("src/render/font-data.ts").write_text(
    f"""// Written by tools/fonts/make_outlines.py from DejaVu Sans Bold (licence: LICENSES beside this file). Do not edit.
/** Units of the em square; ascent and descent above and below the baseline, in the same units. */
export const UNITS = {font["head"].unitsPerEm};
export const ASCENT = {hhea.ascent};
export const DESCENT = {-hhea.descent};
export const CAP_HEIGHT = {font["OS/2"].sCapHeight if hasattr(font["OS/2"], "sCapHeight") else 1493};
/** Deflated int16 stream, base64. */
export const OUTLINES =
  '{packed}';
"""
)
licence = (FONTS / "LICENSE_DEJAVU").read_text()
Path("src/render/LICENSES").write_text("font-data.ts holds outlines of DejaVu Sans Bold. Its licence:\n\n" + licence)
