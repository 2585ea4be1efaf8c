import { fail, type RgbImage } from '../core/index.ts';
import { type Cv, type CvMat, loadOpenCv, withMats } from './opencv.ts';
import { estimateSimilarity } from './similarity.ts';

export interface CameraMotionOptions {
  /** the picture is shrunk this many times first (the authors' 2); whole number */
  readonly downscale?: number;
  /** most corners followed (the authors' 1000) */
  readonly maxCorners?: number;
  /** weakest corner, as a share of the strongest (the authors' 0.01) */
  readonly quality?: number;
  /** `similarity` (rotation, scale, shift: the authors' choice) or `affine` (six free numbers) */
  readonly model?: 'similarity' | 'affine';
  /** largest error of an inlier, pixels of the shrunk picture */
  readonly threshold?: number;
}

/** How the camera moved since the frame before. */
export interface CameraEstimate {
  /** `[6]` row-major 2x3: pixels of the previous frame to pixels of this one; identity when nothing could be told */
  readonly warp: Float64Array;
  /** corners found again */
  readonly points: number;
  /** of these, the ones that agree with the warp */
  readonly inliers: number;
}

/** Fewer corners than this say nothing (gmc.py line 283 asks for more than 4). */
const FEWEST = 5;
const still = () => Float64Array.of(1, 0, 0, 0, 1, 0);

/**
 * Camera motion between successive frames: corners, pyramidal Lucas-Kanade flow, robust fit. The warp goes into
 * {@link FrameHints.warp}. Holds pictures in WebAssembly memory until {@link dispose}.
 *
 * Also to be used without a tracker, for stabilising.
 * @see BoT-SORT section 3.2; tracker/gmc.py, `applySparseOptFlow`. Shi and Tomasi, CVPR 1994; Bouguet, "Pyramidal
 *   Implementation of the Lucas Kanade Feature Tracker", 2001
 */
export class CameraMotion {
  private last: { readonly gray: CvMat; readonly corners: CvMat } | undefined;
  private readonly options: Required<CameraMotionOptions>;

  private constructor(
    private readonly cv: Cv,
    options: CameraMotionOptions,
  ) {
    this.options = { downscale: 2, maxCorners: 1000, quality: 0.01, model: 'similarity', threshold: 3, ...options };
    const { downscale, maxCorners, quality, threshold } = this.options;
    if (
      !(
        Number.isInteger(downscale) &&
        downscale >= 1 &&
        maxCorners >= FEWEST &&
        quality > 0 &&
        quality < 1 &&
        threshold > 0
      )
    )
      fail(
        'BAD_INPUT',
        `CameraMotion got downscale ${downscale}, maxCorners ${maxCorners}, quality ${quality}, threshold ${threshold}`,
        `downscale is a whole number from 1, maxCorners at least ${FEWEST}, quality between 0 and 1, threshold positive`,
        'leave them out for the defaults 2, 1000, 0.01 and 3',
      );
  }

  /**
   * Loads OpenCV (once per process) and makes an estimator.
   * @throws {DenseError} BAD_INPUT for options out of range, UNAVAILABLE when OpenCV is not installed
   */
  static async create(options: CameraMotionOptions = {}): Promise<CameraMotion> {
    const { cv } = await loadOpenCv();
    return new CameraMotion(cv, options);
  }

  /**
   * Takes the next frame.
   * @param ignore `[n, 4]` xyxy boxes of things that move by themselves, such as the detections: no corners are taken
   *   from there (the authors do so for their feature-based estimate; for optical flow they do not)
   * @throws {DenseError} BAD_INPUT when the size differs from the frame before
   */
  update(image: RgbImage, ignore: ArrayLike<number> = []): CameraEstimate {
    const gray = this.shrink(image);
    const { last } = this;
    if (last && (last.gray.rows !== gray.rows || last.gray.cols !== gray.cols)) {
      gray.delete();
      fail(
        'BAD_INPUT',
        `the frame is ${image.shape[1]}x${image.shape[0]}, unlike the one before`,
        'motion is measured between pictures of one size',
        'call reset() when a new video starts',
      );
    }
    const corners = this.corners(gray, ignore);
    const estimate = last && last.corners.rows > 0 ? this.follow(last.gray, last.corners, gray) : undefined;
    this.reset();
    this.last = { gray, corners };
    return estimate ?? { warp: still(), points: 0, inliers: 0 };
  }

  /** Forgets the frame before: the next one starts anew. */
  reset(): void {
    this.last?.gray.delete();
    this.last?.corners.delete();
    this.last = undefined;
  }

  /** Gives the memory back; the estimator may still be used and starts anew. */
  dispose(): void {
    this.reset();
  }

  private shrink(image: RgbImage): CvMat {
    const { cv } = this;
    const [height, width] = image.shape;
    const { downscale } = this.options;
    if (width < 2 * downscale || height < 2 * downscale)
      fail(
        'BAD_INPUT',
        `the frame is ${width}x${height}`,
        `it is shrunk ${downscale} times first`,
        'pass a larger picture',
      );
    return withMats(cv, 'shrinking a frame', keep => {
      const color = keep(new cv.Mat(height, width, cv.CV_8UC3));
      color.data.set(image.data);
      const gray = new cv.Mat();
      cv.cvtColor(color, gray, cv.COLOR_RGB2GRAY);
      if (downscale === 1) return gray;
      keep(gray);
      const small = new cv.Mat();
      const size = new cv.Size(Math.floor(width / downscale), Math.floor(height / downscale));
      cv.resize(gray, small, size, 0, 0, cv.INTER_LINEAR);
      return small;
    });
  }

  private corners(gray: CvMat, ignore: ArrayLike<number>): CvMat {
    const { cv } = this;
    const { maxCorners, quality, downscale } = this.options;
    return withMats(cv, 'finding corners', keep => {
      const mask = keep(ignore.length > 0 ? new cv.Mat(gray.rows, gray.cols, cv.CV_8UC1) : new cv.Mat());
      if (ignore.length > 0) {
        const { data } = mask;
        data.fill(255);
        for (let o = 0; o < ignore.length; o += 4) {
          const [x1, x2] = [clip(ignore[o]! / downscale, gray.cols), clip(ignore[o + 2]! / downscale, gray.cols)];
          const [y1, y2] = [clip(ignore[o + 1]! / downscale, gray.rows), clip(ignore[o + 3]! / downscale, gray.rows)];
          for (let y = y1; y < y2; y++) data.fill(0, y * gray.cols + x1, y * gray.cols + x2);
        }
      }
      const corners = new cv.Mat();
      // minimum distance 1, block 3, no Harris: gmc.py line 32
      cv.goodFeaturesToTrack(gray, corners, maxCorners, quality, 1, mask, 3, false, 0.04);
      return corners;
    });
  }

  private follow(before: CvMat, corners: CvMat, now: CvMat): CameraEstimate | undefined {
    const { cv } = this;
    const { model, threshold, downscale } = this.options;
    return withMats(cv, 'following corners', keep => {
      const moved = keep(new cv.Mat());
      const status = keep(new cv.Mat());
      cv.calcOpticalFlowPyrLK(before, now, corners, moved, status, keep(new cv.Mat()));
      const from: number[] = [];
      const to: number[] = [];
      status.data.forEach((ok, i) => {
        if (!ok) return;
        from.push(corners.data32F[2 * i]!, corners.data32F[2 * i + 1]!);
        to.push(moved.data32F[2 * i]!, moved.data32F[2 * i + 1]!);
      });
      const points = from.length / 2;
      if (points < FEWEST) return undefined;
      const fit = model === 'similarity' ? estimateSimilarity(from, to, { threshold }) : this.affine(from, to, keep);
      if (!fit) return undefined;
      // OpenCV counts from the middle of the first pixel, boxes from its corner
      const warp = fit.warp.slice();
      warp[2] = downscale * (warp[2]! + 0.5 - (warp[0]! + warp[1]!) / 2);
      warp[5] = downscale * (warp[5]! + 0.5 - (warp[3]! + warp[4]!) / 2);
      return { warp, points, inliers: fit.inlierCount };
    });
  }

  private affine(
    from: readonly number[],
    to: readonly number[],
    keep: <M extends CvMat>(mat: M) => M,
  ): { readonly warp: Float64Array; readonly inlierCount: number } | undefined {
    const { cv } = this;
    const n = from.length / 2;
    const a = keep(cv.matFromArray(n, 1, cv.CV_32FC2, from));
    const b = keep(cv.matFromArray(n, 1, cv.CV_32FC2, to));
    const inliers = keep(new cv.Mat());
    const warp = keep(cv.estimateAffine2D(a, b, inliers, cv.RANSAC, this.options.threshold, 2000, 0.99, 10));
    if (warp.empty()) return undefined;
    return {
      warp: Float64Array.from(warp.data64F),
      inlierCount: inliers.data.reduce((sum, v) => sum + (v ? 1 : 0), 0),
    };
  }
}

function clip(value: number, size: number): number {
  return Math.min(Math.max(Math.trunc(value), 0), size);
}
