export { type LiveOptions, type LiveSource, type LiveStats, openLive } from './live.ts';
export { isLiveName } from './live-name.ts';
export { openFrames } from './open.ts';
export { parseFramePoint } from './range.ts';
export type { Fraction, FrameOptions, FrameSource, FrameTime, VideoFrame, VideoInfo } from './types.ts';
export { canWriteVideo, isFolderName, openVideoWriter, VIDEO_OUTPUTS } from './writer.ts';
export type { FramePlace, VideoWriter, VideoWriterOptions } from './writer-types.ts';
