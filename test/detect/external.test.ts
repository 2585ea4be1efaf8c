import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DenseError } from '../../src/core/index.ts';
import { encodePng } from '../../src/image/index.ts';
import { Detector } from '../../src/pipelines/index.ts';
import { runCli } from '../cli/harness.ts';
import { cellPicture, TINY_KINDS, writeTinyDetector, writeTinyOnnx } from './tiny-onnx.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-external-'));
});
afterAll(() => rmSync(root, { recursive: true }));

let next = 0;
const folder = () => join(root, `m${next++}`);

describe("another project's detector, from file to boxes", () => {
  test.each(TINY_KINDS)('%s: finds what is there, where it is', async kind => {
    const directory = folder();
    await writeTinyDetector(directory, kind);
    await using detector = await Detector.load(directory, { threads: 1 });
    const [first, second] = await detector.detectBatch([cellPicture(0, 3, 2), cellPicture(2, 6, 5)]);
    expect(first.names).toEqual(['red']);
    expect(second.names).toEqual(['blue']);
    for (const [found, x, y] of [
      [first, 28, 20],
      [second, 52, 44],
    ] as const)
      [x - 8, y - 8, x + 8, y + 8].forEach((v, e) => {
        expect(found.boxes[e]).toBeCloseTo(v, 3);
      });
    expect(first.scores[0]).toBeCloseTo(kind === 'queries' ? 1 / (1 + Math.exp(-4)) : 1, 5);
  });
  test.each(['yolox', 'lists', 'rows'] as const)(
    '%s: a free batch axis, and a fixed one that pictures do not fill',
    async kind => {
      const pictures = [0, 1, 2, 1, 0].map((c, i) => cellPicture(c, i + 1, 6 - i));
      const names = [];
      for (const batch of ['batch', 2] as const) {
        const directory = folder();
        await writeTinyDetector(directory, kind, { batch });
        await using detector = await Detector.load(directory, { threads: 1 });
        names.push(
          (await detector.detectBatch(pictures)).map(found => [found.names, Array.from(found.boxes, Math.round)]),
        );
      }
      expect(names[0].map(([n]) => n)).toEqual([['red'], ['green'], ['blue'], ['green'], ['red']]);
      expect(names[1]).toEqual(names[0]);
    },
  );
  test('bytes in rows of pixels', async () => {
    const directory = folder();
    await writeTinyDetector(directory, 'yolox', { bytes: true });
    await using detector = await Detector.load(directory, { threads: 1 });
    const found = await detector.detect(cellPicture(1, 4, 4));
    expect(found.names).toEqual(['green']);
    expect(found.scores[0]).toBeCloseTo(1, 4);
  });
  test('colours the other way round, means and deviations of 0..255, and a letterbox in the corner', async () => {
    const directory = folder();
    const input = {
      size: [64, 64],
      resize: 'letterbox',
      align: 'corner',
      pad: 0,
      mean: [255, 0, 0],
      std: [255, 255, 255],
      range: 255,
      color: 'bgr',
    };
    await writeTinyDetector(directory, 'yolox', { changes: { input } });
    await using detector = await Detector.load(directory, { threads: 1 });
    // twice as wide as high, so the lower half is free; blue comes first and is taken down to nothing
    const found = await detector.detect(cellPicture(0, 5, 3, 128, 64), { score: 0.2 });
    expect(found.names).toEqual(['blue']); // red, the third plane, is the third label's
    expect(Array.from(found.boxes)).toEqual([24, 8, 56, 40]); // 16 pixels of the input around its cell
  });
  test('slices find what is small', async () => {
    const directory = folder();
    await writeTinyDetector(directory, 'joined');
    await using detector = await Detector.load(directory, { threads: 1 });
    const large = cellPicture(1, 20, 13, 256, 256);
    expect((await detector.detect(large)).length).toBe(0);
    const found = await detector.detect(large, { slice: { size: 64, overlap: 0.25 } });
    expect(found.names).toEqual(['green']);
    expect(found.boxes[0]).toBeLessThanOrEqual(160);
    expect(found.boxes[2]).toBeGreaterThanOrEqual(168);
  });
});

describe('the command line', () => {
  test('detect, track, features, models and inspect know it', async () => {
    const directory = folder();
    await writeTinyDetector(directory, 'lists');
    for (let i = 0; i < 4; i++) writeFileSync(join(directory, `f${i}.png`), await encodePng(cellPicture(0, 3 + i, 2)));
    const picture = join(directory, 'f0.png');
    const detected = await runCli(['detect', picture, '--model', directory, '--json', '--quiet']);
    expect(detected.code, detected.stderr).toBe(0);
    expect(JSON.parse(detected.stdout)).toMatchObject([{ category_name: 'red', bbox: [20, 12, 16, 16] }]);
    const mot = join(directory, 'tracks.txt');
    const tracked = await runCli(['track', directory, '--model', directory, '--mot', mot, '--quiet']);
    expect(tracked.code, tracked.stderr).toBe(0);
    expect(readFileSync(mot, 'utf8').trim().split('\n').length).toBeGreaterThanOrEqual(3);
    const features = await runCli(['features', picture, '--model', directory]);
    expect(features.code).toBe(3);
    expect(features.stderr).toMatch(/model tiny-lists has no features/);
    const shown = await runCli(['models', 'show', directory]);
    expect(shown.stdout).toMatch(/another project's detector/);
    expect((await runCli(['models', 'verify', directory])).code).toBe(0);
  });
  test.each(TINY_KINDS)('inspect --write makes a model of %s that detect runs', async kind => {
    const [file, directory] = [join(root, `${kind}.onnx`), folder()];
    writeTinyOnnx(file, kind, { batch: 1 });
    const { code, stdout, stderr } = await runCli(['inspect', file, '--write', directory]);
    if (kind === 'maps' || kind === 'joined') {
      // one level only, or three bins: no family looks like this
      expect(stdout + stderr).toMatch(/no model.json can be proposed|"kind": "yolox"/);
      return;
    }
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/to be checked:/);
    const json = JSON.parse(readFileSync(join(directory, 'model.json'), 'utf8'));
    expect(json.heads.detection.kind).toBe({ yolox: 'yolox', lists: 'detr', queries: 'detr', rows: 'boxes' }[kind]);
    if (kind === 'yolox') return; // its colours are the other way round: YOLOX's own habit
    const picture = join(root, `${kind}.png`);
    writeFileSync(picture, await encodePng(cellPicture(0, 3, 2)));
    const detected = await runCli(['detect', picture, '--model', directory, '--json', '--quiet']);
    expect(detected.code, detected.stderr).toBe(0);
    expect(JSON.parse(detected.stdout)).toMatchObject([{ bbox: [20, 12, 16, 16] }]);
    const again = await runCli(['inspect', file, '--write', directory]);
    expect(again.code).toBe(2);
  });
  test('inspect says in which numbers the weights are stored', async () => {
    const file = join(root, 'stored.onnx');
    for (const eight of [false, true]) {
      writeTinyOnnx(file, 'rows', { eight });
      const { proposal } = JSON.parse((await runCli(['inspect', file, '--json'])).stdout);
      expect(proposal.json.files.weights.dtype).toBe(eight ? 'int8' : 'fp32');
    }
  });
});

describe('what does not fit is refused with words', () => {
  const refusal = async (
    kind: (typeof TINY_KINDS)[number],
    more: Parameters<typeof writeTinyDetector>[2],
    options = {},
  ) => {
    const directory = folder();
    try {
      await writeTinyDetector(directory, kind, more);
      await using detector = await Detector.load(directory, { threads: 1, ...options });
      await detector.detect(cellPicture(0, 1, 1));
      return 'accepted';
    } catch (error) {
      if (!(error instanceof DenseError)) throw error;
      return `${error.code}: ${error.message.replaceAll(directory, 'DIR')}`;
    }
  };
  const input = { size: [64, 64], resize: 'squash', mean: [0, 0, 0], std: [1, 1, 1], color: 'rgb' };
  test('an unknown key', async () =>
    expect(await refusal('yolox', { head: { stride: [8] } })).toMatchInlineSnapshot(`
    "BAD_MODEL: DIR/model.json: Unrecognized key: "stride"
      why: heads.detection has no such key, and one that is misspelt would change results silently
      fix: correct model.json (docs/checkpoints.md lists its keys)"
  `));
  test('no strides', async () =>
    expect(await refusal('yolox', { head: { strides: undefined } })).toMatchInlineSnapshot(`
      "BAD_MODEL: DIR/model.json: heads.detection.strides is missing
        why: expected: the strides of the grid, since boxes are not decoded
        fix: correct model.json (docs/checkpoints.md lists its keys)"
    `));
  test('scores without distances', async () =>
    expect(await refusal('maps', { head: { distances: undefined } })).toMatchInlineSnapshot(`
      "BAD_MODEL: DIR/model.json: heads.detection.scores is ["cls_8"]
        why: expected: scores and distances, or joined instead of both
        fix: correct model.json (docs/checkpoints.md lists its keys)"
    `));
  test('columns that make no box', async () =>
    expect(
      await refusal('rows', { head: { columns: ['x1', 'y1', 'x2', 'h', 'score', 'class'] } }),
    ).toMatchInlineSnapshot(`
      "BAD_MODEL: DIR/model.json: heads.detection.columns is ["x1","y1","x2","h","score","class"]
        why: expected: columns that make a box: x1 y1 x2 y2, x1 y1 w h, or cx cy w h, each once
        fix: correct model.json (docs/checkpoints.md lists its keys)"
    `));
  test('a backbone beside it', async () =>
    expect(
      await refusal('yolox', { changes: { backbone: { arch: 'pe-spatial-t16', taps: [8] } } }),
    ).toMatchInlineSnapshot(`
      "BAD_MODEL: DIR/model.json: backbone is {"arch":"pe-spatial-t16","taps":[8]}
        why: expected: nothing: a detector of kind yolox holds its whole network
        fix: correct model.json (docs/checkpoints.md lists its keys)"
    `));
  test('an output that is not there', async () =>
    expect(await refusal('yolox', { head: { output: 'output' } })).toMatchInlineSnapshot(`
      "BAD_MODEL: the network of tiny-yolox has no output "output"
        why: its outputs are out
        fix: correct the names in heads.detection of model.json (pe-dense inspect proposes them)"
    `));
  test('a size it cannot take', async () =>
    expect(await refusal('yolox', {}, { size: 128 })).toMatchInlineSnapshot(`
    "BAD_INPUT: size 128 x 128
      why: the network of tiny-yolox takes 64 x 64 only
      fix: leave --size out and set input.size in model.json to that, or export the network with free sides"
  `));
  test('an input that is not fed', async () =>
    expect(await refusal('lists', { changes: { input } })).toMatchInlineSnapshot(`
      "BAD_MODEL: input "orig_target_sizes" of tiny-lists is not fed
        why: besides the pixels it takes orig_target_sizes
        fix: correct input.feeds in model.json: width-height, height-width or ones for each of them"
    `));
  test('labels that are too few', async () =>
    expect(await refusal('joined', { head: { labels: ['red', 'green'] } })).toMatchInlineSnapshot(`
      "BAD_MODEL: output "out" has 15 numbers per anchor
        why: 2 classes and 4 x 3 bins make 14
        fix: correct labels, layout or the other keys of heads.detection in model.json"
    `));
  test('axes the other way round', async () =>
    expect(await refusal('yolox', { bytes: true, changes: { input } })).toMatchInlineSnapshot(`
      "BAD_MODEL: input "pixels" of tiny-yolox is [1, 64, 64, 3]
        why: layout "nchw" has its 3 colours on axis 1
        fix: correct input.layout in model.json"
    `));
});
