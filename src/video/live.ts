import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame } from 'node-av/lib';
import { DenseError, fail, throwIfAborted } from '../core/index.ts';
import { type Av, loadAv } from './av.ts';
import { Latest } from './latest.ts';
import { CLOCK, type Connection, type ConnectOptions, connect } from './live-connection.ts';
import { type LiveName, parseLiveName } from './live-name.ts';
import { type FrameRange, failEmpty, frameRange, isAfter } from './range.ts';
import { makePainter } from './read-av.ts';
import type { FrameOptions, FrameSource, FrameTime, VideoFrame, VideoInfo } from './types.ts';

/** How a live source is read. */
export interface LiveOptions extends Pick<FrameOptions, 'end' | 'every' | 'signal'> {
  /**
   * How often in a row a lost connection is tried again, with growing pauses; default 5, 0 for never. Attempts are counted
   * anew when frames have come for 3 seconds: a source that answers and hangs up at once is given up too.
   */
  readonly reconnect?: number | undefined;
  /** First pause before trying again, seconds; each further one is twice as long, up to 30 s. Default 0.5. */
  readonly pause_s?: number | undefined;
  /** Stop after so many seconds, counted from the first frame. Default: go on until the source ends. */
  readonly duration_s?: number | undefined;
  /** Seconds without a frame after which a connection counts as lost; default 10. */
  readonly timeout_s?: number | undefined;
  /**
   * Leave out frames that come while the reader is busy, so that it always gets the newest; default true, false for a
   * file behind an address. Without it the source is made to wait, and one that cannot loses its connection.
   */
  readonly drop?: boolean | undefined;
  /** Options of FFmpeg's input by name, such as `{ video_size: '1280x720' }` for a camera or `{ rtsp_transport: 'udp' }`. */
  readonly input?: Readonly<Record<string, string>> | undefined;
  /** Told of lost and restored connections. */
  readonly onNote?: ((text: string) => void) | undefined;
}

/** What came of a live source so far. */
export interface LiveStats {
  /** Frames decoded. */
  readonly received: number;
  /** Of those, handed to the reader. */
  readonly given: number;
  /** Of those, left out because the reader was busy. */
  readonly dropped: number;
  /** Frames that could not be decoded, as after a lost packet. */
  readonly broken: number;
  /** Connections lost and restored. */
  readonly reconnects: number;
}

/**
 * Frames of a live source; it can be read once. A frame's `index` counts those handed out, and its `time_s` is when it
 * came, so that the two drift apart where frames are left out or the connection was lost.
 */
export interface LiveSource extends FrameSource {
  stats(): LiveStats;
  /** Whether frames are left out while the reader is busy. */
  readonly drops: boolean;
  close(): Promise<void>;
}

const LONGEST_PAUSE_S = 30;
/** A connection that gave frames for so long, seconds, was no mere attempt. */
const STEADY_S = 3;
/** A source's clock that leaps further than this, seconds, has been set anew. */
const LEAP_S = 10;

/**
 * Opens a camera or a stream: `rtsp://`, `rtmp://`, `srt://`, `udp://`, `tcp://`, `rtp://`, `http://`, `https://`,
 * `device:NAME` or `/dev/videoN`. The address is visited as it stands: do not pass on what strangers typed.
 *
 * @throws {DenseError} BAD_INPUT when nothing answers or what answers is no video; UNAVAILABLE without the package node-av,
 *   or for a camera that this platform's FFmpeg cannot open; BAD_USAGE for an option out of range; ABORTED by the signal
 */
export async function openLive(source: string, options: LiveOptions = {}): Promise<LiveSource> {
  const name = parseLiveName(source);
  const range = frameRange({ end: options.end, every: options.every });
  checkOptions(options);
  throwIfAborted(options.signal);
  const av = await loadAv();
  if (!av)
    fail(
      'UNAVAILABLE',
      `cannot open ${name.shown}`,
      'live sources are read by the package node-av, which is not here',
      'run "npm install node-av"',
    );
  const wanted = { timeout_s: options.timeout_s ?? 10, input: options.input ?? {} };
  return new LiveReader(av, name, options, range, wanted, await connect(av, name, wanted));
}

function checkOptions({ reconnect = 0, pause_s = 1, duration_s = 1, timeout_s = 1 }: LiveOptions): void {
  if (!(Number.isInteger(reconnect) && reconnect >= 0))
    fail('BAD_USAGE', `--reconnect got ${reconnect}`, 'it counts attempts', 'write a whole number from 0');
  for (const [flag, value] of Object.entries({ pause_s, duration_s, timeout_s }))
    if (!(value > 0 && value < 2e6))
      fail('BAD_USAGE', `${flag} got ${value}`, 'it takes seconds, more than 0', 'write a positive number');
}

interface Stamped {
  readonly frame: Frame;
  readonly time_s: number;
}

class LiveReader implements LiveSource {
  readonly info: VideoInfo;
  readonly drops: boolean;
  private readonly counts = { received: 0, given: 0, dropped: 0, broken: 0, reconnects: 0 };
  private readonly box: Latest<Stamped>;
  private readonly stopping = new AbortController();
  /** When the first frame came, on this process's clock. */
  private began: number | undefined;
  private last_s = -1;
  /** To connect again, since frames last came for {@link STEADY_S}. */
  private attempts = 0;
  private pumping: Promise<void> | undefined;
  private used = false;
  private readonly painter: ReturnType<typeof makePainter>;
  private onFirst = () => {};
  private closed = false;

  constructor(
    private readonly av: Av,
    private readonly name: LiveName,
    private readonly options: LiveOptions,
    private readonly range: FrameRange,
    private readonly wanted: ConnectOptions,
    private connection: Connection,
  ) {
    this.info = connection.info;
    this.painter = makePainter(av, connection.orientation);
    this.drops = options.drop ?? !connection.isFile;
    this.box = new Latest(!this.drops, ({ frame }) => {
      frame.free();
      if (!this.isOver()) this.counts.dropped++;
    });
  }

  stats(): LiveStats {
    return { ...this.counts };
  }

  times(): AsyncGenerator<FrameTime, void, undefined> {
    return this.read(false) as AsyncGenerator<FrameTime, void, undefined>;
  }

  [Symbol.asyncIterator](): AsyncGenerator<VideoFrame, void, undefined> {
    return this.read(true) as AsyncGenerator<VideoFrame, void, undefined>;
  }

  private async *read(pixels: boolean): AsyncGenerator<FrameTime | VideoFrame, void, undefined> {
    if (this.used)
      fail('BAD_INPUT', `${this.name.shown} was read before`, 'a live source passes once', 'open it again');
    this.used = true;
    const { signal } = this.options;
    const stop = () =>
      this.box.end(new DenseError('ABORTED', { what: 'stopped', why: 'interrupted', fix: 'run again' }));
    signal?.addEventListener('abort', stop);
    this.pumping = this.pump();
    const { every } = this.range;
    let index = 0;
    try {
      throwIfAborted(signal);
      for (;;) {
        const stamped = await this.box.take();
        if (!stamped) break;
        const { frame, time_s } = stamped;
        try {
          const place: FrameTime = { index: index++, time_s, pts: Math.round(time_s * CLOCK) };
          if (isAfter(place, this.range)) break;
          if (place.index % every !== 0) continue;
          this.counts.given++;
          yield pixels ? { ...place, image: await this.painter.paint(frame) } : place;
        } finally {
          frame.free();
        }
      }
      if (index === 0) failEmpty(this.name.shown, {}, 0);
    } finally {
      signal?.removeEventListener('abort', stop);
      await this.close();
    }
  }

  /** Reads connection after connection, until the source is over. */
  private async pump(): Promise<void> {
    const limit = this.limitDuration();
    try {
      for (;;) {
        const why = await this.drain(this.connection);
        if (this.isOver()) return;
        const { reconnect = 5 } = this.options;
        if (reconnect === 0 || this.connection.isFile) {
          if (why === undefined) return this.box.end();
          fail('RUNTIME', `${this.name.shown} was cut off`, why, 'try it again, or with --reconnect 5');
        }
        if (!(await this.reconnect(why ?? 'the source ended it', reconnect))) return;
      }
    } catch (error) {
      this.box.end(error);
    } finally {
      limit.stop();
    }
  }

  private isOver(): boolean {
    return this.stopping.signal.aborted;
  }

  /** Ends everything at a time after the first frame, also while nothing comes. */
  private limitDuration() {
    const { duration_s } = this.options;
    let timer: NodeJS.Timeout | undefined;
    const start = () => {
      if (duration_s === undefined || timer || !this.drops) return; // else its own clock decides
      timer = setTimeout(() => this.finish(), 1000 * duration_s);
    };
    this.onFirst = start;
    return { stop: () => clearTimeout(timer) };
  }

  private finish(): void {
    this.stopping.abort();
    this.box.end();
    this.connection.interrupt();
  }

  /** Frames of one connection into the box. @returns why the connection ended, where it was not the source's own end */
  private async drain(connection: Connection): Promise<string | undefined> {
    let clock: { readonly pts: number; readonly at_s: number } | undefined;
    let since: number | undefined;
    const frames = connection.frames();
    for (;;) {
      const { done, value } = await frames.next();
      if (done) return value;
      if (this.isOver()) {
        await frames.return(undefined);
        return undefined;
      }
      if (value instanceof Error || value.decodeErrorFlags !== 0) {
        this.counts.broken++;
        continue;
      }
      this.checkSize(value);
      const now = performance.now() / 1000;
      if (this.began === undefined) {
        this.began = now;
        this.onFirst();
      }
      since ??= now;
      if (now - since >= STEADY_S) this.attempts = 0;
      this.counts.received++;
      const stamp = value.bestEffortTimestamp;
      const pts = stamp === this.av.C.AV_NOPTS_VALUE ? undefined : Number(stamp) * connection.unit;
      const came = now - this.began;
      const expected = clock && pts !== undefined ? clock.at_s + pts - clock.pts : undefined;
      const leapt = expected === undefined || expected <= this.last_s || expected > this.last_s + LEAP_S;
      const time_s = Math.max(leapt ? came : expected, this.last_s + 1 / CLOCK);
      if (leapt) clock = pts === undefined ? undefined : { pts, at_s: time_s };
      this.last_s = time_s;
      if (!this.drops && this.options.duration_s !== undefined && time_s >= this.options.duration_s) {
        this.finish();
        continue;
      }
      const kept = value.clone(); // the reader's own reference: the decoder goes on
      if (kept) await this.box.put({ frame: kept, time_s });
    }
  }

  private checkSize(frame: Frame): void {
    const { width, height } = this.info;
    const same = [frame.width, frame.height].sort().join() === [width, height].sort().join();
    if (!same)
      fail(
        'BAD_INPUT',
        `${this.name.shown} now sends ${frame.width} x ${frame.height}`,
        `it began with ${width} x ${height}`,
        'set the camera to one size, or start again',
      );
  }

  /** @returns whether the source is there again; false when everything was stopped meanwhile */
  private async reconnect(why: string, limit: number): Promise<boolean> {
    const { onNote, pause_s = 0.5 } = this.options;
    const { signal } = this.stopping;
    const lost = performance.now();
    let reason = why;
    for (let first = true; this.attempts < limit; first = false) {
      const attempt = ++this.attempts;
      const pause = Math.min(LONGEST_PAUSE_S, pause_s * 2 ** (attempt - 1));
      const again = `trying again in ${Number(pause.toFixed(1))} s (${attempt} of ${limit})`;
      onNote?.(`${first ? 'connection lost' : 'no connection'}: ${reason}; ${again}`);
      await sleep(1000 * pause, undefined, { signal }).catch(() => {});
      if (this.isOver()) return false;
      try {
        const next = await connect(this.av, this.name, this.wanted);
        await this.connection.close();
        this.connection = next;
        this.counts.reconnects++;
        onNote?.(`connected again after ${((performance.now() - lost) / 1000).toFixed(1)} s`);
        return !this.isOver();
      } catch (error) {
        if (!(error instanceof DenseError)) throw error;
        reason = error.detail.why;
      }
    }
    return fail(
      'RUNTIME',
      `${this.name.shown} was cut off and did not come back`,
      `${limit} attempts; the last: ${reason}`,
      'check the source, or try longer with --reconnect',
    );
  }

  async close(): Promise<void> {
    this.used = true;
    this.finish();
    this.box.drop();
    await this.pumping;
    await this.connection.close();
    if (!this.closed) this.painter.close();
    this.closed = true;
  }
}
