import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { trackCommand } from '../../src/cli/commands/track.ts';
import { detections, noDetections, type RgbImage, rgbImage } from '../../src/core/index.ts';
import { decodeImage } from '../../src/image/index.ts';
import { Concealer } from '../../src/pipelines/track/concealer.ts';
import { runCli } from '../cli/harness.ts';
import { HEIGHT, objectsAt, sceneDetections, sceneDetector, WIDTH, writeScene } from './helpers.ts';

const FRAMES = 12;
let root: string;
const at = (...parts: string[]) => join(root, ...parts);
const cli = (...args: string[]) =>
  runCli(['track', ...args], [{ group: 'Videos:', make: () => trackCommand(async () => sceneDetector()) }]);
const pixel = (image: RgbImage, x: number, y: number) =>
  Array.from(image.data.subarray(3 * (y * image.shape[1] + x), 3 * (y * image.shape[1] + x) + 3));

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-track-drawing-'));
  await writeScene(at('walk'), FRAMES);
  writeFileSync(at('det.txt'), sceneDetections(FRAMES));
});
afterAll(() => rmSync(root, { recursive: true }));

describe('--heatmap', () => {
  test('is hottest along the ways of the objects, has the size of a frame and a key', async () => {
    const { code } = await cli(at('walk'), '--detections', at('det.txt'), '--heatmap', at('heat.png'), '--quiet');
    expect(code).toBe(0);
    const heat = await decodeImage(at('heat.png'));
    expect(heat.shape[0]).toBe(HEIGHT);
    expect(heat.shape[1]).toBeGreaterThan(WIDTH + 20);
    const colourful = (x: number, y: number) => {
      const [r, g, b] = pixel(heat, x, y);
      return Math.max(r, g, b) - Math.min(r, g, b);
    };
    const { red, green } = objectsAt(6);
    for (const [x, y, w, h] of [red, green]) expect(colourful(x + w / 2, y + h / 2)).toBeGreaterThan(60);
    expect(colourful(75, 60)).toBeLessThan(6); // nobody was there
  });
  test('a resumed run makes it again only where it is missing', async () => {
    const args = [at('walk'), '--mot', at('h.txt'), '--heatmap', at('again.png'), '--resume', '--quiet', '--verbose'];
    await cli(...args);
    const first = statSync(at('again.png')).mtimeMs;
    await cli(...args);
    expect(statSync(at('again.png')).mtimeMs).toBe(first);
    rmSync(at('again.png'));
    await cli(...args);
    expect(existsSync(at('again.png'))).toBe(true);
  });
});

describe('--blur', () => {
  test('conceals the class in drawn frames and below the heat map, from the first frame on, and nothing else', async () => {
    const flags = ['--blur', 'red', '--blur-kind', 'fill', '--box-style', 'none'];
    const out = ['--video', at('drawn'), '--heatmap', at('blurred-heat.png')];
    expect((await cli(at('walk'), ...out, ...flags, '--quiet')).code).toBe(0);
    for (const frame of [1, 5, FRAMES]) {
      const drawn = await decodeImage(at('drawn', `${String(frame).padStart(6, '0')}.png`));
      const { red, green } = objectsAt(frame - 1);
      expect(pixel(drawn, red[0] + 15, red[1] + 15)).toEqual([0, 0, 0]);
      expect(pixel(drawn, green[0] + 15, green[1] + 15)).toEqual([10, 230, 10]);
      expect(pixel(drawn, 75, 60)).toEqual([128, 128, 128]); // box style none: no boxes, labels, trails
    }
  });
  test.each([
    [['--blur', 'red', '--mot', 'x.txt'], /--blur without pictures/],
    [['--blur', 'red', '--out', 'x', '--no-draw'], /--blur without pictures/],
    [['--blur-kind', 'fill', '--video', 'x'], /--blur-kind without --blur/],
    [['--blur', 'reed', '--video', 'x'], /did you mean red/],
    [['--blur', 'red', '--classes', 'green', '--video', 'x'], /blur names red, classes does not/],
    [['--heatmap', 'x.jpg'], /--heatmap takes a file name that ends in .png|file name that ends in .png/],
  ])('%j is refused', async (flags, message) => {
    const { code, stderr } = await cli(at('walk'), ...flags.map(flag => (/^x/.test(flag) ? at(flag) : flag)));
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect([existsSync(at('x')), existsSync(at('x.journal.jsonl'))]).toEqual([false, false]);
  });
});

describe('Concealer', () => {
  const one = (x: number, cls = 0) =>
    detections(Float32Array.of(x, 10, x + 20, 30), Float32Array.of(0.5), Int32Array.of(cls));
  const black = (conceal: (image: RgbImage) => RgbImage, x: number) =>
    pixel(conceal(rgbImage(40, 200, new Uint8Array(3 * 40 * 200).fill(90))), x, 20)[0] === 0;
  test('an object missed for a moment stays concealed where it was, and is let go after a quarter of a second', () => {
    const concealer = new Concealer(new Set([0]), 'fill', 12); // 3 frames
    expect(black(concealer.add(one(50)), 60)).toBe(true);
    for (const held of [true, true, true, false]) expect(black(concealer.add(noDetections()), 60)).toBe(held);
  });
  test('one that is seen again leaves nothing behind, one that jumps does for that moment', () => {
    const concealer = new Concealer(new Set([0]), 'fill', 12);
    concealer.add(one(50));
    const moved = concealer.add(one(54));
    expect([black(moved, 51), black(moved, 64)]).toEqual([false, true]);
    const jumped = concealer.add(one(120));
    expect([black(jumped, 64), black(jumped, 130)]).toEqual([true, true]);
  });
  test('tracks and weak boxes count; other classes do not', () => {
    const concealer = new Concealer(new Set([0]), 'fill', 12);
    const conceal = concealer.add(one(50, 1), one(100));
    expect([black(conceal, 60), black(conceal, 110)]).toEqual([false, true]);
  });
});
