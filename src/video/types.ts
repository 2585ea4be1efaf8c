import type { RgbImage } from '../core/index.ts';

/** A fraction, exact: numerator and denominator. */
export type Fraction = readonly [num: number, den: number];

/** What is known of a video before its frames are read. */
export interface VideoInfo {
  /** Path as given; an address without its login. */
  readonly source: string;
  readonly kind: 'video' | 'folder' | 'live';
  /** Of the upright frames, pixels. */
  readonly width: number;
  readonly height: number;
  /** Frames per second, the mean where it varies; a folder's is given or assumed. */
  readonly fps: number;
  readonly frameRate: Fraction;
  /** Seconds per unit of {@link FrameTime.pts}. */
  readonly timeBase: Fraction;
  /** How many frames the source says it has; a video file may be wrong about it. */
  readonly frames: number | undefined;
  /** Degrees clockwise by which the stored frames were turned to stand upright: 0, 90, 180 or 270. */
  readonly rotation: number;
  /** Width to height of one pixel; `[1, 1]` for square ones. */
  readonly pixelAspect: Fraction;
  readonly hasAudio: boolean;
  /** The file's own clock at the first frame, seconds: what audio is aligned by. */
  readonly startTime_s: number;
  /** What reads it. */
  readonly reader: 'node-av' | 'ffmpeg' | 'pictures';
}

/** One frame's place. */
export interface FrameTime {
  /** 0-based place among all frames of the source, whatever part of them is read. */
  readonly index: number;
  /** Seconds after the source's first frame. */
  readonly time_s: number;
  /** The same, exactly, in units of {@link VideoInfo.timeBase}. */
  readonly pts: number;
  /** How long it is shown, in the same units, where the source says so. */
  readonly duration?: number | undefined;
  /** File name in a folder. */
  readonly name?: string | undefined;
}

/** One frame. The picture is the caller's to keep or change. */
export interface VideoFrame extends FrameTime {
  /** `[height, width, 3]`, upright */
  readonly image: RgbImage;
}

/**
 * The frames of a video file or of a folder, in order and one at a time. Every iteration reads the source anew;
 * leaving it early closes the file.
 */
export interface FrameSource extends AsyncIterable<VideoFrame> {
  readonly info: VideoInfo;
  /** The same frames without their pixels; folders are not opened, videos are decoded but not converted. */
  times(): AsyncGenerator<FrameTime, void, undefined>;
  /** Of sources that hold something open from the start. */
  close?(): Promise<void>;
}

/** Which frames are read, and how. */
export interface FrameOptions {
  /** First frame: a frame number counted from 1, or a time such as `'12.5s'` or `'1:02:03.5'`. */
  readonly start?: number | string | undefined;
  /** Last frame: a frame number (included), or a time (not included). */
  readonly end?: number | string | undefined;
  /** Every how many frames one is read; default 1. */
  readonly every?: number | undefined;
  /** Frames per second of a folder; default what its `seqinfo.ini` says, else 30. */
  readonly fps?: number | undefined;
  /**
   * Called for a frame that cannot be decoded, which is then left out. Without it such a frame ends the reading with an
   * error.
   */
  readonly onBroken?: ((frame: FrameTime, error: Error) => void) | undefined;
  /** A part without frames gives none, instead of an error. */
  readonly mayBeEmpty?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}
