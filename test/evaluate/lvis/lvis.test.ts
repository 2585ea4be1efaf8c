import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type IouType, loadGroundTruth, loadResults } from '../../../src/evaluate/coco/index.ts';
import { evaluateLvis } from '../../../src/evaluate/lvis/index.ts';

interface Case {
  name: string;
  gt: object;
  dt: object;
  iou: IouType;
  max_dets: number;
  figures: Record<string, number>;
}
const golden: Case[] = JSON.parse(readFileSync(new URL('../../golden/lvis/cases.json', import.meta.url), 'utf8'));
// more random cases on demand: see tools/golden/lvis_cases.py
const fuzz: Case[] = process.env.LVIS_FUZZ ? JSON.parse(readFileSync(process.env.LVIS_FUZZ, 'utf8')) : [];

describe('the lvis package, to the last bit', () => {
  test.each([...golden, ...fuzz])('$name', ({ gt, dt, iou, max_dets, figures }) => {
    const truth = loadGroundTruth(gt, { iouType: iou, lvis: true });
    const results = loadResults(dt, truth, { iouType: iou });
    const found = evaluateLvis(truth, results, { iouType: iou, maxDets: max_dets });
    expect(found.figures).toEqual({ AR1: -1, AR10: -1, AR100: -1, ...figures });
    // the categories' figures average to the whole's
    const defined = Object.values(found.perClass).filter(c => c.AP! >= 0);
    const mean = defined.reduce((sum, c) => sum + c.AP!, 0) / defined.length;
    if (defined.length > 0) expect(mean).toBeCloseTo(found.figures.AP!, 12);
  });
});

describe('errors', () => {
  const images = [{ id: 1, width: 9, height: 9, neg_category_ids: [], not_exhaustive_category_ids: [] }];
  test('a COCO ground truth', () => {
    const gt = { images: [{ id: 1 }], annotations: [], categories: [{ id: 1, name: 'a', frequency: 'r' }] };
    expect(() => loadGroundTruth(gt, { lvis: true })).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: ground truth: images[0] has no neg_category_ids
        why: an LVIS ground truth says per image which categories are absent and which are not fully annotated
        fix: give an LVIS file, or use: evaluate coco]
    `);
  });
  test('a category without frequency', () => {
    const gt = { images, annotations: [], categories: [{ id: 1, name: 'a' }] };
    expect(() => loadGroundTruth(gt, { lvis: true })).toThrow('categories[0] has the frequency undefined');
  });
  test('a ground truth read without its federated lists', () => {
    const gt = { images, annotations: [], categories: [{ id: 1, name: 'a', frequency: 'r' }] };
    const truth = loadGroundTruth(gt);
    expect(() => evaluateLvis(truth, loadResults([], truth))).toThrow('not read as an LVIS file');
  });
});
