import { type DepthMap, fail, type RgbImage } from '../core/index.ts';
import { depthSpace, type SpaceOptions } from './depth-camera.ts';

export interface PointCloudOptions extends SpaceOptions {
  /** At most about this many points, by taking every k-th row and column; default 4 million. */
  readonly points?: number | undefined;
}

const MOST_POINTS = 4_000_000;
const POINT_BYTES = 15;
const ROWS_AT_ONCE = 64;

/** Every how many rows and columns one is taken so that no more than `most` pixels are. */
export function strideFor(width: number, height: number, most: number): number {
  let stride = Math.max(1, Math.floor(Math.sqrt((width * height) / most)));
  while (Math.ceil(width / stride) * Math.ceil(height / stride) > Math.max(1, most)) stride++;
  return stride;
}

/**
 * A depth map as a cloud of coloured points: binary little-endian PLY with float x, y, z and uchar red, green, blue, in
 * OpenCV's axes (x right, y down, z forward, the camera at the origin). Holes have no point. What was assumed stands in the
 * header's comments; relative depth never claims metres.
 *
 * @param image of the map's size
 * @returns the file piece by piece, so that a large one never lies in memory
 * @throws {DenseError} BAD_INPUT when picture and map differ in size, or an option is out of range
 * @see Greg Turk, "The PLY Polygon File Format", 1994; read back in test/golden/depth-exports by plyfile and trimesh
 */
export function* pointCloudPly(
  map: DepthMap,
  image: RgbImage,
  options: PointCloudOptions = {},
): Generator<Uint8Array, void, undefined> {
  const { width, height, values } = map;
  checkSameSize(map, image);
  const { camera, distance, notes } = depthSpace(map, options);
  const stride = strideFor(width, height, options.points ?? MOST_POINTS);
  // from the middle of each block, or of a side that is shorter than one
  const [left, top] = [Math.min(stride, width) - 1, Math.min(stride, height) - 1].map(n => n >> 1);
  let count = 0;
  for (let y = top; y < height; y += stride)
    for (let x = left; x < width; x += stride) if (distance(values[y * width + x]) > 0) count++;
  yield new TextEncoder().encode(plyHeader(count, notes));
  const perRow = Math.ceil(width / stride);
  let piece = new Uint8Array(perRow * POINT_BYTES * ROWS_AT_ONCE);
  let view = new DataView(piece.buffer);
  let at = 0;
  for (let y = top; y < height; y += stride) {
    if (at + perRow * POINT_BYTES > piece.length) {
      yield piece.subarray(0, at);
      piece = new Uint8Array(piece.length); // the other may still be on its way to the disk
      view = new DataView(piece.buffer);
      at = 0;
    }
    for (let x = left; x < width; x += stride) {
      const z = distance(values[y * width + x]);
      if (!(z > 0)) continue;
      view.setFloat32(at, ((x + 0.5 - camera.cx) / camera.fx) * z, true);
      view.setFloat32(at + 4, ((y + 0.5 - camera.cy) / camera.fy) * z, true);
      view.setFloat32(at + 8, z, true);
      for (let c = 0; c < 3; c++) piece[at + 12 + c] = image.data[3 * (y * width + x) + c];
      at += POINT_BYTES;
    }
  }
  yield piece.subarray(0, at);
}

function plyHeader(count: number, notes: readonly string[]): string {
  const properties = ['float x', 'float y', 'float z', 'uchar red', 'uchar green', 'uchar blue'];
  return [
    'ply',
    'format binary_little_endian 1.0',
    'comment made by pe-dense; axes: x right, y down, z forward',
    ...notes.map(note => `comment ${note}`),
    `element vertex ${count}`,
    ...properties.map(property => `property ${property}`),
    'end_header\n',
  ].join('\n');
}

/** @throws {DenseError} BAD_INPUT when a picture is not of its depth map's size */
export function checkSameSize(map: DepthMap, image: RgbImage): void {
  const [height, width] = image.shape;
  if (width !== map.width || height !== map.height)
    fail(
      'BAD_INPUT',
      `a picture of ${width} x ${height} with a depth map of ${map.width} x ${map.height}`,
      'each pixel lends its colour to the point behind it',
      'bring the map to the picture first, see upsampleDepth',
    );
}
