import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fail, messageOf, type RgbImage, tensor } from '../../core/index.ts';
import { readValuePng } from '../../evaluate/index.ts';
import { decodeImage, encodePalettePng } from '../../image/index.ts';
import { drawMasks } from '../../render/index.ts';
import { type IdMask, objectIds, PROPAGATE_DEFAULTS, type PropagateOptions } from '../../track/index.ts';
import type { FramePlace, VideoWriter } from '../../video/index.ts';
import { writeWhole } from '../formats/atomic.ts';
import { stoppedError } from '../stopped.ts';
import { isVideoName, openDrawn } from './drawn.ts';
import type { CarryState, MaskPropagator } from './propagator.ts';
import { readState, removeState, writeState } from './state.ts';
import type { MaskedFrame, MaskedPart, MaskedVideo } from './video.ts';

/** In the folder of the masks while a run goes on. */
const STATE_FILE = 'unfinished.state';
/** A run that is killed loses at most this many frames; one that is stopped in another way loses none. */
const SAVE_EVERY = 10;

export interface PropagateFilesOptions extends PropagateOptions, MaskedPart {
  /** Frames with the masks in colour: a video file by its ending, else a folder for `<name>.jpg`. */
  readonly overlay?: string | undefined;
  /** Skip videos whose masks are all there, and go on with one that was stopped. */
  readonly resume?: boolean | undefined;
  /** Leave frames out that cannot be decoded, instead of stopping there. */
  readonly skipBroken?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onFrame?: ((video: MaskedVideo, frame: number) => void) | undefined;
  /** Told of each frame left out. */
  readonly onBroken?: ((name: string, error: Error) => void) | undefined;
  /** Told what a person should know, such as audio that had to be left out. */
  readonly onNote?: ((text: string) => void) | undefined;
}

/** What became of a video. */
export interface PropagatedVideo {
  readonly name: string;
  /** Frames of the video that have masks now, or all of them where they were there. */
  readonly frames: number;
  /** Frames that were there from a stopped run. */
  readonly resumed: number;
  /** Ids of the first mask. */
  readonly objects: readonly number[];
  readonly out: string;
  /** All masks were there already. */
  readonly skipped: boolean;
  /** Network's input, pixels. */
  readonly input: readonly [width: number, height: number];
  readonly seconds: number;
}

/**
 * Carries the first mask through a video and writes `<out>/<frame name>.png` for every frame, each whole or not at all:
 * palette PNGs with the ids (and the palette) of the first mask. Frames of a video file are named by their numbers from
 * 1, six digits.
 *
 * A run that is stopped (the signal, a broken frame, a full disk) leaves `unfinished.state` beside the masks; with
 * `resume` it goes on from there, and the masks are those of an uninterrupted run.
 *
 * @throws {DenseError} BAD_INPUT for the mask or a frame; BAD_USAGE to resume another run; ABORTED by the signal; RUNTIME
 *   when the disk refuses
 */
export async function propagateFiles(
  propagator: MaskPropagator,
  video: MaskedVideo,
  options: PropagateFilesOptions = {},
): Promise<PropagatedVideo> {
  const started = performance.now();
  const mask = readValuePng(await readBytes(video.mask), video.mask);
  const objects = objectIds(mask, video.mask);
  const { width, height } = propagator.inputSize(mask.width, mask.height);
  const result = { name: video.name, objects, out: video.out, input: [width, height] as const };
  const statePath = join(video.out, STATE_FILE);
  const key = runKey(propagator, video, mask, options);
  let from: CarryState | undefined;
  if (options.resume) {
    from = await readState(statePath, key);
    const there = from ? undefined : await masksThere(video, options.signal);
    if (there !== undefined) return { ...result, frames: there, resumed: 0, skipped: true, seconds: 0 };
  } else await removeState(statePath);

  const run = new Run(video, mask, objects, options, statePath, key);
  try {
    await run.begin(from);
    await run.carry(propagator, from);
  } catch (error) {
    const stopped = await run.stop();
    throw stopped ? stoppedError(error, { source: video.source, ...stopped }) : error;
  }
  await run.finish();
  const frames = run.done;
  return {
    ...result,
    frames,
    resumed: from?.carried ?? 0,
    skipped: false,
    seconds: (performance.now() - started) / 1000,
  };
}

/** One video under way. */
class Run {
  /** Frames with a mask. */
  done = 0;
  private lastStem: string | undefined;
  private drawn: VideoWriter | undefined;
  /** Of the last frame that is written, and of the last one saved. */
  private state: CarryState | undefined;
  private savedAt = 0;

  constructor(
    private readonly video: MaskedVideo,
    private readonly mask: IdMask & { readonly palette?: Uint8Array | undefined },
    private readonly objects: readonly number[],
    private readonly options: PropagateFilesOptions,
    private readonly statePath: string,
    private readonly key: string,
  ) {}

  /** Opens the drawn video; what a stopped run had drawn into a file is drawn again. */
  async begin(from: CarryState | undefined): Promise<void> {
    const { video, mask, options } = this;
    this.done = from?.carried ?? 0;
    this.state = from;
    this.savedAt = this.done;
    if (options.overlay === undefined) return;
    this.drawn = await openDrawn(options.overlay, video, mask, options.every ?? 1, options.onNote);
    if (!from || !isVideoName(options.overlay)) return;
    let index = 0;
    for await (const { stem, name, source, place } of video.read(this.reading())) {
      if (index++ >= from.next) break;
      const path = join(video.out, `${stem}.png`);
      if (options.skipBroken && !(await isThere(path))) continue;
      const earlier = readValuePng(await readBytes(path), path);
      await this.draw(
        await decodeImage(source, { name, signal: options.signal }),
        Uint8Array.from(earlier.data),
        place,
      );
    }
  }

  async carry(propagator: MaskPropagator, from: CarryState | undefined): Promise<void> {
    const { video, mask, options } = this;
    const layer = propagator.layers[0]!;
    const ahead = new Map<number, MaskedFrame>(); // frames in the network; those that are broken stay behind, without pixels
    async function* sources(reading: ReturnType<Run['reading']>) {
      let index = 0;
      for await (const frame of video.read(reading)) {
        ahead.set(index++, { ...frame, source: '' });
        yield frame.source;
      }
    }
    const carried = propagator.carry(sources(this.reading()), mask, {
      ...options,
      names: index => ahead.get(index)?.name ?? `frame ${index + 1}`,
      maskName: video.mask,
      from,
      ...this.reading(),
    });
    let writing: Promise<void> = Promise.resolve();
    try {
      for await (const { index, image, masks, state } of carried) {
        await writing; // at most one frame's files under way: nothing piles up
        const frame = ahead.get(index)!;
        for (const other of ahead.keys()) if (other <= index) ahead.delete(other);
        writing = this.write(frame, image, masks.get(layer)!, state);
        writing.catch(() => {}); // thrown at the next await
        options.onFrame?.(video, index + 1);
      }
    } finally {
      await writing;
    }
  }

  private reading() {
    const { signal, skipBroken, onBroken = () => {} } = this.options;
    return { signal, onBroken: skipBroken ? onBroken : undefined };
  }

  private async write({ stem, place }: MaskedFrame, image: RgbImage, data: Uint8Array, state: CarryState) {
    const { video, mask } = this;
    const ids = tensor(['height', 'width'] as const, [mask.height, mask.width], data);
    await writeWhole(join(video.out, `${stem}.png`), encodePalettePng(ids, fullPalette(mask.palette, data)));
    await this.draw(image, data, place);
    this.done = state.carried;
    this.lastStem = stem;
    this.state = state;
    if (this.done - this.savedAt >= SAVE_EVERY) await this.save();
  }

  private async draw(image: RgbImage, data: Uint8Array, place: FramePlace): Promise<void> {
    await this.drawn?.write(drawMasks(image, data, this.objects), place);
  }

  private async save(): Promise<void> {
    if (!this.state) return;
    await writeState(this.statePath, this.key, this.state);
    this.savedAt = this.done;
  }

  /** Ends what is written, whole, and says where it ends; nothing when there is nothing. */
  async stop(): Promise<{ where: string; resumable: boolean } | undefined> {
    const { done, lastStem } = this;
    await (done > 0 ? this.drawn?.finish() : this.drawn?.discard())?.catch(() => {}); // the first error is told
    if (done === 0) return undefined;
    if (done > this.savedAt) await this.save().catch(() => {}); // the disk may be full: an older state is there, or none
    const where = lastStem === undefined ? `${done} masks are there` : `the masks end, whole, with ${lastStem}.png`;
    return { where, resumable: this.savedAt > 0 };
  }

  async finish(): Promise<void> {
    await this.drawn?.finish();
    await removeState(this.statePath);
  }
}

/** What must be the same for a stopped run to go on. */
function runKey(
  propagator: MaskPropagator,
  video: MaskedVideo,
  mask: IdMask,
  { start = 1, every = 1, skipBroken = false, ...options }: PropagateFilesOptions,
): string {
  const { width, height } = propagator.inputSize(mask.width, mask.height);
  const { context, topk, radius, temperature } = PROPAGATE_DEFAULTS;
  return JSON.stringify({
    propagate: 1,
    source: resolve(video.source),
    mask: createHash('sha256').update(mask.data).digest('hex'),
    model: propagator.name,
    layer: propagator.layers[0],
    input: [width, height],
    start,
    every,
    skipBroken,
    context: options.context ?? context,
    topk: options.topk ?? topk,
    radius: options.radius ?? radius,
    temperature: options.temperature ?? temperature,
  });
}

/** The first mask's palette where it names every id in use; else DAVIS's. */
function fullPalette(palette: Uint8Array | undefined, data: Uint8Array): Uint8Array | undefined {
  return palette && data.every(id => 3 * id < palette.length) ? palette : undefined;
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    return fail('BAD_INPUT', `cannot read ${path}`, messageOf(error), 'name the PNG mask of the first frame', error);
  }
}

/** How many masks a video has, when it has all of them. */
async function masksThere(video: MaskedVideo, signal: AbortSignal | undefined): Promise<number | undefined> {
  if (video.info && !(await firstIsThere(video, signal))) return undefined; // spares decoding the whole of it
  const stems = await video.stems({ signal, onBroken: () => {} });
  for (const stem of stems) if (!(await isThere(join(video.out, `${stem}.png`)))) return undefined;
  return stems.length;
}

async function firstIsThere(video: MaskedVideo, signal: AbortSignal | undefined): Promise<boolean> {
  for await (const { stem } of video.read({ signal })) return isThere(join(video.out, `${stem}.png`));
  return false;
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
