import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseMotText } from '../../../src/core/index.ts';
import { addMotCounts, countMot, hotaCurves, type MotBenchmark, motFigures } from '../../../src/evaluate/mot/index.ts';

interface Figures {
  curves: Record<string, number[]>;
  [name: string]: unknown;
}
interface Case {
  name: string;
  benchmark: MotBenchmark;
  sequences: Record<string, { gt: string; result: string }>;
  figures: Record<string, Figures>;
  motmetrics?: Record<string, { MOTA?: number; IDF1: number }>;
}
// golden: tools/golden/mot.py; PE_DENSE_MOT_GOLDEN may name a bigger file made by its --big
const file = process.env.PE_DENSE_MOT_GOLDEN ?? new URL('../../golden/mot.json', import.meta.url);
const golden = JSON.parse(readFileSync(file, 'utf8')) as Case[];

const read = (text: string, name: string) => parseMotText(Buffer.from(text), name);

function expectFigures(got: Record<string, number>, curves: Record<string, readonly number[]>, want: Figures) {
  for (const [key, value] of Object.entries(want)) {
    if (typeof value !== 'number') continue;
    expect(Math.abs(got[key]! - value), `${key}: ${got[key]} for ${value}`).toBeLessThanOrEqual(1e-10);
  }
  for (const [key, values] of Object.entries(want.curves))
    values.forEach((value, a) => {
      expect(Math.abs(curves[key]![a]! - value), `${key} at ${a}: ${curves[key]![a]} for ${value}`).toBeLessThanOrEqual(
        1e-10,
      );
    });
}

describe.each(golden)('$name ($benchmark)', c => {
  const counts = Object.fromEntries(
    Object.entries(c.sequences).map(([name, s]) => [
      name,
      countMot(read(s.gt, 'gt.txt'), read(s.result, 'result.txt'), { benchmark: c.benchmark }),
    ]),
  );

  test.each(Object.keys(c.sequences))('%s equals TrackEval to 1e-10', name => {
    expectFigures(
      { ...motFigures(counts[name]!, 'sequence') },
      { ...hotaCurves(counts[name]!.hota) },
      c.figures[name]!,
    );
  });

  test('all sequences together equal TrackEval to 1e-10', () => {
    const all = addMotCounts(Object.values(counts));
    expectFigures({ ...motFigures(all) }, { ...hotaCurves(all.hota) }, c.figures.COMBINED!);
  });

  if (c.motmetrics)
    test('IDF1 (and MOTA where the matching rules agree) equal motmetrics to 1e-10', () => {
      for (const [name, want] of Object.entries(c.motmetrics ?? {})) {
        expect(motFigures(counts[name]!).IDF1).toBeCloseTo(want.IDF1, 10);
        if (want.MOTA !== undefined) expect(motFigures(counts[name]!).MOTA).toBeCloseTo(want.MOTA, 10);
      }
    });
});
