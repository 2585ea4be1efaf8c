import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DenseError, rgbImage, seededRandom } from '../../src/core/index.ts';
import { DepthEstimator } from '../../src/pipelines/depth/estimator.ts';
import { Detector } from '../../src/pipelines/index.ts';
import { Perceiver } from '../../src/pipelines/perceive/perceiver.ts';
import { TINY_LABELS, writeTinyModel } from '../detect/tiny-model.ts';

let root: string;
const at = (name: string) => join(root, name);
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-perceive-'));
  await writeTinyModel(at('both'), {}, { depth: 'relative' });
  await writeTinyModel(at('plain'));
});
afterAll(() => rmSync(root, { recursive: true }));

function noise(height: number, width: number, seed: number) {
  const random = seededRandom(seed);
  return rgbImage(
    height,
    width,
    Uint8Array.from({ length: height * width * 3 }, () => random() * 256),
  );
}
function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((max, v, i) => Math.max(max, Math.abs(v - b[i])), 0);
}
const refusal = async (work: Promise<unknown>) =>
  work.then(
    () => 'accepted',
    (error: unknown) => {
      if (!(error instanceof DenseError)) throw error;
      return `${error.code}: ${error.message}`;
    },
  );
const IMAGES = [noise(100, 80, 1), noise(33, 210, 2), noise(64, 64, 3)];

describe('Perceiver', () => {
  test.each([undefined, { width: 96, height: 64 }])(
    'sees in one pass what Detector and DepthEstimator see in two (size %s)',
    async size => {
      await using perceiver = await Perceiver.load(at('both'), { features: [1], size });
      await using detector = await Detector.load(at('both'), { features: [1], size });
      await using estimator = await DepthEstimator.load(at('both'), { size });
      expect(perceiver).toMatchObject({ model: 'tiny', labels: TINY_LABELS, depthKind: 'relative' });
      expect(perceiver.inputSize).toEqual(detector.inputSize);
      const seen = await perceiver.perceiveBatch(IMAGES, { detect: true, depth: true });
      const streamed = [];
      for await (const item of perceiver.stream([...IMAGES, at('missing.jpg')], {
        batch: 2,
        depth: { size: 'network' },
      }))
        streamed.push(item);
      expect(streamed.map(item => 'error' in item)).toEqual([false, false, false, true]);
      for (const [i, image] of IMAGES.entries()) {
        const found = await detector.detect(image);
        const { map } = await estimator.estimate(image);
        expect(found.length).toBeGreaterThan(0);
        const { detections, depth, features } = seen[i];
        expect(detections!.names).toEqual(found.names);
        expect(worst(detections!.scores, found.scores)).toBeLessThan(1e-4);
        expect(worst(detections!.boxes, found.boxes)).toBeLessThan(1e-2); // pixels
        expect(depth).toMatchObject({ kind: 'relative', width: map.width, height: map.height });
        expect(worst(depth!.values, map.values)).toBeLessThan(1e-4);
        expect(features!.map).toEqual(found.features!.map);
        expect(worst(features!.taps.get(1)!.data, found.features!.taps.get(1)!.data)).toBeLessThan(1e-4);
        const item = streamed[i];
        if ('error' in item) throw item.error;
        const small = (await estimator.estimate(image, { size: 'network' })).map;
        expect(worst(item.result.depth!.values, small.values)).toBeLessThan(1e-4);
      }
    },
  );

  test('gives what is asked for, with the detector’s options', async () => {
    await using perceiver = await Perceiver.load(at('both'));
    const image = IMAGES[0];
    const some = await perceiver.perceive(image, { detect: { max: 2, classes: ['owl'] }, depth: false });
    expect(Object.keys(some)).toEqual(['image', 'detections']);
    expect(some.detections!.length).toBeLessThanOrEqual(2);
    expect(new Set(some.detections!.names)).toEqual(new Set(['owl']));
    expect(Object.keys(await perceiver.perceive(image, { detect: false }))).toEqual(['image', 'depth']);
    await using only = await Perceiver.load(at('both'), { detect: false, depth: false, features: [2] });
    expect(Object.keys(await only.perceive(image))).toEqual(['image', 'features']);
  });

  test('refuses what it was not loaded with', async () => {
    await using plain = await Perceiver.load(at('plain'));
    expect(Object.keys(await plain.perceive(IMAGES[0]))).toEqual(['image', 'detections']);
    expect(await refusal(plain.perceive(IMAGES[0], { depth: true }))).toMatchInlineSnapshot(`
      "BAD_INPUT: depth is asked of a perceiver that was loaded without it
        why: its network has no such head, by the model or by the load options
        fix: load it with { depth: true }, or leave depth out"
    `);
    expect(await refusal(plain.perceive(IMAGES[0], { detect: { score: 2 } }))).toMatch(/^BAD_INPUT: score is 2/);
    expect(await refusal(plain.perceive(IMAGES[0], { signal: AbortSignal.abort() }))).toMatch(/^ABORTED/);
    expect(await refusal(Perceiver.load(at('plain'), { depth: true }))).toMatch(
      /^BAD_MODEL: model tiny gives no depth/,
    );
    expect(await refusal(Perceiver.load(at('plain'), { detect: false }))).toMatch(/^BAD_INPUT: nothing to perceive/);
  });
});
