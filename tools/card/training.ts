/** The block and the chart on training, from the log that tools/train/train.py writes. */
import { readFileSync } from 'node:fs';
import { lineChart } from '../../src/render/index.ts';
import { points, table } from './markdown.ts';

/** A line of the log: losses, or figures of an evaluation. */
interface Row {
  readonly seen: number;
  readonly size?: number;
  /** Pictures per second. */
  readonly rate?: number;
  readonly AP?: number;
  readonly AP50?: number;
  readonly eval_size?: number;
  /** Figures by set; a loss where it is a number. */
  readonly depth?: number | { readonly mean: readonly [absRel: number, delta1: number] };
  readonly [loss: string]: unknown;
}

const isMeasured = (row: Row) => row.AP !== undefined || typeof row.depth === 'object';

/**
 * Rows of the path that led to the end. Where a run was taken up again from an earlier state, what came after that state is
 * dropped; states are saved together with an evaluation.
 */
export function readLog(path: string): Row[] {
  const kept: Row[] = [];
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line === '') continue;
    const row = JSON.parse(line) as Row;
    if (kept.length > 0 && kept.at(-1)!.seen > row.seen) {
      while (kept.length > 0 && kept.at(-1)!.seen > row.seen) kept.pop();
      const saved = kept.findLastIndex(isMeasured);
      if (saved >= 0) kept.length = saved + 1;
    }
    kept.push(row);
  }
  return kept;
}

const MOST_ROWS = 24;

export function trainingBlock(path: string): { text: string; chart: string } {
  const log = readLog(path);
  const losses = log.filter(row => row.rate !== undefined);
  const last = log.at(-1)!.seen;
  let seconds = 0;
  const sizes: { size: number; from: number; to: number }[] = [];
  losses.forEach((row, i) => {
    const before = i === 0 ? 0 : losses[i - 1]!.seen;
    seconds += (row.seen - before) / row.rate!;
    if (sizes.at(-1)?.size === row.size) sizes.at(-1)!.to = row.seen;
    else sizes.push({ size: row.size!, from: before, to: row.seen });
  });
  const measured = new Map<number, { AP?: number; AP50?: number; size?: number; depth?: readonly [number, number] }>();
  for (const row of log) {
    if (!isMeasured(row)) continue;
    const to = measured.get(row.seen) ?? {};
    if (row.AP !== undefined) Object.assign(to, { AP: row.AP, AP50: row.AP50, size: row.eval_size });
    if (typeof row.depth === 'object') to.depth = row.depth.mean;
    measured.set(row.seen, to);
  }
  const all = [...measured];
  const withDepth = all.some(([, row]) => row.depth);
  const shown =
    all.length <= MOST_ROWS
      ? all
      : all.filter((_, i) => i === all.length - 1 || i % Math.ceil(all.length / MOST_ROWS) === 0);
  const number = (n: number) => n.toLocaleString('en-US');
  const text = [
    `${number(last)} pictures seen (composites of photographs, replays counted), about ${(seconds / 3600).toFixed(1)} hours on one processor core that other ` +
      `work shared. Input: ${sizes.map(({ size, from, to }) => `${size} px from ${number(from)} to ${number(to)}`).join(', ')} pictures.`,
    '',
    table([
      [
        'pictures seen',
        'measured at, px',
        'AP',
        'AP50',
        ...(withDepth ? ['depth AbsRel / delta1, mean of the sets'] : []),
      ],
      ...shown.map(([seen, { AP, AP50, size, depth }]) => [
        number(seen),
        size ?? '-',
        points(AP, 2),
        points(AP50, 2),
        ...(withDepth ? [depth ? depth.map(v => v.toFixed(3)).join(' / ') : '-'] : []),
      ]),
    ]),
  ].join('\n');
  const curve = all.filter(([, row]) => row.AP !== undefined);
  const x = curve.map(([seen]) => seen / 1000);
  const AP = curve.map(([, row]) => 100 * row.AP!);
  const AP50 = curve.map(([, row]) => 100 * row.AP50!);
  const top = Math.ceil(Math.max(1, ...AP50));
  const chart = lineChart({
    title: 'AP against pictures seen',
    subtitle: 'EMA weights during training; of few pictures: AP moves by a point or two by chance',
    xLabel: 'thousand pictures seen',
    yLabel: 'points',
    xMax: Math.max(1, ...x),
    yMax: top,
    lines: [
      { label: 'AP50', value: AP50.at(-1)?.toFixed(1), x, y: AP50 },
      { label: 'AP', value: AP.at(-1)?.toFixed(1), x, y: AP, width: 3 },
    ],
  });
  return { text, chart };
}
