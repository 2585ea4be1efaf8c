import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from '../../src/image/index.ts';
import { Detector } from '../../src/pipelines/index.ts';
import { runCli } from '../cli/harness.ts';
import { av } from '../video/helpers.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/recipes.md'), 'utf8');
/** Commands of the recipe under a heading. */
const recipe = (heading: string) => {
  const part = page.split(/^## /m).find(text => text.startsWith(heading))!;
  return [...part.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(match => match[1].trim().split('\n'));
};
/** Where the second photo lies in the first. */
const CROP = { left: 160, top: 100, width: 400, height: 300 };
const SCALE = 1.6;

let desk: string;
const before = process.cwd();

beforeAll(async () => {
  desk = mkdtempSync(join(tmpdir(), 'pe-dense-recipes-'));
  mkdirSync(join(desk, 'photos'));
  const examples = join(ROOT, 'examples');
  for (const name of readdirSync(examples).filter(n => n.endsWith('.jpg')))
    cpSync(join(examples, name), join(desk, 'photos', name));
  cpSync(join(examples, 'car-detection.mp4'), join(desk, 'traffic.mp4'));
  cpSync(join(examples, '000000214753.jpg'), join(desk, 'beach.jpg'));
  cpSync(join(ROOT, 'test/golden/val/instances.json'), join(desk, 'instances.json'));
  await sharp(join(desk, 'beach.jpg'))
    .extract(CROP)
    .resize(SCALE * CROP.width, SCALE * CROP.height)
    .jpeg({ quality: 92 })
    .toFile(join(desk, 'closer.jpg'));
  // the second model: the bundled weights at a smaller input
  cpSync(join(ROOT, 'models/dense-t16'), join(desk, 'other-model'), { recursive: true });
  const json = JSON.parse(readFileSync(join(desk, 'other-model/model.json'), 'utf8'));
  json.name = 'other-model';
  json.input.size = [128, 128];
  writeFileSync(join(desk, 'other-model/model.json'), JSON.stringify(json));
  process.chdir(desk);
});
afterAll(() => {
  process.chdir(before);
  rmSync(desk, { recursive: true });
});

async function run(line: string): Promise<string> {
  const { code, stdout, stderr } = await runCli([...line.split(' ').slice(1), '--threads', '2']);
  expect([line, code, code === 0 ? '' : stderr]).toEqual([line, 0, '']);
  return stdout;
}

describe('docs/recipes.md', { timeout: 240_000 }, () => {
  test.skipIf(!av)('cars are counted over a line: one drives upwards', async () => {
    const [command] = recipe('Count cars');
    expect(await run(command)).toMatch(/^road +0 +1$/m);
    const { lines } = JSON.parse(readFileSync('counted/traffic.tracks.json', 'utf8'));
    expect(lines[0].crossings).toMatchObject([{ direction: 'out' }]);
    expect(existsSync('counted/traffic.tracks.mp4')).toBe(true);
  });

  test('people are blurred: where they are, and not elsewhere', async () => {
    for (const command of recipe('Blur people')) await run(command);
    for (const name of readdirSync('photos'))
      expect(existsSync(`clean/${name.replace('.jpg', '.blurred.jpg')}`)).toBe(true);
    const [sharpOne, blurred] = [await decodeImage('beach.jpg'), await decodeImage('clean/beach.blurred.jpg')];
    const detector = await Detector.load('dense-t16', { threads: 2 });
    const { boxes, length } = await detector.detect(sharpOne, { score: 0.15, classes: ['person'] });
    await detector.close();
    expect(length).toBeGreaterThan(0);
    const [height, width] = sharpOne.shape;
    const sum = { inside: 0, pixels: 0, outside: 0, rest: 0 };
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const covers = (k: number, by: number) =>
          x >= boxes[4 * k] - by &&
          y >= boxes[4 * k + 1] - by &&
          x < boxes[4 * k + 2] + by &&
          y < boxes[4 * k + 3] + by;
        const at = 3 * (y * width + x) + 1;
        const change = Math.abs(sharpOne.data[at] - blurred.data[at]);
        const each = Array.from({ length }, (_, k) => k);
        if (each.some(k => covers(k, 0))) {
          sum.inside += change;
          sum.pixels++;
        } else if (!each.some(k => covers(k, 24))) {
          sum.outside += change;
          sum.rest++;
        }
      }
    expect(sum.inside / sum.pixels).toBeGreaterThan(6);
    expect(sum.outside / sum.rest).toBeLessThan(3); // what JPEG does
  });

  test('a photograph becomes a mesh and a cloud', async () => {
    const [command] = recipe('A 3D mesh');
    await run(command);
    const glb = readFileSync('mesh/beach.glb');
    expect(glb.toString('latin1', 0, 4)).toBe('glTF');
    expect(glb.readUInt32LE(8)).toBe(glb.length);
    const json = JSON.parse(glb.toString('utf8', 20, 20 + glb.readUInt32LE(12)));
    const { POSITION } = json.meshes[0].primitives[0].attributes;
    const { min, max, count } = json.accessors[POSITION];
    expect(count).toBeGreaterThan(1000);
    expect(-max[2]).toBeGreaterThanOrEqual(1 - 1e-4); // nearest 1, farthest 8; z points towards the viewer
    expect(-min[2]).toBeLessThanOrEqual(8 + 1e-3);
    expect(readFileSync('mesh/beach.ply').toString('latin1', 0, 3)).toBe('ply');
  });

  test('the same place is found in two photos', async () => {
    const [points, drawn] = recipe('Find the same thing');
    const { matches } = JSON.parse(await run(points));
    expect(matches).toHaveLength(1);
    const [x, y] = matches[0].b;
    const truth = [SCALE * (330 - CROP.left), SCALE * (240 - CROP.top)];
    const patch = (SCALE * CROP.width) / 28;
    expect(Math.hypot(x - truth[0], y - truth[1])).toBeLessThan(2.5 * patch);
    await run(drawn);
    expect((await decodeImage('matches.png')).shape[1]).toBeGreaterThan(600);
  });

  test('two models are scored on the same pictures', async () => {
    const reports = [];
    for (const command of recipe('Score two models')) reports.push(await run(command));
    expect(reports).toHaveLength(2);
    for (const text of reports) expect(Number(/^AP +([\d.]+)$/m.exec(text)?.[1])).toBeGreaterThan(0);
    expect(reports[0]).not.toBe(reports[1]);
    for (const folder of ['report-bundled', 'report-other']) expect(existsSync(join(folder, 'report.html'))).toBe(true);
  });
});
