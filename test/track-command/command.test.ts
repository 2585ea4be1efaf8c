import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluateCommand } from '../../src/cli/commands/evaluate/index.ts';
import { trackCommand } from '../../src/cli/commands/track.ts';
import { parseMotText } from '../../src/core/index.ts';
import { decodeImage } from '../../src/image/index.ts';
import { openFrames } from '../../src/video/index.ts';
import { runCli } from '../cli/harness.ts';
import { av } from '../video/helpers.ts';
import { objectsAt, sceneDetections, sceneDetector, sceneTruth, writeScene } from './helpers.ts';

const FRAMES = 20;
let root: string;
let frames: string;
let det: string;

const commands = [
  { group: 'Videos:', make: () => trackCommand(async () => sceneDetector()) },
  { group: 'Figures:', make: evaluateCommand },
];
const cli = (...args: string[]) => runCli(args, commands);
const at = (...parts: string[]) => join(root, ...parts);

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-track-'));
  frames = at('walk');
  det = at('det.txt');
  await writeScene(frames, FRAMES);
  writeFileSync(det, sceneDetections(FRAMES));
  writeFileSync(at('gt.txt'), sceneTruth(FRAMES));
});
afterAll(() => rmSync(root, { recursive: true }));

interface TrackJson {
  frames: {
    frame: number;
    time_s: number;
    tracks: { id: number; bbox: number[]; score: number; category_id: number }[];
  }[];
  lines: { name: string; in: number; out: number; crossings: { frame: number; id: number; direction: string }[] }[];
  zones: { name: string; visitors: number; entered: number; left: number; most: number }[];
  summary: { id: number; category_name: string; first: number; last: number; frames: number }[];
  stopped?: { frame: number; reason: string };
}

describe('track --detections', () => {
  // centres: red (35, 19 + 4f), green (115, 101 - 4f); both cross y = 60 between frames 11 and 12 (f = 10 and 11)
  const counting = ['--line', '0,60,160,60,middle', '--zone', '90,0,150,0,150,50,90,50,top right'];
  test('counts over a line and in a zone, as the scene was made', async () => {
    const { code, stdout } = await cli('track', frames, '--detections', det, '--json', ...counting);
    expect(code).toBe(0);
    const json = JSON.parse(stdout) as TrackJson;
    expect(Object.keys(json)).toEqual(['frames', 'lines', 'zones', 'summary']);
    expect(json.frames.map(f => f.frame)).toEqual(Array.from({ length: FRAMES }, (_, i) => i + 1));
    const { tracks } = json.frames[4];
    expect(Object.keys(tracks[0])).toEqual(['id', 'bbox', 'score', 'category_id']);
    const { red, green } = objectsAt(4);
    const boxes = tracks.map(t => t.bbox.map(Math.round)).sort((a, b) => a[0] - b[0]);
    for (const [k, box] of boxes.entries())
      for (const [i, v] of [red, green][k].entries()) expect(Math.abs(box[i] - v)).toBeLessThanOrEqual(2); // an estimate
    expect(json.lines).toMatchObject([{ name: 'middle', in: 1, out: 1 }]);
    const crossed = json.lines[0].crossings;
    expect(crossed.map(c => c.direction).sort()).toEqual(['in', 'out']);
    for (const { frame } of crossed) expect([11, 12, 13]).toContain(frame);
    expect(json.zones).toMatchObject([{ name: 'top right', visitors: 1, entered: 1, left: 0, most: 1 }]);
    expect(json.summary).toMatchObject([
      { id: 1, category_name: 'object', first: 1, last: FRAMES, frames: FRAMES },
      { id: 2, category_name: 'object', first: 1, last: FRAMES, frames: FRAMES },
    ]);
  });
  test.each(['byte', 'ocsort', 'botsort'])('%s: its MOT text goes into evaluate mot', async tracker => {
    const mot = at(`${tracker}.txt`);
    const { code } = await cli('track', frames, '--detections', det, '--tracker', tracker, '--mot', mot, '--quiet');
    expect(code).toBe(0);
    const text = readFileSync(mot, 'utf8');
    expect(text.split('\n')[0]).toMatch(/^1,[12],-?[\d.]+,-?[\d.]+,[\d.]+,[\d.]+,0\.9\d*,-1,-1,-1$/);
    expect(new Set(parseMotText(text, 'mot').id)).toEqual(new Set([1, 2]));
    const { stdout } = await cli('evaluate', 'mot', '--gt', at('gt.txt'), '--pred', mot, '--json');
    const figures = JSON.parse(stdout) as Record<string, number>;
    expect(figures).toMatchObject({ IDSW: 0, FP: 0, IDF1: 1, MOTA: 1 });
    expect(figures.HOTA).toBeGreaterThan(0.9);
  });
  test('boxes behind the last frame are mentioned: the file may belong to another video', async () => {
    writeFileSync(at('longer.txt'), sceneDetections(FRAMES + 3));
    const { code, stderr } = await cli('track', frames, '--detections', at('longer.txt'));
    expect(code).toBe(0);
    expect(stderr).toContain(`detections reach to frame ${FRAMES + 3}, the video ends with frame ${FRAMES}`);
  });
  test('--start, --end and --every keep the frame numbers of the source', async () => {
    const args = ['--detections', det, '--json', '--start', '3', '--end', '15', '--every', '4'];
    const { stdout } = await cli('track', frames, ...args);
    const json = JSON.parse(stdout) as TrackJson;
    expect(json.frames.map(f => f.frame)).toEqual([3, 7, 11, 15]);
    expect(json.frames[1].time_s).toBeCloseTo(0.2, 6);
  });
  test('COCO results with --classes: only those', async () => {
    const rows = Array.from({ length: FRAMES }, (_, i) =>
      Object.values(objectsAt(i)).map((bbox, k) => ({ image_id: i + 1, category_id: [3, 1][k], bbox, score: 0.9 })),
    ).flat();
    writeFileSync(at('coco.json'), JSON.stringify(rows));
    const args = ['--detections', at('coco.json'), '--classes', 'person', '--json'];
    const json = JSON.parse((await cli('track', frames, ...args)).stdout) as TrackJson;
    expect(json.summary).toMatchObject([{ category_name: 'person', frames: FRAMES }]);
    expect(json.frames[0].tracks[0].category_id).toBe(1);
    expect((await cli('track', frames, '--detections', at('coco.json'), '--classes', 'persn')).stderr).toContain(
      'did you mean person?',
    );
  });
});

describe('track with a model', () => {
  test('writes text, JSON and drawn frames under --out, and a table for people', async () => {
    const { code, stdout, stderr } = await cli('track', frames, '--out', at('out'), '--line', '0,60,160,60');
    expect([code, stderr]).toEqual([0, expect.stringContaining(`${FRAMES} frames in`)]);
    expect(stdout).toMatch(/track {2}class {2}first {2}last {2}frames {2}seconds\n +1 {2}(red|green) +1 +20 +20/);
    expect(stdout).toMatch(/line 1 +1 +1/);
    expect(readdirSync(at('out')).sort()).toEqual(['walk.tracks', 'walk.tracks.json', 'walk.tracks.txt']);
    expect(readdirSync(at('out', 'walk.tracks')).length).toBe(FRAMES);
    const json = JSON.parse(readFileSync(at('out', 'walk.tracks.json'), 'utf8')) as TrackJson;
    expect(new Set(json.frames[9].tracks.map(t => t.category_id))).toEqual(new Set([1, 5])); // the model's ids
    const again = await cli('track', frames, '--out', at('out'), '--resume', '--json');
    expect([again.code, JSON.parse(again.stdout)]).toEqual([0, json]);
    expect(again.stderr).toContain('done earlier');
    const drawn = await decodeImage(at('out', 'walk.tracks', '000010.png'));
    const plain = await decodeImage(join(frames, '000010.png'));
    expect(drawn.shape).toEqual(plain.shape);
    const { red } = objectsAt(9);
    const edge = 3 * ((red[1] + 15) * 160 + red[0]); // on the left edge of the box
    expect([...drawn.data.subarray(edge, edge + 3)]).not.toEqual([...plain.data.subarray(edge, edge + 3)]);
  });
  test.skipIf(!av)('--video writes a film with every frame', async () => {
    const { code } = await cli('track', frames, '--video', at('film.mp4'), '--quiet', '--trail', '5');
    expect(code).toBe(0);
    const stamps = [];
    for await (const f of (await openFrames(at('film.mp4'))).times()) stamps.push(f.time_s.toFixed(4));
    expect(stamps).toEqual(Array.from({ length: FRAMES }, (_, i) => (i / 30).toFixed(4)));
  });
  test('a broken frame stops it there; what was written is whole and says so; --resume goes on', async () => {
    const broken = at('broken');
    await writeScene(broken, FRAMES);
    const good = readFileSync(join(broken, '000009.png'));
    writeFileSync(join(broken, '000009.png'), good.subarray(0, 60));
    const { code, stderr, stdout } = await cli('track', broken, '--out', at('b'), '--json');
    expect(code).toBe(2);
    expect(stderr).toMatch(/error: .*000009\.png[\s\S]*the outputs end, whole, with frame 8[\s\S]*--resume/);
    for (const text of [stdout, readFileSync(at('b', 'broken.tracks.json'), 'utf8')]) {
      const json = JSON.parse(text) as TrackJson;
      expect([json.frames.length, json.stopped!.frame]).toEqual([8, 8]);
      expect(json.stopped!.reason).toContain('000009.png');
    }
    const last = parseMotText(readFileSync(at('b', 'broken.tracks.txt')), 'mot');
    expect(last.frame.at(-1)).toBe(8);
    writeFileSync(join(broken, '000009.png'), good);
    expect((await cli('track', broken, '--out', at('b'), '--resume', '--quiet')).code).toBe(0);
    expect((await cli('track', broken, '--out', at('whole'), '--quiet')).code).toBe(0);
    for (const name of ['broken.tracks.txt', 'broken.tracks.json'])
      expect(readFileSync(at('b', name), 'utf8')).toBe(readFileSync(at('whole', name), 'utf8'));
    expect(existsSync(at('b', 'broken.tracks.journal.jsonl'))).toBe(false);
  });
  test('--skip-broken leaves it out and goes on', async () => {
    const broken = at('skipped');
    await writeScene(broken, 12);
    writeFileSync(join(broken, '000005.png'), 'no picture');
    const { code, stdout, stderr } = await cli('track', broken, '--json', '--skip-broken');
    const json = JSON.parse(stdout) as TrackJson;
    expect([code, json.frames.map(f => f.frame)]).toEqual([0, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12]]);
    expect(json.summary.map(s => s.frames)).toEqual([11, 11]); // the same two tracks
    expect(stderr).toContain('frame 5 left out');
  });
});

describe('what cannot work is refused', () => {
  test.each([
    [['--line', '1,2,3'], /"1,2,3" is not a line/],
    [['--zone', '1,2,3,4'], /"1,2,3,4" is not a zone/],
    [['--start', 'noon'], /--start got "noon"/],
    [['--tracker', 'sort'], /--tracker got "sort"[\s\S]*byte, ocsort, botsort/],
    [['--set', 'trackBuffer'], /--set got "trackBuffer"/],
    [['--set', 'nothing=1'], /ByteTrack has no option "nothing"/],
    [['--resume'], /--resume without an output/],
    [['--every', '0'], /--every got "0"/],
    [['--start', '21'], /has no frames in --start 21/],
  ])('%j', async (args, text) => {
    const { code, stdout, stderr } = await cli('track', frames, ...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(text);
  });
});
