import { type DepthMap, depthRange, fail, isDepth } from '../core/index.ts';

/**
 * A pinhole camera: focal lengths and principal point in pixels of the picture, whose origin is the top left corner of the
 * top left pixel. (OpenCV's calibrations count from that pixel's middle: add 0.5 to their cx and cy.)
 */
export interface Pinhole {
  readonly fx: number;
  readonly fy: number;
  readonly cx: number;
  readonly cy: number;
}

/** Degrees that a photograph of an unknown camera is taken to span from left to right. */
export const DEFAULT_FOV = 60;
/** Distances that relative depth is spread over where nobody says better. */
export const DEFAULT_NEAR = 1;
export const DEFAULT_FAR = 20;

/** How a depth map becomes points. */
export interface SpaceOptions {
  /** Horizontal field of view, degrees; default {@link DEFAULT_FOV}. */
  readonly fov?: number | undefined;
  /** In place of `fov`. */
  readonly intrinsics?: Pinhole | undefined;
  /** Of relative depth: where its largest and its smallest value are put; default 1 and 20. Metric depth has no use for them. */
  readonly near?: number | undefined;
  readonly far?: number | undefined;
}

/** A depth map in space. */
export interface DepthSpace {
  readonly camera: Pinhole;
  /** Distance along the optical axis of a value of the map; 0 for a hole. */
  readonly distance: (value: number) => number;
  /** What was assumed, a sentence each, for the file that holds the points. */
  readonly notes: readonly string[];
}

/**
 * Puts a depth map in space. Relative depth v, of which only the order and the ratios of differences are known, gets
 * 1 / z = 1 / far + (v - min) / (max - min) * (1 / near - 1 / far): planes stay planes, but scale and shift are arbitrary.
 *
 * @throws {DenseError} BAD_INPUT naming the option that is out of range
 */
export function depthSpace(map: DepthMap, options: SpaceOptions = {}): DepthSpace {
  const { fov = DEFAULT_FOV, intrinsics, near = DEFAULT_NEAR, far = DEFAULT_FAR } = options;
  const camera = intrinsics ?? pinhole(map.width, map.height, fov);
  const known = [camera.fx, camera.fy, camera.cx, camera.cy];
  if (!known.every(Number.isFinite) || !(camera.fx > 0 && camera.fy > 0))
    fail('BAD_INPUT', `intrinsics are ${known.join(', ')}`, 'focal lengths are above 0', 'give fx,fy,cx,cy in pixels');
  const seen =
    intrinsics === undefined
      ? `camera: a horizontal field of view of ${fov} degrees is assumed`
      : `camera: fx ${camera.fx} fy ${camera.fy} cx ${camera.cx} cy ${camera.cy} pixels, as given`;
  if (map.kind === 'metric')
    return {
      camera,
      distance: value => (isDepth('metric', value) ? value : 0),
      notes: ['metric depth: units are metres', seen],
    };
  if (!(near > 0 && far > near && Number.isFinite(far)))
    fail(
      'BAD_INPUT',
      `near ${near} and far ${far}`,
      'relative depth is spread from near to far',
      'give 0 < near < far',
    );
  const { min, max } = depthRange(map);
  const scale = max > min ? (1 / near - 1 / far) / (max - min) : 0;
  return {
    camera,
    distance: value => (isDepth('relative', value) ? 1 / (1 / far + Math.max(0, value - min) * scale) : 0),
    notes: [
      `relative depth: scale and shift are arbitrary, not metres; spread from near ${near} to far ${far} by assumption`,
      seen,
    ],
  };
}

/**
 * The camera of a picture of known horizontal field of view: square pixels, the axis through the middle.
 * @param fov degrees, above 0 and below 180
 * @throws {DenseError} BAD_INPUT
 */
export function pinhole(width: number, height: number, fov: number): Pinhole {
  if (!(fov > 0 && fov < 180))
    fail(
      'BAD_INPUT',
      `fov is ${fov}`,
      'it is the horizontal field of view in degrees',
      'give 0 < fov < 180, such as 60',
    );
  const f = width / 2 / Math.tan((fov * Math.PI) / 360);
  return { fx: f, fy: f, cx: width / 2, cy: height / 2 };
}
