import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { RESULT_KINDS, TIDE_ERRORS, tide } from '../../../src/evaluate/analysis/index.ts';
import { type IouType, loadGroundTruth, loadResults } from '../../../src/evaluate/coco/index.ts';

interface Case {
  set: 'coco' | 'lvis';
  name: string;
  iou: IouType;
  AP: number;
  dAP: Record<string, number>;
  special: Record<string, number>;
  counts: Record<string, number>;
}
interface Data {
  name: string;
  gt: object;
  dt: object;
}
const read = (path: string | URL) => JSON.parse(readFileSync(path, 'utf8'));
const golden = (name: string) => read(new URL(`../../golden/${name}/cases.json`, import.meta.url));
const { COCO_FUZZ, TIDE_FUZZ } = process.env; // more random cases on demand: see tools/golden/tide.py
const sets: Record<'coco' | 'lvis', Data[]> = {
  coco: [...golden('coco').cases, ...(COCO_FUZZ ? read(COCO_FUZZ).cases : [])],
  lvis: golden('lvis'),
};
const cases: Case[] = [...golden('tide'), ...(TIDE_FUZZ ? read(TIDE_FUZZ) : [])];

describe('tidecv', () => {
  test.each(cases)('$set: $name', ({ set, name, iou, ...expected }) => {
    const { gt, dt } = sets[set].find(s => s.name === name)!;
    const truth = loadGroundTruth(gt, { iouType: iou, lvis: set === 'lvis' });
    const results = loadResults(dt, truth, { iouType: iou });
    const found = tide(truth, results, { iouType: iou });
    expect(found.counts).toEqual(expected.counts);
    expect(found.AP).toBeCloseTo(expected.AP, 12);
    for (const key of TIDE_ERRORS) expect(found.dAP[key], key).toBeCloseTo(expected.dAP[key]!, 12);
    for (const key of ['FalsePos', 'FalseNeg'] as const)
      expect(found.special[key], key).toBeCloseTo(expected.special[key]!, 12);
    // the verdicts per object agree with the counts
    const ofKind = (kind: string) => found.kinds.reduce((n, k) => n + (RESULT_KINDS[k] === kind ? 1 : 0), 0);
    const errors = TIDE_ERRORS.slice(0, 5).reduce((n, kind) => n + ofKind(kind), 0);
    const counted = TIDE_ERRORS.slice(0, 5).reduce((n, kind) => n + expected.counts[kind]!, 0);
    expect(errors + ofKind('ignored')).toBe(counted);
    expect(found.missed.reduce((n, v) => n + v, 0)).toBe(expected.counts.Miss);
  });
});
