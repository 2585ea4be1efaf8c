import type { RgbImage } from '../core/index.ts';
import type { ColorRow } from './depth-color.ts';

/** One of several things that stand side by side, all of one height. */
export type SidePanel = RgbImage | { readonly width: number; readonly row: ColorRow };

/** White columns between panels, pixels. */
export function sideGap(height: number): number {
  return Math.max(2, Math.round(height / 100));
}

/**
 * Rows of panels that stand side by side with a white gap between them, without a copy of any.
 * @param gap pixels between panels
 */
export function sideBySide(
  panels: readonly SidePanel[],
  gap: number,
): { readonly width: number; readonly row: ColorRow } {
  const widths = panels.map(panel => ('row' in panel ? panel.width : panel.shape[1]));
  const width = widths.reduce((sum, w) => sum + w, 0) + gap * (panels.length - 1);
  return {
    width,
    row(y, out, offset = 0) {
      out.fill(255, offset, offset + 3 * width);
      let at = offset;
      for (const [i, panel] of panels.entries()) {
        if ('row' in panel) panel.row(y, out, at);
        else out.set(panel.data.subarray(3 * y * widths[i], 3 * (y + 1) * widths[i]), at);
        at += 3 * (widths[i] + gap);
      }
    },
  };
}
