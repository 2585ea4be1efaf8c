import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { detectCommand } from '../../src/cli/commands/detect.ts';
import { decodeImage, encodeJpeg, encodePng } from '../../src/image/index.ts';
import { parseCsv } from '../../src/pipelines/formats/csv.ts';
import { type CocoResult, Detector } from '../../src/pipelines/index.ts';
import { type FakeOptions, fakeNetwork, scene } from '../detect/fake.ts';
import { runCli } from './harness.ts';

let root: string;
let photos: string;
let out: string;
/** Pictures that went through the network in the last run. */
let passes: number;

const red = scene(128, 96, [[0, 16, 16, 64, 64]]);
const two = scene(96, 96, [
  [1, 8, 8, 40, 40],
  [2, 48, 48, 88, 88],
]);
const none = scene(64, 64, []);

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-cli-'));
  photos = join(root, 'photos');
  out = join(root, 'out');
  mkdirSync(join(photos, 'sub'), { recursive: true });
  writeFileSync(join(photos, 'b.jpg'), await encodeJpeg(red, { quality: 95 }));
  writeFileSync(join(photos, 'a.png'), await encodePng(two));
  writeFileSync(join(photos, 'sub', 'c.png'), await encodePng(none));
});
afterEach(() => rmSync(root, { recursive: true }));

async function run(args: string[], fake: FakeOptions = {}) {
  passes = 0;
  const onRun = (pictures: number) => {
    passes += pictures;
    fake.onRun?.(pictures);
  };
  const load = async () => Detector.from(fakeNetwork({ ...fake, onRun }));
  const result = await runCli(['detect', ...args], [{ group: 'Test:', make: () => detectCommand(load) }]);
  return { ...result, stderr: result.stderr.replaceAll(root, 'ROOT'), stdout: result.stdout.replaceAll(root, 'ROOT') };
}
const rows = (text: string) => JSON.parse(text) as CocoResult[];
const read = (...path: string[]) => readFileSync(join(out, ...path), 'utf8');
const tree = (folder: string) =>
  (readdirSync(folder, { recursive: true }) as string[]).filter(f => statSync(join(folder, f)).isFile()).sort();

describe('one picture', () => {
  test('a table on standard output', async () => {
    const { code, stdout, stderr } = await run([join(photos, 'a.png')]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatchInlineSnapshot(`
      "object      score   x   y  width  height
      blue thing  0.73   48  48     41      41
      green       0.72    8   8     33      33
      "
    `);
  });
  test('--json: COCO results and nothing else', async () => {
    const { code, stdout, stderr } = await run([join(photos, 'a.png'), '--json']);
    expect([code, stderr]).toEqual([0, '']);
    expect(rows(stdout)).toEqual([
      {
        image_id: 1,
        file_name: 'a.png',
        category_id: 9,
        category_name: 'blue thing',
        bbox: [48, 48, 40, 40].map(v => expect.closeTo(v, -1)),
        score: expect.closeTo(0.728, 2),
      },
      expect.objectContaining({ category_id: 5, category_name: 'green' }),
    ]);
  });
  test('nothing found is an empty array, or words', async () => {
    expect((await run([join(photos, 'sub/c.png'), '--json'])).stdout).toBe('[]\n');
    expect((await run([join(photos, 'sub/c.png')])).stdout).toBe('ROOT/photos/sub/c.png: nothing found\n');
  });
  test('--quiet prints no table, --json still gives data', async () => {
    expect(await run([join(photos, 'a.png'), '--quiet'])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(rows((await run([join(photos, 'a.png'), '--quiet', '--json'])).stdout)).toHaveLength(2);
  });
  test('--verbose tells of the model and its input on standard error', async () => {
    expect((await run([join(photos, 'a.png'), '--verbose', '--json'])).stderr).toMatch(
      /^fake, 64 x 64, cpu, loaded in \d+ ms\n$/,
    );
  });
});

describe('--out', () => {
  test('mirrors the tree: detections and drawn boxes', async () => {
    const { code, stdout, stderr } = await run([photos, '--out', out]);
    expect(code).toBe(0);
    expect(tree(out)).toEqual([
      'a.boxes.png',
      'a.detections.json',
      'b.boxes.png',
      'b.detections.json',
      'sub/c.boxes.png',
      'sub/c.detections.json',
    ]);
    expect(stdout).toBe('a.png: 1 blue thing, 1 green\nb.jpg: 1 red\nsub/c.png: nothing found\n');
    expect(stderr).toMatch(/^3 pictures, 3 objects in [\d.]+ s; [\d.]+ pictures\/s; written to ROOT\/out\n$/);
    expect(rows(read('b.detections.json'))[0]).toMatchObject({ image_id: 2, file_name: 'b.jpg', category_name: 'red' });
    expect(rows(read('sub/c.detections.json'))).toEqual([]);
    const drawn = await decodeImage(join(out, 'b.boxes.png'));
    expect(drawn.shape).toEqual([96, 128, 3]);
    expect(drawn.data).not.toEqual((await decodeImage(join(photos, 'b.jpg'))).data);
    expect((await decodeImage(join(out, 'sub/c.boxes.png'))).data).toEqual(none.data);
  });
  test('a stem met twice keeps its extension', async () => {
    writeFileSync(join(photos, 'a.jpg'), await encodeJpeg(red));
    await run([photos, '--out', out, '--quiet']);
    expect(tree(out).filter(f => f.startsWith('a'))).toEqual([
      'a.jpg.boxes.png',
      'a.jpg.detections.json',
      'a.png.boxes.png',
      'a.png.detections.json',
    ]);
  });
  test("inside the input folder, a second run does not read the first run's pictures", async () => {
    const inside = join(photos, 'found');
    await run([photos, '--out', inside, '--quiet']);
    expect(passes).toBe(3);
    await run([photos, '--out', inside, '--quiet']);
    expect(passes).toBe(3);
  });
  test('--no-draw, --save-crops, --hide-labels and --line-width', async () => {
    const crops = join(root, 'crops');
    await run([photos, '--out', out, '--no-draw', '--save-crops', crops]);
    expect(tree(out).some(f => f.endsWith('.png'))).toBe(false);
    expect(tree(crops)).toEqual(['a.1.blue_thing.jpg', 'a.2.green.jpg', 'b.1.red.jpg']);
    const crop = await decodeImage(join(crops, 'b.1.red.jpg'));
    expect(Math.abs(crop.shape[0] - 48) + Math.abs(crop.shape[1] - 48)).toBeLessThan(8);
    const different = async (f: string) => {
      const drawn = await decodeImage(join(out, f));
      return drawn.data.filter((v, i) => Math.abs(v - two.data[i]) > 40).length;
    };
    await run([join(photos, 'a.png'), '--out', out]);
    const full = await different('a.boxes.png');
    await run([join(photos, 'a.png'), '--out', out, '--hide-labels']);
    const bare = await different('a.boxes.png');
    await run([join(photos, 'a.png'), '--out', out, '--hide-labels', '--line-width', '6']);
    expect(bare).toBeLessThan(full);
    expect(await different('a.boxes.png')).toBeGreaterThan(2 * bare);
  });
});

describe('formats', () => {
  test('all at once: per picture and per run', async () => {
    await run([photos, '--out', out, '--no-draw', '--format', 'coco,jsonl,csv,yolo,voc']);
    expect(tree(out)).toEqual([
      ...['a.detections.json', 'a.txt', 'a.xml', 'b.detections.json', 'b.txt', 'b.xml', 'classes.txt'],
      ...['detections.csv', 'detections.jsonl', 'sub/c.detections.json', 'sub/c.txt', 'sub/c.xml'],
    ]);
    const coco = [...rows(read('a.detections.json')), ...rows(read('b.detections.json'))];
    const jsonl = read('detections.jsonl')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as CocoResult);
    expect(jsonl).toEqual(coco);
    const [head, ...csv] = parseCsv(read('detections.csv'));
    expect(head).toEqual([
      'image_id',
      'file_name',
      'category_id',
      'category_name',
      'x',
      'y',
      'width',
      'height',
      'score',
    ]);
    expect(csv).toEqual(
      coco.map(r => [r.image_id, r.file_name, r.category_id, r.category_name, ...r.bbox, r.score].map(String)),
    );
    expect(read('classes.txt')).toBe('red\ngreen\nblue thing\n');
    const [cls, cx, cy, w, h, score] = read('b.txt').trim().split(' ').map(Number);
    const [x, y, width, height] = rows(read('b.detections.json'))[0].bbox;
    expect(cls).toBe(0);
    expect([cx * 128 - (w * 128) / 2, cy * 96 - (h * 96) / 2, w * 128, h * 96]).toEqual(
      [x, y, width, height].map(v => expect.closeTo(v, 2)),
    );
    expect(score).toBeCloseTo(rows(read('b.detections.json'))[0].score, 5);
    expect(read('b.xml')).toMatch(/<width>128<\/width>\s*<height>96<\/height>/);
    expect(read('b.xml')).toContain(`<xmin>${Math.round(x) + 1}</xmin>`);
    expect(read('b.xml')).toContain(`<xmax>${Math.round(x + width)}</xmax>`);
    expect(read('sub/c.xml')).toMatch(/<folder>sub<\/folder>[\s\S]*<filename>c.png<\/filename>/);
  });
  test('without --out, one format goes to standard output', async () => {
    const csv = await run([photos, '--format', 'csv']);
    expect(csv.stdout.split('\n')[0]).toMatch(/^image_id,/);
    expect(parseCsv(csv.stdout)).toHaveLength(4);
    expect((await run([photos, '--format', 'jsonl'])).stdout.trim().split('\n')).toHaveLength(3);
    expect(rows((await run([photos, '--format', 'coco'])).stdout)).toHaveLength(3);
  });
});

describe('image_id', () => {
  const ids = async () => rows((await run([photos, '--json'])).stdout).map(r => [r.file_name, r.image_id]);
  test('is the place in the sorted list', async () => {
    expect(await ids()).toEqual([
      ['a.png', 1],
      ['a.png', 1],
      ['b.jpg', 2],
    ]);
  });
  test('is the number in the name when all names are numbers', async () => {
    rmSync(photos, { recursive: true });
    mkdirSync(photos);
    for (const name of ['000000397133.png', '7.png']) writeFileSync(join(photos, name), await encodePng(red));
    expect(await ids()).toEqual([
      ['000000397133.png', 397133],
      ['7.png', 7],
    ]);
    writeFileSync(join(photos, '07.jpg'), await encodeJpeg(red)); // 7 twice
    expect((await ids()).map(([, id]) => id)).toEqual([1, 2, 3]);
  });
});

describe('what goes wrong', () => {
  test('the only input missing: 2', async () => {
    expect(await run([join(photos, 'none.jpg')])).toMatchInlineSnapshot(`
      {
        "code": 2,
        "stderr": "error: cannot read picture ROOT/photos/none.jpg
        why: there is no such file
        fix: check the path
      ",
        "stdout": "",
      }
    `);
    expect((await run([join(photos, '*.bmp')])).code).toBe(2);
  });
  test('a bad file in a folder is named, the rest is done: 4', async () => {
    writeFileSync(join(photos, 'aa.jpg'), 'not a picture');
    const { code, stdout, stderr } = await run([photos, '--out', out]);
    expect(code).toBe(4);
    expect(stdout.split('\n').filter(Boolean)).toHaveLength(3);
    expect(stderr.replace(/in [\d.]+ s; [\d.]+/, 'in T s; R')).toMatchInlineSnapshot(`
      "error: cannot read picture ROOT/photos/aa.jpg
        why: its first bytes (6e6f742061207069) are of no picture format we read
        fix: give a JPEG, PNG, WebP, AVIF, GIF or TIFF file
      3 pictures, 3 objects in T s; R pictures/s; 1 failed; written to ROOT/out
      error: 1 of 4 inputs failed
        why: each is named above with its reason
        fix: correct or leave out those, the others are done
      "
    `);
    expect(tree(out)).toHaveLength(6);
  });
  test('all of several inputs bad: 4, and --json is still whole', async () => {
    const { code, stdout } = await run([join(photos, 'x.jpg'), join(photos, 'y.jpg'), '--json']);
    expect([code, stdout]).toEqual([4, '[]\n']);
  });
  test.each([
    ['--score', '2'],
    ['--nms', 'fast'],
    ['--format', 'xls'],
    ['--device', 'tpu'],
    ['--max', '0'],
    ['--classes', 'unicorn'],
    ['--format', 'yolo'],
    ['--resume'],
    ['--overlap', '0.3'],
    ['--json', '--format', 'csv'],
  ])('%s %s: 2, in three lines', async (...flags) => {
    const { code, stdout, stderr } = await run([photos, ...flags]);
    expect([code, stdout === '' || stdout === '[]\n']).toEqual([2, true]);
    expect(stderr).toMatch(/^error: .+\n {2}why: .+\n {2}fix: .+\n$/);
  });
  test('an output that cannot be written stops the run', async () => {
    writeFileSync(out, 'a file where the folder should be');
    const { code, stderr } = await run([photos, '--out', out]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: cannot write ROOT\/out/);
  });
});

describe('--resume', () => {
  test('skips what is whole, does the rest, and --json tells of all', async () => {
    const first = await run([photos, '--out', out, '--json']);
    rmSync(join(out, 'b.boxes.png'));
    const again = await run([photos, '--out', out, '--json', '--resume']);
    expect(passes).toBe(1);
    expect(again.stdout).toBe(first.stdout);
    expect(again.stderr).toContain('2 skipped: done earlier');
    expect(existsSync(join(out, 'b.boxes.png'))).toBe(true);
    await run([photos, '--out', out]);
    expect(passes).toBe(3);
  });
  test('keeps the rows of csv and jsonl', async () => {
    const args = [photos, '--out', out, '--format', 'csv,jsonl', '--no-draw'];
    await run(args);
    const whole = [read('detections.csv'), read('detections.jsonl')];
    await run([...args, '--resume']);
    expect(passes).toBe(1); // the picture without objects has no row to know it by
    expect([read('detections.csv'), read('detections.jsonl')]).toEqual(whole);
  });
});

describe('flags reach the pipeline', () => {
  test('--classes, --score, --max', async () => {
    expect((await run([photos, '--classes', 'green', '--quiet', '--json'])).stdout).toContain('green');
    expect(rows((await run([photos, '--classes', 'green', '--json'])).stdout)).toHaveLength(1);
    expect(rows((await run([photos, '--score', '0.99', '--json'])).stdout)).toHaveLength(0);
    expect(rows((await run([join(photos, 'a.png'), '--max', '1', '--json'])).stdout)).toHaveLength(1);
  });
  test('--batch and --slice', async () => {
    const sizes: number[] = [];
    await run([photos, '--batch', '2', '--json'], { onRun: n => sizes.push(n) });
    expect(sizes).toEqual([2, 1]);
    await run([join(photos, 'b.jpg'), '--slice', '64', '--overlap', '0', '--json']);
    expect(passes).toBe(5); // 2 x 2 and the whole
    await run([join(photos, 'b.jpg'), '--slice', '64', '--overlap', '0', '--no-full', '--json']);
    expect(passes).toBe(4);
  });
});

test('EXIF-rotated, transparent and grey pictures keep their own coordinates', async () => {
  const sharp = (await import('sharp')).default;
  const stored = await sharp(Buffer.from(await encodePng(red)))
    .rotate(90)
    .withMetadata({ orientation: 8 })
    .png()
    .toBuffer();
  writeFileSync(join(root, 'turned.png'), stored);
  const [row] = rows((await run([join(root, 'turned.png'), '--json'])).stdout);
  const [straight] = rows((await run([join(photos, 'b.jpg'), '--json'])).stdout);
  row.bbox.forEach((v, i) => {
    expect(v).toBeCloseTo(straight.bbox[i], 0);
  });
});
