import { z } from 'zod';
import { number, oneOf } from './options.ts';
import { formatTable } from './output.ts';

export const ALIGNMENTS = ['none', 'scale', 'scale-shift', 'disparity'] as const;
export const CROPS = ['none', 'eigen', 'garg', 'nyu'] as const;
const positive = (text: string) => number(text).refine(n => n > 0, text);
const SCALE_NAMES: Record<string, string> = { mm: '1000', kitti: '256' };
/** What whole numbers of a file are multiplied by. */
export const depthScale = z.string().transform((text, context) => {
  const n = Number(SCALE_NAMES[text.toLowerCase()] ?? text);
  if (Number.isFinite(n) && n > 0) return n;
  context.addIssue({ code: 'custom', message: 'a number above 0, mm (1000) or kitti (256)' });
  return z.NEVER;
});

/** Flags that say how depth is measured. */
export const depthProtocol = {
  gtKind: oneOf(['depth', 'disparity']).optional(),
  align: oneOf(ALIGNMENTS).optional(),
  min: positive('metres above 0').optional(),
  max: positive('metres above 0').optional(),
  crop: oneOf(CROPS).optional(),
  scale: depthScale.optional(),
};

const COLUMNS = ['abs_rel', 'sq_rel', 'rmse', 'rmse_log', 'log10', 'silog', 'delta1', 'delta2', 'delta3'] as const;

/** A row of figures for each name. */
export function depthTable(rows: readonly (readonly [name: string, figures: object])[]): string {
  const cells = (figures: object) =>
    COLUMNS.map(key => (figures as Record<string, number | null>)[key]?.toFixed(4) ?? '-');
  return formatTable([['', ...COLUMNS], ...rows.map(([name, figures]) => [name, ...cells(figures)])]);
}
