import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { evaluateCoco, type Id, type IouType, loadGroundTruth, loadResults } from '../../../src/evaluate/coco/index.ts';

interface Expected {
  figures: Record<string, number>;
  per_class: Record<string, number>;
}
interface Case {
  name: string;
  gt: object;
  dt: object;
  options: { iou?: IouType; max_dets?: number[]; use_cats?: boolean; cat_ids?: Id[]; img_ids?: Id[] };
  expected: Expected;
}
const file = (name: string) => fileURLToPath(new URL(`../../golden/coco/${name}`, import.meta.url));
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
const golden: { published: Record<IouType, Expected>; cases: Case[] } = read(file('cases.json'));
// more random cases on demand: see tools/golden/coco.py
const fuzz: Case[] = process.env.COCO_FUZZ ? read(process.env.COCO_FUZZ).cases : [];

/** Equal to the last bit, -1 (undefined) included; faster-coco-eval sums in another order than pycocotools. */
function expectSame(found: ReturnType<typeof evaluateCoco>, expected: Expected, tolerance = 0): void {
  const perClass = Object.fromEntries(Object.entries(found.perClass).map(([name, f]) => [name, f.AP]));
  const differences = (a: Record<string, number>, b: Record<string, number>) => {
    expect(Object.keys(a).sort()).toEqual(Object.keys(b).sort());
    return Object.keys(a).filter(key => !(Math.abs(a[key]! - b[key]!) <= tolerance));
  };
  expect(differences({ ...found.figures }, expected.figures)).toEqual([]);
  expect(differences(perClass, expected.per_class)).toEqual([]);
}

describe("COCO's own fake results", () => {
  // printed by cocoapi/results/val2014_fake_eval_res.txt to three decimals, by faster-coco-eval's tests to all
  test.each([
    ['bbox', 0.5045806987249628, 0.6969727247299577, 0.5642905982905982],
    ['segm', 0.3195452758576433, 0.5622883972521636, 0.3814715099715099],
  ] as const)('%s', (iouType, AP, AP50, ARl) => {
    const truth = loadGroundTruth(file('instances_val2014_100.json'), { iouType });
    const results = loadResults(file(`instances_val2014_fake${iouType}100_results.json`), truth, { iouType });
    const found = evaluateCoco(truth, results, { iouType });
    expect(found.figures).toMatchObject({ AP, AP50, ARl });
    expectSame(found, golden.published[iouType]);
  });
});

describe('pycocotools on seeded sets', () => {
  test.each([...golden.cases, ...fuzz])('$name', ({ gt, dt, options, expected }) => {
    const iouType = options.iou ?? 'bbox';
    const truth = loadGroundTruth(gt, { iouType });
    const results = loadResults(dt, truth, { iouType });
    const found = evaluateCoco(truth, results, {
      iouType,
      maxDets: options.max_dets,
      useCategories: options.use_cats,
      categoryIds: options.cat_ids,
      imageIds: options.img_ids,
    });
    expectSame(found, expected, options.max_dets ? 1e-12 : 0);
  });
});
