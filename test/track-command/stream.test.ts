import { describe, expect, test } from 'vitest';
import { trackFrames } from '../../src/pipelines/index.ts';
import { openLive } from '../../src/video/index.ts';
import { scene } from '../detect/fake.ts';
import { av } from '../video/helpers.ts';
import { HEIGHT, objectsAt, sceneDetector, WIDTH } from './helpers.ts';

const frame = (i: number) => {
  const boxes = Object.values(objectsAt(i)).map(([x, y, w, h], k) => [k, x, y, x + w, y + h] as const);
  return { image: scene(WIDTH, HEIGHT, boxes), taken: `frame ${i}` };
};

describe('trackFrames', () => {
  test('keeps numbers through an async iterator of frames, and hands its items back', async () => {
    async function* camera() {
      for (let i = 0; i < 12; i++) yield frame(i);
    }
    const seen = [];
    for await (const { index, source, tracks, found, image } of trackFrames(sceneDetector(), camera())) {
      expect(image).toBe(source.image);
      expect(found.length).toBe(2);
      const byId = Array.from(tracks.ids, (id, k) => [id, Math.round(tracks.boxes[4 * k])]).sort((a, b) => a[1] - b[1]);
      seen.push({ index, taken: source.taken, byId });
    }
    expect(seen.map(s => [s.index, s.taken])).toEqual(Array.from({ length: 12 }, (_, i) => [i, `frame ${i}`]));
    const [red, green] = seen[0].byId.map(([id]) => id);
    expect(red).not.toBe(green);
    for (const { byId } of seen) {
      expect(byId.map(([id]) => id)).toEqual([red, green]);
      for (const [k, x] of [20, 100].entries()) expect(Math.abs(byId[k][1] - x)).toBeLessThanOrEqual(2);
    }
  });
  test('takes any kind of picture, and one that cannot be read ends it', async () => {
    const sources = [frame(0).image, 'no-such-file.png'];
    const run = async () => {
      for await (const { tracks } of trackFrames(sceneDetector(), sources)) expect(tracks.length).toBe(2);
    };
    await expect(run()).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });
  test.skipIf(!av)('takes the newest frame of a live source each time', async () => {
    const live = await openLive('device:lavfi:testsrc2=size=160x120:rate=25,realtime', { duration_s: 1 });
    const times = [];
    for await (const { source } of trackFrames(sceneDetector({ delayMs: 120 }), live)) times.push(source.time_s);
    expect(live.stats().dropped).toBeGreaterThan(times.length);
    for (let i = 1; i < times.length; i++) expect(times[i]).toBeGreaterThan(times[i - 1]);
  });
});
