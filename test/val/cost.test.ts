import { describe, expect, test } from 'vitest';
import { loadGroundTruth, loadResults, tide } from '../../src/evaluate/index.ts';
import { errorCosts } from '../../src/pipelines/report/cost.ts';
import { worstImages } from '../../src/pipelines/report/worst.ts';

const box = (x: number) => [x, 10, 40, 40];
/** Images 1 to 4; `objects` and `found` as [image, class, x, score]. */
function costs(objects: readonly (readonly number[])[], found: readonly (readonly number[])[]) {
  const truth = loadGroundTruth({
    images: [1, 2, 3, 4].map(id => ({ id, width: 400, height: 100, file_name: `${id}.jpg` })),
    categories: [1, 2].map(id => ({ id, name: `class ${id}` })),
    annotations: objects.map(([image_id, category_id, x], i) => ({
      id: i + 1,
      image_id,
      category_id,
      bbox: box(x!),
      area: 1600,
      iscrowd: 0,
    })),
  });
  const rows = found.map(([image_id, category_id, x, score]) => ({ image_id, category_id, bbox: box(x!), score }));
  const results = loadResults(rows, truth);
  const errors = tide(truth, results);
  const by = errorCosts(truth, results, errors, [0, 1, 2, 3]);
  return { AP: errors.AP, costs: [0, 1, 2, 3].map(i => by.get(i)!), worst: worstImages(truth, results, errors, 0, 12) };
}

describe('what errors cost', () => {
  test('one image with all the errors costs all the AP that is missing', () => {
    const objects = [1, 2, 3, 4].map(image => [image, 1, 10]);
    const found = [...[1, 2, 3].map(image => [image, 1, 10, 0.9]), [4, 1, 200, 0.95]];
    const { AP, costs: each } = costs(objects, found);
    expect(each.slice(0, 3)).toEqual([0, 0, 0]);
    expect(each[3]).toBeCloseTo(1 - AP, 12);
  });
  test('a false alarm costs what ranks behind it, so a weak one costs nothing', () => {
    const objects = [1, 2, 3].map(image => [image, 1, 10]);
    const right = [1, 2, 3].map(image => [image, 1, 10, 0.9 - image / 10]);
    expect(costs(objects, [...right, [4, 1, 10, 0.1]]).costs[3]).toBe(0);
    const first = costs(objects, [...right, [4, 1, 10, 0.95]]);
    expect(first.costs[3]).toBeCloseTo(1 - first.AP, 12);
    expect(first.AP).toBeCloseTo(0.75, 2);
  });
  test('an object of a rare class costs more than one of a common one, however many errors there are', () => {
    const objects = [[1, 2, 10], ...[2, 3, 4].flatMap(i => [10, 100, 200].map(x => [i, 1, x]))];
    const found = objects.filter(([image, , x]) => image! > 2 || (image === 2 && x === 10)).map(o => [...o, 0.9]);
    const { costs: each, worst } = costs(objects, found);
    expect(each[0]).toBeCloseTo(0.5, 12); // half of the classes
    expect(each[1]).toBeCloseTo((2 / 9) * 0.5, 1);
    expect(worst.map(e => e.fileName)).toEqual(['1.jpg', '2.jpg']);
    expect(worst[1]!.missed).toBe(2);
  });
  test('without errors nothing is worst', () => {
    expect(costs([[1, 1, 10]], [[1, 1, 10, 0.5]]).worst).toEqual([]);
  });
});
