import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openFrames, openVideoWriter } from '../../src/video/index.ts';
import { audioPackets, av, copyWithMatrix, numbered, numberOf, writeNumbered } from './helpers.ts';

const CARS = fileURLToPath(new URL('../../examples/car-detection.mp4', import.meta.url));
const VARIED = [0, 40, 80, 200, 240, 1000, 1040, 1050, 1060, 2000]; // ms
const STEADY = Array.from({ length: 60 }, (_, i) => 40 * i);
let root: string;
let varied: string;
let steady: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-video-'));
  varied = join(root, 'varied.mp4');
  steady = join(root, 'steady.mkv');
  if (!av) return;
  await writeNumbered(varied, VARIED);
  await writeNumbered(steady, STEADY);
});
afterAll(() => rmSync(root, { recursive: true }));

async function read(path: string, options: Parameters<typeof openFrames>[1] = {}) {
  const seen: { index: number; number: number; ms: number }[] = [];
  for await (const f of await openFrames(path, options))
    seen.push({ index: f.index, number: numberOf(f.image), ms: Math.round(f.time_s * 1000) });
  return seen;
}

describe.skipIf(!av)('a video file', () => {
  test('gives every frame once, with its own time stamp', async () => {
    expect(await read(varied)).toEqual(VARIED.map((ms, index) => ({ index, number: index, ms })));
    expect((await openFrames(varied)).info).toMatchObject({ kind: 'video', width: 96, height: 64, frames: 10 });
  });
  test('can be read again and again, left early, and without pixels', async () => {
    const source = await openFrames(varied);
    for await (const f of source) if (f.index === 2) break;
    const times = [];
    for await (const t of source.times()) times.push(Math.round(t.time_s * 1000));
    expect(times).toEqual(VARIED);
  });
  test('seeks to the exact frame: every start gives the frames a reading from the beginning gives', async () => {
    for (const path of [varied, steady]) {
      const all = await read(path);
      for (const start of [2, 3, 6, 9, 10, ...(path === steady ? [26, 59, 60] : [])]) {
        expect(await read(path, { start, end: start + 1 })).toEqual(all.slice(start - 1, start + 1));
        const ms = all[start - 1].ms;
        expect((await read(path, { start: `${ms / 1000}s`, end: start }))[0]).toEqual(all[start - 1]);
      }
    }
    expect((await read(varied, { start: '0.1s', every: 3 })).map(f => f.index)).toEqual([3, 6, 9]);
    await expect(read(varied, { start: 11 })).rejects.toThrow(/no frames in --start 11\n.*after 10 frames/);
  });
  test('stands upright, whatever its display matrix says', async () => {
    const turned = join(root, 'turned.mp4');
    const quarter = [0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30];
    await copyWithMatrix(varied, turned, quarter);
    const source = await openFrames(turned);
    expect(source.info).toMatchObject({ width: 64, height: 96, rotation: 90 });
    for await (const { image } of source) {
      expect(image.shape).toEqual([96, 64, 3]);
      const at = (x: number, y: number) => [...image.data.subarray(3 * (y * 64 + x), 3 * (y * 64 + x) + 3)];
      // stored top left (red) is now top right, stored top right (green) bottom right
      expect(at(56, 8)[0]).toBeGreaterThan(180);
      expect(at(56, 88)[1]).toBeGreaterThan(160);
      expect(Math.max(...at(8, 8))).toBeLessThan(100);
      break;
    }
  });
  test('keeps colours within coding error through writing and reading', async () => {
    const wanted = numbered(0).data;
    for await (const { image } of await openFrames(varied, { end: 1 })) {
      let sum = 0;
      for (let i = 0; i < wanted.length; i++) sum += Math.abs(image.data[i] - wanted[i]);
      expect(sum / wanted.length).toBeLessThan(3);
    }
  });
  test('that is none, or is cut off: the file is named', async () => {
    writeFileSync(join(root, 'text.mp4'), 'this is no video');
    await expect(openFrames(join(root, 'text.mp4'))).rejects.toThrow(/cannot (open|read) video .*text\.mp4\n/);
  });
  test('damaged in the middle: stops at that frame, or leaves it out', async () => {
    const damaged = join(root, 'damaged.mp4'); // its table of packets stands before them and stays whole
    await writeNumbered(damaged, STEADY);
    const bytes = readFileSync(damaged);
    const data = bytes.indexOf('mdat') + 4;
    const middle = data + Math.floor((bytes.length - data) * 0.7);
    writeFileSync(damaged, bytes.fill(0xff, middle, middle + 40));
    const seen: number[] = [];
    const reading = async () => {
      for await (const f of await openFrames(damaged)) seen.push(numberOf(f.image));
    };
    await expect(reading()).rejects.toThrow(/frame \d+ of .*damaged\.mp4 cannot be decoded/);
    expect(seen.length).toBeGreaterThan(5);
    expect(seen).toEqual(seen.map((_, i) => i)); // what came before is right
    const left: number[] = [];
    const rest = await read(damaged, { onBroken: f => left.push(f.index) });
    expect(left.length).toBeGreaterThan(0);
    expect(rest.length).toBeGreaterThan(seen.length);
  });
  test('the signal ends it', async () => {
    const controller = new AbortController();
    const reading = async () => {
      for await (const f of await openFrames(steady, { signal: controller.signal }))
        if (f.index === 3) controller.abort();
    };
    await expect(reading()).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe.skipIf(!av)('writing a video file', () => {
  const options = { frameRate: [25, 1], timeBase: [1, 25] } as const;
  test('nothing has its name before it is whole; discarding leaves nothing', async () => {
    const path = join(root, 'made', 'a.mp4');
    const writer = await openVideoWriter(path, { ...options, width: 96, height: 64 });
    await writer.write(numbered(0), { index: 0, pts: 0 });
    expect(existsSync(path)).toBe(false);
    await writer.finish();
    expect(readdirSync(join(root, 'made'))).toEqual(['a.mp4']);
    const other = await openVideoWriter(join(root, 'made', 'b.mp4'), { ...options, width: 96, height: 64 });
    await other.write(numbered(0), { index: 0, pts: 0 });
    await other.discard();
    expect(readdirSync(join(root, 'made'))).toEqual(['a.mp4']);
  });
  test('odd sides are padded by a pixel; the time begins at 0', async () => {
    const path = join(root, 'odd.mov');
    const writer = await openVideoWriter(path, { ...options, width: 95, height: 63 });
    for (let i = 0; i < 3; i++) await writer.write(numbered(i, 95, 63), { index: i, pts: 100 + i });
    await expect(writer.write(numbered(3), { index: 3, pts: 103 })).rejects.toThrow('the video is 95 x 63');
    await writer.finish();
    expect((await openFrames(path)).info).toMatchObject({ width: 96, height: 64 });
    expect((await read(path)).map(f => f.ms)).toEqual([0, 40, 80]);
  });
  test('audio is copied bit for bit, in step with the part of the video that is written', async () => {
    const source = await openFrames(CARS, { start: 26, end: 40 }); // 2.0 s to 3.2 s
    const path = join(root, 'sound.mp4');
    const { width, height, frameRate, timeBase } = source.info;
    const writer = await openVideoWriter(path, { width, height, frameRate, timeBase, audio: source.info });
    for await (const frame of source) await writer.write(frame.image, frame);
    await writer.finish();
    const original = await audioPackets(CARS);
    const copied = await audioPackets(path);
    const first = original.findIndex(p => p.pts_s >= 2);
    expect(copied.length).toBeGreaterThan(50);
    expect(copied.map(p => p.bytes)).toEqual(original.slice(first, first + copied.length).map(p => p.bytes));
    for (const [i, p] of copied.entries()) expect(p.pts_s).toBeCloseTo(original[first + i].pts_s - 2, 3);
    expect(copied[copied.length - 1].pts_s).toBeLessThan(1.2);
    expect(copied[copied.length - 1].pts_s).toBeGreaterThan(1.1);
  });
  test('an ending nobody writes, and a place nobody may write', async () => {
    const size = { ...options, width: 96, height: 64 };
    await expect(openVideoWriter(join(root, 'a.gif'), size)).rejects.toThrow(/none of \.mp4, \.m4v, \.mov, \.mkv/);
    writeFileSync(join(root, 'file'), '');
    await expect(openVideoWriter(join(root, 'file', 'a.mp4'), size)).rejects.toThrow(/cannot write/);
  });
});
