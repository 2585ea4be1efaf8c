import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { detectCommand } from '../../src/cli/commands/detect.ts';
import { trackCommand } from '../../src/cli/commands/track.ts';
import { type CocoResult, trackVideo } from '../../src/pipelines/index.ts';
import { openFrames, openVideoWriter } from '../../src/video/index.ts';
import { runCli } from '../cli/harness.ts';
import { type FakeOptions, scene } from '../detect/fake.ts';
import { av } from '../video/helpers.ts';
import { type Serving, serveBytes, toTransportStream } from '../video/live-server.ts';
import { HEIGHT, objectsAt, sceneDetector, WIDTH } from './helpers.ts';

const FRAMES = 20;
let root: string;
let bytes: Buffer;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-live-'));
  if (!av) return;
  const file = join(root, 'walk.mp4');
  const size = { width: WIDTH, height: HEIGHT, frameRate: [25, 1], timeBase: [1, 25], crf: 8 } as const;
  const writer = await openVideoWriter(file, size);
  for (let index = 0; index < FRAMES; index++) {
    const boxes = Object.values(objectsAt(index)).map(([x, y, w, h], k) => [k, x, y, x + w, y + h] as const);
    await writer.write(scene(WIDTH, HEIGHT, boxes), { index, pts: index });
  }
  await writer.finish();
  await toTransportStream(file, join(root, 'walk.ts'));
  bytes = readFileSync(join(root, 'walk.ts'));
});
afterAll(() => rmSync(root, { recursive: true }));

/** Runs a command on a served stream, whose address stands for `SOURCE`. */
async function run(rules: readonly Serving[], args: readonly string[], fake: FakeOptions = {}) {
  const server = await serveBytes(bytes, rules);
  try {
    const commands = [
      { group: 'Pictures:', make: () => detectCommand(async () => sceneDetector(fake)) },
      { group: 'Videos:', make: () => trackCommand(async () => sceneDetector(fake)) },
    ];
    const address = `tcp://127.0.0.1:${server.port}`;
    const ran = await runCli(
      args.map(arg => (arg === 'SOURCE' ? address : arg)),
      commands,
    );
    return { ...ran, address, stderr: ran.stderr.replaceAll(String(server.port), 'PORT') };
  } finally {
    await server.close();
  }
}

describe.skipIf(!av)('track on a stream', { timeout: 60_000 }, () => {
  const counting = ['--line', '0,60,160,60,middle'];
  test('counts as in a file, and writes video, text and JSON', async () => {
    const out = join(root, 'tracked');
    const args = ['track', 'SOURCE', '--no-drop', '--reconnect', '0', '--out', out, ...counting];
    const { code, stdout, stderr } = await run([{}], args);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('20 frames received, 0 dropped while the network was busy, 0 reconnections');
    expect(stdout).toMatch(/middle +1 +1/);
    const names = readdirSync(out).sort();
    expect(names).toEqual([
      expect.stringMatching(/^127\.0\.0\.1-\d+\.tracks\.json$/),
      expect.stringMatching(/^127\.0\.0\.1-\d+\.tracks\.mp4$/),
      expect.stringMatching(/^127\.0\.0\.1-\d+\.tracks\.txt$/),
    ]);
    const drawn = await openFrames(join(out, names[1]));
    expect(drawn.info).toMatchObject({ width: WIDTH, height: HEIGHT });
    const times = [];
    for await (const { time_s } of drawn.times()) times.push(Math.round(time_s * 1000));
    expect(times).toEqual(Array.from({ length: FRAMES }, (_, i) => 40 * i));
  });
  test('goes on when the stream is cut and comes back; when it stays away, outputs are whole', async () => {
    const args = ['track', 'SOURCE', '--no-drop', '--reconnect', '1', '--json'];
    const { code, stdout, stderr } = await run([{ share: 0.5 }, {}], args);
    expect(code).toBe(1); // at the end it did not come back once more
    expect(stderr).toMatch(/connection lost: .*; trying again in 0.5 s \(1 of 1\)\nconnected again after/);
    expect(stderr).toMatch(
      /error: tcp:\/\/127.0.0.1:PORT was cut off and did not come back\n {2}why: 1 attempts;.*; the/,
    );
    const json = JSON.parse(stdout);
    expect(json.frames.length).toBeGreaterThan(FRAMES + 5);
    expect(json.frames.map((f: { frame: number }) => f.frame)).toEqual(
      json.frames.map((_: unknown, i: number) => i + 1),
    );
    expect(json.stopped.reason).toContain('did not come back');
  });
  test('keeps to the newest frame when the network is slow, and says how many it left out', async () => {
    const args = ['track', 'SOURCE', '--reconnect', '0', '--json'];
    const { code, stdout, stderr } = await run([{ over_ms: 800 }], args, { delayMs: 150 });
    expect(code, stderr).toBe(0);
    const [, received, dropped] = /(\d+) frames received, (\d+) dropped/.exec(stderr)!.map(Number);
    expect(received).toBe(FRAMES);
    expect(dropped).toBeGreaterThan(5);
    expect(JSON.parse(stdout).frames.length).toBe(received - dropped);
  });
  test('stops after --duration with exit code 0', async () => {
    const args = ['track', 'SOURCE', '--duration', '0.4', '--json'];
    const { code, stdout, stderr } = await run([{ over_ms: 3000 }], args);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout).frames.at(-1).time_s).toBeLessThan(2);
  });
  test.each([
    [['--start', '2'], '--start with a live source'],
    [['--detections', 'det.txt'], '--detections with a live source'],
    [['--batch', '2'], '--batch with a live source'],
    [['--skip-broken'], '--skip-broken with a live source'],
    [['--duration', 'long'], '--duration got "long"'],
    [['--input-options', 'odd'], '--input-options got "odd"'],
  ])('refuses %s', async (flags, text) => {
    const { code, stderr } = await run([{}], ['track', 'SOURCE', ...flags]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(text)]);
  });
  test('in a program, an address is visited only where live sources are permitted', async () => {
    const load = async () => sceneDetector();
    await expect(trackVideo('tcp://127.0.0.1:1', load)).rejects.toMatchObject({ code: 'BAD_USAGE' });
    await expect(trackVideo('tcp://127.0.0.1:1', load, { live: {} })).rejects.toThrow('connection refused');
  });
});

describe.skipIf(!av)('detect on a stream', { timeout: 60_000 }, () => {
  test('prints and writes each frame', async () => {
    const out = join(root, 'found');
    const args = ['detect', 'SOURCE', '--no-drop', '--reconnect', '0', '--json', '--out', out];
    const { code, stdout, stderr } = await run([{}], args);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(`${FRAMES} frames received`);
    expect(stderr).toContain(`${FRAMES} frames, ${2 * FRAMES} objects in `);
    const rows = JSON.parse(stdout) as CocoResult[];
    expect(rows.length).toBe(2 * FRAMES);
    const red = rows.find(row => row.image_id === 5 && row.category_name === 'red')!;
    expect(red.file_name).toBe('frame-000005');
    for (const [i, v] of objectsAt(4).red.entries()) expect(Math.abs(red.bbox[i] - v)).toBeLessThanOrEqual(2);
    expect(readdirSync(out).length).toBe(2 * FRAMES);
    expect(readdirSync(out)).toContain('frame-000020.boxes.png');
  });
  test('needs the source alone', async () => {
    const { code, stderr } = await run([{}], ['detect', 'SOURCE', 'a.jpg']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('several inputs with a live source')]);
  });
});

describe('flags of live sources', () => {
  test.each([['--reconnect', '3'], ['--duration', '3'], ['--no-drop'], ['--input-options', 'a=b']])(
    '%s is refused with a file',
    async (...flags) => {
      for (const command of ['detect', 'track']) {
        const { code, stderr } = await run([], [command, 'a.mp4', ...flags]);
        expect([code, stderr]).toEqual([2, expect.stringContaining(`${flags[0]} without a camera or stream`)]);
      }
    },
  );
  test('a web address that ends like a picture is a picture', async () => {
    const { code, stderr } = await run([], ['detect', 'http://127.0.0.1:1/a.jpg']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('reading from the network is not allowed')]);
  });
});
