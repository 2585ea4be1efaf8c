import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tensor } from '../../src/core/index.ts';
import { readValuePng } from '../../src/evaluate/index.ts';
import { decodeImage, encodePalettePng, encodePng } from '../../src/image/index.ts';
import { findVideo, MaskPropagator, type PropagateFilesOptions, propagateFiles } from '../../src/pipelines/index.ts';
import { openFrames, openVideoWriter } from '../../src/video/index.ts';
import { runCli } from '../cli/harness.ts';
import { writeTinyModel } from '../detect/tiny-model.ts';
import { av } from '../video/helpers.ts';
import { HEIGHT, overlap, picture, truth, WIDTH } from './scene.ts';

const FRAMES = 9;
const folder = mkdtempSync(join(tmpdir(), 'propagate-video-'));
const path = (...parts: string[]) => join(folder, ...parts);
const model = path('tiny');
const frames = path('frames');
const mask = path('first.png');
const stems = (numbers: readonly number[]) => numbers.map(n => `${String(n).padStart(6, '0')}.png`);
const encoded = (ids: Uint8Array) => encodePalettePng(tensor(['height', 'width'] as const, [HEIGHT, WIDTH], ids));
const read = (...parts: string[]) => readValuePng(readFileSync(path(...parts)), 'mask').data as Uint8Array;

beforeAll(async () => {
  await writeTinyModel(model);
  mkdirSync(frames);
  for (let f = 0; f < FRAMES; f++) writeFileSync(join(frames, `${f + 1}.png`), await encodePng(picture(f)));
  writeFileSync(mask, encoded(truth(0)));
  writeFileSync(path('third.png'), encoded(truth(2)));
  if (!av) return;
  const clock = { frameRate: [25, 1], timeBase: [1, 1000], crf: 4 } as const;
  const writer = await openVideoWriter(path('clip.mp4'), { width: WIDTH, height: HEIGHT, ...clock });
  for (let f = 0; f < FRAMES; f++) await writer.write(picture(f), { index: f, pts: 40 * f + (f > 4 ? 80 : 0) });
  await writer.finish();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function carry(source: string, out: string, options: PropagateFilesOptions = {}, first = mask) {
  const propagator = await MaskPropagator.load({ model, size: 192 });
  try {
    return await propagateFiles(propagator, await findVideo(source, first, path(out), options), options);
  } finally {
    await propagator.close();
  }
}

/** Stops a run once `frame` is on its way to the disk. */
function stopAfter(frame: number) {
  const stop = new AbortController();
  return { signal: stop.signal, onFrame: (_: unknown, done: number) => void (done === frame && stop.abort()) };
}

describe.skipIf(!av)('a video file', () => {
  test('gives the masks its frames give, one for each, named by their numbers', async () => {
    const result = await carry(path('clip.mp4'), 'from-clip');
    expect(result).toMatchObject({ name: 'clip', frames: FRAMES, resumed: 0, skipped: false, objects: [2, 5] });
    mkdirSync(path('taken'));
    for await (const { image, index } of await openFrames(path('clip.mp4')))
      writeFileSync(path('taken', `${index}.png`), await encodePng(image));
    await carry(path('taken'), 'from-frames');
    expect(readdirSync(path('from-clip'))).toEqual(stems([1, 2, 3, 4, 5, 6, 7, 8, 9]));
    for (let f = 0; f < FRAMES; f++) {
      const data = read('from-clip', stems([f + 1])[0]!);
      expect(data).toEqual(read('from-frames', `${f}.png`));
      for (const id of [2, 5]) expect(overlap(data, truth(f), id), `object ${id}, frame ${f}`).toBeGreaterThan(0.6);
    }
  });

  test('is read in part: the mask is that of the first frame read', async () => {
    const part = { start: 3, end: '0.33s', every: 2 };
    const result = await carry(path('clip.mp4'), 'part', part, path('third.png'));
    expect(result.frames).toBe(3); // at 80, 160 and 320 ms: the sixth frame comes late
    expect(readdirSync(path('part'))).toEqual(stems([3, 5, 7]));
    expect(read('part', '000003.png')).toEqual(truth(2));
    expect(overlap(read('part', '000005.png'), truth(4), 2)).toBeGreaterThan(0.6);
  });

  test('is drawn into a video file, with its time stamps', async () => {
    await carry(path('clip.mp4'), 'drawn-masks', { overlay: path('drawn.mp4') });
    const times: number[] = [];
    for await (const { time_s } of (await openFrames(path('drawn.mp4'))).times()) times.push(time_s);
    expect(times.map(t => Math.round(1000 * t))).toEqual([0, 40, 80, 120, 160, 280, 320, 360, 400]);
  });

  test('that was stopped is gone on with: masks and drawn video as of one run', async () => {
    await carry(path('clip.mp4'), 'one', { overlay: path('one.mkv') });
    const options = { overlay: path('two.mkv') };
    await expect(carry(path('clip.mp4'), 'two', { ...options, ...stopAfter(5) })).rejects.toMatchObject({
      code: 'ABORTED',
      detail: { why: 'interrupted; the masks end, whole, with 000005.png' },
    });
    const before = statSync(path('two/000004.png')).mtimeMs;
    const result = await carry(path('clip.mp4'), 'two', { ...options, resume: true });
    expect(result).toMatchObject({ frames: FRAMES, resumed: 5, skipped: false });
    expect(statSync(path('two/000004.png')).mtimeMs).toBe(before);
    expect(readdirSync(path('two'))).toEqual(readdirSync(path('one')));
    for (const name of readdirSync(path('one')))
      expect(readFileSync(path('two', name)).equals(readFileSync(path('one', name))), name).toBe(true);
    expect(readFileSync(path('two.mkv')).length).toBeGreaterThan(0);
    const pixelsOf = async (file: string) => {
      const all: Uint8Array[] = [];
      for await (const { image } of await openFrames(path(file))) all.push(image.data);
      return all;
    };
    const [one, two] = [await pixelsOf('one.mkv'), await pixelsOf('two.mkv')];
    expect(two.map((pixels, f) => Buffer.compare(pixels, one[f]!))).toEqual(Array(FRAMES).fill(0));
    expect(await carry(path('clip.mp4'), 'two', { resume: true })).toMatchObject({ skipped: true, frames: FRAMES });
  });

  test('on the command line', async () => {
    const args = [
      'propagate',
      path('clip.mp4'),
      '--mask',
      mask,
      '--out',
      path('cli'),
      '--model',
      model,
      '--size',
      '96',
    ];
    const { code, stderr, stdout } = await runCli([...args, '--end', '3', '--json']);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ videos: [{ name: 'clip', frames: 3, resumed: 0 }] });
    expect(readdirSync(path('cli'))).toEqual(stems([1, 2, 3]));
  });
});

describe('a run that stops', () => {
  test('leaves whole masks, and goes on from there as if it had not', async () => {
    await carry(frames, 'whole');
    await expect(carry(frames, 'cut', stopAfter(4))).rejects.toMatchObject({ code: 'ABORTED' });
    expect(readdirSync(path('cut'))).toEqual(['1.png', '2.png', '3.png', '4.png', 'unfinished.state']);
    for (const name of ['1.png', '2.png', '3.png', '4.png']) read('cut', name);
    const seen: number[] = [];
    await carry(frames, 'cut', { resume: true, onFrame: (_, frame) => void seen.push(frame) });
    expect(seen).toEqual([5, 6, 7, 8, 9]);
    expect(readdirSync(path('cut'))).toEqual(readdirSync(path('whole')));
    for (const name of readdirSync(path('whole')))
      expect([name, read('cut', name)]).toEqual([name, read('whole', name)]);
  });

  test('refuses to go on as another run, and begins anew without --resume', async () => {
    await expect(carry(frames, 'other', stopAfter(4))).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(carry(frames, 'other', { resume: true, topk: 3 })).rejects.toMatchObject({
      code: 'BAD_USAGE',
      detail: { why: 'the interrupted run was another one: topk was 5, now it is 3' },
    });
    expect(await carry(frames, 'other', { topk: 3 })).toMatchObject({ resumed: 0, frames: FRAMES });
    expect(existsSync(path('other/unfinished.state'))).toBe(false);
    writeFileSync(path('other/unfinished.state'), 'no state');
    await expect(carry(frames, 'other', { resume: true })).rejects.toMatchObject({ code: 'BAD_USAGE' });
  });

  test('at a broken frame says where, and goes on once it is repaired', async () => {
    mkdirSync(path('cracked'));
    for (const name of readdirSync(frames)) writeFileSync(path('cracked', name), readFileSync(join(frames, name)));
    writeFileSync(path('cracked/6.png'), readFileSync(join(frames, '6.png')).subarray(0, 700));
    const broken = carry(path('cracked'), 'mended');
    await expect(broken).rejects.toMatchObject({
      code: 'BAD_INPUT',
      detail: { what: expect.stringContaining('6.png') },
    });
    await expect(broken).rejects.toThrow(/the masks end, whole, with 5\.png[\s\S]*--resume/);
    const left: string[] = [];
    const skipping = await carry(path('cracked'), 'without', {
      skipBroken: true,
      onBroken: name => void left.push(name),
    });
    expect([skipping.frames, left]).toEqual([FRAMES - 1, [path('cracked/6.png')]]);
    expect(existsSync(path('without/6.png'))).toBe(false);
    expect(overlap(read('without', '9.png'), truth(8), 2)).toBeGreaterThan(0.6);
    writeFileSync(path('cracked/6.png'), readFileSync(join(frames, '6.png')));
    expect(await carry(path('cracked'), 'mended', { resume: true })).toMatchObject({ resumed: 5, frames: FRAMES });
    await carry(frames, 'sound');
    for (const name of readdirSync(frames)) expect([name, read('mended', name)]).toEqual([name, read('sound', name)]);
  });

  test('at a mask that cannot be written keeps what is whole and says so', async () => {
    const out = path('full');
    mkdirSync(join(out, '4.png'), { recursive: true }); // a folder in the mask's place refuses it as a disk would
    writeFileSync(join(out, '4.png', 'x'), '');
    const run = carry(frames, 'full');
    await expect(run).rejects.toThrow(/the masks end, whole, with 3\.png[\s\S]*--resume/);
    rmSync(join(out, '4.png'), { recursive: true });
    expect(readdirSync(out)).toEqual(['1.png', '2.png', '3.png', 'unfinished.state']);
    expect(await carry(frames, 'full', { resume: true })).toMatchObject({ resumed: 3, frames: FRAMES });
  });

  test('draws what it has into a video that plays', async () => {
    if (!av) return;
    const options = { overlay: path('cut.mp4'), ...stopAfter(4) };
    await expect(carry(frames, 'cut-drawn', options)).rejects.toMatchObject({ code: 'ABORTED' });
    let count = 0;
    for await (const { image } of await openFrames(path('cut.mp4'))) count += image.shape[0] > 0 ? 1 : 0;
    expect(count).toBe(4);
  });
});

test('drawn frames in a folder show the objects', async () => {
  await carry(frames, 'm', { overlay: path('drawn.d'), end: 2 });
  expect(readdirSync(path('drawn.d'))).toEqual(['1.jpg', '2.jpg']);
  const { data } = await decodeImage(path('drawn.d/1.jpg'));
  const at = 3 * (48 * WIDTH + 40); // inside the first square
  expect([...data.subarray(at, at + 3)]).not.toEqual([...picture(0).data.subarray(at, at + 3)]);
});
