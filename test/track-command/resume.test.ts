import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { parseMotText } from '../../src/core/index.ts';
import { GrowingFile } from '../../src/pipelines/formats/atomic.ts';
import type { TrackFileOptions } from '../../src/pipelines/index.ts';
import { trackVideo } from '../../src/pipelines/index.ts';
import { openFrames, openVideoWriter } from '../../src/video/index.ts';
import { av } from '../video/helpers.ts';
import { HEIGHT, sceneDetections, sceneDetector, WIDTH, writeScene } from './helpers.ts';

const FRAMES = 20;
const BIN = fileURLToPath(new URL('../../bin/pe-dense.mjs', import.meta.url));
let root: string;
let frames: string;
let film: string;
const at = (...parts: string[]) => join(root, ...parts);

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-resume-'));
  frames = at('walk');
  film = at('walk.mp4');
  await writeScene(frames, FRAMES);
  if (!av) return;
  const writer = await openVideoWriter(film, {
    width: WIDTH,
    height: HEIGHT,
    frameRate: [25, 1],
    timeBase: [1, 25],
    crf: 8,
  });
  for await (const f of await openFrames(frames)) await writer.write(f.image, f);
  await writer.finish();
});
afterAll(() => rmSync(root, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** Tracks; counts how many frames the network sees. */
async function run(source: string, options: TrackFileOptions) {
  const looked = { frames: 0 };
  const detector = sceneDetector({ onRun: n => (looked.frames += n) });
  const report = await trackVideo(source, async () => detector, options).catch((error: unknown) => error);
  return { looked: looked.frames, report };
}

/** Stops after a number of frames, as Ctrl-C would. */
async function runInterrupted(source: string, after: number, options: TrackFileOptions) {
  const controller = new AbortController();
  const onFrame = (done: number) => void (done === after && controller.abort());
  return run(source, { ...options, signal: controller.signal, onFrame });
}

const text = (...parts: string[]) => readFileSync(at(...parts), 'utf8');
const lines = [{ name: 'middle', x1: 0, y1: 60, x2: 160, y2: 60 }];

describe('an interrupted run', () => {
  test('ends every output with the same frame and says where', async () => {
    const { report } = await runInterrupted(frames, 6, { out: at('cut'), lines });
    expect(report).toMatchObject({ code: 'ABORTED', exitCode: 130 });
    const json = JSON.parse(text('cut', 'walk.tracks.json'));
    const { frame } = json.stopped;
    expect(frame).toBeGreaterThanOrEqual(6);
    expect(frame).toBeLessThan(FRAMES);
    expect(json.stopped.reason).toBe('interrupted');
    expect((report as Error).message).toContain(`the outputs end, whole, with frame ${frame}`);
    expect(json.frames.length).toBe(frame);
    expect(Math.max(...parseMotText(text('cut', 'walk.tracks.txt'), 'mot').frame)).toBe(frame);
    expect(readdirSync(at('cut', 'walk.tracks')).length).toBe(frame);
    expect(readdirSync(at('cut')).filter(name => name.endsWith('.tmp'))).toEqual([]);
  });
  test('resumed, it equals an uninterrupted one, and the network sees no frame twice', async () => {
    const first = await runInterrupted(frames, 5, { out: at('twice'), lines });
    const again = await run(frames, { out: at('twice'), lines, resume: true });
    expect(first.looked + again.looked).toBe(FRAMES);
    const whole = await run(frames, { out: at('once'), lines });
    expect(again.report).toMatchObject({ frames: FRAMES, skipped: false });
    expect(whole.report).toMatchObject({ frames: FRAMES });
    const names = (folder: string) => readdirSync(at(folder), { recursive: true }).map(String).sort();
    expect(names('twice')).toEqual(names('once'));
    for (const name of names('once').filter(n => /\.\w+$/.test(n) && n !== 'walk.tracks'))
      expect(readFileSync(at('twice', name)).equals(readFileSync(at('once', name)))).toBe(true);
  });
  test('without drawn frames it seeks behind what is known, and may be interrupted again', async () => {
    await runInterrupted(frames, 3, { mot: at('a.txt'), every: 2 });
    await runInterrupted(frames, 6, { mot: at('a.txt'), every: 2, resume: true });
    expect(existsSync(at('a.txt.journal.jsonl'))).toBe(true);
    await run(frames, { mot: at('a.txt'), every: 2, resume: true });
    await run(frames, { mot: at('b.txt'), every: 2 });
    expect(text('a.txt')).toBe(text('b.txt'));
    expect(text('a.txt').length).toBeGreaterThan(200);
  });
  test.skipIf(!av)('a drawn film is the same, frame by frame', async () => {
    await runInterrupted(film, 7, { out: at('film-twice'), tracker: 'botsort' });
    await run(film, { out: at('film-twice'), tracker: 'botsort', resume: true });
    await run(film, { out: at('film-once'), tracker: 'botsort' });
    expect(text('film-twice', 'walk.tracks.txt')).toBe(text('film-once', 'walk.tracks.txt'));
    const pictures = async (folder: string) => {
      const list: { time_s: number; data: Uint8Array }[] = [];
      for await (const f of await openFrames(at(folder, 'walk.tracks.mp4')))
        list.push({ time_s: f.time_s, data: f.image.data });
      return list;
    };
    const [twice, once] = [await pictures('film-twice'), await pictures('film-once')];
    expect(twice.map(f => f.time_s)).toEqual(once.map(f => f.time_s));
    expect(once.length).toBe(FRAMES);
    for (const [i, { data }] of once.entries()) {
      let sum = 0;
      for (let k = 0; k < data.length; k++) sum += Math.abs(data[k] - twice[i].data[k]);
      expect(sum / data.length).toBeLessThan(1);
    }
  });
  test('a whole run is not done again; a journal of another run is refused', async () => {
    const done = await run(frames, { out: at('once-more') });
    expect(done.looked).toBe(FRAMES);
    const again = await run(frames, { out: at('once-more'), resume: true });
    expect([again.looked, (again.report as { skipped: boolean }).skipped]).toEqual([0, true]);
    await runInterrupted(frames, 3, { mot: at('c.txt') });
    const other = await run(frames, { mot: at('c.txt'), resume: true, score: 0.5 });
    expect(other.report).toMatchObject({ code: 'BAD_USAGE' });
    expect(String(other.report)).toContain('score was 0.1, now it is 0.5');
  });
  test('a crash in the middle of a line loses that frame only', async () => {
    await runInterrupted(frames, 5, { mot: at('d.txt') });
    const journal = at('d.txt.journal.jsonl');
    const kept = readFileSync(journal, 'utf8').trimEnd();
    writeFileSync(journal, kept.slice(0, -10));
    const rows = kept.split('\n').length - 1; // without the head
    expect((await run(frames, { mot: at('d.txt'), resume: true })).looked).toBe(FRAMES - rows + 1);
    await run(frames, { mot: at('e.txt') });
    expect(text('d.txt')).toBe(text('e.txt'));
  });
});

describe('a full disk', () => {
  test('is told, and the other outputs are whole', async () => {
    const append = GrowingFile.prototype.append;
    let calls = 0;
    vi.spyOn(GrowingFile.prototype, 'append').mockImplementation(function (this: GrowingFile, rows: string) {
      if (rows.startsWith('{') || rows.includes('"frame') || rows.includes('"lines"')) return append.call(this, rows); // JSON
      if (++calls < 8) return append.call(this, rows);
      // what the file does once the disk refuses
      const handle = (this as unknown as { handle: { appendFile: () => Promise<void> } }).handle;
      handle.appendFile = async () => {
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      };
      return append.call(this, rows);
    });
    const { report } = await run(frames, { out: at('full'), draw: false });
    expect(report).toMatchObject({ code: 'RUNTIME' });
    expect(String(report)).toMatch(
      /cannot write .*walk\.tracks\.txt[\s\S]*the disk is full[\s\S]*with frame 7[\s\S]*--resume/,
    );
    vi.restoreAllMocks();
    const json = JSON.parse(text('full', 'walk.tracks.json'));
    expect(json.stopped).toMatchObject({ frame: 7 });
    expect(json.summary.map((row: { last: number }) => row.last)).toEqual([7, 7]); // no row runs ahead of the frames
    expect(existsSync(at('full', 'walk.tracks.txt'))).toBe(false); // whole or not at all
    await run(frames, { out: at('full'), draw: false, resume: true });
    await run(frames, { out: at('roomy'), draw: false });
    expect(text('full', 'walk.tracks.txt')).toBe(text('roomy', 'walk.tracks.txt'));
  });
});

describe.skipIf(!av)('a video on standard input', { timeout: 120_000 }, () => {
  test('is read to its end', () => {
    writeFileSync(at('piped.txt'), sceneDetections(FRAMES));
    const args = ['track', '-', '--detections', at('piped.txt'), '--json', '--quiet'];
    const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], {
      input: readFileSync(film),
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ summary: [{ frames: FRAMES }, { frames: FRAMES }] });
  });
});

describe('Ctrl-C', { timeout: 120_000 }, () => {
  test('ends the program with 130 and leaves whole files', async () => {
    const many = at('many');
    await writeScene(many, 20);
    const picture = readFileSync(join(many, '000020.png'));
    for (let i = 21; i <= 1500; i++) writeFileSync(join(many, `${String(i).padStart(6, '0')}.png`), picture);
    writeFileSync(at('many.txt'), sceneDetections(1500));
    const args = [
      'track',
      many,
      '--detections',
      at('many.txt'),
      '--out',
      at('ctrl-c'),
      '--video',
      at('ctrl-c', 'drawn'),
    ];
    const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', chunk => (stderr += String(chunk)));
    const begun = () => existsSync(at('ctrl-c', 'drawn', '000003.png'));
    const watch = setInterval(() => {
      if (begun()) {
        clearInterval(watch);
        child.kill('SIGINT');
      }
    }, 20);
    const code = await new Promise(resolve => child.on('close', resolve));
    clearInterval(watch);
    expect([code, stderr]).toEqual([
      130,
      expect.stringMatching(/^error: stopped in .*\n {2}why: interrupted; the outputs end, whole, with frame \d+/),
    ]);
    const json = JSON.parse(text('ctrl-c', 'many.tracks.json'));
    expect(json.frames.length).toBe(json.stopped.frame);
    expect(json.stopped.frame).toBeLessThan(1500);
    expect(readdirSync(at('ctrl-c', 'drawn')).filter(n => n.startsWith('.'))).toEqual([]);
  });
});
