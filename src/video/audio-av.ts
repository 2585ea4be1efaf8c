import type { FormatContext } from 'node-av/lib';
import type { Av } from './av.ts';
import { checkAv } from './av.ts';
import type { VideoInfo } from './types.ts';

/** An audio stream on its way from one file to another, packets untouched. */
export interface AudioCopy {
  /** Goes to the place of the first frame, seconds after the source's first frame; only the first call counts. */
  start(seconds: number): Promise<void>;
  /** Copies what is heard before `seconds` of the new file. */
  copyUntil(seconds: number): Promise<void>;
  close(): Promise<void>;
}

// what MP4 and MOV hold and players play; Matroska takes everything
const MP4_AUDIO = new Set(['aac', 'mp3', 'ac3', 'eac3', 'alac', 'opus', 'flac']);

/**
 * Adds the source's first audio stream to a file about to be written; nothing where the container cannot hold it.
 */
export async function openAudio(
  av: Av,
  source: VideoInfo,
  output: FormatContext,
  container: string,
  onNote: ((text: string) => void) | undefined,
): Promise<AudioCopy | undefined> {
  const input = new av.FormatContext();
  checkAv(av, await input.openInput(source.source), 'BAD_INPUT', `cannot open ${source.source}`, 'check the file');
  await input.findStreamInfo();
  const best = input.findBestStream(av.C.AVMEDIA_TYPE_AUDIO);
  const from = best < 0 ? undefined : input.streams[best];
  const codec = from && av.avGetCodecName(from.codecpar.codecId);
  if (!from || (container !== 'matroska' && !MP4_AUDIO.has(codec!))) {
    if (codec)
      onNote?.(`audio left out: ${container.toUpperCase()} does not hold ${codec}; name a .mkv file to keep it`);
    await input.closeInput();
    return undefined;
  }
  for (const stream of input.streams) if (stream.index !== best) stream.discard = av.C.AVDISCARD_ALL;
  const to = output.newStream();
  from.codecpar.copy(to.codecpar);
  to.codecpar.codecTag = 0;
  to.timeBase = from.timeBase;

  const packet = new av.Packet();
  packet.alloc();
  const unit = from.timeBase.num / from.timeBase.den;
  const fix = 'choose another place, or another ending';
  let begin: number | undefined; // the source's clock at the new file's 0, in the stream's units
  let pending = false;
  let ended = false;
  return {
    async start(seconds) {
      if (begin !== undefined) return;
      begin = Math.round((source.startTime_s + seconds) / unit);
      if (seconds > 0) await input.seekFrame(from.index, BigInt(begin), av.C.AVSEEK_FLAG_BACKWARD);
    },
    async copyUntil(seconds) {
      const until = begin! + seconds / unit;
      while (!ended) {
        if (!pending) {
          const got = await input.readFrame(packet);
          if (got < 0) {
            ended = true;
            return;
          }
          if (packet.streamIndex !== from.index || packet.pts < BigInt(begin!)) {
            packet.unref();
            continue;
          }
          pending = true;
        }
        if (Number(packet.pts) >= until) return;
        packet.pts -= BigInt(begin!);
        packet.dts -= BigInt(begin!);
        packet.streamIndex = to.index;
        packet.rescaleTs(from.timeBase, to.timeBase);
        checkAv(av, await output.interleavedWriteFrame(packet), 'RUNTIME', 'cannot write audio', fix);
        packet.unref();
        pending = false;
      }
    },
    async close() {
      packet.free();
      await input.closeInput();
    },
  };
}
