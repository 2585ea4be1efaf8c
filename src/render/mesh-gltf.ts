import type { DepthMap } from '../core/index.ts';
import { type DepthSpace, depthSpace, type SpaceOptions } from './depth-camera.ts';
import { strideFor } from './point-cloud.ts';

export interface DepthMeshOptions extends SpaceOptions {
  /**
   * Neighbours whose distances differ by more than this share of the nearer one are not joined, so that what stands in
   * front does not hang on to what is behind; default 0.1.
   */
  readonly edge?: number | undefined;
  /** At most about this many corners, by taking every k-th row and column; default 500,000. */
  readonly vertices?: number | undefined;
}

/** An encoded picture to put on the mesh. */
export interface MeshTexture {
  readonly mimeType: 'image/jpeg' | 'image/png';
  readonly bytes: Uint8Array;
}

const DEFAULT_EDGE = 0.1;
const MOST_VERTICES = 500_000;

// glTF 2.0's numbers
const FLOAT = 5126;
const UNSIGNED_INT = 5125;
const ARRAY_BUFFER = 34962;
const ELEMENT_ARRAY_BUFFER = 34963;
const CLAMP_TO_EDGE = 33071;
const LINEAR = 9729;

/**
 * A depth map as a textured surface: binary glTF 2.0 (GLB) in glTF's axes (x right, y up, z towards the viewer; the camera
 * at the origin). The texture shows as it is, without lights (KHR_materials_unlit). What was assumed stands in `asset.extras`.
 *
 * @throws {DenseError} BAD_INPUT for an option out of range
 * @see https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html; read back in test/golden/depth-exports by trimesh, pygltflib
 */
export function depthMeshGlb(map: DepthMap, texture: MeshTexture, options: DepthMeshOptions = {}): Uint8Array {
  const space = depthSpace(map, options);
  const grid = gridOf(map, space, options.vertices ?? MOST_VERTICES);
  return packGlb(cutSurface(grid, options.edge ?? DEFAULT_EDGE), texture, space.notes);
}

/** Corners on the picture's pixels, every `stride` of them, both borders included. */
interface Grid {
  readonly columns: number;
  readonly rows: number;
  /** 0 for a hole. */
  readonly z: Float32Array;
  readonly position: (column: number, row: number) => readonly [x: number, y: number, z: number, u: number, v: number];
}

function gridOf({ width, height, values }: DepthMap, { camera, distance }: DepthSpace, most: number): Grid {
  const stride = strideFor(width, height, most);
  const columns = Math.ceil((width - 1) / stride) + 1;
  const rows = Math.ceil((height - 1) / stride) + 1;
  const px = (column: number) => Math.min(width - 1, column * stride);
  const py = (row: number) => Math.min(height - 1, row * stride);
  const z = new Float32Array(columns * rows);
  for (let r = 0, i = 0; r < rows; r++)
    for (let c = 0; c < columns; c++, i++) z[i] = distance(values[py(r) * width + px(c)]);
  return {
    columns,
    rows,
    z,
    position(column, row) {
      const [x, y, d] = [px(column) + 0.5, py(row) + 0.5, z[row * columns + column]];
      return [((x - camera.cx) / camera.fx) * d, ((camera.cy - y) / camera.fy) * d, -d, x / width, y / height];
    },
  };
}

interface Surface {
  readonly positions: Float32Array;
  readonly uvs: Float32Array;
  readonly indices: Uint32Array;
}

/** Two triangles for each square of the grid, but none across a hole or a jump; corners of no triangle are left out. */
function cutSurface(grid: Grid, edge: number): Surface {
  const { columns, rows, z } = grid;
  const joined = (a: number, b: number, c: number) => {
    const low = Math.min(z[a], z[b], z[c]);
    return low > 0 && Math.max(z[a], z[b], z[c]) <= low * (1 + edge);
  };
  const corners = new Uint32Array(6 * (columns - 1) * (rows - 1));
  let count = 0;
  const add = (a: number, b: number, c: number) => {
    if (!joined(a, b, c)) return;
    corners[count++] = a;
    corners[count++] = b;
    corners[count++] = c;
  };
  for (let r = 0; r + 1 < rows; r++)
    for (let c = 0; c + 1 < columns; c++) {
      const [a, b] = [r * columns + c, r * columns + c + 1];
      const [d, e] = [a + columns, b + columns];
      // counter-clockwise as the camera sees it; the diagonal joins the corners that are nearer to each other in depth
      if (Math.abs(z[a] - z[e]) < Math.abs(z[b] - z[d])) {
        add(a, d, e);
        add(a, e, b);
      } else {
        add(a, d, b);
        add(b, d, e);
      }
    }
  const indices = corners.slice(0, count);
  const place = new Int32Array(columns * rows).fill(-1);
  let vertices = 0;
  for (const corner of indices) if (place[corner] < 0) place[corner] = vertices++;
  const positions = new Float32Array(3 * vertices);
  const uvs = new Float32Array(2 * vertices);
  for (let i = 0; i < place.length; i++) {
    if (place[i] < 0) continue;
    const [x, y, d, u, v] = grid.position(i % columns, Math.floor(i / columns));
    positions.set([x, y, d], 3 * place[i]);
    uvs.set([u, v], 2 * place[i]);
  }
  return { positions, uvs, indices: indices.map(corner => place[corner]) };
}

function packGlb({ positions, uvs, indices }: Surface, texture: MeshTexture, notes: readonly string[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const views: object[] = [];
  let length = 0;
  const view = (bytes: Uint8Array, target?: number) => {
    views.push({ buffer: 0, byteOffset: length, byteLength: bytes.length, ...(target && { target }) });
    parts.push(bytes, new Uint8Array(-bytes.length & 3));
    length += bytes.length + (-bytes.length & 3);
    return views.length - 1;
  };
  const asset = { version: '2.0', generator: 'pe-dense', extras: { notes } };
  const image = view(texture.bytes);
  const material = {
    pbrMetallicRoughness: { baseColorTexture: { index: 0 }, metallicFactor: 0, roughnessFactor: 1 },
    doubleSided: true,
    extensions: { KHR_materials_unlit: {} },
  };
  const geometry = indices.length > 0 && {
    // glTF knows no empty mesh: a map of holes gives an empty scene
    accessors: [
      {
        bufferView: view(bytesOf(positions), ARRAY_BUFFER),
        componentType: FLOAT,
        count: positions.length / 3,
        type: 'VEC3',
        ...bounds(positions),
      },
      { bufferView: view(bytesOf(uvs), ARRAY_BUFFER), componentType: FLOAT, count: uvs.length / 2, type: 'VEC2' },
      {
        bufferView: view(bytesOf(indices), ELEMENT_ARRAY_BUFFER),
        componentType: UNSIGNED_INT,
        count: indices.length,
        type: 'SCALAR',
      },
    ],
    meshes: [{ primitives: [{ attributes: { POSITION: 0, TEXCOORD_0: 1 }, indices: 2, material: 0 }] }],
    nodes: [{ mesh: 0 }],
  };
  const json = {
    asset,
    extensionsUsed: ['KHR_materials_unlit'],
    scene: 0,
    scenes: [geometry ? { nodes: [0] } : {}],
    ...geometry,
    materials: [material],
    textures: [{ sampler: 0, source: 0 }],
    samplers: [{ magFilter: LINEAR, minFilter: LINEAR, wrapS: CLAMP_TO_EDGE, wrapT: CLAMP_TO_EDGE }],
    images: [{ bufferView: image, mimeType: texture.mimeType }],
    bufferViews: views,
    buffers: [{ byteLength: length }],
  };
  const text = new TextEncoder().encode(JSON.stringify(json));
  const padded = new Uint8Array(text.length + (-text.length & 3)).fill(0x20);
  padded.set(text);
  return joinChunks(padded, parts, length);
}

/** Header, JSON chunk, binary chunk. */
function joinChunks(json: Uint8Array, parts: readonly Uint8Array[], length: number): Uint8Array {
  const out = new Uint8Array(12 + 8 + json.length + 8 + length);
  const view = new DataView(out.buffer);
  view.setUint32(0, 0x46546c67, true); // glTF
  view.setUint32(4, 2, true);
  view.setUint32(8, out.length, true);
  view.setUint32(12, json.length, true);
  view.setUint32(16, 0x4e4f534a, true); // JSON
  out.set(json, 20);
  let at = 20 + json.length;
  view.setUint32(at, length, true);
  view.setUint32(at + 4, 0x004e4942, true); // BIN
  at += 8;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function bytesOf(data: Float32Array | Uint32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function bounds(positions: Float32Array): { min: number[]; max: number[] } {
  const min = [Infinity, Infinity, Infinity];
  const max = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < positions.length; i++) {
    min[i % 3] = Math.min(min[i % 3], positions[i]);
    max[i % 3] = Math.max(max[i % 3], positions[i]);
  }
  return { min, max };
}
