import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodePng } from '../../src/image/index.ts';
import { openFrames, openVideoWriter } from '../../src/video/index.ts';
import { numbered, numberOf } from './helpers.ts';

let root: string;
let frames: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-frames-'));
  frames = join(root, 'SEQ', 'img1');
  mkdirSync(frames, { recursive: true });
  writeFileSync(join(root, 'SEQ', 'seqinfo.ini'), '[Sequence]\nname=SEQ\nframeRate=12.5\nseqLength=12\n');
  for (let i = 0; i < 12; i++) writeFileSync(join(frames, `f${i + 1}.png`), await encodePng(numbered(i)));
  writeFileSync(join(frames, 'notes.txt'), 'not a frame');
});
afterAll(() => rmSync(root, { recursive: true }));

async function read(path: string, options: Parameters<typeof openFrames>[1] = {}) {
  const seen: { index: number; number: number; time_s: number }[] = [];
  for await (const f of await openFrames(path, options))
    seen.push({ index: f.index, number: numberOf(f.image), time_s: f.time_s });
  return seen;
}

describe('a folder as a video', () => {
  test('is ordered by number, and knows its rate from seqinfo.ini', async () => {
    const source = await openFrames(frames);
    expect(source.info).toMatchObject({ kind: 'folder', width: 96, height: 64, fps: 12.5, frames: 12, rotation: 0 });
    expect((await read(frames)).map(f => f.number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect((await read(frames))[5].time_s).toBeCloseTo(0.4, 12);
    expect((await openFrames(join(root, 'SEQ'))).info.frames).toBe(12); // the sequence's folder will do
    expect((await openFrames(frames, { fps: 29.97 })).info.timeBase).toEqual([1001, 30000]);
  });
  test('start and end count frames from 1 and include both; times leave the end out', async () => {
    expect((await read(frames, { start: 3, end: 5 })).map(f => f.index)).toEqual([2, 3, 4]);
    expect((await read(frames, { start: '0.16s', end: '0.4s' })).map(f => f.index)).toEqual([2, 3, 4]);
    expect((await read(frames, { start: 2, every: 4 })).map(f => f.index)).toEqual([1, 5, 9]);
    const times = [];
    for await (const t of (await openFrames(frames, { start: 11 })).times()) times.push(t.name);
    expect(times).toEqual(['f11.png', 'f12.png']);
  });
  test('a part without frames, a folder without frames, a missing one', async () => {
    await expect(read(frames, { start: 13 })).rejects.toThrow(/has no frames in --start 13\n.*after 12 frames/);
    expect(await read(frames, { start: 13, mayBeEmpty: true })).toEqual([]);
    mkdirSync(join(root, 'empty'));
    await expect(openFrames(join(root, 'empty'))).rejects.toThrow('no frames in folder');
    await expect(openFrames(join(root, 'none'))).rejects.toThrow('there is no such file or folder');
    await expect(openFrames(join(frames, 'f1.png'))).rejects.toThrow('is one picture');
  });
  test('a broken frame ends the reading, or is left out; one of another size too', async () => {
    const broken = join(root, 'broken');
    mkdirSync(broken);
    for (let i = 0; i < 5; i++) writeFileSync(join(broken, `${i}.png`), await encodePng(numbered(i)));
    writeFileSync(join(broken, '2.png'), 'no picture');
    writeFileSync(join(broken, '3.png'), await encodePng(numbered(3, 80, 64)));
    const seen: number[] = [];
    const reading = async () => {
      for await (const f of await openFrames(broken)) seen.push(f.index);
    };
    await expect(reading()).rejects.toThrow(/2\.png/);
    expect(seen).toEqual([0, 1]);
    const left: number[] = [];
    const rest = await read(broken, { onBroken: frame => left.push(frame.index) });
    expect([rest.map(f => f.index), left]).toEqual([
      [0, 1, 4],
      [2, 3],
    ]);
  });
});

describe('frames written as pictures', () => {
  test('keep their names, or are numbered; nothing half-written stays', async () => {
    const out = join(root, 'drawn');
    const writer = await openVideoWriter(out, { width: 96, height: 64, frameRate: [25, 1], timeBase: [1, 25] });
    await writer.write(numbered(7), { index: 7, pts: 7, name: 'shot.7.jpg' });
    await writer.write(numbered(8), { index: 8, pts: 8 });
    expect(await writer.has({ index: 8, pts: 8 })).toBe(true);
    expect(await writer.has({ index: 9, pts: 9 })).toBe(false);
    await writer.finish();
    expect(readdirSync(out).sort()).toEqual(['000009.png', 'shot.7.jpg']);
    expect((await read(out)).map(f => f.number)).toEqual([8, 7]);
  });
});
