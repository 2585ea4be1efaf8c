import { availableParallelism } from 'node:os';
import type { CodecContext, FormatContext, Frame, Packet, SoftwareScaleContext, Stream } from 'node-av/lib';
import { DenseError, fail, type RgbImage, rgbImage, throwIfAborted } from '../core/index.ts';
import { type Av, checkAv } from './av.ts';
import { type AvInput, openInput } from './av-input.ts';
import { type FrameRange, failEmpty, frameRange, isAfter, isBefore } from './range.ts';
import { type Orientation, orient, orientationOf, swapsSides, turnOf } from './rotate.ts';
import { findStart, type SeekPlan } from './seek-av.ts';
import type { FrameOptions, FrameSource, FrameTime, VideoFrame, VideoInfo } from './types.ts';

/** Reads a video file through node-av. @throws {DenseError} BAD_INPUT when it is no video */
export async function openAvVideo(av: Av, path: string, options: FrameOptions): Promise<FrameSource> {
  const range = frameRange(options);
  const input = await openInput(av, path);
  let info: VideoInfo;
  try {
    info = describe(av, path, input);
  } finally {
    await input.format.closeInput();
  }
  return {
    info,
    times: () => decodeFrames(av, path, info, range, options, false) as AsyncGenerator<FrameTime, void, undefined>,
    [Symbol.asyncIterator]: () =>
      decodeFrames(av, path, info, range, options, true) as AsyncGenerator<VideoFrame, void, undefined>,
  };
}

/** What an opened file says of itself. */
export function describe(av: Av, path: string, { format, stream }: AvInput): VideoInfo {
  const { codecpar } = stream;
  const orientation = orientationOfStream(av, stream);
  const [width, height] = swapsSides(orientation)
    ? [codecpar.height, codecpar.width]
    : [codecpar.width, codecpar.height];
  const rate = [stream.avgFrameRate, stream.rFrameRate].find(r => r.num > 0 && r.den > 0) ?? { num: 30, den: 1 };
  const counted = Number(stream.nbFrames);
  const timeBase = [stream.timeBase.num, stream.timeBase.den] as const;
  const duration = Number(stream.duration) > 0 ? Number(stream.duration) * (timeBase[0] / timeBase[1]) : undefined;
  const fps = rate.num / rate.den;
  const { num, den } = stream.sampleAspectRatio;
  const aspect = num > 0 && den > 0 ? ([num, den] as const) : ([1, 1] as const);
  return {
    source: path,
    kind: 'video',
    width,
    height,
    fps,
    frameRate: [rate.num, rate.den],
    timeBase,
    frames: counted > 0 ? counted : duration === undefined ? undefined : Math.round(duration * fps),
    rotation: turnOf(orientation),
    pixelAspect: swapsSides(orientation) ? [aspect[1], aspect[0]] : aspect,
    hasAudio: format.findBestStream(av.C.AVMEDIA_TYPE_AUDIO) >= 0,
    startTime_s: (startOf(av, stream) ?? 0) * (timeBase[0] / timeBase[1]),
    reader: 'node-av',
  };
}

/** How the pictures of a stream are turned. */
export function orientationOfStream(av: Av, stream: Stream): Orientation {
  return orientationOf(stream.codecpar.getCodedSideData(av.C.AV_PKT_DATA_DISPLAYMATRIX));
}

function startOf(av: Av, stream: Stream): number | undefined {
  return stream.startTime === av.C.AV_NOPTS_VALUE ? undefined : Number(stream.startTime);
}

/**
 * Opens a stream's decoder.
 * @param early gives each frame as soon as its data is there, for cameras
 */
export async function openDecoder(av: Av, path: string, stream: Stream, early = false): Promise<CodecContext> {
  const { codecpar } = stream;
  const codec = av.Codec.findDecoder(codecpar.codecId);
  if (!codec)
    fail(
      'BAD_INPUT',
      `cannot decode ${path}`,
      `there is no decoder for ${av.avGetCodecName(codecpar.codecId)}`,
      'convert it to H.264 first',
    );
  const decoder = new av.CodecContext();
  decoder.allocContext3(codec);
  decoder.parametersToContext(codecpar);
  decoder.pktTimebase = stream.timeBase;
  decoder.threadCount = Math.min(4, availableParallelism());
  if (early) decoder.threadType = av.C.FF_THREAD_SLICE; // threads that share frames hold some of them back
  checkAv(av, await decoder.open2(codec), 'BAD_INPUT', `cannot decode ${path}`, 'convert it to H.264 first');
  return decoder;
}

async function* decodeFrames(
  av: Av,
  path: string,
  info: VideoInfo,
  range: FrameRange,
  options: FrameOptions,
  pixels: boolean,
): AsyncGenerator<FrameTime | VideoFrame, void, undefined> {
  const plan: SeekPlan | undefined = await findStart(av, path, range, options.signal);
  const { format, stream } = await openInput(av, path);
  let decoder: CodecContext | undefined;
  const painter = pixels ? makePainter(av, orientationOfStream(av, stream)) : undefined;
  const count = { next: plan?.index ?? 0, given: 0 };
  const clock = { first: plan?.firstPts ?? startOf(av, stream), last: undefined as number | undefined };
  const unit = info.timeBase[0] / info.timeBase[1];
  const step = Math.max(1, Math.round(1 / (info.fps * unit)));
  try {
    decoder = await openDecoder(av, path, stream);
    if (plan) {
      const sought = await format.seekFrame(stream.index, BigInt(plan.keyPts), av.C.AVSEEK_FLAG_BACKWARD);
      checkAv(av, sought, 'BAD_INPUT', `cannot seek in ${path}`, 'leave --start out');
    }
    for await (const item of decoded(av, format, stream, decoder)) {
      throwIfAborted(options.signal);
      const stamp =
        item instanceof Error || item.bestEffortTimestamp === av.C.AV_NOPTS_VALUE
          ? undefined
          : item.bestEffortTimestamp;
      const raw = stamp === undefined ? (clock.last ?? (clock.first ?? 0) - step) + step : Number(stamp);
      if (plan && raw < plan.pts) continue; // between the key frame and the frame asked for
      if (clock.first === undefined || (clock.last === undefined && !plan)) clock.first = raw;
      clock.last = raw;
      const pts = raw - clock.first;
      const index = count.next++;
      const frame: FrameTime = { index, time_s: pts * unit, pts };
      if (isAfter(frame, range)) return;
      if (isBefore(frame, range)) continue;
      if (count.given++ % range.every !== 0) continue;
      if (item instanceof Error || item.decodeErrorFlags !== 0) {
        passBroken(path, frame, item instanceof Error ? item : new Error('the data of this frame is damaged'), options);
        continue;
      }
      const duration = Number(item.duration);
      const timed = duration > 0 ? { ...frame, duration } : frame;
      yield painter ? { ...timed, image: await painter.paint(item) } : timed;
    }
    if (count.given === 0 && !options.mayBeEmpty) failEmpty(path, options, count.next);
  } finally {
    painter?.close();
    decoder?.freeContext();
    await format.closeInput();
  }
}

function passBroken(path: string, frame: FrameTime, error: Error, { onBroken }: FrameOptions): void {
  if (!onBroken)
    fail(
      'BAD_INPUT',
      `frame ${frame.index + 1} of ${path} cannot be decoded`,
      error.message,
      'repair the file, or leave such frames out with --skip-broken',
      error,
    );
  onBroken?.(frame, error);
}

/** Frames in the order in which they are shown; an error stands where a packet could not be decoded. */
export async function* decoded(
  av: Av,
  format: FormatContext,
  stream: Stream,
  decoder: CodecContext,
): AsyncGenerator<Frame | Error, void, undefined> {
  const packet: Packet = new av.Packet();
  packet.alloc();
  const frame = new av.Frame();
  frame.alloc();
  const { AVERROR_EAGAIN, AVERROR_EOF } = av.C;
  const errorOf = (result: number) => new Error(av.FFmpegError.strerror(result).toLowerCase());
  try {
    for (let ended = false; !ended; ) {
      const got = await format.readFrame(packet);
      if (got === AVERROR_EOF) ended = true;
      else if (got === AVERROR_EAGAIN) continue;
      else if (got < 0)
        throw new DenseError('BAD_INPUT', {
          what: `the video stops in the middle`,
          why: av.FFmpegError.strerror(got).toLowerCase(),
          fix: 'the file is cut off or damaged: copy it again',
        });
      else if (packet.streamIndex !== stream.index) {
        packet.unref();
        continue;
      }
      const sent = await decoder.sendPacket(ended ? null : packet);
      packet.unref();
      if (sent < 0 && sent !== AVERROR_EOF && sent !== AVERROR_EAGAIN) yield errorOf(sent);
      for (;;) {
        const received = await decoder.receiveFrame(frame);
        if (received === AVERROR_EAGAIN || received === AVERROR_EOF) break;
        if (received < 0) {
          yield errorOf(received);
          continue;
        }
        yield frame;
        frame.unref();
      }
    }
  } finally {
    packet.free();
    frame.free();
  }
}

/** Turns decoded frames into upright RGB pictures, by the matrix and range the frame itself names. */
export function makePainter(av: Av, orientation: Orientation) {
  const scaler: SoftwareScaleContext = new av.SoftwareScaleContext();
  scaler.allocContext();
  return {
    async paint(frame: Frame): Promise<RgbImage> {
      const { width, height } = frame;
      const rgb = new av.Frame();
      rgb.alloc();
      try {
        rgb.width = width;
        rgb.height = height;
        rgb.format = av.C.AV_PIX_FMT_RGB24;
        rgb.colorRange = av.C.AVCOL_RANGE_JPEG;
        if (frame.colorSpace === av.C.AVCOL_SPC_UNSPECIFIED)
          frame.colorSpace = height >= 720 ? av.C.AVCOL_SPC_BT709 : av.C.AVCOL_SPC_SMPTE170M; // as players do
        checkAv(
          av,
          rgb.allocBuffer(),
          'BAD_INPUT',
          `no memory for a frame of ${width} x ${height}`,
          'use a smaller video',
        );
        const scaled = await scaler.scaleFrame(rgb, frame);
        checkAv(av, scaled, 'BAD_INPUT', 'cannot convert a frame to RGB', 'convert the video to 8-bit H.264');
        const bytes = rgb.toBuffer();
        const data = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        return orient(rgbImage(height, width, data), orientation);
      } finally {
        rgb.free();
      }
    },
    close: () => scaler.freeContext(),
  };
}
