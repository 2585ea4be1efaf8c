import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { writeSafetensors } from '../../src/checkpoint/index.ts';
import { DenseError } from '../../src/core/index.ts';
import {
  findModel,
  isAnchorFree,
  isDpt,
  listModels,
  loadModelDirectory,
  type ModelJsonToWrite,
  modelPlaces,
  nearestName,
  openModel,
  parseModelJson,
  sha256Of,
  verifyModel,
  writeModelJson,
} from '../../src/model/index.ts';

const scratch = mkdtempSync(join(tmpdir(), 'model-'));
afterAll(() => rmSync(scratch, { recursive: true }));

// the example of the contract, word for word but for the hash
const EXAMPLE = {
  format: 1,
  name: 'dense-t16',
  version: '0.1.0',
  license: 'Apache-2.0',
  origin: "trained by this project (not Meta's weights)",
  data: 'one sentence, with the teachers',
  backbone: { arch: 'pe-spatial-t16', rope: 'meta', taps: [8, 12] },
  input: {
    size: [320, 320],
    multipleOf: 16,
    resize: 'squash',
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    color: 'rgb',
  },
  heads: {
    detection: { kind: 'anchor-free', strides: [8, 16, 32, 64], bins: 8, labels: 'coco80' },
    depth: { kind: 'dpt', output: 'relative' },
  },
  nms: { kind: 'hard', iou: 0.6, score: 0.3, max: 100 },
  files: { weights: { path: 'weights.safetensors', dtype: 'fp16', sha256: 'a'.repeat(64) } },
  metrics: [{ set: 'coco_dev', AP: 0.0, AP50: 0.0, command: 'pe-dense val ...' }],
} as const;

const clone = () => structuredClone(EXAMPLE) as unknown as Record<string, Record<string, unknown>>;

async function messageOf(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(DenseError);
    return `${(error as DenseError).code}: ${(error as DenseError).message}`;
  }
  throw new Error('no error');
}

async function makeModel(folder: string, name = 'dense-t16'): Promise<string> {
  const directory = join(folder, name);
  mkdirSync(directory, { recursive: true });
  await writeSafetensors(join(directory, 'weights.safetensors'), [
    { name: 'conv1.weight', dtype: 'f16', shape: [2], data: new Float32Array([1, 2]) },
  ]);
  await writeModelJson(directory, { ...(clone() as unknown as ModelJsonToWrite), name });
  return directory;
}

describe('parseModelJson', () => {
  test('takes the contract’s example as it stands', () => {
    const json = parseModelJson(EXAMPLE, 'model.json');
    expect(json).toEqual(EXAMPLE);
    const { detection, depth } = json.heads;
    expect(isAnchorFree(detection) && detection.strides).toEqual([8, 16, 32, 64]);
    expect(isDpt(depth) && depth.output).toBe('relative');
  });

  test('heads name their blocks', () => {
    const json = clone();
    json.backbone!.taps = [2, 4, 8, 12];
    (json.heads!.detection as Record<string, unknown>).taps = [8, 12];
    json.heads!.depth = { kind: 'dpt', output: 'metric', taps: [2, 4, 8, 12], stride: 1, bins: 64, near: 0.1, far: 20 };
    expect(parseModelJson(json, 'model.json')).toEqual(json);
  });

  test('a head of another kind is open data', () => {
    const json = clone();
    json.heads!.detection = { kind: 'deta', queries: 900, labels: 'coco91', levels: [1, 2] };
    expect(parseModelJson(json, 'model.json').heads.detection).toEqual(json.heads!.detection);
  });

  test.each([
    ['an unknown key', (j: ReturnType<typeof clone>) => (j.inputs = {}), /Unrecognized key: "inputs"/],
    [
      'an unknown key inside',
      (j: ReturnType<typeof clone>) => (j.input!.sizes = 1),
      /Unrecognized key: "sizes"\n.*input has no such key/,
    ],
    [
      'an unknown key of a known head',
      (j: ReturnType<typeof clone>) => ((j.heads!.detection as Record<string, unknown>).stride = 1),
      /Unrecognized key: "stride"\n.*heads\.detection has no such key/,
    ],
    ['a missing key', (j: ReturnType<typeof clone>) => delete j.license, /model\.json: license is missing/],
    [
      'a missing number of a known head',
      (j: ReturnType<typeof clone>) => delete (j.heads!.detection as Record<string, unknown>).bins,
      /heads\.detection\.bins is missing/,
    ],
    [
      'a head without a kind',
      (j: ReturnType<typeof clone>) => (j.heads!.depth = { output: 'relative' }),
      /heads\.depth is \{"output":"relative"\}\n.*a head with a kind/,
    ],
    [
      'a head on a block that is no tap',
      (j: ReturnType<typeof clone>) => ((j.heads!.detection as Record<string, unknown>).taps = [8, 10]),
      /heads\.detection\.taps is \[8,10\]\n.*among backbone\.taps, and 10 is not there/,
    ],
    [
      'a depth head on three blocks',
      (j: ReturnType<typeof clone>) => ((j.heads!.depth as Record<string, unknown>).taps = [8, 12, 12]),
      /heads\.depth\.taps is \[8,12,12\]\n.*four block numbers/,
    ],
    [
      'metres without bins',
      (j: ReturnType<typeof clone>) => (j.heads!.depth = { kind: 'dpt', output: 'metric', near: 0.1, far: 20 }),
      /heads\.depth\.bins is missing/,
    ],
    [
      'metres from far to near',
      (j: ReturnType<typeof clone>) => (j.heads!.depth = { kind: 'dpt', output: 'metric', bins: 8, near: 2, far: 1 }),
      /heads\.depth\.far is 1\n.*more metres than near/,
    ],
    [
      'bins of a relative map',
      (j: ReturnType<typeof clone>) => (j.heads!.depth = { kind: 'dpt', output: 'relative', bins: 8 }),
      /Unrecognized key: "bins"\n.*heads\.depth has no such key/,
    ],
    ['another format', (j: ReturnType<typeof clone>) => (j.format = 2 as never), /format is 2/],
    [
      'a wrong word',
      (j: ReturnType<typeof clone>) => (j.input!.resize = 'stretch'),
      /input\.resize is "stretch"\n.*squash/,
    ],
    ['a negative size', (j: ReturnType<typeof clone>) => (j.input!.size = [320, -1]), /input\.size\[1\] is -1/],
    [
      'a path that climbs',
      (j: ReturnType<typeof clone>) => ((j.files!.weights as Record<string, unknown>).path = '../../etc/passwd'),
      /files\.weights\.path is "\.\.\/\.\.\/etc\/passwd"\n.*own folder/,
    ],
    [
      'an absolute path',
      (j: ReturnType<typeof clone>) => ((j.files!.weights as Record<string, unknown>).path = '/etc/passwd'),
      /own folder/,
    ],
    [
      'a short hash',
      (j: ReturnType<typeof clone>) => ((j.files!.weights as Record<string, unknown>).sha256 = 'abc'),
      /files\.weights\.sha256 is "abc"\n.*64 hexadecimal/,
    ],
    ['no weights', (j: ReturnType<typeof clone>) => delete j.files!.weights, /files is \{\}\n.*"weights"/],
    ['a name that is a path', (j: ReturnType<typeof clone>) => (j.name = '../x' as never), /name is "\.\.\/x"/],
    [
      'a metric without its command',
      (j: ReturnType<typeof clone>) => (j.metrics = [{ set: 'x', AP: 0.1 }] as never),
      /metrics\[0\]\.command is missing/,
    ],
  ])('%s is named', async (_, edit, text) => {
    const json = clone();
    edit(json);
    const message = await messageOf(() => parseModelJson(json, 'model.json'));
    expect(message).toMatch(/^BAD_MODEL/);
    expect(message).toMatch(text);
  });

  test('not an object', async () => {
    expect(await messageOf(() => parseModelJson([], 'model.json'))).toMatch(/its content is \[\]/);
  });
});

describe('a model directory', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await makeModel(mkdtempSync(join(scratch, 'd-')));
  });

  test('is written with its hashes and read back', async () => {
    const model = await loadModelDirectory(directory);
    const weights = model.files.get('weights')!;
    expect(basename(weights.path)).toBe('weights.safetensors');
    expect(weights).toMatchObject({ dtype: 'fp16', sha256: await sha256Of(weights.path), bytes: readFileSync(weights.path).length }); // biome-ignore format: one row
    expect(model.json.files.weights!.sha256).toBe(weights.sha256);
    expect(readdirSync(directory).sort()).toEqual(['model.json', 'weights.safetensors']);
    expect((await verifyModel(directory)).json.name).toBe('dense-t16');
  });

  test('sha256 is the standard one', async () => {
    const path = join(directory, 'abc');
    writeFileSync(path, 'abc'); // FIPS 180-2, appendix B.1
    expect(await sha256Of(path)).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  test('one changed byte is noticed, unless hashes are not asked for', async () => {
    const path = join(directory, 'weights.safetensors');
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
    expect(await messageOf(() => loadModelDirectory(directory))).toMatch(/BAD_MODEL: .*weights\.safetensors is not the file its model\.json describes\n.*sha256/); // biome-ignore format: one row
    await loadModelDirectory(directory, { verify: false });
  });

  test('a missing file, a missing model.json, a model.json that is no JSON', async () => {
    rmSync(join(directory, 'weights.safetensors'));
    expect(await messageOf(() => loadModelDirectory(directory, { verify: false }))).toMatch(
      /file weights\.safetensors \(weights\) .* is not there/,
    );
    writeFileSync(join(directory, 'model.json'), '{');
    expect(await messageOf(() => loadModelDirectory(directory))).toMatch(/BAD_MODEL: .*model\.json cannot be read/);
    rmSync(join(directory, 'model.json'));
    expect(await messageOf(() => loadModelDirectory(directory))).toMatch(/BAD_MODEL: .*model\.json cannot be read/);
    expect(await messageOf(() => loadModelDirectory(join(directory, 'nose')))).toMatch(/BAD_MODEL: no model directory/);
  });

  test('weights that are whole but no checkpoint fail verification', async () => {
    writeFileSync(join(directory, 'weights.safetensors'), 'not a checkpoint');
    await writeModelJson(directory, clone() as unknown as ModelJsonToWrite);
    await loadModelDirectory(directory);
    expect(await messageOf(() => verifyModel(directory))).toMatch(/^BAD_CHECKPOINT/);
  });

  test('a refused model.json leaves the old one', async () => {
    const before = readFileSync(join(directory, 'model.json'), 'utf8');
    const bad = { ...clone(), licence: 'x' } as unknown as ModelJsonToWrite;
    expect(await messageOf(() => writeModelJson(directory, bad))).toMatch(/Unrecognized key: "licence"/);
    expect(readFileSync(join(directory, 'model.json'), 'utf8')).toBe(before);
  });
});

describe('findModel', () => {
  const places = { bundled: join(scratch, 'bundled'), cache: join(scratch, 'cache') };

  test('bundled, pulled, by path; bundled hides pulled', async () => {
    const bundled = await makeModel(places.bundled, 'dense-t16');
    const pulled = await makeModel(places.cache, 'dense-s16');
    await makeModel(places.cache, 'dense-t16');
    mkdirSync(join(places.cache, 'half-pulled'));
    expect(await listModels(places)).toEqual([
      { name: 'dense-t16', directory: bundled, origin: 'bundled' },
      { name: 'dense-s16', directory: pulled, origin: 'cache' },
    ]);
    expect(await findModel('dense-t16', places)).toMatchObject({ directory: bundled, origin: 'bundled' });
    expect(await findModel('dense-s16', places)).toMatchObject({ directory: pulled, origin: 'cache' });
    expect(await findModel(pulled, places)).toMatchObject({ directory: pulled, origin: 'path' });
    expect((await openModel('dense-s16', places)).json.name).toBe('dense-s16');
  });

  test('an unknown name: the list, and the nearest', async () => {
    expect(await messageOf(() => findModel('dense-t61', places))).toMatchInlineSnapshot(`
      "UNKNOWN_MODEL: there is no model dense-t61
        why: known are: dense-t16, dense-s16; and there is no such folder
        fix: did you mean dense-t16? see pe-dense models"
    `);
    expect(await messageOf(() => findModel('yolo', places))).toContain('or name the directory of a model');
    expect(await messageOf(() => findModel(scratch, places))).toMatch(/UNKNOWN_MODEL: .*\n.*holds no model\.json/);
    const file = join(places.bundled, 'dense-t16', 'weights.safetensors');
    expect(await messageOf(() => findModel(file, places))).toMatch(/is a file, not a model\n.*\n.*--arch/);
  });

  test('places: beside the package, and the cache by the XDG rules', () => {
    const root = fileURLToPath(new URL('../../', import.meta.url));
    expect(modelPlaces({}).bundled).toBe(join(root, 'models'));
    expect(modelPlaces({ XDG_CACHE_HOME: '/c' }).cache).toBe('/c/pe-dense/models');
    expect(modelPlaces({}).cache).toMatch(/\.cache\/pe-dense\/models$/);
    expect(modelPlaces({ XDG_CACHE_HOME: 'relative' }).cache).toBe(modelPlaces({}).cache);
  });

  test('nearestName', () => {
    expect(nearestName('DENSE-T16', ['a', 'dense-t16'])).toBe('dense-t16');
    expect(nearestName('zzzzzzzz', ['dense-t16'])).toBeUndefined();
    expect(nearestName('x', [])).toBeUndefined();
  });
});
