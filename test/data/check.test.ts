import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dataCommand } from '../../src/cli/commands/data.ts';
import { seededRandom } from '../../src/core/index.ts';
import { decodeImage, encodePng, resizeImage } from '../../src/image/index.ts';
import { type CheckReport, loadEmbedder, NEAR } from '../../src/pipelines/data/index.ts';
import { runCli } from '../cli/harness.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));
let root: string;

/** Stands in for the network: the picture shrunk to 4 x 4. */
const fake = async () => ({
  embed: async (image: Parameters<typeof resizeImage>[0]) => {
    const small = Float32Array.from(resizeImage(image, 4, 4, { antialias: true }).data, v => v - 128);
    const length = Math.hypot(...small);
    return small.map(v => v / length);
  },
  close: async () => {},
});

async function run(...args: string[]) {
  const out = await runCli(['data', 'check', ...args], [{ group: 'Data:', make: () => dataCommand(fake) }]);
  return { ...out, stdout: out.stdout.replaceAll(root, 'ROOT') };
}

/** A picture of smooth noise. */
async function picture(seed: number, width = 60, height = 40, edit = (s: Sharp) => s): Promise<Buffer> {
  const random = seededRandom(seed);
  const data = Uint8Array.from({ length: 6 * 4 * 3 }, () => 255 * random());
  const large = await sharp(data, { raw: { width: 6, height: 4, channels: 3 } })
    .resize(width, height, { fit: 'fill' })
    .png()
    .toBuffer();
  return edit(sharp(large)).png().toBuffer();
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-check-'));
  for (const folder of ['train', 'val']) mkdirSync(join(root, folder));
  const put = (name: string, bytes: Uint8Array | string) => writeFileSync(join(root, name), bytes);
  put('train/good.png', await picture(1));
  put('train/again.png', await picture(1));
  put('train/turned.png', await picture(2, 40, 60));
  put('train/cut.png', (await picture(3)).subarray(0, 200));
  put('train/new.png', await picture(4));
  put('val/leak.png', await picture(1));
  put('val/like.png', await picture(2, 80, 120, s => s.modulate({ brightness: 1.05 })));
  const images = ['good', 'again', 'turned', 'cut', 'gone'].map((name, i) => ({
    id: i,
    file_name: `${name}.png`,
    width: 60,
    height: 40,
  }));
  const categories = [
    { id: 1, name: 'cat' },
    { id: 2, name: 'dog' },
  ];
  const annotations = [
    [0, 1, [2, 2, 20, 20]],
    [0, 1, [2, 2, 20, 20.1]],
    [1, 1, [5, 5, 0, 9]],
    [1, 1, [70, 5, 5, 9]],
    [2, 1, [50, 5, 15, 9]],
    [3, 1, [5, 5, 1, 9]],
    [3, 9, [5, 5, 9, 9]],
  ].map(([image_id, category_id, bbox], id) => ({ id, image_id, category_id, bbox }));
  put('train.json', JSON.stringify({ images, categories, annotations }));
  const val = ['leak', 'like'].map((name, i) => ({ id: i, file_name: `${name}.png` }));
  put('val.json', JSON.stringify({ images: val, categories, annotations: [] }));
});
afterAll(() => rmSync(root, { recursive: true }));

const sources = () => [
  `train=${join(root, 'train.json')}`,
  `val=${join(root, 'val.json')}`,
  '--images',
  join(root, 'train'),
  join(root, 'val'),
];

describe('data check', () => {
  test('finds each fault of a broken set, and nothing else', async () => {
    const { code, stdout } = await run(...sources(), '--json', '--near', '0.9');
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as CheckReport;
    expect(report.findings.map(f => [f.kind, f.file])).toEqual([
      ['unknown-class', 'cut.png'],
      ['duplicate-box', 'good.png'],
      ['empty-box', 'again.png'],
      ['box-outside', 'again.png'],
      ['box-over-edge', 'turned.png'],
      ['tiny-box', 'cut.png'],
      ['empty-class', undefined],
      ['unlisted-picture', 'new.png'],
      ['duplicate-picture', 'again.png'],
      ['wrong-size', 'turned.png'],
      ['unreadable-picture', 'cut.png'],
      ['unreadable-picture', 'gone.png'],
      ['leak', 'leak.png'],
      ['near-leak', 'like.png'],
    ]);
    expect(report.splits).toEqual({ train: 5, val: 2 });
    expect([report.errors, report.warnings]).toEqual([7, 7]);
    expect(report.findings.find(f => f.kind === 'wrong-size')!.text).toContain('annotated 60 x 40, is 40 x 60, turned');
    expect(report.findings.find(f => f.kind === 'leak')!.text).toBe('val/leak.png has the pixels of train/good.png');
  });
  test('a table for people; --strict exits with 1; without pictures only annotations are looked at', async () => {
    const strict = await run(...sources(), '--strict', '--no-near');
    expect([strict.code, strict.stderr.split('\n')[0]]).toEqual([1, 'error: 7 errors in the data']);
    expect(strict.stdout).toMatch(/^leak +1 +error +the same picture in two splits$/m);
    expect(strict.stdout).toContain('7 errors, 6 warnings');
    const { stdout, code } = await run(join(root, 'train.json'), '--no-pictures');
    expect(code).toBe(0);
    expect(stdout).not.toMatch(/unreadable|wrong-size/);
    expect(stdout).toMatch(/^cat +6 +100.0 %/m);
  });
  test('the sheet shows faulty pictures first', async () => {
    const sheet = join(root, 'sheet.png');
    await run(...sources(), '--sheet', sheet, '--no-near', '--quiet');
    const { shape, data } = await decodeImage(sheet);
    expect(shape).toEqual([2 * 256 + 10, 6 * 290 + 10, 3]);
    const at = (x: number, y: number) => [...data.subarray(3 * (y * shape[1] + x), 3 * (y * shape[1] + x) + 3)];
    expect(new Set(data).size).toBeGreaterThan(100);
    expect(at(10 + 290 * 5 + 10, 256 + 10 + 10)).toEqual([24, 26, 30]); // five of the second row are free
  });
  test('a folder of pictures alone; a clean set says so; a wrong place is exit 2', async () => {
    const alone = await run(join(root, 'val'), '--json', '--no-near');
    expect(JSON.parse(alone.stdout)).toMatchObject({ pictures: 2, objects: 0, findings: [], classes: [] });
    expect((await run(join(root, 'val'), '--no-near')).stdout).toContain('nothing found');
    expect((await run(join(root, 'none.json'))).code).toBe(2);
    expect((await run(join(root, 'val'), '--near', '2')).stderr).toContain('--near got "2"');
  });
});

test('dense-t16 tells copies of photographs from other photographs at the threshold', {
  timeout: 120_000,
}, async () => {
  const embedder = await loadEmbedder();
  try {
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
    const [name, other] = ['000000423617.jpg', '000000565778.jpg'];
    const image = await decodeImage(join(EXAMPLES, name));
    const half = resizeImage(image, image.shape[0] >> 1, image.shape[1] >> 1, { antialias: true });
    const jpeg = await sharp(Buffer.from(await encodePng(image)))
      .jpeg({ quality: 30 })
      .toBuffer();
    const original = await embedder.embed(image);
    expect(dot(original, await embedder.embed(half))).toBeGreaterThan(NEAR);
    expect(dot(original, await embedder.embed(await decodeImage(jpeg)))).toBeGreaterThan(NEAR);
    expect(dot(original, await embedder.embed(await decodeImage(join(EXAMPLES, other))))).toBeLessThan(NEAR - 0.05);
  } finally {
    await embedder.close();
  }
});
