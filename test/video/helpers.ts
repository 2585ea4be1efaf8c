import { type RgbImage, rgbImage } from '../../src/core/index.ts';
import { loadAv } from '../../src/video/av.ts';
import { openVideoWriter } from '../../src/video/index.ts';

/** FFmpeg in this process. CI installs it; where the optional package is left out, its tests say that they are skipped. */
export const av = await loadAv();
if (!av) console.warn('node-av is not installed: tests of video files are skipped');

/** A frame that tells its number by the place of a white bar, and its corners by their colours. */
export function numbered(index: number, width = 96, height = 64): RgbImage {
  const data = new Uint8Array(3 * width * height).fill(60);
  const paint = (x0: number, y0: number, w: number, h: number, rgb: readonly number[]) => {
    for (let y = y0; y < y0 + h; y++) for (let x = x0; x < x0 + w; x++) data.set(rgb, 3 * (y * width + x));
  };
  paint(0, 0, 16, 16, [220, 30, 30]); // top left red
  paint(width - 16, 0, 16, 16, [30, 200, 30]); // top right green
  for (let bit = 0; bit < 8; bit++) if ((index >> bit) & 1) paint(8 * bit, 24, 8, 16, [250, 250, 250]);
  return rgbImage(height, width, data);
}

/** The number a frame tells, after encoding. */
export function numberOf(image: RgbImage): number {
  const [, width] = image.shape;
  let number = 0;
  for (let bit = 0; bit < 8; bit++) if (image.data[3 * (32 * width + 8 * bit + 4)] > 150) number |= 1 << bit;
  return number;
}

/** Writes frames with the given time stamps, in 1/1000 s. */
export async function writeNumbered(path: string, stamps: readonly number[], width = 96, height = 64): Promise<void> {
  const writer = await openVideoWriter(path, { width, height, frameRate: [25, 1], timeBase: [1, 1000], crf: 12 });
  for (const [index, pts] of stamps.entries()) await writer.write(numbered(index, width, height), { index, pts });
  await writer.finish();
}

/** Copies a video's pictures into a new file that says they are to be turned by a display matrix. */
export async function copyWithMatrix(from: string, to: string, matrix: readonly number[]): Promise<void> {
  const { FormatContext, Packet, C } = av!;
  const input = new FormatContext();
  await input.openInput(from);
  await input.findStreamInfo();
  const output = new FormatContext();
  output.allocOutputContext2(null, 'mp4', to);
  const stream = output.newStream();
  input.streams[0].codecpar.copy(stream.codecpar);
  stream.codecpar.addCodedSideData(C.AV_PKT_DATA_DISPLAYMATRIX, Buffer.from(Int32Array.from(matrix).buffer));
  stream.timeBase = input.streams[0].timeBase;
  await output.openOutput();
  await output.writeHeader();
  const packet = new Packet();
  packet.alloc();
  while ((await input.readFrame(packet)) >= 0) {
    packet.rescaleTs(input.streams[0].timeBase, stream.timeBase);
    await output.interleavedWriteFrame(packet);
    packet.unref();
  }
  await output.writeTrailer();
  await output.closeOutput();
  await input.closeInput();
}

/** Bytes of a file's audio packets, in order. */
export async function audioPackets(path: string): Promise<{ pts_s: number; bytes: string }[]> {
  const { FormatContext, Packet, C } = av!;
  const input = new FormatContext();
  await input.openInput(path);
  await input.findStreamInfo();
  const index = input.findBestStream(C.AVMEDIA_TYPE_AUDIO);
  const packet = new Packet();
  packet.alloc();
  const found: { pts_s: number; bytes: string }[] = [];
  while ((await input.readFrame(packet)) >= 0) {
    const { num, den } = input.streams[packet.streamIndex].timeBase;
    if (packet.streamIndex === index)
      found.push({ pts_s: (Number(packet.pts) * num) / den, bytes: packet.data!.toString('base64') });
    packet.unref();
  }
  await input.closeInput();
  return found;
}
