import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tensor } from '../../src/core/index.ts';
import { readValuePng } from '../../src/evaluate/index.ts';
import { encodePalettePng, encodePng } from '../../src/image/index.ts';
import {
  defaultTrackingLayer,
  findDavis,
  findVideo,
  MaskPropagator,
  propagateFiles,
  trackingSize,
} from '../../src/pipelines/index.ts';
import { runCli } from '../cli/harness.ts';
import { writeTinyModel } from '../detect/tiny-model.ts';
import { HEIGHT, overlap, picture, truth, WIDTH } from './scene.ts';

const FRAMES = 6;
const PALETTE = Uint8Array.from({ length: 3 * 8 }, (_, i) => 10 * i);
const folder = mkdtempSync(join(tmpdir(), 'propagate-'));
const davis = join(folder, 'davis');
const model = join(folder, 'tiny');
const path = (...parts: string[]) => join(folder, ...parts);

beforeAll(async () => {
  await writeTinyModel(model);
  for (const name of ['walk', 'again']) {
    mkdirSync(join(davis, 'JPEGImages/480p', name), { recursive: true });
    mkdirSync(join(davis, 'Annotations/480p', name), { recursive: true });
    for (let f = 0; f < FRAMES; f++) {
      const stem = String(f).padStart(5, '0');
      writeFileSync(join(davis, 'JPEGImages/480p', name, `${stem}.png`), await encodePng(picture(f)));
      const mask = tensor(['height', 'width'] as const, [HEIGHT, WIDTH], truth(f));
      writeFileSync(join(davis, 'Annotations/480p', name, `${stem}.png`), encodePalettePng(mask, PALETTE));
    }
  }
  writeFileSync(path('split.txt'), 'walk\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const frames = join(davis, 'JPEGImages/480p/walk');
const firstMask = join(davis, 'Annotations/480p/walk/00000.png');
const load = () => MaskPropagator.load({ model, size: 192 });

describe('trackingSize', () => {
  test("is DINO's for patch 16, whole patches for 14", () => {
    expect(trackingSize(854, 480, 480, 16)).toEqual({ width: 832, height: 480 });
    expect(trackingSize(480, 854, 480, 16)).toEqual({ width: 480, height: 832 });
    expect(trackingSize(1920, 1080, 480, 14)).toEqual({ width: 840, height: 476 });
    expect(trackingSize(500, 500, 480, 16)).toEqual({ width: 480, height: 480 });
  });

  test('never falls below the short side', () => {
    expect(trackingSize(101, 100, 30, 16)).toEqual({ width: 64, height: 32 });
  });
});

test('the layer by default is the best one measured, else the last', () => {
  expect(defaultTrackingLayer('dense-t16', 12)).toBe(11);
  expect(defaultTrackingLayer('pe-spatial-b16', 12)).toBe(12);
  expect(defaultTrackingLayer('dense-t16', 2)).toBe(2);
});

test('follows two objects, keeps their ids and their colours', async () => {
  const out = path('followed');
  const propagator = await load();
  try {
    const video = await findVideo(frames, firstMask, out);
    const result = await propagateFiles(propagator, video, { overlay: path('overlay') });
    expect(result).toMatchObject({ name: 'walk', frames: FRAMES, objects: [2, 5], skipped: false, input: [320, 192] });
  } finally {
    await propagator.close();
  }
  expect(readdirSync(out)).toEqual(Array.from({ length: FRAMES }, (_, f) => `0000${f}.png`));
  expect(readdirSync(path('overlay'))).toHaveLength(FRAMES);
  for (let f = 0; f < FRAMES; f++) {
    const mask = readValuePng(readFileSync(join(out, `0000${f}.png`)), 'mask');
    expect(mask).toMatchObject({ width: WIDTH, height: HEIGHT, kind: 'palette' });
    expect(mask.palette).toEqual(PALETTE);
    if (f === 0) expect(mask.data).toEqual(truth(0));
    for (const id of [2, 5]) expect(overlap(mask.data, truth(f), id), `object ${id}, frame ${f}`).toBeGreaterThan(0.6);
  }
});

test('the command on a DAVIS folder, scored by evaluate davis; --resume leaves what is there', async () => {
  const out = path('masks');
  const args = ['propagate', davis, '--split', path('split.txt'), '--out', out, '--model', model, '--size', '192'];
  const first = await runCli([...args, '--json']);
  expect(first.stderr).toBe('');
  expect(first.code).toBe(0);
  expect(JSON.parse(first.stdout)).toMatchObject({
    model: 'tiny',
    videos: [{ name: 'walk', frames: FRAMES, objects: [2, 5], skipped: false }],
    failed: [],
  });
  const scored = await runCli([
    'evaluate',
    'davis',
    '--gt',
    join(davis, 'Annotations/480p'),
    '--pred',
    out,
    '--json',
    '--sequences',
    'walk',
  ]);
  // ids 1, 3 and 4 have no pixels and score 1 in the original's way; 2 and 5 are what is measured here
  const { per_object } = JSON.parse(scored.stdout) as { per_object: Record<string, Record<string, number>> };
  expect(per_object.walk_2!['J-Mean']).toBeGreaterThan(0.6);
  expect(per_object.walk_5!['J-Mean']).toBeGreaterThan(0.6);

  const before = statSync(join(out, 'walk/00003.png')).mtimeMs;
  const second = await runCli([...args, '--resume', '--json']);
  expect(JSON.parse(second.stdout)).toMatchObject({ videos: [{ skipped: true }] });
  expect(statSync(join(out, 'walk/00003.png')).mtimeMs).toBe(before);
  rmSync(join(out, 'walk/00003.png'));
  await runCli([...args, '--resume', '--json']);
  expect(statSync(join(out, 'walk/00003.png')).size).toBeGreaterThan(0);
});

test('frames come in the order of their numbers, and masks are named after them', async () => {
  mkdirSync(path('loose'));
  for (const f of [0, 1, 2]) writeFileSync(path('loose', `f${[2, 9, 10][f]}.png`), await encodePng(picture(f)));
  const video = await findVideo(path('loose'), firstMask, path('x'));
  expect(await video.stems()).toEqual(['f2', 'f9', 'f10']);
  expect((await findDavis(davis, undefined, 'o')).map(v => v.name)).toEqual(['again', 'walk']);
});

test('a damaged frame of one video fails alone', async () => {
  const broken = path('broken');
  for (const part of ['JPEGImages', 'Annotations'])
    for (const name of ['walk', 'again']) {
      mkdirSync(join(broken, part, '480p', name), { recursive: true });
      for (const file of readdirSync(join(davis, part, '480p', name)))
        writeFileSync(join(broken, part, '480p', name, file), readFileSync(join(davis, part, '480p', name, file)));
    }
  writeFileSync(join(broken, 'JPEGImages/480p/again/00002.png'), 'no picture');
  const run = await runCli(['propagate', broken, '--out', path('partly'), '--model', model, '--size', '192', '--json']);
  expect(run.code).toBe(4);
  expect(run.stderr).toMatch(/again.00002\.png/);
  expect(JSON.parse(run.stdout)).toMatchObject({ videos: [{ name: 'walk' }], failed: [{ name: 'again' }] });
  expect(readdirSync(path('partly/walk'))).toHaveLength(FRAMES);
});

describe('errors', () => {
  const lines = async (...args: string[]) => {
    const run = await runCli(['propagate', ...args, '--out', path('never'), '--model', model]);
    expect(run.stdout).toBe('');
    return `${run.code} ${run.stderr.replaceAll(folder, 'DIR')}`;
  };

  test('say what came and what to do', async () => {
    writeFileSync(
      path('wrong-size.png'),
      encodePalettePng(tensor(['height', 'width'] as const, [1, 2], Uint8Array.of(0, 1))),
    );
    expect(await lines(frames, '--mask', path('wrong-size.png'))).toMatchInlineSnapshot(`
      "2 error: DIR/davis/JPEGImages/480p/walk/00000.png is 160 x 96
        why: DIR/wrong-size.png is 2 x 1, and so must be every frame
        fix: paint the mask on the first frame at its own size, and give the frames of one video
      "
    `);
    expect(await lines(frames)).toMatchInlineSnapshot(`
      "2 error: DIR/davis/JPEGImages/480p/walk is not a DAVIS folder
        why: DIR/davis/JPEGImages/480p/walk/JPEGImages/480p cannot be read: ENOENT: no such file or directory, scandir 'DIR/davis/JPEGImages/480p/walk/JPEGImages/480p'
        fix: for one video give --mask FIRST.png; for DAVIS name the folder that holds JPEGImages and Annotations
      "
    `);
    expect(await lines('-')).toMatchInlineSnapshot(`
      "2 error: standard input without --mask
        why: it is one video
        fix: give the mask of its first frame
      "
    `);
    expect(await lines(frames, '--mask', firstMask, '--start', '0:02')).toMatchInlineSnapshot(`
      "2 error: --start 0:02
        why: pictures have no times
        fix: give the number of a frame, from 1
      "
    `);
    expect(await lines(frames, '--mask', firstMask, '--start', '7')).toMatchInlineSnapshot(`
      "2 error: DIR/davis/JPEGImages/480p/walk has no frames from 7 to 6
        why: it has 6
        fix: give an earlier --start or a later --end
      "
    `);
    expect(await lines(frames, '--mask', firstMask, '--end', 'soon')).toMatchInlineSnapshot(`
      "2 error: --end got "soon"
        why: it takes a frame number counted from 1, or a time
        fix: write 120 for frame 120, 12.5s for seconds, or 1:02:03.5
      "
    `);
    expect(await lines(frames, '--mask', path('none.png'))).toMatchInlineSnapshot(`
      "2 error: cannot read DIR/none.png
        why: ENOENT: no such file or directory, open 'DIR/none.png'
        fix: name the PNG mask of the first frame
      "
    `);
    expect(await lines(frames, '--mask', firstMask, '--layer', '3')).toMatchInlineSnapshot(`
      "2 error: layer 3
        why: tiny has 2 blocks
        fix: name one from 1 to 2, or last
      "
    `);
    expect(await lines(frames, '--mask', firstMask, '--size', 'big')).toMatchInlineSnapshot(`
      "2 error: --size got "big"
        why: it takes pixels of the short side: 480, or width x height like 832x480
        fix: give --size pixels of the short side: 480, or width x height like 832x480
      "
    `);
    expect(await lines(frames, '--mask', firstMask, '--temperature', '0')).toMatchInlineSnapshot(`
      "2 error: --temperature got "0"
        why: it takes a number above 0
        fix: give --temperature a number above 0
      "
    `);
    expect(await lines(davis, '--mask', firstMask, '--split', path('split.txt'))).toMatchInlineSnapshot(`
      "2 error: --mask with --split
        why: a DAVIS folder has its own masks
        fix: leave one out
      "
    `);
  });
});
