import { throwIfAborted } from '../core/index.ts';
import type { Av } from './av.ts';
import { openInput } from './av-input.ts';
import type { FrameRange } from './range.ts';

/** Where decoding begins so that the first frame wanted comes out, and which one that is. */
export interface SeekPlan {
  /** 0-based number of the first frame wanted, and its time stamp in the stream's units. */
  readonly index: number;
  readonly pts: number;
  /** Time stamp of the key frame before it. */
  readonly keyPts: number;
  /** Time stamp of the video's first frame. */
  readonly firstPts: number;
}

const REORDER = 64; // packets read beyond the place, since frames are stored out of order

/**
 * Finds the first frame wanted without decoding: a file's packets carry the time stamps of its frames, so that their
 * order gives the frame's number and the key frame before it.
 * @returns nothing when decoding begins at the first frame: no start, or a file without time stamps
 */
export async function findStart(
  av: Av,
  path: string,
  { start }: FrameRange,
  signal: AbortSignal | undefined,
): Promise<SeekPlan | undefined> {
  if (start === undefined || ('index' in start ? start.index === 0 : start.seconds <= 0)) return undefined;
  const { format, stream } = await openInput(av, path);
  const packet = new av.Packet();
  packet.alloc();
  const stamps: number[] = [];
  const keys: number[] = [];
  const { num, den } = stream.timeBase;
  const first = stream.startTime === av.C.AV_NOPTS_VALUE ? 0 : Number(stream.startTime);
  const wanted = 'seconds' in start ? first + ((start.seconds - 5e-7) * den) / num : Number.POSITIVE_INFINITY;
  try {
    for (let beyond = 0; beyond < REORDER; ) {
      throwIfAborted(signal);
      const got = await format.readFrame(packet);
      if (got < 0) break;
      if (packet.streamIndex === stream.index && (packet.flags & av.C.AV_PKT_FLAG_DISCARD) === 0) {
        if (packet.pts === av.C.AV_NOPTS_VALUE) return undefined;
        const pts = Number(packet.pts);
        stamps.push(pts);
        if (packet.isKeyframe) keys.push(pts);
        if ('index' in start ? stamps.length > start.index : pts >= wanted) beyond++;
      }
      packet.unref();
    }
  } finally {
    packet.free();
    await format.closeInput();
  }
  stamps.sort((a, b) => a - b);
  const index = 'index' in start ? start.index : stamps.findIndex(pts => pts >= wanted);
  const pts = stamps[index];
  if (pts === undefined) return undefined; // beyond the end: reading through says how long it is
  const key = keys.filter(k => k <= pts).sort((a, b) => b - a)[0];
  return key === undefined ? undefined : { index, pts, keyPts: key, firstPts: stamps[0] };
}
