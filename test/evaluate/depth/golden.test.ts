import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EvaluateDepthOptions, evaluateDepth } from '../../../src/pipelines/evaluate-depth.ts';

interface Case {
  which: 'pred' | 'inverse' | 'baseline' | 'pairs' | 'wide';
  options: Partial<EvaluateDepthOptions>;
  mean: Record<string, number>;
  per_image: Record<string, Record<string, number>>;
}
// golden: tools/golden/depth.py (the papers' formulas in NumPy)
const root = fileURLToPath(new URL('../../golden/depth', import.meta.url));
const golden = JSON.parse(readFileSync(join(root, 'figures.json'), 'utf8')) as Case[];
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'depth-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function inputs(which: Case['which']): EvaluateDepthOptions {
  const gt = join(root, 'gt');
  if (which === 'baseline') return { gt };
  if (which === 'pred' || which === 'inverse') return { gt, pred: join(root, which) };
  const pairs = join(folder, `${which}.csv`);
  writeFileSync(pairs, `gt,pred\n\n${which === 'wide' ? 'wide.pgm' : 'disp2.pgm'}, "im2.pfm"\n`);
  return { gt: root, pred: root, pairs };
}

const close = (got: object, want: Record<string, number>, name: string) => {
  for (const [key, value] of Object.entries(want)) {
    const g = (got as Record<string, number>)[key]!;
    expect(Math.abs(g - value), `${name} ${key}: ${g} for ${value}`).toBeLessThanOrEqual(1e-9 * Math.max(1, value));
  }
};

describe('evaluateDepth', () => {
  test.each(golden.map(c => [c.which, JSON.stringify(c.options), c] as const))(
    '%s %s equals NumPy to 1e-9',
    async (which, _options, c) => {
      const report = await evaluateDepth({ ...inputs(which), ...c.options });
      expect(Object.keys(report.per_image).sort()).toEqual(Object.keys(c.per_image).sort());
      for (const [name, want] of Object.entries(c.per_image)) close(report.per_image[name]!, want, name);
      close(report, c.mean, 'mean');
      expect(report.images).toBe(Object.keys(c.per_image).length);
    },
  );

  test('a map equal to the truth is perfect under every alignment', async () => {
    const gt = join(root, 'gt');
    for (const align of ['none', 'scale', 'scale-shift', 'disparity'] as const) {
      const r = await evaluateDepth({ gt, pred: gt, align });
      // holes of a prediction lie on holes of the truth here
      expect(r.abs_rel).toBeLessThan(1e-12);
      expect([r.delta1, r.delta2, r.delta3]).toEqual([1, 1, 1]);
    }
  });

  test('says what has no prediction, and null where no pixel counts', async () => {
    const warnings: string[] = [];
    const r = await evaluateDepth({
      gt: join(root, 'gt'),
      pred: join(root, 'pred', '000001.depth.pfm'),
      min: 100,
      onWarning: text => warnings.push(text),
    });
    expect([r.images, r.missing, r.empty, r.abs_rel, r.per_image['000001']!.rmse]).toEqual([0, 3, 1, null, null]);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain('measured 1 of 4');
  });

  test('one file is measured against its namesake in a folder', async () => {
    const r = await evaluateDepth({ gt: join(root, 'gt', '000002.png'), pred: join(root, 'inverse') });
    expect(Object.keys(r.per_image)).toEqual(['000002']);
    expect(r.align).toBe('disparity');
  });

  test('refuses what cannot be measured, naming it', async () => {
    const gt = join(root, 'gt');
    await expect(evaluateDepth({ gt, pred: join(root, 'nowhere') })).rejects.toThrow('--pred');
    await expect(evaluateDepth({ gt })).rejects.toThrow('--pred is missing');
    await expect(evaluateDepth({ gt, pred: gt, baseline: 'constant' })).rejects.toThrow('takes the place');
    await expect(evaluateDepth({ gt: folder, pred: gt })).rejects.toThrow('holds no depth map');
    const pairs = join(folder, 'bad.csv');
    writeFileSync(pairs, 'a.png,b.png\nonly one\n');
    await expect(evaluateDepth({ pairs })).rejects.toThrow('bad.csv, line 2: "only one"');
    const nan = join(folder, '000000.pfm');
    writeFileSync(nan, Buffer.concat([Buffer.from('Pf\n1 1\n-1\n'), Buffer.from(Float32Array.of(Number.NaN).buffer)]));
    await expect(evaluateDepth({ gt: join(gt, '000000.png'), pred: nan })).rejects.toThrow(
      /000000.pfm: the value .* is NaN/,
    );
  });
});
