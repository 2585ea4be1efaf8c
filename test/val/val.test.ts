import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodePng } from '../../src/image/index.ts';
import { Detector, evaluateCocoFiles } from '../../src/pipelines/index.ts';
import { type OpenValDetector, type ValOptions, validateDetector } from '../../src/pipelines/val/index.ts';
import { FAKE_LABELS, fakeNetwork, scene } from '../detect/fake.ts';

const SIZE = 64;
// [class of the fake, x1, y1, x2, y2]
const SCENES = [
  [
    [0, 4, 4, 28, 28],
    [1, 34, 30, 60, 60],
  ],
  [[2, 10, 10, 50, 40]],
  [[0, 8, 20, 40, 60]],
  [[1, 5, 5, 45, 45]],
] as const;
let dir = '';
let seen = 0;
let hash = 'a'.repeat(64);
const open: OpenValDetector = async (_, { size }) => {
  const side = typeof size === 'number' ? size : SIZE;
  const input = { height: side, width: side };
  return { detector: Detector.from(fakeNetwork({ input, onRun: pictures => void (seen += pictures) })), hash };
};
const run = (options: Partial<ValOptions> = {}) =>
  validateDetector({ gt: join(dir, 'gt.json'), images: join(dir, 'photos'), score: 0.3, ...options }, open);

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'pe-dense-val-'));
  process.env.PE_DENSE_CACHE = join(dir, 'cache');
  mkdirSync(join(dir, 'photos'));
  for (const [i, rectangles] of SCENES.entries())
    writeFileSync(join(dir, 'photos', `${i + 1}.png`), await encodePng(scene(SIZE, SIZE, rectangles)));
  writeGt('gt.json');
});
afterAll(() => {
  delete process.env.PE_DENSE_CACHE;
  rmSync(dir, { recursive: true });
});

/** The scenes as COCO has them; the last picture's object is called red though it is green. */
function writeGt(name: string, categories: { id: number; name: string }[] = categoriesOf(), more: object[] = []) {
  let id = 1;
  const annotations = SCENES.flatMap((list, i) =>
    list.map(([c, x1, y1, x2, y2]) => {
      const category_id = i === 3 ? 1 : FAKE_LABELS.ids[c];
      const [w, h] = [x2 - x1, y2 - y1];
      return { id: id++, image_id: i + 1, category_id, bbox: [x1, y1, w, h], area: w * h, iscrowd: 0 };
    }),
  );
  const images = SCENES.map((_, i) => ({ id: i + 1, file_name: `${i + 1}.png`, width: SIZE, height: SIZE }));
  writeFileSync(join(dir, name), JSON.stringify({ images: [...images, ...more], categories, annotations }));
}
function categoriesOf() {
  return FAKE_LABELS.ids.map((id, c) => ({ id, name: FAKE_LABELS.names[c] }));
}

describe('figures', () => {
  test('are those of the results it writes, scored from files', async () => {
    const report = await run({ report: join(dir, 'report') });
    const again = await evaluateCocoFiles({
      gt: join(dir, 'gt.json'),
      dt: join(dir, 'report', 'results.json'),
      errors: true,
    });
    const { run: about, speed, ...figures } = report;
    expect(figures).toEqual(again);
    expect(report.per_class['blue thing']).toMatchObject({ AP50: expect.closeTo(1, 9), annotations: 1 });
    expect(report.AP50).toBeCloseTo((2 / 3 + 1 / 2 + 1) / 3, 1); // a red missed, a green that is none
    expect(about).toMatchObject({ model: 'fake', images: 4, failed: [], resumed: 0, size: { width: 64, height: 64 } });
    expect(speed).toMatchObject({ pictures: 4 });
    for (const ms of Object.values(speed!.ms_per_picture)) expect(ms).toBeGreaterThan(0);
    const rows = JSON.parse(readFileSync(join(dir, 'report', 'results.json'), 'utf8'));
    expect(new Set(rows.map((row: { category_id: number }) => row.category_id))).toEqual(new Set(FAKE_LABELS.ids));
  });
  test('one page that fetches nothing, the costliest picture first', () => {
    const page = readFileSync(join(dir, 'report', 'report.html'), 'utf8');
    expect(page).not.toMatch(/(src|href)="(?!data:|#)/);
    for (const id of [
      'errors',
      'precision-recall',
      'precision-recall-classes',
      'sizes',
      'classes',
      'confusion',
      'speed',
    ])
      expect(page).toContain(`id="${id}"`);
    const worst = [...page.matchAll(/<h3>(\S+) <small>costs ([\d.]+) points/g)].map(m => [m[1], Number(m[2])]);
    expect(worst[0]![0]).toBe('4.png');
    // without it: red 2 of 3 found at IoU 0.5 becomes all; green one wrong result of two becomes none
    expect(worst[0]![1]).toBeGreaterThan(10);
    expect(page).toContain('Measured during this run, 4 pictures');
  });
  test('a batch gives what single pictures give', async () => {
    const { AP, per_class } = await run();
    expect(await run({ batch: 3 })).toMatchObject({ AP, per_class });
  });
  test('slices are joined by nms and iou, unless something else is asked for', async () => {
    const asked: unknown[] = [];
    const spied: OpenValDetector = async (model, options) => {
      const opened = await open(model, options);
      const stream = opened.detector.stream.bind(opened.detector);
      opened.detector.stream = (sources, given) => {
        asked.push(given?.slice);
        return stream(sources, given);
      };
      return opened;
    };
    const options = { gt: join(dir, 'gt.json'), images: join(dir, 'photos'), limit: 1 };
    await validateDetector({ ...options, slice: { size: 32 } }, spied);
    await validateDetector({ ...options, slice: { size: 32, merge: 'wbf', metric: 'ios' } }, spied);
    expect(asked).toEqual([
      { size: 32, merge: 'nms', metric: 'iou' },
      { size: 32, merge: 'wbf', metric: 'ios' },
    ]);
  });
  test('--limit takes the first pictures', async () => {
    const report = await run({ limit: 2 });
    expect(report.run.images).toBe(2);
    expect(report.AP50).toBeCloseTo(1, 9);
  });
});

describe('classes', () => {
  test('are matched by name, whatever their ids and order', async () => {
    const { AP } = await run();
    const renamed = [
      { id: 9, name: 'Blue_Thing' },
      { id: 1, name: 'RED' },
      { id: 5, name: 'green' },
    ];
    writeGt('renamed.json', renamed);
    expect((await run({ gt: join(dir, 'renamed.json') })).AP).toBe(AP);
  });
  test('of both sides are named when neither holds the other', async () => {
    writeGt('other.json', [
      { id: 1, name: 'crimson' },
      { id: 5, name: 'green' },
      { id: 9, name: 'blue thing' },
    ]);
    const gt = join(dir, 'other.json');
    await expect(run({ gt })).rejects.toMatchObject({
      code: 'BAD_INPUT',
      detail: { why: '2 are common; only the data set has: crimson; only fake has: red' },
    });
    expect((await run({ gt, map: { crimson: 'red' } })).AP).toBe((await run()).AP);
    const common = await run({ gt, classes: ['green', 'blue thing'] });
    expect(Object.keys(common.per_class)).toEqual(['green', 'blue thing']);
    await expect(run({ gt, classes: ['cyan'] })).rejects.toThrow('--classes names "cyan"');
    await expect(run({ gt, map: { crimson: 'cyan' } })).rejects.toThrow('--map names "cyan"');
  });
  test('a data set may know fewer: the rest is left out, with a note', async () => {
    const value = JSON.parse(readFileSync(join(dir, 'gt.json'), 'utf8'));
    value.categories = value.categories.filter((c: { name: string }) => c.name === 'red');
    value.annotations = value.annotations.filter((a: { category_id: number }) => a.category_id === 1);
    writeFileSync(join(dir, 'few.json'), JSON.stringify(value));
    const notes: string[] = [];
    const report = await run({ gt: join(dir, 'few.json'), onInfo: text => void notes.push(text) });
    expect(Object.keys(report.per_class)).toEqual(['red']);
    expect(notes).toContain(
      'scored: 1 of the 3 classes of fake, those of the data set; results of the others are left out',
    );
  });
  test('a data set may know more: those are not scored, with a note', async () => {
    writeGt('more.json', [...categoriesOf(), { id: 11, name: 'unused' }]);
    expect((await run({ gt: join(dir, 'more.json') })).run.classes).toBe(3);
    const value = JSON.parse(readFileSync(join(dir, 'more.json'), 'utf8'));
    value.annotations.push({ id: 99, image_id: 1, category_id: 11, bbox: [1, 1, 5, 5], area: 25, iscrowd: 0 });
    writeFileSync(join(dir, 'more.json'), JSON.stringify(value));
    const notes: string[] = [];
    const report = await run({ gt: join(dir, 'more.json'), onInfo: text => void notes.push(text) });
    expect(report.run.classes).toBe(3);
    expect(notes.join()).toContain('fake does not know 1 class of the data set, which is left out: unused');
  });
});

describe('an interrupted run', () => {
  test('goes on where it stopped, and ends as a whole one does', async () => {
    const { run: _, speed: __, ...whole } = await run();
    const report = join(dir, 'resumed');
    const abort = new AbortController();
    seen = 0;
    const stopped = run({ report, signal: abort.signal, onProgress: done => void (done === 2 && abort.abort()) });
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' });
    const journal = join(report, 'predictions.journal');
    const lines = readFileSync(journal, 'utf8').trim().split('\n').length - 1;
    expect(lines).toBeGreaterThanOrEqual(2);
    expect(lines).toBeLessThan(4);
    expect(existsSync(join(report, 'report.html'))).toBe(false);
    truncateSync(journal, readFileSync(journal).length - 5); // as a crash in the middle of a line leaves it
    seen = 0;
    const { run: about, speed, ...figures } = await run({ report, resume: true });
    expect(figures).toEqual(whole);
    expect(seen).toBe(4 - (lines - 1));
    expect(about.resumed).toBe(lines - 1);
    expect(speed?.pictures).toBe(seen);
    seen = 0;
    const again = await run({ report, resume: true });
    expect(seen).toBe(0);
    expect(again).toMatchObject({ AP: whole.AP, speed: null });
  });
  test('of another model, size or threshold is refused', async () => {
    const options = { report: join(dir, 'resumed'), resume: true };
    const refused = (why: RegExp) => ({ code: 'BAD_USAGE', detail: { why: expect.stringMatching(why) } });
    await expect(run({ ...options, size: 96 })).rejects.toMatchObject(refused(/size was "64x64", now it is "96x96"/));
    await expect(run({ ...options, score: 0.5 })).rejects.toMatchObject(refused(/score was 0.3, now it is 0.5/));
    hash = 'b'.repeat(64);
    await expect(run(options)).rejects.toMatchObject(refused(/model_hash was "a+", now it is "b+"/));
    hash = 'a'.repeat(64);
    expect((await run(options)).run.resumed).toBe(4);
  });
  test('without a report goes on from the cache, which a whole run leaves empty', async () => {
    const abort = new AbortController();
    const stopped = run({ signal: abort.signal, onProgress: () => abort.abort() });
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' });
    const said: string[] = [];
    const report = await run({ resume: true, onInfo: text => void said.push(text) });
    expect(report.run.resumed).toBeGreaterThan(0);
    expect(said.join()).toContain('of 4 pictures were done earlier');
    expect((await run({ resume: true })).run.resumed).toBe(0);
  });
});

describe('pictures that cannot be read', () => {
  test('are left out of the figures and named', async () => {
    const images = ['8.png', '9.png'].map((file_name, i) => ({ id: 8 + i, file_name, width: SIZE, height: SIZE }));
    writeGt('broken.json', categoriesOf(), images);
    writeFileSync(join(dir, 'photos', '8.png'), 'no picture');
    const failed: string[] = [];
    const report = await run({ gt: join(dir, 'broken.json'), onFailed: error => void failed.push(error.detail.why) });
    expect(report.run).toMatchObject({ images: 4, failed: ['8.png', '9.png'] });
    expect(report.AP).toBe((await run()).AP);
    expect(failed).toEqual([expect.stringContaining('no picture format'), 'there is no such file']);
  });
  test('all of them: nothing is scored', async () => {
    await expect(run({ images: join(dir, 'nowhere') })).rejects.toMatchObject({
      code: 'BAD_INPUT',
      detail: { what: expect.stringMatching(/^the pictures of .* are not there$/) },
    });
    mkdirSync(join(dir, 'bad'));
    for (const name of [1, 2, 3, 4]) cpSync(join(dir, 'photos', '8.png'), join(dir, 'bad', `${name}.png`));
    await expect(run({ images: join(dir, 'bad') })).rejects.toMatchObject({ code: 'PARTIAL' });
    await expect(run({ images: join(dir, 'bad'), limit: 1 })).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });
  test('of another size than annotated: a warning', async () => {
    const value = JSON.parse(readFileSync(join(dir, 'gt.json'), 'utf8'));
    value.images[1].width = 100;
    writeFileSync(join(dir, 'sizes.json'), JSON.stringify(value));
    const warned: string[] = [];
    await run({ gt: join(dir, 'sizes.json'), onWarning: text => void warned.push(text) });
    expect(warned.join()).toContain('2.png is 64 x 64, they say 100 x 64');
  });
});

describe('other formats', () => {
  test('a YOLO folder: its val split, the same figures', async () => {
    const root = join(dir, 'yolo');
    for (const split of ['train', 'val'])
      for (const kind of ['images', 'labels']) mkdirSync(join(root, kind, split), { recursive: true });
    SCENES.forEach((list, i) => {
      const split = i === 0 ? 'train' : 'val';
      cpSync(join(dir, 'photos', `${i + 1}.png`), join(root, 'images', split, `${i + 1}.png`));
      const lines = list.map(([c, x1, y1, x2, y2]) =>
        [i === 3 ? 0 : c, ...[(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1].map(v => v / SIZE)].join(' '),
      );
      writeFileSync(join(root, 'labels', split, `${i + 1}.txt`), `${lines.join('\n')}\n`);
    });
    const names = FAKE_LABELS.names.map((name, i) => `  ${i}: ${name}\n`).join('');
    writeFileSync(join(root, 'data.yaml'), `path: .\ntrain: images/train\nval: images/val\nnames:\n${names}`);
    const gt = join(root, 'data.yaml');
    const val = await run({ gt, images: undefined });
    expect(val.run.images).toBe(3);
    const all = await run({ gt, images: undefined, split: 'all' });
    const { AP, AR100, AP50 } = await run();
    expect(all).toMatchObject({ run: { images: 4 }, AP50, AR100 });
    expect(all.AP).toBeCloseTo(AP, 10);
    await expect(run({ gt, images: undefined, split: 'holdout' })).rejects.toMatchObject({ code: 'BAD_USAGE' });
  });
  test('what VOC calls difficult counts neither way', async () => {
    const root = join(dir, 'voc');
    mkdirSync(join(root, 'Annotations'), { recursive: true });
    const xml = (i: number, difficult: number) =>
      `<annotation><filename>${i}.png</filename><size><width>64</width><height>64</height><depth>3</depth></size>` +
      `<object><name>red</name><difficult>${difficult}</difficult><bndbox><xmin>6</xmin><ymin>6</ymin><xmax>45</xmax><ymax>45</ymax></bndbox></object></annotation>`;
    writeFileSync(join(root, 'Annotations', '4.xml'), xml(4, 0)); // a green that is called red: missed
    const three =
      '<annotation><filename>3.png</filename><size><width>64</width><height>64</height><depth>3</depth></size>' +
      '<object><name>red</name><bndbox><xmin>9</xmin><ymin>21</ymin><xmax>40</xmax><ymax>60</ymax></bndbox></object></annotation>';
    writeFileSync(join(root, 'Annotations', '3.xml'), three);
    expect((await run({ gt: root })).per_class.red).toMatchObject({ annotations: 2 });
    writeFileSync(join(root, 'Annotations', '4.xml'), xml(4, 1));
    expect((await run({ gt: root })).per_class.red).toMatchObject({ annotations: 1, AP50: expect.closeTo(1, 9) });
  });
});
