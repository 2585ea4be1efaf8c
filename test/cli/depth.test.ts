import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { depthCommand } from '../../src/cli/commands/depth.ts';
import { COLOR_MAPS as FLAG_MAPS, FORMATS } from '../../src/cli/depth-flags.ts';
import { type RgbImage, readNpy, readPfm, rgbImage } from '../../src/core/index.ts';
import { decodeGrey16Png, decodeImage, encodePng } from '../../src/image/index.ts';
import { DEPTH_FORMATS, evaluateDepth } from '../../src/pipelines/index.ts';
import { COLOR_MAPS } from '../../src/render/index.ts';
import { canWriteVideo, openFrames } from '../../src/video/index.ts';
import { writeTinyModel } from '../detect/tiny-model.ts';
import { type FakeDepthOptions, fakeDepth } from '../pipelines/depth/fake.ts';
import { runCli } from './harness.ts';

let desk: string;
let out: string;
let made: ReturnType<typeof fakeDepth> | undefined;
const [W, H] = [64, 48];

/** A bright square before a dark ramp. */
const picture = (left = 20): RgbImage =>
  rgbImage(
    H,
    W,
    Uint8Array.from({ length: 3 * W * H }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % W, Math.floor(i / 3 / W)];
      return x >= left && x < left + 20 && y >= 12 && y < 36 ? 230 : 20 + y;
    }),
  );

const depth = (args: readonly string[], options: FakeDepthOptions = {}) =>
  runCli(
    ['depth', ...args],
    [
      {
        group: 'Test:',
        make: () => depthCommand(async () => (made = fakeDepth(options))),
      },
    ],
  );

beforeAll(async () => {
  desk = mkdtempSync(join(tmpdir(), 'pe-dense-depth-'));
  mkdirSync(join(desk, 'in/room'), { recursive: true });
  mkdirSync(join(desk, 'frames'));
  const png = await encodePng(picture());
  for (const name of ['a.png', 'room/a.png', 'room/b.png']) writeFileSync(join(desk, 'in', name), png);
  for (let i = 0; i < 6; i++) writeFileSync(join(desk, 'frames', `${i + 1}.png`), await encodePng(picture(10 + 3 * i)));
  writeFileSync(join(desk, 'broken.png'), 'no picture');
});
beforeEach(() => {
  out = join(desk, 'out');
  rmSync(out, { recursive: true, force: true });
});
afterAll(() => rmSync(desk, { recursive: true }));

const files = (folder = out) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

test('the flags name what the pipelines and the drawing know', () => {
  expect([...FORMATS]).toEqual([...DEPTH_FORMATS]);
  expect([...FLAG_MAPS]).toEqual([...COLOR_MAPS]);
});

describe('pictures', () => {
  test('one picture, all formats: each holds the same depth and says what it is', async () => {
    const { code, stdout } = await depth([
      join(desk, 'in/a.png'),
      '--out',
      out,
      '--formats',
      FORMATS.join(','),
      '--json',
      '--colorbar',
    ]);
    expect(code).toBe(0);
    expect(files()).toEqual(
      [
        'a.depth.color.png',
        'a.depth.contours.png',
        'a.depth.json',
        'a.depth.npy',
        'a.depth.pfm',
        'a.depth.png',
        'a.depth.side.png',
        'a.glb',
        'a.ply',
      ].sort(),
    );
    const [record, ...rest] = JSON.parse(stdout);
    expect(rest).toEqual([]);
    const { file_name, paths, ...about } = record;
    expect(file_name).toBe('a.png');
    expect(Object.keys(paths).sort()).toEqual([...FORMATS, 'json'].sort());
    const sidecar = JSON.parse(readFileSync(paths.json, 'utf8'));
    expect(sidecar).toEqual(about);
    expect(Object.keys(sidecar)).toEqual(['kind', 'min', 'max', 'width', 'height', 'model']);
    expect(sidecar).toMatchObject({ kind: 'relative', width: W, height: H, model: 'fake' });

    const npy = readNpy(readFileSync(paths.npy));
    expect(npy.shape).toEqual([H, W]);
    const values = npy.data as Float32Array;
    expect([Math.min(...values), Math.max(...values)]).toEqual([sidecar.min, sidecar.max]);
    expect(Float32Array.from(readPfm(readFileSync(paths.pfm), 'pfm').data)).toEqual(values);
    const png = decodeGrey16Png(readFileSync(paths.png16));
    expect(png.text).toMatchObject({ kind: 'relative', min: String(sidecar.min), max: String(sidecar.max) });
    expect([...png.data]).toEqual(
      [...values].map(v => Math.round((65535 * (v - sidecar.min)) / (sidecar.max - sidecar.min))),
    );
    expect(values[24 * W + 30]).toBeGreaterThan(values[24 * W + 5]);

    const color = await decodeImage(paths.color);
    expect([color.shape[0], color.shape[1] > W]).toEqual([H, true]);
    expect((await decodeImage(paths.side)).shape[1]).toBeGreaterThan(2 * W);
    expect((await decodeImage(paths.contours)).shape).toEqual([H, W, 3]);
    const ply = readFileSync(paths.ply, 'latin1');
    expect(ply).toContain(`element vertex ${W * H}\n`);
    expect(ply).toContain('not metres; spread from near 1 to far 20 by assumption');
    expect(readFileSync(paths.glb).toString('latin1', 0, 4)).toBe('glTF');
    for (const [format, path] of Object.entries<string>(paths))
      if (/color|side|contours/.test(format)) expect(path).not.toMatch(/depth\.png$/);
    expect(made!.closed).toBe(true);
  });
  test('what is written scores against itself as perfect, whatever the format', async () => {
    const truth = join(desk, 'truth');
    await depth([join(desk, 'in'), '--out', truth, '--formats', 'npy'], { kind: 'metric' });
    await depth([join(desk, 'in'), '--out', out, '--formats', 'png16,color,side,contours'], { kind: 'metric' });
    const report = await evaluateDepth({ gt: truth, pred: out });
    expect(report).toMatchObject({ images: 3, missing: 0, align: 'none', delta1: 1 });
    expect(report.abs_rel).toBeLessThan(3e-4);
  });
  test('metric depth is millimetres, and the cloud metres', async () => {
    const { stdout } = await depth(
      [join(desk, 'in/a.png'), '--out', out, '--formats', 'png16,npy,ply', '--intrinsics', '50,50,32,24'],
      { kind: 'metric' },
    );
    expect(stdout).toMatch(/metric depth, [\d.]+ to [\d.]+ metres/);
    const values = readNpy(readFileSync(join(out, 'a.depth.npy'))).data as Float32Array;
    const png = decodeGrey16Png(readFileSync(join(out, 'a.depth.png')));
    expect([...png.data]).toEqual([...values].map(v => Math.round(1000 * v)));
    expect(readFileSync(join(out, 'a.ply'), 'latin1')).toMatch(
      /units are metres\ncomment camera: fx 50 fy 50 cx 32 cy 24/,
    );
  });
  test('relative depth never claims metres to people either', async () => {
    const { stdout, stderr } = await depth([join(desk, 'in/a.png')]);
    expect(stdout).toMatch(/a\.png: relative depth \(inverse, no unit\), [\d.]+ far to [\d.]+ near, 64 x 48/);
    expect(stderr).toContain('nothing written: name a folder with --out');
    expect(stdout).not.toMatch(/metre/);
  });
  test("a folder's tree is mirrored; a bad file is named and the rest is done (4)", async () => {
    const { code, stdout, stderr } = await depth([join(desk, 'in'), join(desk, 'broken.png'), '--out', out, '--json']);
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toHaveLength(3);
    expect(stderr).toMatch(/error: cannot read picture .*broken\.png/);
    expect(files().filter(name => name.endsWith('.json'))).toEqual([
      'a.depth.json',
      'room/a.depth.json',
      'room/b.depth.json',
    ]);
  });
  test('the only input being bad is 2', async () => {
    expect((await depth([join(desk, 'broken.png')])).code).toBe(2);
    expect((await depth([join(desk, 'nothing.png')])).code).toBe(2);
  });
  test('--resume does what is missing, and its JSON holds all', async () => {
    await depth([join(desk, 'in'), '--out', out]);
    const before = statSync(join(out, 'a.depth.png')).mtimeMs;
    rmSync(join(out, 'room/b.depth.color.png'));
    let seen = 0;
    const { stdout, stderr } = await depth([join(desk, 'in'), '--out', out, '--resume', '--json'], {
      onEstimate: () => seen++,
    });
    expect([seen, statSync(join(out, 'a.depth.png')).mtimeMs]).toEqual([1, before]);
    expect(JSON.parse(stdout).map((r: { file_name: string }) => r.file_name)).toEqual([
      'a.png',
      'room/a.png',
      'room/b.png',
    ]);
    expect(stderr).toContain('2 skipped: done earlier');
  });
});

describe('videos', () => {
  const video = () => join(desk, 'depth-frames');
  test('a folder as coloured frames', async () => {
    const { code, stdout } = await depth([join(desk, 'frames'), '--video', video(), '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([
      { kind: 'relative', frames: 6, width: W, height: H, cuts: null, skipped: false },
    ]);
    expect(files(video())).toEqual([1, 2, 3, 4, 5, 6].map(i => `${i}.png`));
    expect((await decodeImage(join(video(), '3.png'))).shape).toEqual([H, W, 3]);
  });
  test('--smooth takes the flicker out, frame files too', async () => {
    const flicker = (v: number, n: number) => v * (n % 2 ? 1.4 : 0.8) + (n % 3);
    const { code, stdout } = await depth(
      [join(desk, 'frames'), '--out', out, '--smooth', '--formats', 'npy', '--json'],
      { flicker },
    );
    expect(code).toBe(0);
    const [report] = JSON.parse(stdout);
    expect(report.flicker.network).toBeGreaterThan(10);
    expect(report.flicker.written).toBeLessThan(0.15 * report.flicker.network);
    expect(report.cuts).toBe(0);
    expect(files().filter(name => name.endsWith('.npy'))).toHaveLength(6);
  });
  test('--smooth counts a cut at the second frame, and not the beginning', async () => {
    const { stdout } = await depth([join(desk, 'frames'), '--out', out, '--smooth', '--json'], {
      flicker: (v, n) => (n === 0 ? v : 6 - v),
    });
    expect(JSON.parse(stdout)[0]).toMatchObject({ frames: 6, cuts: 1 });
  });
  test('--start, --end and --every choose frames', async () => {
    await depth([join(desk, 'frames'), '--out', out, '--smooth', '--start', '2', '--end', '6', '--every', '2']);
    expect(files().filter(name => name.endsWith('.json'))).toEqual(['2.depth.json', '4.depth.json', '6.depth.json']);
  });
  test('a broken frame ends the run with what is whole, or is left out', async () => {
    const folder = join(desk, 'torn');
    mkdirSync(folder, { recursive: true });
    for (const i of [1, 3]) writeFileSync(join(folder, `${i}.png`), await encodePng(picture()));
    writeFileSync(join(folder, '2.png'), 'torn');
    const torn = await depth([folder, '--out', out, '--smooth']);
    expect([torn.code, torn.stderr]).toEqual([2, expect.stringContaining('the outputs end, whole, with frame 1')]);
    const left = await depth([folder, '--out', out, '--smooth', '--skip-broken']);
    expect([left.code, left.stderr]).toEqual([0, expect.stringContaining('frame 2 left out')]);
    expect(files()).toContain('3.depth.png');
  });
  test('a file: coloured, every frame, its own length', async context => {
    if (!(await canWriteVideo())) return context.skip();
    const first = join(desk, 'first.mp4');
    await depth([join(desk, 'frames'), '--video', first]);
    const { code } = await depth([first, '--out', out, '--colorbar']);
    expect(code).toBe(0);
    const { info } = await openFrames(join(out, 'first.depth.mp4'));
    expect([info.frames, info.height, info.width > W]).toEqual([6, H, true]);
    const again = await depth([first, '--out', out, '--resume']);
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('done earlier')]);
  });
});

test.each([
  [['--fov', '180'], '--fov got "180"'],
  [['--intrinsics', '1,2,3'], '--intrinsics got "1,2,3"'],
  [['--fov', '50', '--intrinsics', '1,1,1,1'], '--fov with --intrinsics'],
  [['--near', '5', '--far', '2'], '--near 5 --far 2'],
  [['--far', '0.5'], '--near 1 --far 0.5'],
  [['--formats', 'npy'], '--formats without --out'],
  [['--formats', 'jpg', '--out', 'x'], '--formats got "jpg"'],
  [['--colormap', 'jet'], '--colormap got "jet"'],
  [['--resume'], '--resume without --out'],
  [['--smooth'], '--smooth without an output'],
  [['--start', '2'], '--start without a video'],
  [['--video', 'x.avi'], '--video x.avi'],
  [['b.png', '--video', 'x.mp4'], '--video with 2 inputs'],
])('%j is refused (2)', async (args, text) => {
  const { code, stderr } = await depth([join(desk, 'in/a.png'), ...args]);
  expect([code, stderr]).toEqual([2, expect.stringContaining(`error: ${text}`)]);
});

describe('end to end, with a real network of random weights', () => {
  test.each(['relative', 'metric'] as const)('%s', async kind => {
    const model = join(desk, `tiny-${kind}`);
    await writeTinyModel(model, {}, { depth: kind });
    const run = (args: readonly string[]) =>
      runCli(['depth', ...args], [{ group: 'Test:', make: () => depthCommand() }]);
    const { code, stdout, stderr } = await run([
      join(desk, 'in'),
      '--model',
      model,
      '--out',
      out,
      '--formats',
      'png16,npy,ply',
      '--json',
    ]);
    expect([code, stderr]).toEqual([0, expect.stringContaining('3 pictures')]);
    const records = JSON.parse(stdout);
    expect(records).toHaveLength(3);
    for (const record of records) {
      expect(record).toMatchObject({ kind, width: W, height: H, model: 'tiny' });
      expect(record.max).toBeGreaterThan(record.min);
      const npy = readNpy(readFileSync(record.paths.npy));
      expect(npy.data.every(v => Number.isFinite(Number(v)))).toBe(true);
    }
    const [a, b] = [0, 1].map(i => readFileSync(records[i].paths.npy));
    expect(a.equals(b)).toBe(true); // the same picture twice
    const smooth = await run([
      join(desk, 'frames'),
      '--model',
      model,
      '--smooth',
      '--out',
      join(out, 'frames'),
      '--json',
    ]);
    expect([smooth.code, JSON.parse(smooth.stdout)[0].frames]).toEqual([0, 6]);
  });
  test('a model without a depth head is 3 and says so', async () => {
    const model = join(desk, 'tiny-boxes');
    await writeTinyModel(model);
    const { code, stderr } = await runCli(
      ['depth', join(desk, 'in/a.png'), '--model', model],
      [{ group: 'Test:', make: () => depthCommand() }],
    );
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /error: model tiny gives no depth\n {2}why: it has no depth head\n {2}fix: use a model with a DPT head/,
    );
  });
});
