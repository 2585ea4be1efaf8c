import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DenseError, type RgbImage, readNpy, rgbImage, seededRandom } from '../../src/core/index.ts';
import { encodePng, imageToBatch } from '../../src/image/index.ts';
import { openModel } from '../../src/model/index.ts';
import { DepthEstimator } from '../../src/pipelines/depth/estimator.ts';
import { depthOfFiles } from '../../src/pipelines/depth/files.ts';
import { openNetwork } from '../../src/pipelines/perceive/network.ts';
import { upsampleDepth } from '../../src/postprocess/index.ts';
import { TINY_DEPTH, writeTinyModel } from '../detect/tiny-model.ts';

const INPUT = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], color: 'rgb' };
let root: string;
const at = (name: string) => join(root, name);
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-depth-'));
  await writeTinyModel(at('relative'), {}, { depth: 'relative' });
  await writeTinyModel(at('split'), {}, { depth: 'relative', split: true });
  const patch14 = { size: [56, 70], multipleOf: 14, resize: 'squash', ...INPUT };
  await writeTinyModel(
    at('metric14'),
    { input: patch14, heads: { depth: { ...TINY_DEPTH.metric, stride: 1 } } },
    { depth: 'metric', vision: { patch_size: 14, image_size: 56, use_cls_token: false } },
  );
  const letterbox = { size: [64, 64], multipleOf: 16, resize: 'letterbox', ...INPUT };
  await writeTinyModel(at('letterbox'), { input: letterbox }, { depth: 'relative' });
});
afterAll(() => rmSync(root, { recursive: true }));

function noise(height: number, width: number, seed: number): RgbImage {
  const random = seededRandom(seed);
  return rgbImage(
    height,
    width,
    Uint8Array.from({ length: height * width * 3 }, () => random() * 256),
  );
}
function worst(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((max, v, i) => Math.max(max, Math.abs(v - b[i])), 0);
}
const spread = (values: Float32Array) =>
  values.reduce((m, v) => Math.max(m, v), -Infinity) - values.reduce((m, v) => Math.min(m, v), Infinity);
const refusal = async (work: Promise<unknown>) =>
  work.then(
    () => 'accepted',
    (error: unknown) => {
      if (!(error instanceof DenseError)) throw error;
      return `${error.code}: ${error.message.replaceAll(root, 'ROOT')}`;
    },
  );

describe('DepthEstimator', () => {
  test('gives the network’s numbers at its size, and interpolates them at the picture’s', async () => {
    await using estimator = await DepthEstimator.load(at('relative'));
    expect(estimator).toMatchObject({ model: 'tiny', kind: 'relative', inputSize: { height: 64, width: 64 } });
    const image = noise(50, 130, 1);
    const network = await openNetwork(await openModel(at('relative')), { depth: TINY_DEPTH.relative as never });
    const { depth } = await network.run(imageToBatch([image], network.input).batch);
    await network.close();
    const small = await estimator.estimate(image, { size: 'network' });
    expect(small.image).toBe(image);
    expect(small.map).toMatchObject({ kind: 'relative', width: 32, height: 32 });
    expect(spread(small.map.values)).toBeGreaterThan(0.1);
    expect(worst(small.map.values, depth![0].values)).toBeLessThan(1e-5);

    const { map } = await estimator.estimate(image);
    expect(map).toMatchObject({ kind: 'relative', width: 130, height: 50 });
    // pixel (x, y) lies at ((x + 1/2) 32/130 - 1/2, ...) of the small map
    for (const [x, y] of [
      [0, 0],
      [64, 25],
      [129, 49],
      [17, 40],
    ]) {
      const [u, v] = [((x + 0.5) * 32) / 130 - 0.5, ((y + 0.5) * 32) / 50 - 0.5].map(c => Math.min(31, Math.max(0, c)));
      const [i, j] = [Math.floor(u), Math.floor(v)];
      const cell = (a: number, b: number) => small.map.values[Math.min(31, b) * 32 + Math.min(31, a)];
      const top = cell(i, j) * (1 - (u - i)) + cell(i + 1, j) * (u - i);
      const bottom = cell(i, j + 1) * (1 - (u - i)) + cell(i + 1, j + 1) * (u - i);
      expect(map.values[y * 130 + x]).toBeCloseTo(top * (1 - (v - j)) + bottom * (v - j), 4);
    }
  });

  test('goes into depthOfFiles as it is: its small map, brought to the picture', async () => {
    await using estimator = await DepthEstimator.load(at('relative'));
    const image = noise(50, 130, 2);
    writeFileSync(at('a.png'), await encodePng(image));
    const files = [{ path: at('a.png'), relative: 'a.png' }];
    const outcomes = [];
    for await (const outcome of depthOfFiles(estimator, files, { out: at('out'), formats: ['npy'] }))
      outcomes.push(outcome);
    expect(outcomes.map(o => o.kind)).toEqual(['done']);
    const { map } = await estimator.estimate(image, { size: 'network' });
    const written = readNpy(new Uint8Array(readFileSync(at('out/a.depth.npy'))), 'a.depth.npy');
    expect([...written.data]).toEqual([...(await upsampleDepth(map, image)).values]);
  });
  test('batches and streams give what single pictures give, with errors in their place', async () => {
    await using estimator = await DepthEstimator.load(at('relative'), { threads: 1 });
    const images = [noise(40, 40, 1), noise(64, 30, 2), noise(33, 80, 3)];
    const batch = await estimator.estimateBatch(images, { batch: 2 });
    const streamed: string[] = [];
    for await (const item of estimator.stream([images[0], at('missing.jpg'), images[1], images[2]], { batch: 3 })) {
      if ('error' in item) streamed.push('error');
      else {
        const i = images.indexOf(item.image);
        streamed.push(`picture ${i}`);
        expect(worst(item.result.map.values, batch[i].map.values)).toBeLessThan(1e-4);
      }
    }
    expect(streamed).toEqual(['picture 0', 'error', 'picture 1', 'picture 2']);
    for (const [i, image] of images.entries()) {
      const { map } = await estimator.estimate(image);
      expect([map.width, map.height]).toEqual([image.shape[1], image.shape[0]]);
      expect(worst(map.values, batch[i].map.values)).toBeLessThan(1e-4);
    }
    expect(await estimator.estimateBatch([])).toEqual([]);
  });

  test('runs a metric head on a backbone with patches of 14, without a class token, at another size', async () => {
    await using estimator = await DepthEstimator.load(at('metric14'));
    expect(estimator).toMatchObject({ kind: 'metric', inputSize: { height: 56, width: 70 } });
    const { map } = await estimator.estimate(noise(20, 30, 4), { size: 'network' });
    expect(map).toMatchObject({ kind: 'metric', width: 70, height: 56 });
    expect(spread(map.values)).toBeGreaterThan(0.1);
    for (const v of map.values) expect(v >= 0.5 && v <= 20).toBe(true); // between near and far
    await using wide = await DepthEstimator.load(at('metric14'), { size: { width: 98, height: 42 } });
    const other = await wide.estimate(noise(20, 30, 4), { size: 'network' });
    expect([other.map.width, other.map.height]).toEqual([98, 42]);
  });

  test('leaves out what a letterbox added', async () => {
    await using estimator = await DepthEstimator.load(at('letterbox'));
    const image = noise(64, 128, 5); // 64 x 32 of the input, 16 above and below: rows 8 to 23 of the map of 32
    const network = await openNetwork(await openModel(at('letterbox')), { depth: TINY_DEPTH.relative as never });
    const { depth } = await network.run(imageToBatch([image], network.input).batch);
    await network.close();
    const { map } = await estimator.estimate(image, { size: 'network' });
    expect([map.width, map.height]).toEqual([32, 16]);
    expect(worst(map.values, depth![0].values.subarray(8 * 32, 24 * 32))).toBeLessThan(1e-5);
  });

  test('heads in a file of their own beside the backbone’s', async () => {
    await using one = await DepthEstimator.load(at('relative'));
    await using two = await DepthEstimator.load(at('split'));
    const image = noise(30, 30, 6);
    const [a, b] = [await one.estimate(image), await two.estimate(image)];
    expect(worst(a.map.values, b.map.values)).toBe(0);
  });

  test('what does not fit is refused with words', async () => {
    await writeTinyModel(at('plain'));
    expect(await refusal(DepthEstimator.load(at('plain')))).toMatchInlineSnapshot(`
      "BAD_MODEL: model tiny gives no depth
        why: it has no depth head
        fix: use a model with a DPT head; see pe-dense models"
    `);
    await writeTinyModel(at('untrained'), { heads: { depth: TINY_DEPTH.relative } });
    expect(await refusal(DepthEstimator.load(at('untrained')))).toMatch(/^BAD_MODEL: the weights hold no depth head/);
    expect(await refusal(DepthEstimator.load(at('relative'), { size: 100 }))).toMatch(/^BAD_INPUT: size 100/);
    expect(await refusal(DepthEstimator.load(at('relative'), { device: 'dml' }))).toMatch(/^UNAVAILABLE/);
    const estimator = await DepthEstimator.load(at('relative'));
    expect(await refusal(estimator.estimate(at('missing.jpg')))).toMatch(/^BAD_INPUT/);
    expect(await refusal(estimator.estimate(noise(9, 9, 1), { size: 'full' as never }))).toMatch(/^BAD_INPUT: size is/);
    expect(await refusal(estimator.estimateBatch([noise(9, 9, 1)], { batch: 0 }))).toMatch(/^BAD_INPUT: batch is 0/);
    const aborted = AbortSignal.abort();
    expect(await refusal(estimator.estimate(noise(9, 9, 1), { signal: aborted }))).toMatch(/^ABORTED/);
    await estimator.close();
    expect(await refusal(estimator.estimate(noise(9, 9, 1)))).toMatch(/^UNAVAILABLE/);
  });
});
