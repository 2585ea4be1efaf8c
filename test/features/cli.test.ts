import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findBackbone } from '../../src/backbone/index.ts';
import { openCheckpoint, writeSafetensors } from '../../src/checkpoint/index.ts';
import { readNpy, rgbImage, seededRandom, writeNpy } from '../../src/core/index.ts';
import { decodeImage, encodePng, imageToBatch } from '../../src/image/index.ts';
import { hashedWeights } from '../backbone/hashed.ts';
import { golden, relativeError } from '../backbone/parity.ts';
import { runCli } from '../cli/harness.ts';

const pe = (name: string, file: string) => fileURLToPath(new URL(`../golden/pe/${name}/${file}`, import.meta.url));
const spatial = ['--checkpoint', pe('spatial-tiny', 'weights.pt'), '--arch', pe('spatial-tiny', 'config.json')];

let folder = '';
let picture = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pe-dense-features-'));
  picture = join(folder, 'noise.png');
  const random = seededRandom(5);
  const pixels = Uint8Array.from({ length: 90 * 120 * 3 }, () => 256 * random());
  await writeFile(picture, await encodePng(rgbImage(90, 120, pixels)));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const npy = async (...path: string[]) => readNpy(await readFile(join(folder, ...path)));

describe('features', () => {
  test.each([
    ['core-tiny', 'weights.pt', '96x80'],
    ['lang-tiny', 'weights.safetensors', '42x98'],
    ['spatial-giant-like', 'weights.pt', '84x70'],
  ])('%s: an input tensor gives the official layers and embedding', async (name, file, key) => {
    const io = await openCheckpoint(pe(name, 'io.safetensors'));
    const x = (await golden(io, `${key}.input`))!;
    const tensor = join(folder, `${name}.npy`);
    await writeFile(tensor, writeNpy(x));
    const out = join(folder, name);
    const flags = ['--checkpoint', pe(name, file), '--arch', pe(name, 'config.json'), '--tensor', tensor];
    const run = await runCli(['features', ...flags, '--layer', 'all', '--out', out, '--json']);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    const layers = [...io.tensors.keys()].filter(k => k.startsWith(`${key}.after_block_`)).length;
    const core = name === 'core-tiny';
    const files = Array.from({ length: layers }, (_, i) => `layer_${i + 1}.npy`);
    expect((await readdir(out)).sort()).toEqual([...(core ? ['embedding.npy'] : []), ...files]);
    for (let i = 1; i <= layers; i++) {
      const want = (await golden(io, `${key}.after_block_${i}`))!;
      const got = await npy(name, `layer_${i}.npy`);
      expect(got.shape).toEqual(want.shape);
      expect(got.data).toBeInstanceOf(Float32Array);
      expect(relativeError(got.data as Float32Array, want.data)).toBeLessThan(1e-4);
    }
    if (core) {
      const got = await npy(name, 'embedding.npy');
      const want = (await golden(io, `${key}.image_embedding`))!;
      expect(got.shape).toEqual(want.shape);
      expect(relativeError(got.data as Float32Array, want.data)).toBeLessThan(1e-4);
    }
    const report = JSON.parse(run.stdout);
    expect(report.features.map((f: { layer: unknown }) => f.layer)).toEqual([
      ...files.map((_, i) => i + 1),
      ...(core ? ['embedding'] : []),
    ]);
  });

  test('a picture: squashed without antialias, normalised, the same as the tensor; --pca has its size', async () => {
    const out = join(folder, 'last.npy');
    const pca = join(folder, 'pca.png');
    const run = await runCli(['features', picture, ...spatial, '--size', '96x64', '--out', out, '--pca', pca]);
    expect(run.code).toBe(0);
    expect(run.stdout).toContain('6 x 4 patches');
    const image = await decodeImage(picture);
    const { batch } = imageToBatch([image], { width: 96, height: 64, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
    await writeFile(join(folder, 'same.npy'), writeNpy(batch));
    await runCli(['features', ...spatial, '--tensor', join(folder, 'same.npy'), '--out', join(folder, 'twin.npy')]);
    const [a, b] = [await npy('last.npy'), await npy('twin.npy')];
    expect(a.shape).toEqual([1, 24, 64]); // the class token is dropped
    expect(a.data).toEqual(b.data);
    expect((await decodeImage(pca)).shape).toEqual([90, 120, 3]);
  });

  test('the architecture is found out where a registry row fits, else it is asked for', async () => {
    const file = join(folder, 't16.safetensors');
    const tensors = [...hashedWeights(findBackbone('pe-spatial-t16'))].map(([name, w]) => ({
      name,
      dtype: 'f16' as const,
      ...w,
    }));
    await writeSafetensors(file, tensors);
    const known = await runCli(['features', picture, '--checkpoint', file, '--size', '32']);
    expect(known.stdout).toContain('pe-spatial-t16, input 32 x 32, 2 x 2 patches');
    const other = await runCli(['features', picture, '--checkpoint', pe('spatial-tiny', 'weights.pt')]);
    expect(other.code).toBe(3);
    expect(other.stderr).toContain('name it with --arch: pe-spatial-t16');
    const wrong = await runCli(['features', picture, '--checkpoint', file, '--arch', 'pe-spatial-s16']);
    expect(wrong.code).toBe(3);
    expect(wrong.stderr).toContain('pe-spatial-s16 needs [384, 3, 16, 16] for conv1.weight');
  });

  test('mistakes are exit 2 and say what to do', async () => {
    const wrong = async (...args: string[]) => {
      const { code, stdout, stderr } = await runCli(['features', ...args]);
      expect(stdout).toBe('');
      expect(code).toBe(2);
      return stderr;
    };
    expect(await wrong()).toContain('name a picture');
    expect(await wrong(picture, '--tensor', 'x.npy', ...spatial)).toContain('computed from one of the two');
    expect(await wrong(join(folder, 'none.png'), ...spatial)).toContain('none.png');
    expect(await wrong(picture, ...spatial, '--layer', '9')).toContain('use 1 to 3');
    expect(await wrong(picture, ...spatial, '--layer', 'first')).toContain('numbers of blocks, last or all');
    expect(await wrong(picture, ...spatial, '--size', '50')).toContain('use 48 x 48');
    expect(await wrong(picture, ...spatial, '--layer', 'all', '--out', 'x.npy')).toContain('name a folder');
    expect(await wrong(picture, ...spatial, '--pca', 'x.jpg')).toContain('ends in .png');
    expect(await wrong(picture, ...spatial, '--model', 'dense-t16')).toContain('both name weights');
    expect(await wrong(picture, ...spatial, '--device', 'abacus')).toContain('cpu');
    await writeFile(join(folder, 'double.npy'), writeNpy({ shape: [1, 3, 1, 1], data: new Float64Array(3) }));
    expect(await wrong(...spatial, '--tensor', join(folder, 'double.npy'))).toContain('float32');
  });
});

describe('match', () => {
  test('a picture with itself: points come back to their places, JSON in the agreed form', async () => {
    const args = [picture, picture, ...spatial, '--size', '96x64', '--points', '50,40', '70.5,52', '--json'];
    const { code, stdout, stderr } = await runCli(['match', ...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const result = JSON.parse(stdout);
    expect(Object.keys(result)).toEqual(['image_a', 'image_b', 'matches']);
    expect(result.image_a).toBe(picture);
    expect(result.matches.map((m: { a: unknown }) => m.a)).toEqual([
      [50, 40],
      [70.5, 52],
    ]);
    for (const m of result.matches) {
      expect(Object.keys(m)).toEqual(['a', 'b', 'score', 'mutual']);
      expect(m.mutual).toBe(true);
      expect(Math.abs(m.b[0] - m.a[0])).toBeLessThan(10); // half a patch is 10 x 11 pixels here
      expect(Math.abs(m.b[1] - m.a[1])).toBeLessThan(11.25);
    }
  });

  test('without points the telling ones are found and drawn', async () => {
    const out = join(folder, 'match.png');
    const { code, stdout } = await runCli([
      'match',
      picture,
      picture,
      ...spatial,
      '--size',
      '128',
      '--max',
      '5',
      '--out',
      out,
    ]);
    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toMatch(/in A +in B +score +mutual/);
    expect((await decodeImage(out)).shape).toEqual([90, 244, 3]);
  });

  test('mistakes are exit 2', async () => {
    const wrong = async (...args: string[]) => {
      const { code, stderr } = await runCli(['match', picture, picture, ...spatial, ...args]);
      expect(code).toBe(2);
      return stderr;
    };
    expect(await wrong('--points', '500,2')).toContain('120 x 90');
    expect(await wrong('--points', '5')).toContain('x,y');
    expect(await wrong('--layer', 'all')).toContain('one layer');
    expect(await wrong('--points', '5,5', '--max', '3')).toContain('leave one out');
  });
});
