import type { CodecContext, Dictionary, FormatContext, Frame, Stream } from 'node-av/lib';
import { DenseError, fail, messageOf } from '../core/index.ts';
import { type Av, checkAv } from './av.ts';
import type { LiveName } from './live-name.ts';
import { decoded, describe, openDecoder, orientationOfStream } from './read-av.ts';
import type { Orientation } from './rotate.ts';
import type { VideoInfo } from './types.ts';

export interface ConnectOptions {
  /** Seconds without an answer or a frame after which the connection counts as cut. */
  readonly timeout_s: number;
  /** Further options of FFmpeg's input, over ours. */
  readonly input: Readonly<Record<string, string>>;
}

/** One connection to a live source, from its opening to its cut. */
export interface Connection {
  readonly info: VideoInfo;
  /** Seconds per unit of a frame's time stamp. */
  readonly unit: number;
  /** Whether it plays as fast as we read, and has an end: a file behind an address. */
  readonly isFile: boolean;
  /**
   * Decoded frames until the connection ends; an error stands for one that could not be decoded.
   * @returns why it ended: nothing when the source itself ended it
   */
  frames(): AsyncGenerator<Frame | Error, string | undefined, undefined>;
  readonly orientation: Orientation;
  /** Ends a wait for data at once. */
  interrupt(): void;
  close(): Promise<void>;
}

/** Opens a connection. @throws {DenseError} BAD_INPUT when nothing answers or what answers is no video */
export async function connect(av: Av, name: LiveName, options: ConnectOptions): Promise<Connection> {
  const format = new av.FormatContext();
  format.allocContext(); // or else nothing can interrupt it
  const what = `cannot open ${name.shown}`;
  const fix = name.scheme === 'device' ? 'check the name and that no other program uses it' : 'check the address';
  const input = name.format === undefined ? null : av.InputFormat.findInputFormat(name.format);
  if (name.format !== undefined && !input)
    fail('UNAVAILABLE', what, `this FFmpeg has no ${name.format}`, 'give an address instead');
  const watch = watchdog(format, options.timeout_s);
  let decoder: CodecContext | undefined;
  try {
    const late = `no answer within ${options.timeout_s} s`;
    const step = async (result: Promise<number>) => {
      const got = await result;
      if (watch.late) fail('BAD_INPUT', what, late, fix);
      return checkAv(av, got, 'BAD_INPUT', what, fix);
    };
    await step(format.openInput(name.address, input, inputOptions(av, name, options)));
    await step(format.findStreamInfo());
    const best = format.findBestStream(av.C.AVMEDIA_TYPE_VIDEO);
    if (best < 0) fail('BAD_INPUT', what, 'it has no video stream', fix);
    const stream = format.streams[best];
    for (const other of format.streams) if (other.index !== best) other.discard = av.C.AVDISCARD_ALL;
    decoder = await openDecoder(av, name.shown, stream, true);
    return new AvConnection(av, format, stream, decoder, name, watch);
  } catch (error) {
    decoder?.freeContext();
    await closeQuietly(format);
    throw error;
  } finally {
    watch.rest();
  }
}

function inputOptions(av: Av, { scheme }: LiveName, { timeout_s, input }: ConnectOptions): Dictionary {
  const late = String(Math.round(1e6 * timeout_s)); // microseconds
  const own: Record<string, string> = {};
  if (scheme !== 'device') own.rw_timeout = late;
  // for rtmp the same word makes FFmpeg wait for callers
  if (/^(rtsps?|udp|tcp|srt)$/.test(scheme)) own.timeout = late;
  if (/^rtsps?$/.test(scheme)) own.rtsp_transport = 'tcp'; // nothing lost on the way
  return av.Dictionary.fromObject({ ...own, ...input });
}

interface Watchdog {
  /** Whether it had to interrupt. */
  readonly late: boolean;
  /** Begins to wait anew. */
  feed(): void;
  /** Stops waiting. */
  rest(): void;
}

/** Interrupts a connection that says nothing for so long, whatever protocol it is. */
function watchdog(format: FormatContext, timeout_s: number): Watchdog {
  const state = { late: false };
  let timer: NodeJS.Timeout | undefined;
  const rest = () => clearTimeout(timer);
  const feed = () => {
    rest();
    timer = setTimeout(() => {
      state.late = true;
      format.interrupt();
    }, 1000 * timeout_s);
  };
  feed();
  return {
    get late() {
      return state.late;
    },
    feed,
    rest,
  };
}

class AvConnection implements Connection {
  readonly info: VideoInfo;
  readonly unit: number;
  readonly isFile: boolean;
  readonly orientation: Orientation;
  private closed = false;

  constructor(
    private readonly av: Av,
    private readonly format: FormatContext,
    private readonly stream: Stream,
    private readonly decoder: CodecContext,
    name: LiveName,
    private readonly watch: Watchdog,
  ) {
    this.orientation = orientationOfStream(av, stream);
    const info = describe(av, name.shown, { format, stream });
    this.unit = info.timeBase[0] / info.timeBase[1];
    this.isFile = /^https?$/.test(name.scheme) && format.duration > 0n;
    this.info = { ...info, kind: 'live', timeBase: [1, CLOCK], frames: this.isFile ? info.frames : undefined };
  }

  async *frames(): AsyncGenerator<Frame | Error, string | undefined, undefined> {
    const { av, format, stream, decoder, watch } = this;
    watch.feed();
    try {
      for await (const item of decoded(av, format, stream, decoder)) {
        watch.rest(); // the reader may take its time
        yield item;
        watch.feed();
      }
      return undefined;
    } catch (error) {
      if (watch.late) return 'nothing came for too long';
      return error instanceof DenseError ? error.detail.why : messageOf(error);
    } finally {
      watch.rest();
    }
  }

  interrupt(): void {
    if (!this.closed) this.format.interrupt();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.watch.rest();
    this.decoder.freeContext();
    await closeQuietly(this.format);
  }
}

/** Units per second of a live source's time stamps. */
export const CLOCK = 90_000;

async function closeQuietly(format: FormatContext): Promise<void> {
  await format.closeInput().catch(() => {});
}
