import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DenseError } from '../../src/core/index.ts';
import { Detector } from '../../src/pipelines/index.ts';
import { noise } from './noise.ts';
import { TINY_LABELS, writeTinyModel } from './tiny-model.ts';

let root: string;
let model: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-load-'));
  model = join(root, 'tiny');
  await writeTinyModel(model);
});
afterAll(() => rmSync(root, { recursive: true }));

const refusal = async (name: string, options = {}) =>
  Detector.load(name, options).then(
    async detector => {
      await detector.close();
      return 'accepted';
    },
    (error: unknown) => {
      if (!(error instanceof DenseError)) throw error;
      return `${error.code}: ${error.message.replaceAll(root, 'ROOT')}`;
    },
  );

describe('a real network from a model directory', () => {
  test('finds the same in a batch, one by one and in a stream; objects lie inside and are of its labels', async () => {
    await using detector = await Detector.load(model);
    expect(detector).toMatchObject({ model: 'tiny', labels: TINY_LABELS, inputSize: { height: 64, width: 64 } });
    const images = [noise(100, 80, 1), noise(64, 64, 2), noise(33, 210, 3)];
    const batch = await detector.detectBatch(images);
    expect(batch.map(found => found.length)).not.toContain(0);
    for (const [i, found] of batch.entries()) {
      const alone = await detector.detect(images[i]);
      expect(Array.from(alone.classes)).toEqual(Array.from(found.classes));
      alone.scores.forEach((s, k) => {
        expect(s).toBeCloseTo(found.scores[k], 4);
      });
      expect(found.length).toBeLessThanOrEqual(20); // the model's own max
      for (const { name, score, x1, y1, x2, y2 } of found.objects) {
        expect(TINY_LABELS).toContain(name);
        expect(score).toBeGreaterThanOrEqual(0.4);
        expect(x1).toBeGreaterThanOrEqual(0);
        expect(y1).toBeGreaterThanOrEqual(0);
        expect(x2).toBeLessThanOrEqual(found.width);
        expect(y2).toBeLessThanOrEqual(found.height);
      }
    }
    const streamed = [];
    for await (const item of detector.stream(images)) if ('result' in item) streamed.push(item.result.length);
    expect(streamed).toEqual(batch.map(found => found.length));
  });
  test('runs at another size, wide or square', async () => {
    for (const [size, want] of [
      [96, { height: 96, width: 96 }],
      [
        { width: 128, height: 64 },
        { height: 64, width: 128 },
      ],
    ] as const) {
      await using detector = await Detector.load(model, { size, threads: 1 });
      expect(detector.inputSize).toEqual(want);
      expect((await detector.detect(noise(50, 50, 4))).length).toBeGreaterThan(0);
    }
  });
  test('a call on a closed detector is refused', async () => {
    const detector = await Detector.load(model);
    await detector.close();
    await expect(detector.detect(noise(8, 8, 1))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('what does not fit is refused with words', () => {
  test('an unknown name', async () =>
    expect(await refusal('dense-t61')).toMatch(/^UNKNOWN_MODEL: there is no model dense-t61/));
  test('a size', async () =>
    expect(await refusal(model, { size: 100 })).toMatchInlineSnapshot(`
    "BAD_INPUT: size 100
      why: tiny takes multiples of 16 pixels
      fix: try 96"
  `));
  test('a device', async () => expect(await refusal(model, { device: 'dml' })).toMatch(/^UNAVAILABLE: --device dml/));
  test('a model without a detection head', async () => {
    await writeTinyModel(join(root, 'headless'), { heads: {} });
    expect(await refusal(join(root, 'headless'))).toMatchInlineSnapshot(`
      "BAD_MODEL: model tiny cannot detect
        why: it has no detection head
        fix: use a model with an anchor-free detection head; see pe-dense models"
    `);
  });
  test('an unknown label set, and labels that the head does not have', async () => {
    const head = { kind: 'anchor-free', strides: [8, 16, 32], bins: 4 };
    await writeTinyModel(join(root, 'labels'), { heads: { detection: { ...head, labels: 'coco8' } } });
    expect(await refusal(join(root, 'labels'))).toMatchInlineSnapshot(`
      "BAD_MODEL: model tiny has labels "coco8"
        why: known label sets are coco80
        fix: name one of those in model.json, or list the labels themselves"
    `);
    await writeTinyModel(join(root, 'labels'), { heads: { detection: { ...head, labels: ['one'] } } });
    expect(await refusal(join(root, 'labels'))).toMatch(/^BAD_MODEL: head.out.0 gives 19 channels/);
  });
  test('changed weights', async () => {
    await writeTinyModel(join(root, 'changed'));
    writeFileSync(join(root, 'changed', 'weights.safetensors'), 'other');
    expect(await refusal(join(root, 'changed'))).toMatch(
      /^BAD_MODEL: ROOT\/changed\/weights.safetensors is not the file/,
    );
  });
});
