import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { detectCommand } from '../../src/cli/commands/detect.ts';
import type { RgbImage } from '../../src/core/index.ts';
import { decodeImage, encodePng } from '../../src/image/index.ts';
import { Detector } from '../../src/pipelines/index.ts';
import { fakeNetwork, scene } from '../detect/fake.ts';
import { runCli } from './harness.ts';

let root: string;
let photos: string;
let passes = 0;
const load = async () => Detector.from(fakeNetwork({ onRun: n => void (passes += n) }));
const run = async (...args: string[]) => {
  passes = 0;
  return runCli(['detect', ...args], [{ group: 'Test:', make: () => detectCommand(load) }]);
};
const at = (image: RgbImage, x: number, y: number) =>
  Array.from(image.data.subarray(3 * (y * image.shape[1] + x), 3 * (y * image.shape[1] + x) + 3));
const near = (of: number[], rgb: number[]) => of.every((v, c) => Math.abs(v - rgb[c]) < 30);
const BLACK = [0, 0, 0];
const GREEN = [10, 230, 10];
const BLUE = [10, 10, 230];
const hrefOf = (svg: string) => /xlink:href="([^"]*)"/.exec(svg)?.[1];

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-drawing-'));
  photos = join(root, 'my photos');
  mkdirSync(photos);
  const two = scene(96, 96, [
    [1, 8, 8, 40, 40],
    [2, 48, 48, 88, 88],
  ]);
  writeFileSync(join(photos, 'a #1.png'), await encodePng(two));
});
afterAll(() => rmSync(root, { recursive: true }));

describe('--blur', () => {
  test('conceals the class in every picture that is written, crops and SVG too, and leaves others alone', async () => {
    const out = join(root, 'blurred');
    const crops = join(root, 'crops');
    const flags = ['--blur', 'blue thing', '--blur-kind', 'fill', '--svg', '--save-crops', crops];
    const { code, stderr } = await run(photos, '--out', out, ...flags);
    expect([code, stderr.includes('failed')]).toEqual([0, false]);
    const pictures = [
      await decodeImage(join(out, 'a #1.blurred.jpg')),
      await decodeImage(join(out, 'a #1.boxes.png')),
      await decodeImage(
        Buffer.from(hrefOf(readFileSync(join(out, 'a #1.boxes.svg'), 'utf8'))!.split(',')[1], 'base64'),
      ),
    ];
    for (const picture of pictures) {
      expect(near(at(picture, 68, 75), BLACK)).toBe(true);
      expect(near(at(picture, 24, 30), GREEN)).toBe(true);
    }
    const crop = await decodeImage(join(crops, 'a #1.1.blue_thing.jpg'));
    expect(near(at(crop, 20, 20), BLACK)).toBe(true);
  });
  test('without it nothing is concealed and no such file appears', async () => {
    const out = join(root, 'plain');
    await run(photos, '--out', out);
    expect(near(at(await decodeImage(join(out, 'a #1.boxes.png')), 68, 75), BLUE)).toBe(true);
    expect(existsSync(join(out, 'a #1.blurred.jpg'))).toBe(false);
    expect(existsSync(join(out, 'a #1.boxes.svg'))).toBe(false);
  });
  test('a run is resumed where one of its pictures is missing', async () => {
    const args = [photos, '--out', join(root, 'again'), '--blur', 'green', '--svg', '--resume'];
    await run(...args);
    expect(passes).toBe(1);
    await run(...args);
    expect(passes).toBe(0);
    for (const name of ['blurred.jpg', 'boxes.svg', 'boxes.png']) {
      rmSync(join(root, 'again', `a #1.${name}`));
      await run(...args);
      expect([name, passes, existsSync(join(root, 'again', `a #1.${name}`))]).toEqual([name, 1, true]);
    }
  });
});

test('--svg-picture: linked by a relative address, embedded, or left out', async () => {
  const out = join(root, 'svg');
  const svgOf = async (...flags: string[]) => {
    expect((await run(photos, '--out', out, '--no-draw', '--svg', ...flags)).code).toBe(0);
    return readFileSync(join(out, 'a #1.boxes.svg'), 'utf8');
  };
  const link = hrefOf(await svgOf('--svg-picture', 'link'))!;
  expect(link).toBe('../my%20photos/a%20%231.png');
  expect(existsSync(resolve(out, decodeURIComponent(link)))).toBe(true);
  expect(hrefOf(await svgOf())).toMatch(/^data:image\/jpeg;base64,/);
  const bare = await svgOf('--svg-picture', 'none');
  expect(bare).not.toContain('<image');
  expect(bare).toContain('data-name="blue thing"');
});

test('--box-style corners leaves the sides free, none draws nothing', async () => {
  const drawn = async (style: string) => {
    const out = join(root, style);
    expect((await run(photos, '--out', out, '--box-style', style)).code).toBe(0);
    return decodeImage(join(out, 'a #1.boxes.png'));
  };
  const [full, corners, none] = [await drawn('full'), await drawn('corners'), await drawn('none')];
  const original = await decodeImage(join(photos, 'a #1.png'));
  expect(none.data).toEqual(original.data);
  expect(at(full, 87, 68)).not.toEqual(BLUE);
  expect(at(corners, 87, 68)).toEqual(at(original, 87, 68));
  expect(at(corners, 87, 87)).not.toEqual(at(original, 87, 87));
});

test.each([
  [['--blur', 'blu thing', '--out', 'x'], /blur got "blu thing"[\s\S]*did you mean blue thing/],
  [['--blur', 'red', '--classes', 'green', '--out', 'x'], /blur names red, classes does not/],
  [['--blur', 'red'], /--blur without --out/],
  [['--blur-kind', 'fill', '--out', 'x'], /--blur-kind without --blur/],
  [['--blur', 'red', '--blur-kind', 'smear', '--out', 'x'], /--blur-kind got "smear"/],
  [['--svg'], /--svg without --out/],
  [['--svg-picture', 'link', '--out', 'x'], /--svg-picture without --svg/],
  [['--svg', '--svg-picture', 'link', '--blur', 'red', '--out', 'x'], /the picture linked to is not blurred/],
  [['--box-style', 'round', '--out', 'x'], /--box-style got "round"/],
])('%j is refused', async (flags, message) => {
  const { code, stderr } = await run(photos, ...flags.map(flag => (flag === 'x' ? join(root, 'x') : flag)));
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});
