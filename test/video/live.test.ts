import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { isLiveName, type LiveOptions, openFrames, openLive } from '../../src/video/index.ts';
import { Latest } from '../../src/video/latest.ts';
import { parseLiveName } from '../../src/video/live-name.ts';
import { av, numberOf, writeNumbered } from './helpers.ts';
import { type Serving, serveBytes, toTransportStream } from './live-server.ts';
import { readFilm, serveRtsp } from './rtsp-server.ts';

const FRAMES = 50;
let root: string;
let bytes: Buffer;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-live-'));
  if (!av) return;
  const file = join(root, 'numbered.mp4');
  await writeNumbered(
    file,
    Array.from({ length: FRAMES }, (_, i) => 40 * i),
  );
  await toTransportStream(file, join(root, 'numbered.ts'));
  bytes = readFileSync(join(root, 'numbered.ts'));
});
afterAll(() => rmSync(root, { recursive: true }));

/** Reads a served stream; `work_ms` is how long the reader is busy with each frame. */
async function read(rules: readonly Serving[], options: LiveOptions = {}, work_ms = 0, scheme = 'tcp') {
  const server = await serveBytes(bytes, rules);
  const notes: string[] = [];
  const seen: { index: number; number: number; time_s: number }[] = [];
  let error: Error | undefined;
  try {
    const onNote = (text: string) => void notes.push(text);
    const source = await openLive(`${scheme}://127.0.0.1:${server.port}`, { pause_s: 0.05, onNote, ...options });
    try {
      for await (const { index, image, time_s } of source) {
        seen.push({ index, number: numberOf(image), time_s });
        if (work_ms > 0) await sleep(work_ms);
      }
    } catch (thrown) {
      error = thrown as Error;
    }
    return { seen, notes, error, stats: source.stats(), info: source.info, visits: server.visits() };
  } finally {
    await server.close();
  }
}
const numbers = (seen: readonly { number: number }[]) => seen.map(frame => frame.number);
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

describe.skipIf(!av)('a live stream', { timeout: 30_000 }, () => {
  test('gives its frames until it ends, with the times of its own clock', async () => {
    const { seen, stats, error, info } = await read([{}], { reconnect: 0, drop: false });
    expect(error).toBeUndefined();
    expect(numbers(seen)).toEqual(upTo(FRAMES));
    expect(seen.map(frame => Math.round(frame.time_s * 1000))).toEqual(upTo(FRAMES).map(i => 40 * i));
    expect(stats).toEqual({ received: FRAMES, given: FRAMES, dropped: 0, broken: 0, reconnects: 0 });
    expect(info).toMatchObject({ kind: 'live', width: 96, height: 64, frames: undefined, reader: 'node-av' });
  });
  test('that is cut comes back: the frames go on, and so does the time', async () => {
    const { seen, stats, notes, error, visits } = await read([{ share: 0.5 }, {}], { reconnect: 1, drop: false });
    const first = stats.received - FRAMES;
    expect(first).toBeGreaterThan(15);
    expect(first).toBeLessThan(35);
    expect(numbers(seen)).toEqual([...upTo(first), ...upTo(FRAMES)]);
    expect(seen.map(frame => frame.index)).toEqual(upTo(first + FRAMES));
    for (let i = 1; i < seen.length; i++) expect(seen[i].time_s).toBeGreaterThan(seen[i - 1].time_s);
    expect(stats.reconnects).toBe(1);
    expect(notes.slice(0, 2)).toEqual([
      'connection lost: the source ended it; trying again in 0.1 s (1 of 1)',
      expect.stringMatching(/^connected again after \d\.\d s$/),
    ]);
    expect(error?.message).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+ was cut off and did not come back\n {2}why: 1 attempts;/);
    expect(visits).toBe(2);
  });
  test('that answers and hangs up at once is given up after as many attempts', async () => {
    const rules = Array.from({ length: 12 }, () => ({ share: 0.4 }));
    const { notes, stats, error, visits } = await read(rules, { reconnect: 3, pause_s: 0.02 });
    expect(error).toMatchObject({ code: 'RUNTIME' });
    expect(error?.message).toContain('3 attempts; the last: the source ended it');
    expect([visits, stats.reconnects]).toEqual([4, 3]);
    expect(notes.filter(note => note.includes('trying')).at(-1)).toContain('(3 of 3)');
  });
  test('that gave frames for some seconds may be lost as often again', async () => {
    const { stats, visits } = await read([{}, {}], { reconnect: 1, drop: false }, 90); // 50 frames in 4.5 s
    expect([visits, stats.reconnects]).toEqual([3, 1]);
  });
  test('is tried again with growing pauses, and given up', async () => {
    const started = performance.now();
    const { notes, error, visits } = await read([{}], { reconnect: 3, pause_s: 0.1 });
    expect(performance.now() - started).toBeGreaterThan(700); // 0.1 + 0.2 + 0.4 s
    expect(notes.map(note => /trying.*/.exec(note)?.[0])).toEqual([
      'trying again in 0.1 s (1 of 3)',
      'trying again in 0.2 s (2 of 3)',
      'trying again in 0.4 s (3 of 3)',
    ]);
    expect(error).toMatchObject({ code: 'RUNTIME' });
    expect(visits).toBe(4);
  });
  test('gives a slow reader the newest frame and counts those left out', async () => {
    const { seen, stats } = await read([{ over_ms: 1500 }], { reconnect: 0 }, 100);
    expect(stats.given).toBe(seen.length);
    expect(stats.received).toBe(FRAMES);
    expect(stats.given + stats.dropped).toBe(FRAMES);
    expect(stats.dropped).toBeGreaterThan(20);
    for (let i = 1; i < seen.length; i++) expect(seen[i].number).toBeGreaterThan(seen[i - 1].number);
    expect(seen.at(-1)!.number).toBe(FRAMES - 1); // never behind
  });
  test('that falls silent counts as lost', async () => {
    const { notes, stats } = await read([{ share: 0.6, after: 'silence' }, {}], { reconnect: 1, timeout_s: 0.5 });
    expect(notes[0]).toContain('nothing came for too long');
    expect(stats.reconnects).toBe(1);
  });
  test('that never answers is not waited for', async () => {
    const started = performance.now();
    await expect(read([{ share: 0, after: 'silence' }], { timeout_s: 0.5 })).rejects.toMatchObject({
      code: 'BAD_INPUT',
    });
    expect(performance.now() - started).toBeLessThan(5000);
  });
  test('stops after a duration, also while it is cut', async () => {
    const slow = await read([{ over_ms: 4000 }], { duration_s: 0.5 });
    expect(slow.error).toBeUndefined();
    expect(slow.seen.at(-1)!.time_s).toBeLessThan(1.5);
    const started = performance.now();
    const cut = await read([{ share: 0.3 }], { duration_s: 0.6, reconnect: 9, pause_s: 20 });
    expect(cut.error).toBeUndefined();
    expect(cut.seen.length).toBeGreaterThan(0);
    expect(performance.now() - started).toBeLessThan(6000);
  });
  test('takes every n-th frame, up to an end', async () => {
    const { seen } = await read([{}], { reconnect: 0, drop: false, every: 7, end: 30 });
    expect(numbers(seen)).toEqual([0, 7, 14, 21, 28]);
  });
  test('ends at a signal', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 400);
    const { error } = await read([{ share: 0.5, over_ms: 200, after: 'silence' }], { signal: controller.signal });
    expect(error).toMatchObject({ code: 'ABORTED' });
  });
  test('comes over HTTP too', async () => {
    const head = 'HTTP/1.0 200 OK\r\ncontent-type: video/mp2t\r\nconnection: close\r\n\r\n';
    const rules = [{ head, share: 0.5 }, { head }];
    const { seen, stats } = await read(rules, { reconnect: 1, drop: false }, 0, 'http');
    expect(stats.reconnects).toBe(1);
    expect(numbers(seen)).toEqual(expect.arrayContaining(upTo(FRAMES - 4))); // HTTP without a length ends like a cut: the decoder's last frames go
  });
  test('comes over RTSP, from a camera that breaks off and is there again', async () => {
    const film = await readFilm(join(root, 'numbered.mp4'));
    const camera = await serveRtsp(film, [20, FRAMES]);
    const seen: number[] = [];
    try {
      const options = { reconnect: 1, pause_s: 0.05, drop: false, timeout_s: 3 };
      const source = await openLive(`rtsp://me:secret@127.0.0.1:${camera.port}/door`, options);
      expect(source.info).toMatchObject({ source: `rtsp://127.0.0.1:${camera.port}/door`, width: 96, height: 64 });
      const reading = (async () => {
        for await (const { image } of source) seen.push(numberOf(image));
      })();
      await expect(reading).rejects.toThrow('did not come back');
      expect(source.stats().reconnects).toBe(1);
    } finally {
      await camera.close();
    }
    expect(camera.asked.filter(method => method === 'PLAY').length).toBe(2);
    const second = seen.lastIndexOf(0);
    expect(seen.slice(0, second)).toEqual(upTo(second)); // one order, none missing
    expect(seen.slice(second)).toEqual(upTo(seen.length - second));
    expect(second).toBeGreaterThan(15);
    expect(seen.length - second).toBeGreaterThan(FRAMES - 5);
  });
  test('passes once', async () => {
    const source = await openLive('device:lavfi:testsrc2=size=64x48:rate=50:duration=0.2', { reconnect: 0 });
    for await (const { image } of source) expect(image.shape).toEqual([48, 64, 3]);
    await expect(source[Symbol.asyncIterator]().next()).rejects.toThrow('was read before');
  });
  test('is opened as a device by its input format; options reach it', async () => {
    const source = await openLive('device:lavfi:testsrc2=size=64x48:rate=20', { duration_s: 0.5, drop: true });
    let frames = 0;
    for await (const _ of source) frames++;
    expect(frames).toBeGreaterThan(3);
    const odd = openLive('device:lavfi:testsrc2', { input: { graph: 'nonsense' } });
    await expect(odd).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });
  test('that nobody sends is an error that says so, without the password', async () => {
    await expect(openLive('tcp://me:secret@127.0.0.1:1')).rejects.toThrow(
      /^cannot open tcp:\/\/127\.0\.0\.1:1\n {2}why: connection refused\n {2}fix: check the address/,
    );
    if (process.platform === 'linux')
      await expect(openLive('/dev/video99')).rejects.toThrow(/^cannot open \/dev\/video99\n {2}why: no such file/);
  });
  test('is refused as a file: addresses are visited only on purpose', async () => {
    await expect(openFrames('rtsp://127.0.0.1/a')).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });
});

describe('names of live sources', () => {
  test.each([
    ['rtsp://me:pass@cam.example:554/a', 'rtsp://me:pass@cam.example:554/a', undefined, 'rtsp://cam.example:554/a'],
    ['HTTPS://h/a.m3u8', 'HTTPS://h/a.m3u8', undefined, 'HTTPS://h/a.m3u8'],
    ['device:0', '/dev/video0', 'v4l2', 'device:0'],
    ['/dev/video2', '/dev/video2', 'v4l2', '/dev/video2'],
  ])('%s', (text, address, format, shown) => {
    expect(isLiveName(text)).toBe(true);
    expect(parseLiveName(text, 'linux')).toMatchObject({ address, format, shown });
  });
  test('cameras are called by the platform', () => {
    expect(parseLiveName('device:0', 'darwin')).toMatchObject({ address: '0:none', format: 'avfoundation' });
    expect(parseLiveName('device:USB Camera', 'win32')).toMatchObject({ address: 'video=USB Camera', format: 'dshow' });
    expect(() => parseLiveName('device:0', 'aix')).toThrow(/cameras are not known on aix/);
  });
  test.each(['traffic.mp4', 'C:\\rtsp\\a.mp4', 'file:///a.mp4', '-', '/dev/null', 'photos'])('%s is none', text => {
    expect(isLiveName(text)).toBe(false);
    expect(() => parseLiveName(text)).toThrow(/is no live source/);
  });
  test('options out of range are named', async () => {
    await expect(openLive('tcp://127.0.0.1:1', { reconnect: 1.5 })).rejects.toThrow(/^--reconnect got 1.5/);
    await expect(openLive('tcp://127.0.0.1:1', { duration_s: 0 })).rejects.toThrow(/^duration_s got 0/);
  });
});

describe('without node-av', () => {
  test('a live source is refused with what to do', async () => {
    vi.resetModules();
    vi.doMock('../../src/video/av.ts', async original => ({
      ...(await original<typeof import('../../src/video/av.ts')>()),
      loadAv: async () => undefined,
    }));
    const { openLive: open } = await import('../../src/video/index.ts');
    await expect(open('rtsp://127.0.0.1/a')).rejects.toThrow(/node-av, which is not here\n {2}fix: run "npm install/);
    vi.doUnmock('../../src/video/av.ts');
    vi.resetModules();
  });
});

describe('the newest item', () => {
  test('replaces one nobody took; the end lets the last be taken', async () => {
    const lost: number[] = [];
    const box = new Latest<number>(false, n => void lost.push(n));
    for (const n of [1, 2, 3]) await box.put(n);
    expect(await box.take()).toBe(3);
    const waiting = box.take();
    await box.put(4);
    expect(await waiting).toBe(4);
    await box.put(5);
    box.end();
    await box.put(6);
    expect([await box.take(), await box.take()]).toEqual([5, undefined]);
    expect(lost).toEqual([1, 2, 6]);
  });
  test('is waited for where the writer can wait; an error comes at once', async () => {
    const lost: number[] = [];
    const box = new Latest<number>(true, n => void lost.push(n));
    let put = false;
    const writing = box.put(1).then(() => {
      put = true;
    });
    await sleep(5);
    expect(put).toBe(false);
    expect(await box.take()).toBe(1);
    await writing;
    void box.put(2);
    box.end(new Error('cut'));
    await expect(box.take()).rejects.toThrow('cut');
    expect(lost).toEqual([2]);
  });
});
