/**
 * Memory of `track` on an hour of video: does it stay flat?
 *
 *   npx tsx bench/track/long.ts [--video examples/car-detection.mp4] [--frames 90000] [--width 192] [--height 108]
 *     [--every 500] [--only given|model]
 *
 * The example is encoded once at a small size and its packets are repeated, with growing time stamps, until the file has
 * 90,000 frames at 25 per second: an hour. Then the command runs on it in a process of its own, once with detections from a
 * file (four objects at a time, each for some seconds) and once with the model on every n-th frame, and the process's
 * resident memory (VmRSS in /proc, so Linux only) is read every half second. Prints memory at each tenth of the run, and
 * the growth over its second half.
 */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { FormatContext, Packet } from 'node-av/lib';
import { seededRandom } from '../../src/core/index.ts';
import { resizeImage } from '../../src/image/index.ts';
import { openFrames, openVideoWriter } from '../../src/video/index.ts';

const { values } = parseArgs({
  options: {
    video: { type: 'string', default: 'examples/car-detection.mp4' },
    frames: { type: 'string', default: '90000' },
    width: { type: 'string', default: '192' },
    height: { type: 'string', default: '108' },
    every: { type: 'string', default: '500' },
    only: { type: 'string' },
  },
});
const [FRAMES, WIDTH, HEIGHT] = [Number(values.frames), Number(values.width), Number(values.height)];
const FPS = 25;
const folder = mkdtempSync(join(tmpdir(), 'bench-long-'));
try {
  const video = join(folder, 'hour.mp4');
  const rounds = await makeLong(video);
  console.log(`${values.video} at ${WIDTH} x ${HEIGHT}, repeated ${rounds} times: ${FRAMES} frames`);
  const det = join(folder, 'det.txt');
  await writeDetections(det);
  if (values.only !== 'model') await measure('--detections', ['--detections', det, '--tracker', 'byte']);
  if (values.only !== 'given')
    await measure(`the model, --every ${values.every}`, ['--every', values.every!, '--threads', '1']);

  async function measure(title: string, flags: string[]): Promise<void> {
    const args = ['bin/pe-dense.mjs', 'track', video, ...flags, '--out', join(folder, 'out'), '--no-draw', '--quiet'];
    const started = performance.now();
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    const samples: number[] = [];
    const timer = setInterval(() => {
      const now = residentMb(child.pid!);
      if (now !== undefined) samples.push(now);
    }, 500);
    const code = await new Promise(resolve => child.on('close', resolve));
    clearInterval(timer);
    if (code !== 0) throw new Error(`track ended with ${code}`);
    const seconds = (performance.now() - started) / 1000;
    console.log(`\n${title}: ${seconds.toFixed(0)} s, peak ${Math.max(...samples).toFixed(0)} MB`);
    const tenths = Array.from({ length: 11 }, (_, k) => samples[Math.round(((samples.length - 1) * k) / 10)]!);
    console.log(`| share of the run | ${tenths.map((_, k) => `${10 * k} %`).join(' | ')} |`);
    console.log(`|${'---|'.repeat(12)}`);
    console.log(`| resident memory, MB | ${tenths.map(v => v.toFixed(0)).join(' | ')} |`);
    const mean = (from: number, to: number) => {
      const part = samples.slice(Math.floor(from * samples.length), Math.ceil(to * samples.length));
      return part.reduce((a, b) => a + b, 0) / part.length;
    };
    console.log(
      `mean of the third quarter ${mean(0.5, 0.75).toFixed(0)} MB, of the last ${mean(0.75, 1).toFixed(0)} MB`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}

function residentMb(pid: number): number | undefined {
  try {
    const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]; // none once it has ended
    return kb === undefined ? undefined : Number(kb) / 1024;
  } catch {
    return undefined;
  }
}

/** Writes the long video; returns how often the short one is in it. */
async function makeLong(path: string): Promise<number> {
  const short = join(folder, 'short.mp4');
  const clock = { frameRate: [FPS, 1], timeBase: [1, FPS] } as const;
  const writer = await openVideoWriter(short, { width: WIDTH, height: HEIGHT, ...clock });
  let length = 0;
  for await (const { image } of await openFrames(values.video!)) {
    const small = resizeImage(image, HEIGHT, WIDTH);
    await writer.write(small, { index: length, pts: length });
    length++;
  }
  await writer.finish();
  const output = new FormatContext();
  output.allocOutputContext2(null, 'mp4', path);
  const stream = output.newStream();
  const packet = new Packet();
  packet.alloc();
  let rounds = 0;
  for (let frames = 0; frames < FRAMES; rounds++) {
    const input = new FormatContext();
    await input.openInput(short);
    await input.findStreamInfo();
    const from = input.streams[0]!;
    if (rounds === 0) {
      from.codecpar.copy(stream.codecpar);
      stream.timeBase = from.timeBase;
      await output.openOutput();
      await output.writeHeader();
    }
    const span = BigInt(Math.round((length / FPS) * (from.timeBase.den / from.timeBase.num)));
    while (frames < FRAMES && (await input.readFrame(packet)) >= 0) {
      packet.pts += BigInt(rounds) * span;
      packet.dts += BigInt(rounds) * span;
      packet.rescaleTs(from.timeBase, stream.timeBase);
      await output.interleavedWriteFrame(packet);
      frames++;
    }
    await input.closeInput();
  }
  await output.writeTrailer();
  await output.closeOutput();
  return rounds;
}

/** Four objects at a time that cross the picture, each in its own lane and at its own pace. */
async function writeDetections(path: string): Promise<void> {
  const random = seededRandom(1);
  const file = createWriteStream(path);
  const lanes = Array.from({ length: 4 }, () => ({ x: WIDTH, speed: 1 }));
  for (let frame = 1; frame <= FRAMES; frame++) {
    let rows = '';
    for (const [k, lane] of lanes.entries()) {
      lane.x += lane.speed;
      if (lane.x >= WIDTH) Object.assign(lane, { x: -20, speed: 0.5 + 2 * random() });
      const score = (0.7 + 0.3 * random()).toFixed(3);
      rows += `${frame},-1,${lane.x.toFixed(2)},${(8 + (k * HEIGHT) / 4).toFixed(0)},20,16,${score},-1,-1,-1\n`;
    }
    if (!file.write(rows)) await new Promise<void>(resolve => file.once('drain', resolve));
  }
  file.end();
  await finished(file);
}
