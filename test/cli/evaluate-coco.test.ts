import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from './harness.ts';

const golden = (name: string) => fileURLToPath(new URL(`../golden/coco/${name}`, import.meta.url));
const GT = ['--gt', golden('instances_val2014_100.json')];
const BBOX = ['--dt', golden('instances_val2014_fakebbox100_results.json')];
let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'cli-coco-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

test('--json prints the figures and nothing else on standard output', async () => {
  const { code, stdout, stderr } = await runCli(['evaluate', 'coco', ...GT, ...BBOX, '--json']);
  expect(code).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ AP: 0.5045806987249628, ARl: 0.5642905982905982 });
  expect(report.per_class.person).toMatchObject({ annotations: 250 });
  expect(report.per_class.horse.AP).toBe(-1);
  expect(stderr).toContain('100 images, 839 annotations, 734 results');
});
test('masks, other maxDets, a class', async () => {
  const dt = ['--dt', golden('instances_val2014_fakesegm100_results.json')];
  const { stdout } = await runCli([
    ...['evaluate', 'coco', ...GT, ...dt, '--iou-type', 'segm', '--max-dets', '300,5', '--categories', 'person'],
    ...['--json', '--quiet'],
  ]);
  const report = JSON.parse(stdout);
  expect(Object.keys(report)).toEqual(expect.arrayContaining(['AP', 'AR5', 'AR300', 'ARs', 'per_class']));
  expect(report).not.toHaveProperty('AR100');
  expect(Object.keys(report.per_class)).toEqual(['person']);
});
test('a table for people', async () => {
  const { stdout, stderr } = await runCli(['evaluate', 'coco', ...GT, ...BBOX, '--per-class', '--errors', '--quiet']);
  expect(stdout).toMatch(/^AP\s+0\.5046$/m);
  expect(stdout).toMatch(/^person\s+250\s/m);
  expect(stdout).toMatch(/^horse\s+0\s.*none/m);
  expect(stdout).toMatch(/^Cls\s+0\.2225\s+83$/m);
  expect(stderr).toBe('');
});
test('a broken record is exit 2, naming file and record', async () => {
  const file = join(dir, 'nan.json');
  writeFileSync(file, '[{"image_id": 42, "category_id": 18, "bbox": [1, 2, 3, 4], "score": NaN}]');
  const { code, stdout, stderr } = await runCli(['evaluate', 'coco', ...GT, '--dt', file, '--json']);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain('nan.json: results[0]');
  expect(stderr).toContain('why: a number for score was expected, "NaN" found');
});
test.each([
  [['--max-dets', '0,1'], '--max-dets got "0,1"'],
  [['--iou-type', 'keypoints'], '--iou-type got "keypoints"'],
  [['--categories', 'unicorn'], 'there is no category "unicorn"'],
  [['--chart', join(golden('cases.json'), 'x.svg')], 'cannot write the chart'],
])('wrong use is exit 2: %j', async (flags, message) => {
  const { code, stderr } = await runCli(['evaluate', 'coco', ...GT, ...BBOX, ...flags]);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});
test('lvis', async () => {
  const image = { id: 1, width: 50, height: 50, neg_category_ids: [], not_exhaustive_category_ids: [] };
  const gt = {
    images: [image],
    categories: [{ id: 1, name: 'a', frequency: 'r' }],
    annotations: [{ id: 1, image_id: 1, category_id: 1, bbox: [1, 1, 9, 9], area: 81 }],
  };
  writeFileSync(join(dir, 'gt.json'), JSON.stringify(gt));
  writeFileSync(join(dir, 'dt.json'), JSON.stringify([{ image_id: 1, category_id: 1, bbox: [1, 1, 9, 9], score: 1 }]));
  const files = ['--gt', join(dir, 'gt.json'), '--dt', join(dir, 'dt.json')];
  const { code, stdout } = await runCli(['evaluate', 'lvis', ...files, '--json', '--report', join(dir, 'report')]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ APr: expect.closeTo(1, 12), APc: -1, APf: -1, AR300: 1, ARs: 1, ARl: -1 });
});
