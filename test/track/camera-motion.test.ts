import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RgbImage, rgbImage, seededRandom } from '../../src/core/index.ts';
import { CameraMotion } from '../../src/track/camera-motion.ts';
import { loadOpenCv } from '../../src/track/opencv.ts';

const [width, height] = [320, 240];
// motion is measured in the half-size picture, so 0.8 px at the outermost corner is 0.4 px there

interface Spot {
  x: number;
  y: number;
  sigma: number;
  level: number;
}

function spots(count: number, seed: number): Spot[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => ({
    x: -40 + random() * (width + 80),
    y: -40 + random() * (height + 80),
    sigma: 2 + 4 * random(),
    level: 60 + 150 * random(),
  }));
}

/** Soft round spots, drawn where a similarity carries them: exact at any fraction of a pixel. */
function picture(list: readonly Spot[], warp: readonly number[]): RgbImage {
  const sums = new Float64Array(width * height);
  const scale = Math.hypot(warp[0]!, warp[3]!);
  for (const { x, y, sigma, level } of list) {
    const cx = warp[0]! * x + warp[1]! * y + warp[2]!;
    const cy = warp[3]! * x + warp[4]! * y + warp[5]!;
    const s = sigma * scale;
    for (let py = Math.max(0, Math.ceil(cy - 4 * s)); py <= Math.min(height - 1, cy + 4 * s); py++)
      for (let px = Math.max(0, Math.ceil(cx - 4 * s)); px <= Math.min(width - 1, cx + 4 * s); px++)
        sums[py * width + px]! += level * Math.exp(-((px + 0.5 - cx) ** 2 + (py + 0.5 - cy) ** 2) / (2 * s * s));
  }
  const data = new Uint8Array(3 * sums.length);
  sums.forEach((v, i) => {
    data.fill(Math.min(255, Math.round(20 + v)), 3 * i, 3 * i + 3);
  });
  return rgbImage(height, width, data);
}

function similarity(angle: number, scale: number, tx: number, ty: number): number[] {
  const [a, b] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  return [a, -b, tx, b, a, ty];
}

/** Largest distance in pixels between where two warps put the corners of the picture. */
function cornerError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let worst = 0;
  for (const x of [0, width])
    for (const y of [0, height])
      worst = Math.max(
        worst,
        Math.hypot(
          (a[0]! - b[0]!) * x + (a[1]! - b[1]!) * y + a[2]! - b[2]!,
          (a[3]! - b[3]!) * x + (a[4]! - b[4]!) * y + a[5]! - b[5]!,
        ),
      );
  return worst;
}

const identity = [1, 0, 0, 0, 1, 0];
const scene = spots(150, 4);

describe('camera motion', () => {
  let motion: CameraMotion;
  beforeAll(async () => {
    motion = await CameraMotion.create();
  });
  afterAll(() => motion.dispose());

  test.each([
    ['a shift', similarity(0, 1, 7.5, -4.25)],
    ['a turn', similarity(0.04, 1, 0, 0)],
    ['a zoom', similarity(0, 1.04, -5, -3)],
    ['all of them', similarity(-0.03, 0.97, 9, 6)],
  ])('finds %s', (_, warp) => {
    motion.reset();
    expect(motion.update(picture(scene, identity))).toEqual({
      warp: Float64Array.from(identity),
      points: 0,
      inliers: 0,
    });
    const found = motion.update(picture(scene, warp));
    expect(cornerError(found.warp, warp)).toBeLessThan(0.8);
    expect(found.inliers).toBeGreaterThan(0.6 * found.points);
  });

  test('is not misled by a third of the picture that moves by itself', () => {
    motion.reset();
    const warp = similarity(0.01, 1, 6, 3);
    const own = similarity(0, 1, -12, 9);
    const [moving, fixed] = [scene.filter(s => s.x < 110), scene.filter(s => s.x > 140)];
    const blend = (a: RgbImage, b: RgbImage) =>
      rgbImage(
        height,
        width,
        a.data.map((v, i) => Math.min(255, v + b.data[i]! - 20)),
      );
    motion.update(blend(picture(fixed, identity), picture(moving, identity)), [0, 0, 130, height]);
    const found = motion.update(blend(picture(fixed, warp), picture(moving, own)));
    expect(cornerError(found.warp, warp)).toBeLessThan(0.8);
  });

  test('the affine model finds the same motion', async () => {
    const affine = await CameraMotion.create({ model: 'affine', downscale: 1 });
    const warp = similarity(0.02, 1.02, 4, -3);
    affine.update(picture(scene, identity));
    expect(cornerError(affine.update(picture(scene, warp)).warp, warp)).toBeLessThan(0.8);
    affine.dispose();
  });

  test('an empty picture means no motion', () => {
    motion.reset();
    const blank = rgbImage(height, width, new Uint8Array(3 * width * height).fill(90));
    motion.update(blank);
    expect(motion.update(blank)).toEqual({ warp: Float64Array.from(identity), points: 0, inliers: 0 });
  });

  test('a frame of another size is refused', () => {
    motion.reset();
    motion.update(picture(scene, identity));
    expect(() => motion.update(rgbImage(100, 100, new Uint8Array(30000)))).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: the frame is 100x100, unlike the one before
        why: motion is measured between pictures of one size
        fix: call reset() when a new video starts]
    `);
  });

  test('every matrix but the two it keeps is deleted', async () => {
    const { cv } = (await loadOpenCv()) as { cv: { Mat: new (...args: number[]) => object } };
    const { Mat } = cv;
    const { prototype } = Mat as unknown as { prototype: { delete(): void } };
    const { delete: remove } = prototype;
    let [made, deleted] = [0, 0];
    cv.Mat = new Proxy(Mat, {
      construct: (target, args) => {
        made++;
        return new target(...(args as number[]));
      },
    });
    prototype.delete = function (this: object) {
      deleted++;
      remove.call(this);
    };
    try {
      const own = await CameraMotion.create();
      const frames = [picture(scene, identity), picture(scene, similarity(0.01, 1, 2, 1))];
      for (let k = 0; k < 4; k++) own.update(frames[k % 2]!, [10, 10, 60, 60]);
      expect(made).toBeGreaterThan(16);
      expect(made - deleted).toBe(2);
      expect(() => own.update(rgbImage(100, 100, new Uint8Array(30000)))).toThrow();
      expect(made - deleted).toBe(2);
      own.dispose();
      expect(made - deleted).toBe(0);
    } finally {
      cv.Mat = Mat;
      prototype.delete = remove;
    }
  });
});
