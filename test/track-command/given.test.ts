import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readGivenDetections } from '../../src/pipelines/track/given.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-given-'));
});
afterAll(() => rmSync(root, { recursive: true }));

function given(text: string, name = 'given') {
  writeFileSync(join(root, name), text);
  return readGivenDetections(join(root, name));
}
const row = (image_id: unknown, category_id = 3, extra = {}) => ({
  image_id,
  category_id,
  bbox: [10, 20, 30, 40],
  score: 0.5,
  ...extra,
});

describe('given detections', () => {
  test('MOTChallenge text', async () => {
    const { byFrame, labels } = await given('1,-1,10,20,30,40,0.5,-1,-1,-1\n3,-1,0,0,5,5,-1\n');
    expect([...byFrame.keys()]).toEqual([1, 3]);
    expect([...byFrame.get(1)!.boxes, ...byFrame.get(1)!.scores]).toEqual([10, 20, 40, 60, 0.5]);
    expect([...byFrame.get(3)!.scores]).toEqual([1]); // -1: not given
    expect(labels.names).toEqual(['object']);
  });
  test('COCO results, with the frame as image_id', async () => {
    const { byFrame, labels } = await given(JSON.stringify([row(2), row(2, 1), row(7, 90)]));
    expect([...byFrame.keys()]).toEqual([2, 7]);
    expect(Array.from(byFrame.get(2)!.classes, c => labels.names[c])).toEqual(['car', 'person']);
    expect(labels.names.length).toBe(80); // so that --classes may name any
  });
  test('COCO results of other classes', async () => {
    const named = [row(1, 3, { category_name: 'tram' }), row(1, 12)];
    const { byFrame, labels } = await given(JSON.stringify({ annotations: named }));
    expect(labels).toEqual({ names: ['tram', 'class 12'], ids: [3, 12] });
    expect([...byFrame.get(1)!.classes]).toEqual([0, 1]);
  });
  test.each([
    [[row(0)], /row 1: image_id is 0\n {2}why: it must be a frame number, counted from 1/],
    [[row(1), row(1, 3, { bbox: [1, 2, 3] })], /row 2: bbox is \[1,2,3\]/],
    [[row(1, 3, { score: 1.5 })], /score is 1.5/],
    [[row(1, 0.5)], /category_id is 0.5/],
    [{ images: [] }, /holds no detections/],
  ])('broken rows are named: %#', async (rows, text) => {
    await expect(given(JSON.stringify(rows))).rejects.toThrow(text);
  });
  test('a file that is missing, or cut off', async () => {
    await expect(readGivenDetections(join(root, 'none'))).rejects.toThrow('cannot read detections');
    await expect(given('[{"image_id": 1,')).rejects.toThrow('cannot read detections');
    await expect(given('1,-1,3,4\n')).rejects.toThrow(/given, line 1: has 4 columns/);
  });
});
