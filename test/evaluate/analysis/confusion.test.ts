import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { confusion, operatingCurve } from '../../../src/evaluate/analysis/index.ts';
import { evaluateCoco, type IouType, loadGroundTruth, loadResults } from '../../../src/evaluate/coco/index.ts';

interface Data {
  name: string;
  gt: object;
  dt: object;
}
const read = (name: string) => JSON.parse(readFileSync(new URL(`../../golden/${name}`, import.meta.url), 'utf8'));
const sets: Data[] = read('coco/cases.json').cases;
const cases: { name: string; iou: IouType; score: number; counts: number[] }[] = read('tide/confusion.json');

describe('confusion matrix, as pycocotools pairs', () => {
  test.each(cases)('$name, score $score', ({ name, iou, score, counts }) => {
    const { gt, dt } = sets.find(s => s.name === name)!;
    const truth = loadGroundTruth(gt, { iouType: iou });
    const found = confusion(truth, loadResults(dt, truth, { iouType: iou }), { iouType: iou, score });
    expect([...found.counts]).toEqual(counts);
  });
});

describe('operating curve', () => {
  const image = { id: 1, width: 100, height: 100 };
  const box = (x: number) => [x, 0, 9, 9];
  const truth = loadGroundTruth({
    images: [image],
    categories: [{ id: 1, name: 'a' }],
    annotations: [0, 10, 20, 30].map((x, i) => ({
      id: i + 1,
      image_id: 1,
      category_id: 1,
      bbox: box(x),
      area: 81,
      iscrowd: 0,
    })),
  });
  const result = (x: number, score: number) => ({ image_id: 1, category_id: 1, bbox: box(x), score });
  test('precision, recall and F1 by hand', () => {
    // by score: right, right, (wrong, right) of equal score, wrong
    const results = loadResults(
      [result(0, 0.9), result(10, 0.8), result(60, 0.5), result(20, 0.5), result(70, 0.1)],
      truth,
    );
    const curve = operatingCurve(evaluateCoco(truth, results), results);
    expect([...curve.scores]).toEqual([0.9, 0.8, 0.5, 0.1]);
    expect([...curve.precision]).toEqual([1, 1, 3 / 4, 3 / 5]);
    expect([...curve.recall]).toEqual([1 / 4, 2 / 4, 3 / 4, 3 / 4]);
    expect([...curve.f1]).toEqual([2 / 5, 4 / 6, 6 / 8, 6 / 9]);
    expect(curve.best).toBe(2);
  });
  test('no results', () => {
    const results = loadResults([], truth);
    expect(operatingCurve(evaluateCoco(truth, results), results).best).toBe(-1);
  });
  test('many results give at most a few hundred points', () => {
    const many = Array.from({ length: 5000 }, (_, i) => result(i % 50, 1 - i / 5000));
    const results = loadResults(many, truth);
    const curve = operatingCurve(evaluateCoco(truth, results, { maxDets: [5000] }), results);
    expect(curve.scores.length).toBeLessThanOrEqual(201);
    expect(curve.scores.length).toBeGreaterThan(100);
    expect([...curve.scores]).toEqual([...curve.scores].sort((a, b) => b - a));
  });
});
