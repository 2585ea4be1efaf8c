import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { trackCommand } from '../../src/cli/commands/track.ts';
import { detections, type Features, tensor } from '../../src/core/index.ts';
import { appearanceLayer, Detector, type TrackFileOptions, trackVideo } from '../../src/pipelines/index.ts';
import { makeFollower } from '../../src/pipelines/track/follow.ts';
import { looksOf } from '../../src/pipelines/track/looks.ts';
import { appearanceDistance, centredFeatures, pooledFeatures } from '../../src/track/index.ts';
import { runCli } from '../cli/harness.ts';
import { fakeNetwork } from '../detect/fake.ts';
import { writeTinyModel } from '../detect/tiny-model.ts';
import { WIDTH, writeScene } from './helpers.ts';

const FRAMES = 12;
const root = mkdtempSync(join(tmpdir(), 'pe-dense-looks-'));
const frames = join(root, 'walk');
const at = (...parts: string[]) => join(root, ...parts);
beforeAll(() => writeScene(frames, FRAMES));
afterAll(() => rmSync(root, { recursive: true }));

const MAP = { scaleX: 1 / 16, scaleY: 1 / 16, offsetX: 0, offsetY: 0 };

/** A grid of 16 pixel patches whose features are the mean colours of the picture (planes in -1..1). */
function colours(planes: Float32Array, width: number, height: number): Features {
  const [gridY, gridX] = [height / 16, width / 16];
  const data = new Float32Array(gridY * gridX * 3);
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        data[(Math.floor(y / 16) * gridX + Math.floor(x / 16)) * 3 + c]! += planes[(c * height + y) * width + x]! / 256;
  return tensor(['batch', 'gridY', 'gridX', 'channel'] as const, [1, gridY, gridX, 3], data);
}

/** The scene's detector, which hands out colours as features of block 2. */
function colourDetector(): Detector {
  const [width, height] = [WIDTH, 128];
  const network = fakeNetwork({ input: { width, height } });
  return Detector.from({
    ...network,
    features: [2],
    async run(batch, signal) {
      const outputs = await network.run(batch, signal);
      return { ...outputs, features: new Map([[2, colours(batch.data, width, height)]]) } as typeof outputs;
    },
  });
}

const on = { tracker: 'botsort', appearance: true } as const;
const run = (options: TrackFileOptions, detector = colourDetector()) =>
  trackVideo(frames, async () => detector, options);

describe('looks', () => {
  const grid = tensor(
    ['batch', 'gridY', 'gridX', 'channel'] as const,
    [1, 2, 3, 2],
    Float32Array.of(1, 0, 0, 1, 1, 1, -1, 2, 0.5, 0.25, 3, -1),
  );
  const boxes = Float32Array.of(0, 0, 16, 16, 8, 4, 40, 30, 20, 20, 30, 30);
  const found = detections(boxes, Float32Array.of(0.9, 0.6, 0.2), new Int32Array(3));

  test('are the pooled centred features, in bytes; a weak detection has none', () => {
    const { data, channels } = looksOf(found, { taps: new Map([[7, grid]]), map: MAP }, 0.3);
    const exact = pooledFeatures(centredFeatures(grid), boxes, MAP);
    expect([channels, data.length]).toEqual([2, 6]);
    for (const i of [0, 1]) {
      const bytes = data.subarray(2 * i, 2 * i + 2);
      expect(Math.max(...bytes.map(Math.abs))).toBe(127);
      expect(appearanceDistance(bytes, exact.subarray(2 * i, 2 * i + 2))).toBeLessThan(1e-4);
    }
    expect([...data.subarray(4)]).toEqual([0, 0]);
  });

  test('keep two objects apart that change places between frames', async () => {
    // two boxes, one a little to the right: each lies nearer to where the other was
    const spots = [
      [0, 0, 64, 64],
      [10, 0, 74, 64],
    ];
    const [red, green] = [Int8Array.of(127, 0), Int8Array.of(0, 127)];
    const ids = async (appearance: boolean) => {
      const options = { tracker: 'botsort', appearance, trackerOptions: { cameraMotion: false } } as const;
      const follower = makeFollower(options, { names: ['x'], ids: [1] }, 30, true);
      const seen: number[][] = [];
      for (let f = 0; f < 6; f++) {
        const swapped = f === 5;
        const boxes = Float32Array.from(swapped ? [...spots].reverse().flat() : spots.flat());
        const frame = detections(boxes, Float32Array.of(0.9, 0.9), new Int32Array(2));
        const looks = { data: Int8Array.of(...red, ...green), channels: 2 };
        const time = { index: f, time_s: f / 30, pts: f };
        const tracks = await follower.follow({ time, image: undefined, found: frame, looks, fresh: false });
        seen.push(
          [...tracks.detections]
            .map((d, i) => [d, tracks.ids[i]!])
            .sort((a, b) => a[0]! - b[0]!)
            .map(p => p[1]!),
        );
      }
      return seen.at(-1);
    };
    expect(await ids(true)).toEqual([1, 2]); // detection 0 is red, wherever it lies
    expect(await ids(false)).toEqual([2, 1]);
  });
});

describe('track with appearance', () => {
  test('an interrupted run, resumed, equals an uninterrupted one', async () => {
    await run({ ...on, mot: at('once.txt') });
    const controller = new AbortController();
    const stopping = { signal: controller.signal, onFrame: (done: number) => void (done === 4 && controller.abort()) };
    await expect(run({ ...on, mot: at('twice.txt'), ...stopping })).rejects.toMatchObject({ code: 'ABORTED' });
    const journal = readFileSync(at('twice.txt.journal.jsonl'), 'utf8');
    expect(JSON.parse(journal.split('\n')[0]!)).toMatchObject({ appearance: 2, looksAbove: 0.3 });
    expect(JSON.parse(journal.split('\n')[1]!)[8]).toBe(3); // channels, then the bytes
    await expect(run({ ...on, mot: at('twice.txt'), resume: true, trackScore: 0.5 })).rejects.toThrow(
      'looksAbove was 0.3',
    );
    await run({ ...on, mot: at('twice.txt'), resume: true });
    expect(readFileSync(at('twice.txt'), 'utf8')).toBe(readFileSync(at('once.txt'), 'utf8'));
    expect(readFileSync(at('once.txt'), 'utf8').split('\n').length).toBeGreaterThan(2 * FRAMES - 2);
  });

  test('says where it cannot be had', async () => {
    await expect(run({ appearance: true })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [DenseError: --appearance on with --tracker byte
        why: BoT-SORT alone compares what objects look like
        fix: add --tracker botsort, or leave --appearance out]
    `);
    await expect(run({ ...on, detections: 'det.txt' })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [DenseError: --appearance on with --detections
        why: looks come out of the pass that finds the boxes, and given boxes have none
        fix: leave one of them out]
    `);
    await expect(run(on, Detector.from(fakeNetwork()))).rejects.toThrowErrorMatchingInlineSnapshot(`
      [DenseError: detector fake gives no features
        why: appearance compares them
        fix: load it by loadTrackDetector, or with the option features: [block]]
    `);
  });

  test('takes the last block where no better one was measured', () => {
    expect([appearanceLayer('dense-t16', 12), appearanceLayer('other', 24)]).toEqual([12, 24]);
  });

  test('on the command line the detector is loaded with features of that block', async () => {
    await writeTinyModel(at('tiny'));
    const args = [
      'track',
      frames,
      '--model',
      at('tiny'),
      '--threads',
      '1',
      '--json',
      '--track-score',
      '0.001',
      '--score',
      '0.001',
    ];
    for (const word of ['on', 'off']) {
      const { code, stderr, stdout } = await runCli([
        ...args,
        '--tracker',
        'botsort',
        '--appearance',
        word,
        '--end',
        '3',
      ]);
      expect([code, stderr]).toEqual([0, expect.stringContaining('3 frames')]);
      expect(JSON.parse(stdout).frames).toHaveLength(3);
    }
    const asked: unknown[] = [];
    const load = async (_model: string, _options: object, follow: object) => {
      asked.push(follow);
      return colourDetector();
    };
    const commands = [{ group: 'Videos:', make: () => trackCommand(load) }];
    await runCli(['track', frames, '--tracker', 'botsort', '--appearance', 'on', '--json'], commands);
    expect(asked).toMatchObject([{ appearance: true, tracker: 'botsort' }]);
    const bad = await runCli([...args, '--appearance', 'on']);
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining('BoT-SORT alone')]);
  });
});
