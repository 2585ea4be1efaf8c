import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DenseError } from '../../src/core/index.ts';
import { Detector, FeatureExtractor } from '../../src/pipelines/index.ts';
import { noise } from '../detect/noise.ts';
import { writeTinyModel } from '../detect/tiny-model.ts';

let root: string;
let model: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-features-'));
  model = join(root, 'tiny');
  await writeTinyModel(model);
});
afterAll(() => rmSync(root, { recursive: true }));

describe('features out of the detector’s own pass', () => {
  test('are those of the feature extractor, for every picture of a batch, and boxes stay the same', async () => {
    const images = [noise(100, 80, 1), noise(64, 64, 2), noise(33, 210, 3)];
    await using plain = await Detector.load(model);
    await using detector = await Detector.load(model, { features: [1, 2] });
    const extractor = await FeatureExtractor.load({ model, layers: [1, 2] });
    const expected = await extractor.extract(images);
    const results = await detector.detectBatch(images);
    expect(results.length).toBe(3);
    for (const [i, found] of results.entries()) {
      expect([...found.features!.taps.keys()]).toEqual([1, 2]);
      for (const [tap, grid] of found.features!.taps) {
        const want = extractor.toGrid(tap, expected.layers.get(tap)!, i);
        expect(grid.shape).toEqual([1, 4, 4, 32]);
        expect(Math.max(...want.data)).toBeGreaterThan(0.5);
        grid.data.forEach((v, k) => {
          expect(Math.abs(v - want.data[k])).toBeLessThan(1e-4);
        });
      }
      const alone = await plain.detect(images[i]);
      expect(alone.features).toBeUndefined();
      expect(Array.from(found.classes)).toEqual(Array.from(alone.classes));
      found.scores.forEach((s, k) => {
        expect(Math.abs(s - alone.scores[k])).toBeLessThan(1e-4);
      });
    }
    await extractor.close();
  });

  test('say where the picture lies on the grid, squashed or letterboxed', async () => {
    await using detector = await Detector.load(model, { features: [2], size: { width: 128, height: 64 } });
    const squashed = await detector.detect(noise(100, 50, 1));
    expect(squashed.features!.taps.get(2)!.shape).toEqual([1, 4, 8, 32]);
    expect(squashed.features!.map).toEqual({ scaleX: 8 / 50, scaleY: 4 / 100, offsetX: 0, offsetY: 0 });
    const boxed = join(root, 'boxed');
    const input = { size: [64, 64], multipleOf: 16, resize: 'letterbox', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
    await writeTinyModel(boxed, { input: { ...input, color: 'rgb' } });
    await using letterbox = await Detector.load(boxed, { features: [1] });
    // 128 x 64 fills the width: 64 x 32 pixels with 16 above and below, 16 pixels to a patch
    const wide = await letterbox.detect(noise(64, 128, 1));
    expect(wide.features!.map).toEqual({ scaleX: 4 / 128, scaleY: 2 / 64, offsetX: 0, offsetY: 1 });
  });

  test('with slices are those of the whole picture, and are refused without it', async () => {
    const image = noise(160, 160, 5);
    await using detector = await Detector.load(model, { features: [2] });
    const whole = (await detector.detect(image)).features!;
    const sliced = await detector.detect(image, { slice: 96 });
    expect(sliced.features!.map).toEqual(whole.map);
    sliced.features!.taps.get(2)!.data.forEach((v, k) => {
      expect(Math.abs(v - whole.taps.get(2)!.data[k])).toBeLessThan(1e-4);
    });
    const refused = detector.detect(image, { slice: { size: 96, full: false } });
    await expect(refused).rejects.toThrow(/features are those of the whole picture/);
  });

  test('a block that the backbone does not have is named', async () => {
    const loading = Detector.load(model, { features: [3] });
    await expect(loading).rejects.toThrow(DenseError);
    await expect(loading).rejects.toThrow(/layer 3\n.*the network has 2 blocks/);
  });
});
