import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { evaluateDavis } from '../../../src/pipelines/evaluate-davis.ts';

// golden: tools/golden/davis.py (davis2017-evaluation)
const root = fileURLToPath(new URL('../../golden/davis', import.meta.url));
const golden = JSON.parse(readFileSync(join(root, 'figures.json'), 'utf8')) as {
  total: Record<string, number>;
  per_object: Record<string, Record<string, number>>;
};
const gt = join(root, 'gt');
const pred = join(root, 'pred');

function expectFigures(got: object, want: Record<string, number>, name: string) {
  for (const [key, value] of Object.entries(want))
    expect(Math.abs((got as Record<string, number>)[key]! - value), `${name} ${key}`).toBeLessThanOrEqual(1e-12);
}

describe('evaluateDavis', () => {
  test('equals davis2017-evaluation to 1e-12, for every object', async () => {
    const report = await evaluateDavis({ gt, pred });
    expect(Object.keys(report.per_object).sort()).toEqual(Object.keys(golden.per_object).sort());
    for (const [name, want] of Object.entries(golden.per_object)) expectFigures(report.per_object[name]!, want, name);
    expectFigures(report, golden.total, 'total');
    expect(report.sequences).toBe(4);
    expect(report.objects).toBe(8);
  });

  test('measures only the sequences asked for', async () => {
    const report = await evaluateDavis({ gt, pred, sequences: ['two'] });
    expect(Object.keys(report.per_object)).toEqual(['two_1', 'two_2']);
    expect(report.per_sequence.two!['J-Mean']).toBeCloseTo(
      (golden.per_object.two_1!['J-Mean']! + golden.per_object.two_2!['J-Mean']!) / 2,
      12,
    );
  });

  test('the annotations against themselves are perfect', async () => {
    const report = await evaluateDavis({ gt, pred: gt, sequences: ['two', 'cow'] });
    expect([report['J&F-Mean'], report['J-Decay'], report['F-Recall']]).toEqual([1, 0, 1]);
  });

  test('--year 2016 merges the ids', async () => {
    const report = await evaluateDavis({ gt, pred, sequences: ['two'], year: '2016' });
    expect(report.objects).toBe(1);
  });

  test('refuses what cannot be measured, naming the file', async () => {
    await expect(evaluateDavis({ gt, pred, sequences: ['zebra'] })).rejects.toThrow('there is no sequence zebra');
    await expect(evaluateDavis({ gt, pred: root })).rejects.toThrow('has a folder in');
    await expect(evaluateDavis({ gt, pred: join(root, 'nowhere') })).rejects.toThrow('--pred');
    await expect(evaluateDavis({ gt, pred, sequences: ['cow'], year: '2017' })).rejects.toThrow('holds no object');
    const empty = mkdtempSync(join(tmpdir(), 'davis-'));
    await expect(evaluateDavis({ gt, pred: empty, split: join(root, 'figures.json') })).rejects.toThrow(
      'no sequence {',
    );
    rmSync(empty, { recursive: true });
  });
});
