import { describe, expect, test } from 'vitest';
import { type DepthMap, type RgbImage, rgbImage } from '../../src/core/index.ts';
import { depthMeshGlb, pointCloudPly } from '../../src/render/index.ts';

const WIDTH = 24;
const HEIGHT = 16;
const texture = { mimeType: 'image/png', bytes: Uint8Array.of(1, 2, 3, 4, 5) } as const;

const mapOf = (
  kind: DepthMap['kind'],
  at: (x: number, y: number) => number,
  width = WIDTH,
  height = HEIGHT,
): DepthMap => ({
  kind,
  width,
  height,
  values: Float32Array.from({ length: width * height }, (_, i) => at(i % width, Math.floor(i / width))),
});
const picture = (width = WIDTH, height = HEIGHT): RgbImage =>
  rgbImage(
    height,
    width,
    Uint8Array.from({ length: 3 * width * height }, (_, i) => (7 * i) % 256),
  );

function readPly(pieces: Iterable<Uint8Array>) {
  const bytes = Buffer.concat([...pieces]);
  const end = bytes.indexOf('end_header\n') + 'end_header\n'.length;
  const header = bytes.toString('latin1', 0, end);
  const count = Number(/element vertex (\d+)/.exec(header)![1]);
  expect(bytes.length - end).toBe(15 * count);
  const points = Array.from({ length: count }, (_, i) => ({
    xyz: [0, 4, 8].map(at => bytes.readFloatLE(end + 15 * i + at)),
    rgb: [...bytes.subarray(end + 15 * i + 12, end + 15 * i + 15)],
  }));
  return { header, points };
}

function readGlb(bytes: Uint8Array) {
  const view = Buffer.from(bytes);
  expect(view.toString('latin1', 0, 4)).toBe('glTF');
  expect([view.readUInt32LE(4), view.readUInt32LE(8)]).toEqual([2, bytes.length]);
  const jsonLength = view.readUInt32LE(12);
  expect(jsonLength % 4).toBe(0);
  const json = JSON.parse(view.toString('utf8', 20, 20 + jsonLength));
  const start = 20 + jsonLength + 8;
  expect(view.readUInt32LE(start - 8)).toBe(bytes.length - start);
  const accessor = (index: number) => {
    const { bufferView, componentType, count, type } = json.accessors[index];
    const { byteOffset, byteLength } = json.bufferViews[bufferView];
    const size = { SCALAR: 1, VEC2: 2, VEC3: 3 }[type as 'SCALAR'];
    expect([byteOffset % 4, byteLength]).toEqual([0, 4 * size * count]);
    const at = start + byteOffset;
    const read =
      componentType === 5126
        ? (i: number) => view.readFloatLE(at + 4 * i)
        : (i: number) => view.readUInt32LE(at + 4 * i);
    return Array.from({ length: size * count }, (_, i) => read(i));
  };
  if (!json.meshes) return { json, positions: [], uvs: [], indices: [] };
  const { attributes, indices } = json.meshes[0].primitives[0];
  return {
    json,
    positions: accessor(attributes.POSITION),
    uvs: accessor(attributes.TEXCOORD_0),
    indices: accessor(indices),
  };
}

/** Metres of the plane n . p = d seen through each pixel. */
function planeDepth(n: readonly number[], d: number, fov: number) {
  const f = WIDTH / 2 / Math.tan((fov * Math.PI) / 360);
  return (x: number, y: number) =>
    d / (n[0] * ((x + 0.5 - WIDTH / 2) / f) + n[1] * ((y + 0.5 - HEIGHT / 2) / f) + n[2]);
}

describe('point cloud', () => {
  test('a plane comes back planar, in place, in its colours', () => {
    const n = [0.3, -0.5, 0.8];
    const { points, header } = readPly(pointCloudPly(mapOf('metric', planeDepth(n, 4, 70)), picture(), { fov: 70 }));
    expect(points).toHaveLength(WIDTH * HEIGHT);
    for (const { xyz } of points) expect(n[0] * xyz[0] + n[1] * xyz[1] + n[2] * xyz[2]).toBeCloseTo(4, 5);
    expect(points[30].rgb).toEqual([...picture().data.subarray(90, 93)]);
    expect(header).toContain('comment metric depth: units are metres\n');
  });
  test('x right, y down, z forward', () => {
    const { points } = readPly(
      pointCloudPly(
        mapOf('metric', () => 2),
        picture(),
      ),
    );
    const [first, last] = [points[0].xyz, points.at(-1)!.xyz];
    expect([first[0] < 0, first[1] < 0, last[0] > 0, last[1] > 0, first[2]]).toEqual([true, true, true, true, 2]);
  });
  test('relative depth fills near to far, keeps planes planes, and never claims metres', () => {
    const metres = planeDepth([0.3, -0.5, 0.8], 4, 60);
    const map = mapOf('relative', (x, y) => 5 + 3 / metres(x, y));
    const { points, header } = readPly(pointCloudPly(map, picture(), { near: 2, far: 9 }));
    const z = points.map(p => p.xyz[2]);
    expect([Math.min(...z), Math.max(...z)].map(v => v.toFixed(4))).toEqual(['2.0000', '9.0000']);
    const [a, b, c] = [points[0], points[WIDTH - 1], points[WIDTH * (HEIGHT - 1)]].map(p => p.xyz);
    const u = a.map((v, i) => b[i] - v);
    const w = a.map((v, i) => c[i] - v);
    const normal = [u[1] * w[2] - u[2] * w[1], u[2] * w[0] - u[0] * w[2], u[0] * w[1] - u[1] * w[0]];
    const length = Math.hypot(...normal);
    for (const { xyz } of points)
      expect(normal.reduce((sum, v, i) => sum + (v * (xyz[i] - a[i])) / length, 0)).toBeCloseTo(0, 4);
    expect(header).toContain('scale and shift are arbitrary, not metres; spread from near 2 to far 9 by assumption');
    expect(header).toContain('a horizontal field of view of 60 degrees is assumed');
    expect(header).not.toContain('units are metres');
  });
  test('intrinsics count from the corner of the first pixel', () => {
    const intrinsics = { fx: 10, fy: 20, cx: 0.5, cy: 0.5 };
    const { points, header } = readPly(
      pointCloudPly(
        mapOf('metric', () => 5),
        picture(),
        { intrinsics },
      ),
    );
    expect(points[0].xyz).toEqual([0, 0, 5]);
    expect(points[1].xyz[0]).toBeCloseTo(0.5, 6);
    expect(points[WIDTH].xyz[1]).toBeCloseTo(0.25, 6);
    expect(header).toContain('fx 10 fy 20 cx 0.5 cy 0.5');
  });
  test('holes have no point', () => {
    const metric = mapOf('metric', x => (x < 4 ? 0 : 1));
    expect(readPly(pointCloudPly(metric, picture())).points).toHaveLength((WIDTH - 4) * HEIGHT);
    const relative = mapOf('relative', x => (x < 4 ? Number.NaN : x));
    expect(readPly(pointCloudPly(relative, picture())).points).toHaveLength((WIDTH - 4) * HEIGHT);
    expect(
      readPly(
        pointCloudPly(
          mapOf('metric', () => 0),
          picture(),
        ),
      ).points,
    ).toHaveLength(0);
  });
  test('a strip thinned further than it is high keeps points', () => {
    const strip = mapOf('metric', () => 1, 1000, 10);
    const countOf = (points: number) => {
      const [head] = pointCloudPly(strip, picture(1000, 10), { points });
      return Number(/vertex (\d+)/.exec(new TextDecoder().decode(head))![1]);
    };
    expect([1, 7, 20].map(countOf)).toEqual([1, 7, 20]);
  });
  test('a limit thins rows and columns alike', () => {
    const { points } = readPly(
      pointCloudPly(
        mapOf('metric', () => 1),
        picture(),
        { points: 100 },
      ),
    );
    expect(points.length).toBe((WIDTH / 2) * (HEIGHT / 2));
  });
  test('refuses a picture of another size, a far before near', () => {
    const map = mapOf('relative', x => x);
    expect(() => [...pointCloudPly(map, picture(5, 5))]).toThrow(/picture of 5 x 5 with a depth map of 24 x 16/);
    expect(() => [...pointCloudPly(map, picture(), { near: 3, far: 2 })]).toThrow(/near 3 and far 2/);
  });
});

describe('mesh', () => {
  const frontFacing = ({ positions, indices }: ReturnType<typeof readGlb>) => {
    for (let i = 0; i < indices.length; i += 3) {
      const [a, b, c] = indices.slice(i, i + 3).map(k => positions.slice(3 * k, 3 * k + 3));
      const u = a.map((v, k) => b[k] - v);
      const w = a.map((v, k) => c[k] - v);
      const normal = [u[1] * w[2] - u[2] * w[1], u[2] * w[0] - u[0] * w[2], u[0] * w[1] - u[1] * w[0]];
      // towards the camera, which is at the origin
      expect(normal.reduce((sum, v, k) => sum + v * a[k], 0)).toBeLessThan(0);
    }
  };
  test('a plane is one whole surface, planar, facing the camera, y up and z towards the viewer', () => {
    const n = [0.2, -0.4, 0.9];
    const glb = readGlb(depthMeshGlb(mapOf('metric', planeDepth(n, 3, 60)), texture));
    const { positions, indices, uvs, json } = glb;
    expect(positions).toHaveLength(3 * WIDTH * HEIGHT);
    expect(indices).toHaveLength(6 * (WIDTH - 1) * (HEIGHT - 1));
    for (let i = 0; i < positions.length; i += 3)
      expect(n[0] * positions[i] - n[1] * positions[i + 1] - n[2] * positions[i + 2]).toBeCloseTo(3, 5);
    frontFacing(glb);
    const top = uvs.indexOf(Math.min(...uvs.filter((_, i) => i % 2 === 1)));
    expect(positions[3 * ((top - 1) / 2) + 1]).toBeGreaterThan(0); // v grows downwards, y upwards
    const { min, max } = json.accessors[0];
    for (let k = 0; k < 3; k++) {
      const axis = positions.filter((_, i) => i % 3 === k);
      expect([min[k], max[k]]).toEqual([Math.min(...axis), Math.max(...axis)]);
    }
    expect(json.asset.extras.notes[0]).toBe('metric depth: units are metres');
  });
  test('no triangle crosses a step', () => {
    const glb = readGlb(
      depthMeshGlb(
        mapOf('metric', x => (x < 10 ? 2 : 5)),
        texture,
      ),
    );
    const { positions, indices } = glb;
    for (let i = 0; i < indices.length; i += 3) {
      const z = indices.slice(i, i + 3).map(k => positions[3 * k + 2]);
      expect(new Set(z).size).toBe(1);
    }
    expect(indices).toHaveLength(6 * (WIDTH - 2) * (HEIGHT - 1)); // one column of squares is gone
    frontFacing(glb);
    expect(
      readGlb(
        depthMeshGlb(
          mapOf('metric', x => (x < 10 ? 2 : 5)),
          texture,
          { edge: 2 },
        ),
      ).indices,
    ).toHaveLength(6 * (WIDTH - 1) * (HEIGHT - 1));
  });
  test('corners of no triangle are left out; a map of holes is an empty scene', () => {
    const holes = readGlb(
      depthMeshGlb(
        mapOf('metric', x => (x === 5 ? 0 : 1)),
        texture,
      ),
    );
    expect(new Set(holes.indices).size).toBe(holes.positions.length / 3);
    expect(holes.positions).toHaveLength(3 * (WIDTH - 1) * HEIGHT);
    const empty = readGlb(
      depthMeshGlb(
        mapOf('metric', () => 0),
        texture,
      ),
    ).json;
    expect([empty.meshes, empty.scenes]).toEqual([undefined, [{}]]);
  });
  test('the texture lies inside, byte for byte, and relative depth says what it is', () => {
    const bytes = depthMeshGlb(
      mapOf('relative', x => x),
      texture,
      { edge: 10 },
    );
    const { json } = readGlb(bytes);
    const view = json.bufferViews[json.images[0].bufferView];
    const start = 20 + Buffer.from(bytes).readUInt32LE(12) + 8 + view.byteOffset;
    expect([...bytes.subarray(start, start + view.byteLength)]).toEqual([1, 2, 3, 4, 5]);
    expect(json.asset.extras.notes.join()).toMatch(/scale and shift are arbitrary, not metres/);
  });
  test('a limit on corners keeps both borders', () => {
    const { positions, uvs } = readGlb(
      depthMeshGlb(
        mapOf('metric', () => 1),
        texture,
        { vertices: 60 },
      ),
    );
    expect(positions.length / 3).toBeLessThan(100);
    const u = uvs.filter((_, i) => i % 2 === 0);
    expect([Math.min(...u), Math.max(...u)].map(v => v.toFixed(4))).toEqual(
      [0.5 / WIDTH, (WIDTH - 0.5) / WIDTH].map(v => v.toFixed(4)),
    );
  });
});
