import type { RgbImage } from '../core/index.ts';
import type { Fraction, VideoInfo } from './types.ts';

export interface VideoWriterOptions {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly frameRate: Fraction;
  /** Seconds per unit of the time stamps. */
  readonly timeBase: Fraction;
  readonly pixelAspect?: Fraction | undefined;
  /** Source whose first audio stream is copied, from the time of the first frame written to that of the last. */
  readonly audio?: VideoInfo | undefined;
  /** x264's quality, 0 (lossless) to 51; default 20. */
  readonly crf?: number | undefined;
  /** Told what had to be left out, such as audio the container cannot hold. */
  readonly onNote?: ((text: string) => void) | undefined;
}

/** Where a frame goes. */
export interface FramePlace {
  /** In units of the writer's time base, growing from frame to frame. */
  readonly pts: number;
  readonly duration?: number | undefined;
  /** 0-based; names the file of a folder's frame that has no name. */
  readonly index: number;
  readonly name?: string | undefined;
}

/** Frames on their way to a file or a folder. A file appears, whole, when finished. */
export interface VideoWriter {
  readonly path: string;
  /** Whether a frame is there already, from an earlier run. Always false for a file. */
  has(place: FramePlace): Promise<boolean>;
  /** @throws {DenseError} RUNTIME for a full disk or a failing encoder; BAD_INPUT for a frame of another size */
  write(image: RgbImage, place: FramePlace): Promise<void>;
  /** Ends the file with what was written and gives it its name. */
  finish(): Promise<void>;
  /** Removes what is unfinished. A folder keeps its frames. */
  discard(): Promise<void>;
}
