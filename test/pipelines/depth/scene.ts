import { type DepthMap, depthRange, npyHeader, rgbImage, writePfm } from '../../../src/core/index.ts';
import { encodePngRows } from '../../../src/image/index.ts';
import { encodeDepthPng } from '../../../src/pipelines/index.ts';
import { colorizeDepth, depthMeshGlb, pointCloudPly } from '../../../src/render/index.ts';

export const WIDTH = 12;
export const HEIGHT = 9;

/** A box before a slanted floor, with a hole in the metric one. */
export function sceneMap(kind: DepthMap['kind']): DepthMap {
  const metres = Float32Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    if (x >= 4 && x < 8 && y >= 3 && y < 7) return 1.5;
    return 6 - 0.25 * y + 0.125 * x;
  });
  if (kind === 'metric') metres[5] = 0;
  return {
    kind,
    width: WIDTH,
    height: HEIGHT,
    values: kind === 'metric' ? metres : metres.map(z => 10 / z - 3),
  };
}

export const scenePicture = () =>
  rgbImage(
    HEIGHT,
    WIDTH,
    Uint8Array.from({ length: 3 * WIDTH * HEIGHT }, (_, i) => (11 * i) % 256),
  );

export async function joined(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const list: Uint8Array[] = [];
  for await (const piece of pieces) list.push(piece);
  return new Uint8Array(Buffer.concat(list));
}

/** The scene in every format, by file name. */
export async function exportScene(): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  const image = scenePicture();
  const rgb = (data: Uint8Array) =>
    joined(
      encodePngRows('rgb8', WIDTH, HEIGHT, (y, out) => out.set(data.subarray(3 * y * WIDTH, 3 * (y + 1) * WIDTH))),
    );
  const bytes = await rgb(image.data);
  files['picture.png'] = bytes;
  for (const kind of ['relative', 'metric'] as const) {
    const map = sceneMap(kind);
    const range = depthRange(map);
    const sidecar = { kind, ...range, width: WIDTH, height: HEIGHT, model: 'a tëst' };
    files[`${kind}.depth.png`] = await joined(encodeDepthPng(map, sidecar));
    files[`${kind}.depth.pfm`] = writePfm(WIDTH, HEIGHT, map.values);
    const head = npyHeader({ shape: [HEIGHT, WIDTH], data: map.values });
    files[`${kind}.depth.npy`] = await joined([head, new Uint8Array(map.values.buffer)]);
    files[`${kind}.ply`] = await joined(pointCloudPly(map, image, { fov: 75, near: 2, far: 12 }));
    const texture = { mimeType: 'image/png', bytes: PIXEL } as const;
    files[`${kind}.glb`] = depthMeshGlb(map, texture, { fov: 75, near: 2, far: 12, edge: 0.5 });
    files[`${kind}.depth.color.png`] = await rgb(colorizeDepth(map, { colorMap: 'viridis', range }).data);
  }
  return files;
}

/** A PNG of one pixel, whose bytes do not depend on a zlib. */
const PIXEL = Uint8Array.from(
  Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC', 'base64'),
);
