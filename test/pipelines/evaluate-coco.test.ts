import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluateCocoFiles } from '../../src/pipelines/index.ts';

const golden = (name: string) => fileURLToPath(new URL(`../golden/coco/${name}`, import.meta.url));
let dir = '';
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'evaluate-coco-'));
  const images = [1, 2].map(id => ({ id, width: 200, height: 100, file_name: `sub/${id}.jpg` }));
  const categories = [
    { id: 1, name: 'cat' },
    { id: 2, name: 'dog <b>' },
  ];
  const square = (x: number, y: number) => [[x, y, x + 40, y, x + 40, y + 40, x, y + 40]];
  const annotation = (id: number, image_id: number, category_id: number, x: number, more = {}) => ({
    id,
    image_id,
    category_id,
    bbox: [x, 10, 40, 40],
    area: 1600,
    iscrowd: 0,
    segmentation: square(x, 10),
    ...more,
  });
  const annotations = [
    annotation(1, 1, 1, 10),
    annotation(2, 1, 2, 60),
    annotation(3, 1, 1, 110),
    annotation(4, 2, 1, 10),
    annotation(5, 2, 1, 100, { iscrowd: 1, segmentation: { size: [100, 200], counts: [10000, 4000, 6000] } }),
  ];
  const results = [
    { image_id: 1, category_id: 1, bbox: [10, 10, 40, 40], score: 0.9 }, // right
    { image_id: 1, category_id: 1, bbox: [60, 10, 40, 40], score: 0.8 }, // wrong class; annotation 3 is missed
    { image_id: 1, category_id: 2, bbox: [150, 50, 40, 40], score: 0.7 }, // background
    { image_id: 2, category_id: 1, bbox: [10, 10, 40, 40], score: 0.6 }, // right
  ];
  writeFileSync(join(dir, 'gt.json'), JSON.stringify({ images, categories, annotations }));
  writeFileSync(join(dir, 'dt.json'), JSON.stringify(results));
  for (const { id } of images)
    await sharp({ create: { width: 200, height: 100, channels: 3, background: '#808080' } })
      .jpeg()
      .toFile(join(dir, `${id}.jpg`));
});
afterAll(() => rmSync(dir, { recursive: true }));

describe('figures', () => {
  test("COCO's fake results, with chart and classes", async () => {
    const chart = join(dir, 'charts', 'pr.svg');
    const report = await evaluateCocoFiles({
      gt: golden('instances_val2014_100.json'),
      dt: golden('instances_val2014_fakebbox100_results.json'),
      chart,
    });
    expect(report.AP).toBe(0.5045806987249628);
    expect(Object.keys(report)).toEqual([
      'AP',
      'AP50',
      'AP75',
      'APs',
      'APm',
      'APl',
      'AR1',
      'AR10',
      'AR100',
      'ARs',
      'ARm',
      'ARl',
      'per_class',
    ]);
    expect(Object.keys(report.per_class)).toHaveLength(80);
    expect(report.per_class.person!.annotations).toBe(250);
    expect(readFileSync(chart, 'utf8')).toContain('0.505');
  });
  test('categories by name and by id', async () => {
    const files = { gt: join(dir, 'gt.json'), dt: join(dir, 'dt.json') };
    const byName = await evaluateCocoFiles({ ...files, categories: ['dog <b>'], errors: true });
    expect(byName).toEqual(await evaluateCocoFiles({ ...files, categories: ['2'], errors: true }));
    expect(Object.keys(byName.per_class)).toEqual(['dog <b>']);
    expect(byName.tide).toMatchObject({ counts: { Bkg: 1, Miss: 1, Cls: 0 } });
    await expect(evaluateCocoFiles({ ...files, categories: ['cow'] })).rejects.toThrow('there is no category "cow"');
  });
});

describe('report', () => {
  test.each(['bbox', 'segm'] as const)('one page with charts and pictures, nothing fetched: %s', async iouType => {
    const folder = join(dir, `report-${iouType}`);
    await evaluateCocoFiles({
      gt: join(dir, 'gt.json'),
      dt: join(dir, 'dt.json'),
      iouType,
      report: folder,
      images: dir,
    });
    const page = readFileSync(join(folder, 'report.html'), 'utf8');
    expect(page).not.toMatch(/(src|href)="(?!data:|#)/);
    expect(page).not.toContain('<b>dog'); // names are text, not markup
    expect(page).toContain('dog &#60;b&#62;');
    expect(page.match(/data:image\/jpeg;base64,/g)).toHaveLength(1); // the second image has no error
    expect(page).toContain('3 errors, 1 correct, 1 missed, 1 Cls, 1 Bkg');
    for (const name of ['errors', 'precision-recall', 'score', 'sizes', 'classes', 'confusion']) {
      expect(page).toContain(`id="${name}"`);
      expect((await sharp(join(folder, `${name}.svg`)).metadata()).width).toBeGreaterThan(300);
    }
    const metrics = JSON.parse(readFileSync(join(folder, 'metrics.json'), 'utf8'));
    expect(metrics.confusion.counts).toEqual([
      [2, 0, 1],
      [1, 0, 0],
      [0, 1, 0],
    ]);
    expect(metrics.best_f1).toMatchObject({ score: 0.6, precision: 0.5, recall: 0.5 });
  });
  test('without pictures it says so', async () => {
    const folder = join(dir, 'report-plain');
    await evaluateCocoFiles({ gt: join(dir, 'gt.json'), dt: join(dir, 'dt.json'), report: folder });
    const page = readFileSync(join(folder, 'report.html'), 'utf8');
    expect(page).toContain('no pictures in this report because their folder was not given');
    expect(page).not.toContain('data:image');
    expect(page).toContain('sub/1.jpg');
  });
  test('pictures that are not there', async () => {
    await expect(
      evaluateCocoFiles({
        gt: join(dir, 'gt.json'),
        dt: join(dir, 'dt.json'),
        report: join(dir, 'r'),
        images: join(dir, 'none'),
      }),
    ).rejects.toThrow('none of the pictures can be read');
    expect(existsSync(join(dir, 'r', 'report.html'))).toBe(false);
  });
  test('no results at all', async () => {
    writeFileSync(join(dir, 'empty.json'), '[]');
    const folder = join(dir, 'report-empty');
    const report = await evaluateCocoFiles({ gt: join(dir, 'gt.json'), dt: join(dir, 'empty.json'), report: folder });
    expect(report.AP).toBe(0);
    expect(readFileSync(join(folder, 'report.html'), 'utf8')).not.toContain('NaN');
  });
});
