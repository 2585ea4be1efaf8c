import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DenseError, type ImageBatch, seededRandom, tensor } from '../../src/core/index.ts';
import { openModel } from '../../src/model/index.ts';
import { DepthEstimator, Detector, trackVideo } from '../../src/pipelines/index.ts';
import type { NetworkDtype } from '../../src/pipelines/perceive/dtype.ts';
import { openNetwork } from '../../src/pipelines/perceive/network.ts';
import { runCli } from '../cli/harness.ts';
import { TINY_DEPTH, writeTinyModel } from '../detect/tiny-model.ts';
import { writeTinyDetector, writeTinyOnnx } from '../detect/tiny-onnx.ts';

let root: string;
const at = (name: string) => join(root, name);
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-dtype-'));
  await writeTinyModel(at('half'), {}, { depth: 'relative' });
  await writeTinyModel(at('other'), {}, { depth: 'relative', seed: 5 });
  const weights = { path: 'weights.safetensors', dtype: 'fp16' };
  await writeTinyModel(at('variant'), {}, { depth: 'relative' });
  copyFileSync(join(at('other'), 'weights.safetensors'), join(at('variant'), 'trained.safetensors'));
  const variant = { path: 'trained.safetensors', dtype: 'fp16' };
  await writeTinyModel(at('variant'), { files: { weights, 'weights-int8': variant } }, { depth: 'relative' });
  await writeTinyModel(at('single'), { files: { weights: { ...weights, dtype: 'fp32' } } }, { depth: 'relative' });
});
afterAll(() => rmSync(root, { recursive: true }));

const PICTURE = 'examples/000000565778.jpg';
const random = seededRandom(3);
const pixels = Float32Array.from({ length: 3 * 64 * 64 }, () => 2 * random() - 1);
const batch: ImageBatch = tensor(['batch', 'channel', 'height', 'width'], [1, 3, 64, 64], pixels);

async function outputs(model: string, dtype?: NetworkDtype) {
  const parts = { depth: TINY_DEPTH.relative as never, features: [2] };
  const network = await openNetwork(await openModel(at(model)), parts, { dtype, threads: 1 });
  try {
    const { depth, features } = await network.run(batch);
    return { depth: depth![0]!.values.slice(), features: features!.get(2)!.data.slice() };
  } finally {
    await network.close();
  }
}
const norm = (values: ArrayLike<number>) => Math.hypot(...Array.from(values));
const away = (a: Float32Array, b: Float32Array) => norm(a.map((v, i) => v - b[i]!)) / norm(b);
const refusal = async (open: () => Promise<{ close(): Promise<void> }>) =>
  open().then(
    async opened => {
      await opened.close();
      return 'accepted';
    },
    (error: unknown) => {
      if (!(error instanceof DenseError)) throw error;
      return `${error.code}: ${error.message}`;
    },
  );

describe('dtype of a network', () => {
  test('int8 is made of the stored weights: near what float32 gives, and not the same', async () => {
    const [plain, eight] = [await outputs('half'), await outputs('half', 'int8')];
    for (const part of ['depth', 'features'] as const) {
      expect(away(eight[part], plain[part])).toBeGreaterThan(1e-5);
      expect(away(eight[part], plain[part])).toBeLessThan(0.05);
    }
  });

  test('fp16 and fp32 of half precision are what no dtype gives', async () => {
    const plain = await outputs('half');
    for (const dtype of ['fp16', 'fp32'] as const) expect(await outputs('half', dtype)).toEqual(plain);
  });

  test('a variant of the files is taken where there is one, for its own dtype only', async () => {
    expect(await outputs('variant', 'int8')).toEqual(await outputs('other', 'int8'));
    expect(await outputs('variant', 'fp32')).toEqual(await outputs('half'));
    expect(await outputs('variant')).toEqual(await outputs('half'));
  });

  test('what the model lacks and what nobody has are refused', async () => {
    const refused = await refusal(() => Detector.load(at('single'), { dtype: 'fp16' }));
    expect(refused).toMatch(/^BAD_MODEL: .*tiny has no fp16 weights[\s\S]*weights \(fp32\)[\s\S]*fp32 or int8/);
    expect(await refusal(() => DepthEstimator.load(at('half'), { dtype: 'fp8' as never }))).toMatch(
      /^BAD_INPUT: .*fp8/,
    );
  });

  test('an interrupted run of track is not resumed with other numbers', async () => {
    mkdirSync(at('frames'));
    for (let i = 1; i < 6; i++) copyFileSync(PICTURE, join(at('frames'), `${i}.jpg`));
    const track = (dtype: NetworkDtype | undefined, options: object) =>
      trackVideo(at('frames'), () => Detector.load(at('half'), { dtype, threads: 1 }), {
        mot: at('t.txt'),
        ...options,
      });
    const controller = new AbortController();
    const stopped = { signal: controller.signal, onFrame: () => controller.abort() };
    await expect(track('int8', stopped)).rejects.toMatchObject({ code: 'ABORTED' });
    const refused = { code: 'BAD_USAGE', detail: { why: expect.stringContaining('dtype was "int8"') } };
    await expect(track(undefined, { resume: true })).rejects.toMatchObject(refused);
    expect(await track('int8', { resume: true })).toMatchObject({ frames: 5 });
  });

  test("another project's file is run as it is stored, or its variant", async () => {
    await writeTinyDetector(at('yolox'), 'yolox');
    expect(await refusal(() => Detector.load(at('yolox'), { dtype: 'fp32' }))).toBe('accepted');
    expect(await refusal(() => Detector.load(at('yolox'), { dtype: 'int8' }))).toMatch(/^BAD_MODEL: .*no int8 weights/);
    writeTinyOnnx(join(at('yolox'), 'eight.onnx'), 'yolox', { bytes: true, eight: true });
    const files = {
      weights: { path: 'detector.onnx', dtype: 'fp32' },
      'weights-int8': { path: 'eight.onnx', dtype: 'int8' },
    } as const;
    await writeTinyDetector(at('yolox'), 'yolox', { changes: { files } });
    // the variant of this test takes rows of bytes, which this model.json does not tell
    expect(await refusal(() => Detector.load(at('yolox'), { dtype: 'int8' }))).toMatch(/uint8|pixels/);
    expect(await refusal(() => Detector.load(at('yolox'), { dtype: 'fp32' }))).toBe('accepted');
  });
});

describe('--dtype', () => {
  test.each([
    ['detect', ['street.jpg']],
    ['depth', ['street.jpg']],
    ['track', ['street.mp4']],
    ['val', ['--gt', 'instances.json']],
  ])('of %s takes three words, else exit 2', async (command, args) => {
    const { code, stderr } = await runCli([command, ...args, '--dtype', 'int4']);
    expect(code).toBe(2);
    expect(stderr).toContain('--dtype got "int4"');
    expect(stderr).toContain('fp32, fp16, int8');
  });

  test('of detect and depth: exit 3 for what the model lacks, naming what it has; else it runs', async () => {
    for (const command of ['detect', 'depth']) {
      const lacking = await runCli([command, PICTURE, '--model', at('single'), '--dtype', 'fp16']);
      expect([lacking.code, lacking.stderr]).toEqual([3, expect.stringContaining('weights (fp32)')]);
      const run = await runCli([
        command,
        PICTURE,
        '--model',
        at('half'),
        '--dtype',
        'int8',
        '--json',
        '--threads',
        '1',
      ]);
      expect(run).toMatchObject({ code: 0 });
    }
  });
});
