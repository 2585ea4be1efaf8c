import { rm } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Codec, CodecContext, FormatContext, Frame, Packet, SoftwareScaleContext, Stream } from 'node-av/lib';
import { type DenseError, fail, type RgbImage } from '../core/index.ts';
import { type AudioCopy, openAudio } from './audio-av.ts';
import { type Av, checkAv } from './av.ts';
import { growingName, nameWhole } from './files.ts';
import type { FramePlace, VideoWriter, VideoWriterOptions } from './writer-types.ts';

/** Encoders by preference, with their options. The last one is in every build of FFmpeg. */
const ENCODERS = [
  { name: 'libx264', options: { preset: 'veryfast' } },
  { name: 'libopenh264', options: {} },
  { name: 'mpeg4', options: { 'q:v': '3' } },
] as const;

/** Writes a video file through node-av. */
export async function openAvWriter(av: Av, path: string, options: VideoWriterOptions): Promise<VideoWriter> {
  const temporary = await growingName(path);
  const writer = new AvWriter(av, path, temporary, options);
  try {
    await writer.open();
  } catch (error) {
    await writer.discard();
    throw error;
  }
  return writer;
}

class AvWriter implements VideoWriter {
  private readonly format: FormatContext;
  private encoder: CodecContext | undefined;
  private stream: Stream | undefined;
  private audio: AudioCopy | undefined;
  private readonly scaler: SoftwareScaleContext;
  private readonly rgb: Frame;
  private readonly packet: Packet;
  private base: number | undefined; // time stamp of the first frame: the new file begins at 0
  private end = 0; // of the last frame, in our units
  private readonly spans = new Map<number, number>(); // durations of frames inside the encoder, which drops them
  private headed = false;
  private closed = false;
  private failure: DenseError | undefined;

  constructor(
    private readonly av: Av,
    readonly path: string,
    private readonly temporary: string,
    private readonly options: VideoWriterOptions,
  ) {
    this.format = new av.FormatContext();
    this.scaler = new av.SoftwareScaleContext();
    this.scaler.allocContext();
    this.rgb = new av.Frame();
    this.rgb.alloc();
    this.packet = new av.Packet();
    this.packet.alloc();
  }

  private check(result: number, what = `cannot write ${this.path}`): number {
    try {
      return checkAv(this.av, result, 'RUNTIME', what, 'choose another place, or another ending');
    } catch (error) {
      this.failure = error as DenseError;
      throw error;
    }
  }

  async open(): Promise<void> {
    const { av, format, options } = this;
    const container =
      extname(this.path).toLowerCase() === '.mkv' ? 'matroska' : extname(this.path) === '.mov' ? 'mov' : 'mp4';
    this.check(format.allocOutputContext2(null, container, this.temporary));
    const encoder = await this.openEncoder();
    this.encoder = encoder;
    this.stream = format.newStream();
    this.stream.codecpar.fromContext(encoder);
    this.stream.timeBase = encoder.timeBase;
    this.stream.avgFrameRate = encoder.framerate;
    this.stream.sampleAspectRatio = encoder.sampleAspectRatio;
    if (options.audio?.hasAudio) this.audio = await openAudio(av, options.audio, format, container, options.onNote);
    const opened = await format.openOutput();
    if (opened < 0)
      fail(
        'BAD_INPUT',
        `cannot write ${this.path}`,
        av.FFmpegError.strerror(opened).toLowerCase(),
        'choose another place',
      );
    const header = av.Dictionary.fromObject(container === 'matroska' ? {} : { movflags: '+faststart' });
    this.check(await format.writeHeader(header));
    this.headed = true;
  }

  private async openEncoder(): Promise<CodecContext> {
    const { av, options } = this;
    const { width, height, frameRate, timeBase, pixelAspect = [1, 1], crf = 20 } = options;
    for (const { name, options: own } of ENCODERS) {
      const codec: Codec | null = av.Codec.findEncoderByName(name as Parameters<typeof av.Codec.findEncoderByName>[0]);
      if (!codec) continue;
      const encoder = new av.CodecContext();
      encoder.allocContext3(codec);
      encoder.width = width + (width % 2);
      encoder.height = height + (height % 2);
      encoder.pixelFormat = av.C.AV_PIX_FMT_YUV420P;
      encoder.timeBase = new av.Rational(...timeBase);
      encoder.framerate = new av.Rational(...frameRate);
      encoder.sampleAspectRatio = new av.Rational(...pixelAspect);
      encoder.colorRange = av.C.AVCOL_RANGE_MPEG;
      encoder.colorSpace = av.C.AVCOL_SPC_BT709;
      encoder.colorPrimaries = av.C.AVCOL_PRI_BT709;
      encoder.colorTrc = av.C.AVCOL_TRC_BT709;
      encoder.setFlags(av.C.AV_CODEC_FLAG_GLOBAL_HEADER);
      const settings = name === 'libx264' ? { ...own, crf: String(crf) } : own;
      if ((await encoder.open2(codec, av.Dictionary.fromObject(settings))) >= 0) return encoder;
      encoder.freeContext();
    }
    return fail(
      'UNAVAILABLE',
      `cannot write video ${this.path}`,
      'this FFmpeg has no encoder for it',
      'name a folder instead: frames are written as pictures',
    );
  }

  async has(): Promise<boolean> {
    return false;
  }

  async write(image: RgbImage, { pts, duration }: FramePlace): Promise<void> {
    const [height, width] = image.shape;
    const { options, av } = this;
    if (width !== options.width || height !== options.height)
      fail(
        'BAD_INPUT',
        `a frame is ${width} x ${height}`,
        `the video is ${options.width} x ${options.height}`,
        'write frames of one size',
      );
    this.base ??= pts;
    const at = pts - this.base;
    const typical = (options.frameRate[1] * options.timeBase[1]) / (options.frameRate[0] * options.timeBase[0]);
    const span = duration ?? Math.max(1, Math.round(typical));
    this.end = at + span;
    this.spans.set(at, span);
    const { rgb } = this;
    const yuv = new av.Frame();
    yuv.alloc();
    try {
      rgb.unref();
      rgb.width = width + (width % 2);
      rgb.height = height + (height % 2);
      rgb.format = av.C.AV_PIX_FMT_RGB24;
      rgb.colorRange = av.C.AVCOL_RANGE_JPEG;
      rgb.colorSpace = av.C.AVCOL_SPC_RGB;
      this.check(rgb.allocBuffer());
      this.check(rgb.fromBuffer(evenSides(image)));
      yuv.width = rgb.width;
      yuv.height = rgb.height;
      yuv.format = av.C.AV_PIX_FMT_YUV420P;
      yuv.colorRange = av.C.AVCOL_RANGE_MPEG;
      yuv.colorSpace = av.C.AVCOL_SPC_BT709;
      yuv.colorPrimaries = av.C.AVCOL_PRI_BT709;
      yuv.colorTrc = av.C.AVCOL_TRC_BT709;
      this.check(yuv.allocBuffer());
      this.check(await this.scaler.scaleFrame(yuv, rgb));
      yuv.pts = BigInt(at);
      yuv.duration = BigInt(span);
      yuv.timeBase = new av.Rational(...options.timeBase);
      this.check(await this.encoder!.sendFrame(yuv));
    } finally {
      yuv.free();
    }
    const unit = options.timeBase[0] / options.timeBase[1];
    await this.audio?.start(this.base * unit);
    await this.audio?.copyUntil(at * unit);
    await this.drain();
  }

  private async drain(): Promise<void> {
    const { av, encoder, stream, packet } = this;
    for (;;) {
      const got = await encoder!.receivePacket(packet);
      if (got === av.C.AVERROR_EAGAIN || got === av.C.AVERROR_EOF) return;
      this.check(got);
      packet.streamIndex = stream!.index;
      const at = Number(packet.pts);
      packet.duration = BigInt(this.spans.get(at) ?? 0);
      this.spans.delete(at);
      packet.rescaleTs(encoder!.timeBase, stream!.timeBase);
      this.check(await this.format.interleavedWriteFrame(packet));
      packet.unref();
    }
  }

  async finish(): Promise<void> {
    try {
      if (this.failure) throw this.failure;
      this.check(await this.encoder!.sendFrame(null));
      await this.drain();
      const unit = this.options.timeBase[0] / this.options.timeBase[1];
      await this.audio?.copyUntil(this.end * unit);
      this.check(await this.format.writeTrailer());
      this.headed = false;
      await this.close();
    } catch (error) {
      await this.discard();
      throw error;
    }
    await nameWhole(this.temporary, this.path);
  }

  async discard(): Promise<void> {
    await this.close();
    await rm(this.temporary, { force: true });
  }

  private async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.audio?.close();
    if (this.headed) await this.format.writeTrailer().catch(() => -1); // frees the muxer's queue
    await this.format.closeOutput();
    this.format.freeContext();
    this.encoder?.freeContext();
    this.scaler.freeContext();
    this.rgb.free();
    this.packet.free();
  }
}

/** The picture with its last column or row repeated where its width or height is odd. */
function evenSides(image: RgbImage): Buffer {
  const [height, width] = image.shape;
  const { data } = image;
  const [w, h] = [width + (width % 2), height + (height % 2)];
  if (w === width && h === height) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const out = Buffer.alloc(3 * w * h);
  for (let y = 0; y < h; y++) {
    const row = data.subarray(3 * width * Math.min(y, height - 1), 3 * width * (Math.min(y, height - 1) + 1));
    out.set(row, 3 * w * y);
    if (w > width) out.set(row.subarray(-3), 3 * w * y + 3 * width);
  }
  return out;
}
