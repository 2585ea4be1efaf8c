import { createRequire } from 'node:module';
import { fail, messageOf } from '../core/index.ts';

/** The part of OpenCV's matrix we use. Lives in WebAssembly memory: whoever makes one deletes it. */
export interface CvMat {
  readonly rows: number;
  readonly cols: number;
  readonly data: Uint8Array;
  readonly data32F: Float32Array;
  readonly data64F: Float64Array;
  empty(): boolean;
  delete(): void;
}

interface CvSize {
  readonly width: number;
  readonly height: number;
}

/** The part of @techstark/opencv-js we use; its own types describe another version. */
export interface Cv {
  readonly Mat: new (rows?: number, cols?: number, type?: number) => CvMat;
  readonly Size: new (width: number, height: number) => CvSize;
  readonly CV_8UC1: number;
  readonly CV_8UC3: number;
  readonly CV_32FC2: number;
  readonly COLOR_RGB2GRAY: number;
  readonly INTER_LINEAR: number;
  readonly RANSAC: number;
  matFromArray(rows: number, cols: number, type: number, values: ArrayLike<number>): CvMat;
  cvtColor(from: CvMat, to: CvMat, code: number): void;
  resize(from: CvMat, to: CvMat, size: CvSize, fx: number, fy: number, how: number): void;
  goodFeaturesToTrack(
    image: CvMat,
    corners: CvMat,
    max: number,
    quality: number,
    distance: number,
    mask: CvMat,
    block: number,
    harris: boolean,
    k: number,
  ): void;
  calcOpticalFlowPyrLK(from: CvMat, to: CvMat, points: CvMat, moved: CvMat, status: CvMat, error: CvMat): void;
  estimateAffine2D(
    from: CvMat,
    to: CvMat,
    inliers: CvMat,
    method: number,
    threshold: number,
    maxIterations: number,
    confidence: number,
    refineIterations: number,
  ): CvMat;
  exceptionFromPtr(pointer: number): { readonly msg: string };
}

interface Starting {
  Mat?: unknown;
  onRuntimeInitialized?: () => void;
}

let loading: Promise<{ readonly cv: Cv }> | undefined;

/**
 * Loads OpenCV once, at first need (a quarter of a second). It comes in a box, `{ cv }`: the module has a `then` of its
 * own, and a promise resolved with it would never settle.
 * @throws {DenseError} UNAVAILABLE when the package is missing
 */
export function loadOpenCv(): Promise<{ readonly cv: Cv }> {
  loading ??= start();
  return loading;
}

async function start(): Promise<{ readonly cv: Cv }> {
  let module: Starting;
  try {
    // required, not imported: `import()` would await the thenable module as well
    module = createRequire(import.meta.url)('@techstark/opencv-js') as Starting;
  } catch (error) {
    return fail(
      'UNAVAILABLE',
      'OpenCV did not load',
      messageOf(error),
      'install @techstark/opencv-js 4.12.0-release.1',
      error,
    );
  }
  if (!module.Mat)
    await new Promise<void>(resolve => {
      module.onRuntimeInitialized = resolve;
    });
  return { cv: module as unknown as Cv };
}

/** Runs a piece of OpenCV work: deletes every matrix that `keep` was handed, and turns its numeric exceptions into errors. */
export function withMats<T>(cv: Cv, what: string, work: (keep: <M extends CvMat>(mat: M) => M) => T): T {
  const mats: CvMat[] = [];
  try {
    return work(mat => {
      mats.push(mat);
      return mat;
    });
  } catch (error) {
    if (typeof error !== 'number') throw error;
    return fail('RUNTIME', `${what} failed in OpenCV`, cv.exceptionFromPtr(error).msg, 'report it with the picture');
  } finally {
    for (const mat of mats) mat.delete();
  }
}
