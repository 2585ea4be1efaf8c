import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { extname } from 'node:path';
import { DenseError, fail, type RgbImage } from '../core/index.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { growingName, nameWhole } from './files.ts';
import { matroskaFrame, matroskaHead } from './raw-matroska.ts';
import type { FramePlace, VideoWriter, VideoWriterOptions } from './writer-types.ts';

const CLOCK = 90_000; // units per second of the file written: every usual frame rate divides it

/** Writes a video file through the program `ffmpeg`. */
export async function openFfmpegWriter(
  ffmpeg: Ffmpeg,
  path: string,
  options: VideoWriterOptions,
): Promise<VideoWriter> {
  return new FfmpegWriter(ffmpeg, path, await growingName(path), options);
}

class FfmpegWriter implements VideoWriter {
  private child: ChildProcess | undefined;
  private said = '';
  private exit: Promise<number | null> | undefined;
  private base = 0;

  constructor(
    private readonly ffmpeg: Ffmpeg,
    readonly path: string,
    private readonly temporary: string,
    private readonly options: VideoWriterOptions,
  ) {}

  async has(): Promise<boolean> {
    return false;
  }

  async write(image: RgbImage, { pts, duration }: FramePlace): Promise<void> {
    const [height, width] = image.shape;
    const { options } = this;
    if (width !== options.width || height !== options.height)
      fail(
        'BAD_INPUT',
        `a frame is ${width} x ${height}`,
        `the video is ${options.width} x ${options.height}`,
        'write frames of one size',
      );
    const unit = options.timeBase[0] / options.timeBase[1];
    if (!this.child) {
      this.base = pts;
      this.start(pts * unit);
      await this.send(matroskaHead(width, height));
    }
    const span_s = duration === undefined ? options.frameRate[1] / options.frameRate[0] : duration * unit;
    await this.send(matroskaFrame((pts - this.base) * unit, span_s, image.data));
  }

  private start(from_s: number): void {
    const { audio, crf = 20 } = this.options;
    const sound = audio?.hasAudio
      ? ['-ss', String(from_s), '-i', audio.source, '-map', '0:v:0', '-map', '1:a:0?', '-c:a', 'copy', '-shortest']
      : [];
    const colours = ['-vf', 'pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt709', '-colorspace', 'bt709'];
    const tags = ['-color_primaries', 'bt709', '-color_trc', 'bt709', '-pix_fmt', 'yuv420p'];
    const coding = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', String(crf), '-bf', '0'];
    // an edit list would cut the last frame, whose length ffmpeg forgets; without frames out of order none is needed
    const plain = extname(this.path).toLowerCase() === '.mkv' ? [] : ['-movflags', '+faststart', '-use_editlist', '0'];
    const clock = ['-enc_time_base', `1:${CLOCK}`, '-video_track_timescale', String(CLOCK)];
    const args = [
      '-hide_banner',
      '-loglevel',
      'error',
      '-f',
      'matroska',
      '-i',
      'pipe:0',
      ...sound,
      ...colours,
      ...tags,
    ];
    const child = spawn(
      this.ffmpeg.command,
      [...args, ...coding, ...plain, ...this.ffmpeg.keepFrames, ...clock, '-y', this.temporary],
      { stdio: ['pipe', 'ignore', 'pipe'], detached: true }, // Ctrl-C in the terminal is for us: we end the file
    );
    child.stderr!.on('data', (chunk: Buffer) => {
      this.said = (this.said + chunk.toString()).slice(-2000);
    });
    child.stdin!.on('error', () => {}); // told by its exit code
    this.exit = once(child, 'close').then(([code]) => code as number | null);
    this.child = child;
  }

  private async send(bytes: Buffer): Promise<void> {
    const { stdin, exitCode } = this.child!;
    if (exitCode !== null) throw this.failed();
    if (!stdin!.write(bytes)) await Promise.race([once(stdin!, 'drain'), this.exit]);
    if (this.child!.exitCode !== null) throw this.failed();
  }

  private failed(): DenseError {
    const why = this.said.trim().split('\n').at(-1) || 'ffmpeg ended early';
    const full = /No space left/.test(this.said);
    const fix = full
      ? 'free space, then run the same command with --resume'
      : 'try another ending, or a folder of pictures';
    return new DenseError('RUNTIME', { what: `cannot write video ${this.path}`, why, fix });
  }

  async finish(): Promise<void> {
    if (!this.child) return;
    this.child.stdin!.end();
    if ((await this.exit) !== 0) {
      await this.discard();
      throw this.failed();
    }
    await nameWhole(this.temporary, this.path);
  }

  async discard(): Promise<void> {
    this.child?.kill();
    await this.exit;
    await rm(this.temporary, { force: true });
  }
}
