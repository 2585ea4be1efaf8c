// golden: what OpenCV, Pillow, NumPy, plyfile, trimesh and pygltflib read from these files (tools/golden/depth_exports.py)
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { depthMap, depthRange, rgbImage } from '../../../src/core/index.ts';
import { decodeGrey16Png, decodeImage } from '../../../src/image/index.ts';
import { depthPaths, sidecarFor, writeDepth } from '../../../src/pipelines/depth/exports.ts';
import { depthSpace } from '../../../src/render/index.ts';
import read from '../../golden/depth-exports/read.json' with { type: 'json' };
import { exportScene, HEIGHT, sceneMap, scenePicture, WIDTH } from './scene.ts';

const GOLDEN = fileURLToPath(new URL('../../golden/depth-exports/', import.meta.url));
const stored = (name: string) => new Uint8Array(readFileSync(GOLDEN + name));
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const written = await exportScene();

describe('files are still those that other readers read', () => {
  test.each(Object.keys(written).filter(name => !name.endsWith('.png')))('%s, byte for byte', name => {
    expect(sha(written[name])).toBe(sha(stored(name)));
  });
  // zlib's output differs between versions of Node, its content must not
  test.each(Object.keys(written).filter(name => /depth\.png$/.test(name)))('%s, number for number', name => {
    const [ours, theirs] = [written[name], stored(name)].map(bytes => decodeGrey16Png(bytes, name));
    expect(ours).toEqual(theirs);
  });
  test.each(Object.keys(written).filter(name => /(color|picture)\.png$/.test(name)))(
    '%s, pixel for pixel',
    async name => {
      expect(await decodeImage(written[name])).toEqual(await decodeImage(stored(name)));
    },
  );
});

test('a strip whose texture shrinks to less than a pixel is written', async () => {
  const [width, height] = [20_000, 2];
  const map = depthMap(
    'relative',
    width,
    height,
    Float32Array.from({ length: width * height }, (_, i) => i),
  );
  const folder = mkdtempSync(join(tmpdir(), 'pe-dense-strip-'));
  try {
    const paths = depthPaths(folder, 'strip', ['glb']);
    await writeDepth(map, rgbImage(height, width, new Uint8Array(3 * width * height)), sidecarFor(map, 'm'), paths);
    expect(readFileSync(paths.glb!).subarray(0, 4).toString()).toBe('glTF');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('OpenCV and Pillow see the picture', () => {
  expect([read.picture.shape, read.picture.values]).toEqual([[HEIGHT, WIDTH, 3], [...scenePicture().data]]);
});

describe.each(['relative', 'metric'] as const)('%s depth', kind => {
  const map = sceneMap(kind);
  const seen = read[kind];
  const { min, max } = depthRange(map);

  test('NumPy and OpenCV read the values as they are', () => {
    expect(seen.shape).toEqual([HEIGHT, WIDTH]);
    expect(seen.npy).toEqual([...map.values]);
    expect(seen.pfm).toEqual([...map.values]);
  });
  test('OpenCV reads 16 bits: millimetres, or min to max over all of them; Pillow reads the text', () => {
    const { text, shape, values } = seen.png16;
    expect(shape).toEqual([HEIGHT, WIDTH]);
    expect(text).toEqual({ kind, min: String(min), max: String(max), model: 'a tëst' });
    expect(values).toEqual(
      [...map.values].map(v => Math.round(kind === 'metric' ? 1000 * v : (65535 * (v - min)) / (max - min))),
    );
    if (kind === 'relative') expect([Math.min(...values), Math.max(...values)]).toEqual([0, 65535]);
    else expect([Math.min(...values), values[5]]).toEqual([0, 0]);
  });
  test('plyfile and trimesh read each pixel as a point of its colour', () => {
    const { points, colors, comments, byte_order } = seen.ply;
    const { camera, distance, notes } = depthSpace(map, { fov: 75, near: 2, far: 12 });
    expect([byte_order, comments.slice(1)]).toEqual(['<', notes]);
    const pixels = [...map.values.keys()].filter(i => distance(map.values[i]) > 0);
    expect(points).toHaveLength(kind === 'metric' ? WIDTH * HEIGHT - 1 : WIDTH * HEIGHT);
    pixels.forEach((i, k) => {
      const z =
        kind === 'metric' ? map.values[i] : 1 / (1 / 12 + ((map.values[i] - min) / (max - min)) * (1 / 2 - 1 / 12));
      const f = WIDTH / 2 / Math.tan((37.5 * Math.PI) / 180);
      expect(camera.fx).toBeCloseTo(f, 9);
      const expected = [
        (((i % WIDTH) + 0.5 - WIDTH / 2) * z) / f,
        ((Math.floor(i / WIDTH) + 0.5 - HEIGHT / 2) * z) / f,
        z,
      ];
      for (const axis of [0, 1, 2]) expect(points[k][axis]).toBeCloseTo(expected[axis], 4);
      expect(colors[k]).toEqual([...scenePicture().data.subarray(3 * i, 3 * i + 3)]);
    });
  });
  test('trimesh and pygltflib read a surface that is cut around the box', () => {
    const { vertices, faces, notes, unlit, double_sided } = seen.glb;
    expect([unlit, double_sided]).toEqual([['KHR_materials_unlit'], true]);
    expect(notes).toEqual(depthSpace(map, { fov: 75, near: 2, far: 12 }).notes);
    // 72 squares lie wholly on the box or beside it; at its corners half a square does, at the hole in the first row too
    expect(faces.length).toBe(kind === 'metric' ? 2 * 72 + 4 - 2 : 2 * 72 + 4);
    for (const face of faces) {
      const z = face.map(v => -vertices[v][2]);
      expect(Math.max(...z)).toBeLessThanOrEqual(1.5 * Math.min(...z) + 1e-4);
    }
  });
});
