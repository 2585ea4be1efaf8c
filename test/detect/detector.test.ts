import { describe, expect, test } from 'vitest';
import { DenseError, type RgbImage } from '../../src/core/index.ts';
import { encodePng } from '../../src/image/index.ts';
import { type DetectionResult, Detector } from '../../src/pipelines/index.ts';
import { fakeNetwork, scene } from './fake.ts';

const two = () =>
  scene(128, 128, [
    [0, 16, 16, 64, 48],
    [2, 72, 64, 120, 120],
  ]);
function near(
  found: DetectionResult,
  want: readonly (readonly [string, number, number, number, number])[],
  pixels: number,
) {
  expect([...found.names].sort()).toEqual(want.map(w => w[0]).sort());
  for (const [name, ...box] of want) {
    const object = found.objects.find(o => o.name === name)!;
    for (const [k, edge] of (['x1', 'y1', 'x2', 'y2'] as const).entries())
      expect(Math.abs(object[edge] - box[k]), `${name} ${edge} ${object[edge]} against ${box[k]}`).toBeLessThanOrEqual(
        pixels,
      );
  }
}

describe('detect', () => {
  const want = [
    ['red', 16, 16, 64, 48],
    ['blue thing', 72, 64, 120, 120],
  ] as const;
  test('finds what is there, where it is, in pixels of the picture', async () => {
    const found = await Detector.from(fakeNetwork()).detect(two());
    expect([found.width, found.height]).toEqual([128, 128]);
    near(found, want, 2);
    expect(Array.from(found.scores)).toEqual(Array.from(found.scores).sort((a, b) => b - a));
  });
  test('squash and letterbox lead back to the same places in a picture that is not square', async () => {
    const wide = scene(256, 96, [
      [0, 32, 16, 96, 64],
      [1, 160, 24, 240, 80],
    ]);
    for (const resize of ['squash', 'letterbox'] as const)
      near(
        await Detector.from(fakeNetwork({ input: { resize } })).detect(wide),
        [
          ['red', 32, 16, 96, 64],
          ['green', 160, 24, 240, 80],
        ],
        5,
      );
  });
  test('files, bytes and pixels give the same result', async () => {
    const detector = Detector.from(fakeNetwork());
    const direct = await detector.detect(two());
    expect(await detector.detect(await encodePng(two()))).toEqual(direct);
  });
  test('boxes are clipped to the picture', async () => {
    const { boxes } = await Detector.from(fakeNetwork()).detect(scene(60, 90, [[1, 0, 0, 60, 90]]));
    expect(Array.from(boxes)).toEqual([0, 0, 60, 90]);
  });
  test('score, max and classes narrow what is kept', async () => {
    const detector = Detector.from(fakeNetwork());
    expect((await detector.detect(two(), { score: 0.95 })).length).toBe(0);
    expect((await detector.detect(two(), { max: 1 })).length).toBe(1);
    expect((await detector.detect(two(), { classes: ['Blue Thing'] })).names).toEqual(['blue thing']);
    expect((await detector.detect(two(), { nms: 'none' })).length).toBeGreaterThan(2);
  });
  test('toCoco gives ids of the label set and boxes as x, y, width, height', async () => {
    const found = await Detector.from(fakeNetwork()).detect(scene(64, 64, [[2, 8, 16, 24, 48]]));
    expect(found.toCoco(7, 'a.jpg')).toEqual([
      {
        image_id: 7,
        file_name: 'a.jpg',
        category_id: 9,
        category_name: 'blue thing',
        bbox: [8, 16, 16, 32].map(v => expect.closeTo(v, 0)),
        score: expect.closeTo(0.717, 3),
      },
    ]);
  });
});

describe('slices', () => {
  // three pixels wide: invisible once 512 pixels are squeezed into 64
  const tiny = scene(512, 512, [
    [0, 104, 203, 110, 209],
    [2, 300, 40, 308, 49],
    [1, 20, 240, 500, 500],
  ]);
  test('find small objects that the whole picture hides, and large ones through the whole picture', async () => {
    const detector = Detector.from(fakeNetwork());
    expect((await detector.detect(tiny)).names).toEqual(['green']);
    const found = await detector.detect(tiny, { slice: { size: 64, overlap: 0.25 } });
    near(
      found,
      [
        ['red', 104, 203, 110, 209],
        ['blue thing', 300, 40, 308, 49],
        ['green', 20, 240, 500, 500],
      ],
      8,
    );
  });
  test('are passed through in batches, without changing the result', async () => {
    const passes: number[] = [];
    const detector = Detector.from(fakeNetwork({ onRun: n => passes.push(n) }));
    const one = await detector.detect(tiny, { slice: 256 });
    expect(passes).toEqual(new Array(10).fill(1)); // 3 x 3 slices with the default overlap, and the whole
    passes.length = 0;
    expect(await detector.detect(tiny, { slice: 256, batch: 4 })).toEqual(one);
    expect(passes).toEqual([4, 4, 2]);
    passes.length = 0;
    await detector.detect(tiny, { slice: { size: 256, full: false }, batch: 16 });
    expect(passes).toEqual([9]);
  });
  test('a picture no larger than a slice is looked at once', async () => {
    const passes: number[] = [];
    await Detector.from(fakeNetwork({ onRun: n => passes.push(n) })).detect(two(), { slice: 128 });
    expect(passes).toEqual([1]);
  });
  for (const merge of ['nms', 'nmm', 'greedy-nmm', 'wbf'] as const)
    test(`an object cut by slices' edges is one object with ${merge}`, async () => {
      const cut = scene(128, 128, [[0, 40, 40, 88, 88]]);
      const found = await Detector.from(fakeNetwork()).detect(cut, { slice: { size: 64, overlap: 0.3, merge } });
      expect(found.names).toEqual(['red']);
    });
});

describe('batches and streams', () => {
  const scenes = () => Array.from({ length: 7 }, (_, i) => scene(64 + 8 * i, 64, [[i % 3, 8, 8, 40, 48]] as const));
  test('a batch equals its pictures one by one', async () => {
    const detector = Detector.from(fakeNetwork());
    const one = [];
    for (const image of scenes()) one.push(await detector.detect(image));
    expect(await detector.detectBatch(scenes())).toEqual(one);
    expect(await detector.detectBatch(scenes(), { batch: 3 })).toEqual(one);
    expect(await detector.detectBatch([])).toEqual([]);
  });
  test('a stream keeps the order, tells of bad pictures and goes on', async () => {
    const detector = Detector.from(fakeNetwork());
    const sources: (RgbImage | Uint8Array)[] = scenes();
    sources.splice(2, 0, Uint8Array.of(1, 2, 3));
    for (const batch of [1, 3]) {
      const items = [];
      for await (const item of detector.stream(sources, { batch })) items.push(item);
      expect(items.map(item => item.index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      expect(items.filter(item => 'error' in item).map(item => item.index)).toEqual([2]);
      const last = items[7];
      expect('result' in last && last.result).toEqual(await detector.detect(sources[7]));
    }
  });
  test('a slow consumer holds the source back: memory does not grow with the folder', async () => {
    let taken = 0;
    function* endless() {
      for (;;) {
        taken++;
        yield scenes()[0];
      }
    }
    let seen = 0;
    for await (const _ of Detector.from(fakeNetwork()).stream(endless())) {
      await new Promise(resolve => setTimeout(resolve, 5));
      if (++seen === 20) break;
    }
    expect(taken).toBeLessThan(20 + 15);
  });
  test('decoding the next picture overlaps the network', async () => {
    const delayMs = 40;
    let running = 0;
    const source = async function* () {
      for (let i = 0; i < 10; i++) {
        await new Promise(resolve => setTimeout(resolve, delayMs)); // a slow disk
        yield scenes()[0];
      }
    };
    const start = performance.now();
    for await (const _ of Detector.from(fakeNetwork({ delayMs, onRun: () => running++ })).stream(source()));
    expect(running).toBe(10);
    expect(performance.now() - start).toBeLessThan(10 * 2 * delayMs * 0.85); // one after the other would take 800 ms
  });
});

describe('lifetime', () => {
  test('closes its network, by hand and at the end of a scope', async () => {
    const byHand = fakeNetwork();
    await Detector.from(byHand).close();
    expect(byHand.closed).toBe(true);
    const scoped = fakeNetwork();
    await Detector.from(scoped)[Symbol.asyncDispose]();
    expect(scoped.closed).toBe(true);
  });
  test('an aborted call rejects as ABORTED, before and during the work', async () => {
    const detector = Detector.from(fakeNetwork({ delayMs: 20 }));
    await expect(detector.detect(two(), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    const controller = new AbortController();
    const run = (async () => {
      let seen = 0;
      const sources = Array.from({ length: 50 }, () => two());
      for await (const _ of detector.stream(sources, { signal: controller.signal }))
        if (++seen === 2) controller.abort();
    })();
    await expect(run).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('wrong options are refused with words', () => {
  const detector = Detector.from(fakeNetwork());
  const refusal = async (options: object) =>
    detector.detect(two(), options).then(
      () => 'accepted',
      (error: unknown) => (error instanceof DenseError ? `${error.code}: ${error.message}` : String(error)),
    );
  test('score', async () =>
    expect(await refusal({ score: 30 })).toMatchInlineSnapshot(`
    "BAD_INPUT: score is 30
      why: it is a number from 0 to 1
      fix: pass such a number"
  `));
  test('class', async () =>
    expect(await refusal({ classes: ['gren'] })).toMatchInlineSnapshot(`
    "BAD_INPUT: classes got "gren"
      why: the model has no such class
      fix: did you mean green? It knows: red, green, blue thing"
  `));
  test('nms', async () =>
    expect(await refusal({ nms: 'sort' })).toMatchInlineSnapshot(`
    "BAD_INPUT: nms is "sort"
      why: there is no such kind
      fix: use one of: hard, soft-linear, soft-gaussian, soft-power, wbf, none"
  `));
  test('max', async () =>
    expect(await refusal({ max: 0.5 })).toMatchInlineSnapshot(`
    "BAD_INPUT: max is 0.5
      why: it is a whole number of at least 1
      fix: pass such a number"
  `));
});
