import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DepthMap, rgbImage, tensor } from '../../src/core/index.ts';
import { encodeGrey16Png, encodePng } from '../../src/image/index.ts';
import { evaluateDepth } from '../../src/pipelines/index.ts';
import { streamPictures } from '../../src/pipelines/stream.ts';
import { type OpenDepthNet, type ValDepthOptions, validateDepth } from '../../src/pipelines/val/index.ts';

const [WIDTH, HEIGHT] = [24, 18];
let dir = '';
let seen = 0;

/** Sees the red of a picture as inverse depth: right up to scale and shift where `wrong` says nothing. */
const open: OpenDepthNet = async () => {
  const mapOf = (data: Uint8Array): DepthMap => ({
    kind: 'relative',
    width: WIDTH,
    height: HEIGHT,
    values: Float32Array.from({ length: WIDTH * HEIGHT }, (_, i) => data[3 * i]! / 50 + 3),
  });
  return {
    hash: 'c'.repeat(64),
    net: {
      model: 'fake',
      kind: 'relative',
      inputSize: { width: 32, height: 32 },
      estimate: async source => {
        for await (const item of streamPictures([source], { batch: 1 }, async images => images))
          if ('image' in item) return { image: item.image, map: mapOf(item.image.data) };
        throw new Error('no picture');
      },
      stream: (sources, options = {}) =>
        streamPictures(sources, { ...options, batch: 1 }, async images => {
          seen++;
          return images.map(image => ({ image, map: mapOf(image.data) }));
        }),
      close: async () => {},
    },
  };
};
const run = (options: Partial<ValDepthOptions> = {}) =>
  validateDepth({ gt: join(dir, 'depth'), images: join(dir, 'color'), ...options }, open);

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'pe-dense-val-depth-'));
  process.env.PE_DENSE_CACHE = join(dir, 'cache');
  for (const name of ['depth', 'color', 'pred']) mkdirSync(join(dir, name));
  for (let n = 0; n < 4; n++) {
    // waves that are neither constant nor a gradient; picture 3 is seen wrongly in its right half
    const red = Array.from({ length: WIDTH * HEIGHT }, (_, i) =>
      Math.round(128 + 100 * Math.sin(i / 5 + n) * Math.cos(i / 31)),
    );
    const shown = red.map((v, i) => (n === 3 && i % WIDTH > 12 ? 255 - v : v));
    const pixels = Uint8Array.from({ length: 3 * red.length }, (_, i) => shown[Math.floor(i / 3)]!);
    writeFileSync(join(dir, 'color', `a${n}.png`), await encodePng(rgbImage(HEIGHT, WIDTH, pixels)));
    const metres = red.map((v, i) => (i % 11 === 0 ? 0 : Math.round(1000 / (0.2 + v / 500))));
    writeFileSync(
      join(dir, 'depth', `a${n}.depth.png`),
      await encodeGrey16Png(tensor(['height', 'width'] as const, [HEIGHT, WIDTH], Uint16Array.from(metres))),
    );
    const inverse = Float32Array.from(shown, v => v / 50 + 3);
    const head = Buffer.from(`Pf\n${WIDTH} ${HEIGHT}\n-1\n`);
    const rows = Array.from({ length: HEIGHT }, (_, y) =>
      inverse.slice((HEIGHT - 1 - y) * WIDTH, (HEIGHT - y) * WIDTH),
    );
    writeFileSync(join(dir, 'pred', `a${n}.pfm`), Buffer.concat([head, ...rows.map(r => Buffer.from(r.buffer))]));
  }
});
afterAll(() => {
  delete process.env.PE_DENSE_CACHE;
  rmSync(dir, { recursive: true });
});

describe('val --task depth', () => {
  test('gives what evaluate depth gives for the same maps, and for the baselines', async () => {
    const gt = join(dir, 'depth');
    const files = await evaluateDepth({ gt, pred: join(dir, 'pred'), predKind: 'inverse' });
    const report = await run();
    for (const key of ['abs_rel', 'rmse', 'delta1', 'silog'] as const)
      expect(report[key]).toBeCloseTo(files[key] as number, 6);
    expect(report).toMatchObject({ images: 4, align: 'disparity', run: { task: 'depth', kind: 'relative' } });
    for (const baseline of ['constant', 'gradient'] as const) {
      const { abs_rel, delta3 } = await evaluateDepth({ gt, baseline });
      expect(report.baselines[baseline]).toMatchObject({ abs_rel, delta3 });
    }
    expect(report.per_image.a0!.abs_rel).toBeLessThan(0.01);
    expect(report.abs_rel!).toBeLessThan(report.baselines.constant.abs_rel!);
  });
  test('a report with the worst picture first, nothing fetched; a second run takes it all from the journal', async () => {
    const report = join(dir, 'report');
    const whole = await run({ report, worst: 2 });
    const page = readFileSync(join(report, 'report.html'), 'utf8');
    expect(page).not.toMatch(/(src|href)="(?!data:|#)/);
    expect([...page.matchAll(/<h3>(\S+) <small>AbsRel/g)].map(m => m[1])[0]).toBe('a3');
    expect(page.match(/data:image\/jpeg/g)).toHaveLength(8);
    seen = 0;
    const again = await run({ report, resume: true });
    expect(seen).toBe(0);
    expect(again).toMatchObject({ abs_rel: whole.abs_rel, baselines: whole.baselines, speed: null });
    await expect(run({ report, resume: true, max: 3 })).rejects.toMatchObject({
      code: 'BAD_USAGE',
      detail: { why: expect.stringContaining('max was "Infinity", now it is "3"') },
    });
  });
  test('pairs by a list, broken pictures left out', async () => {
    writeFileSync(join(dir, 'color', 'broken.png'), 'no picture');
    const rows = ['a0.depth.png,a0.png', 'a1.depth.png,broken.png', 'a2.depth.png,a2.png'];
    writeFileSync(join(dir, 'pairs.csv'), `${rows.join('\n')}\n`);
    const report = await run({ pairs: join(dir, 'pairs.csv') });
    expect(report).toMatchObject({ images: 2, missing: 1, run: { failed: [join(dir, 'color', 'broken.png')] } });
  });
  test('a broken depth map is left out as a broken picture is; a head line gt,picture is none of the pairs', async () => {
    writeFileSync(join(dir, 'depth', 'torn.png'), 'no map');
    const rows = ['gt,picture', 'a0.depth.png,a0.png', 'torn.png,a1.png', 'a2.depth.png,a2.png', 'gone.png,a3.png'];
    writeFileSync(join(dir, 'torn.csv'), `${rows.join('\n')}\n`);
    const said: string[] = [];
    const report = await run({ pairs: join(dir, 'torn.csv'), onFailed: error => void said.push(error.detail.what) });
    expect(report).toMatchObject({ images: 2, missing: 2 });
    expect(said).toEqual([expect.stringContaining('torn.png'), expect.stringContaining('gone.png')]);
    expect(report.run.failed).toEqual(['a1.png', 'a3.png'].map(name => join(dir, 'color', name)));
    writeFileSync(join(dir, 'torn.csv'), `${rows[2]}\n`);
    await expect(run({ pairs: join(dir, 'torn.csv') })).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });
  test('one truth beside two pictures is two pairs, also in the journal', async () => {
    writeFileSync(join(dir, 'twice.csv'), 'a0.depth.png,a0.png\na0.depth.png,a1.png\n');
    const options = { pairs: join(dir, 'twice.csv'), journal: join(dir, 'twice.journal') };
    const report = await run(options);
    expect(report.images).toBe(2);
    const [own, other] = ['a0', 'a1'].map(name => report.per_image[`a0.depth.png,${name}.png`]!.abs_rel!);
    expect(own).toBeLessThan(0.01);
    expect(other).toBeGreaterThan(0.05);
    seen = 0;
    expect((await run({ ...options, resume: true })).per_image).toEqual(report.per_image);
    expect(seen).toBe(0);
    // another picture for the same truth is not what the journal holds
    writeFileSync(join(dir, 'twice.csv'), 'a0.depth.png,a2.png\n');
    await run({ ...options, resume: true });
    expect(seen).toBe(1);
  });
  test('a folder of pictures is needed without a list', async () => {
    await expect(run({ images: undefined })).rejects.toMatchObject({ code: 'BAD_USAGE' });
  });
});
