import { access, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fail, messageOf, tensor } from '../../core/index.ts';
import { readValuePng } from '../../evaluate/index.ts';
import {
  encodeJpeg,
  encodePalettePng,
  hasImageExtension,
  type InputFile,
  listInputs,
  outputStems,
} from '../../image/index.ts';
import { objectIds, type PropagateOptions } from '../../track/index.ts';
import { readSplit } from '../evaluate-davis.ts';
import { writeWhole } from '../formats/atomic.ts';
import { drawMask } from './overlay.ts';
import type { MaskPropagator } from './propagator.ts';

/** A video with the mask of its first frame. */
export interface MaskedVideo {
  readonly name: string;
  /** In the order of the video. */
  readonly frames: readonly { readonly path: string; readonly stem: string }[];
  /** Palette or grey PNG. */
  readonly mask: string;
  /** Folder of the results. */
  readonly out: string;
}

export interface PropagateFilesOptions extends PropagateOptions {
  /** Folder for pictures of the frames with the masks in colour, `<name>.jpg`. */
  readonly overlay?: string | undefined;
  /** Skip videos whose masks are all there. */
  readonly resume?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onFrame?: ((video: MaskedVideo, frame: number) => void) | undefined;
}

/** What became of a video. */
export interface PropagatedVideo {
  readonly name: string;
  readonly frames: number;
  /** Ids of the first mask. */
  readonly objects: readonly number[];
  readonly out: string;
  /** All masks were there already. */
  readonly skipped: boolean;
  /** Network's input, pixels. */
  readonly input: readonly [width: number, height: number];
  readonly seconds: number;
}

/** Frame numbers count as numbers: frame 10 comes after frame 9. */
const order = new Intl.Collator('en', { numeric: true });

/**
 * The frames of one video.
 * @param frames a folder or a glob
 * @throws {DenseError} BAD_INPUT when there are none, or for a video file
 */
export async function findVideo(frames: string, mask: string, out: string): Promise<MaskedVideo> {
  const isFile = await stat(frames).then(
    info => info.isFile(),
    () => false,
  );
  if (isFile && !hasImageExtension(frames))
    fail(
      'BAD_INPUT',
      `${frames} is a file, not a folder of frames`,
      'frames are read as pictures',
      `take them out first: ffmpeg -i ${basename(frames)} frames/%05d.jpg`,
    );
  const { files, failures } = await listInputs([frames], { except: out });
  if (failures[0]) throw failures[0].error;
  const sorted = [...files].sort((a, b) => order.compare(a.relative, b.relative));
  return { name: basename(frames), frames: named(sorted), mask, out };
}

function named(files: readonly InputFile[]): MaskedVideo['frames'] {
  const stems = outputStems(files);
  return files.map(({ path }, i) => ({ path, stem: stems[i]! }));
}

/**
 * The videos of a DAVIS folder: `JPEGImages/480p/SEQ` with `Annotations/480p/SEQ`, results in `out/SEQ`.
 *
 * @param split a list of sequences, one per line (`ImageSets/2017/val.txt`); default: all of `JPEGImages/480p`
 * @throws {DenseError} BAD_INPUT for a folder that is not like DAVIS or a sequence that is not there
 */
export async function findDavis(root: string, split: string | undefined, out: string): Promise<MaskedVideo[]> {
  const pictures = join(root, 'JPEGImages', '480p');
  const known = await folders(pictures, root);
  const names = split === undefined ? known : await readSplit(split);
  const videos: MaskedVideo[] = [];
  for (const name of names) {
    if (!known.includes(name))
      fail('BAD_INPUT', `there is no sequence ${name} in ${pictures}`, `${split} names it`, 'check the list');
    const video = await findVideo(join(pictures, name), '', join(out, name));
    const mask = join(root, 'Annotations', '480p', name, `${video.frames[0]!.stem}.png`);
    videos.push({ ...video, name, mask });
  }
  return videos;
}

async function folders(path: string, root: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries
      .filter(e => e.isDirectory() || e.isSymbolicLink())
      .map(e => e.name)
      .sort();
  } catch (error) {
    return fail(
      'BAD_INPUT',
      `${root} is not a DAVIS folder`,
      `${path} cannot be read: ${messageOf(error)}`,
      'for one video give --mask FIRST.png; for DAVIS name the folder that holds JPEGImages and Annotations',
      error,
    );
  }
}

/**
 * Carries the first mask through a video and writes `<out>/<frame name>.png` for every frame, each whole or not at all:
 * palette PNGs with the ids (and the palette) of the first mask. A run that was stopped begins a video anew: a mask
 * depends on the ones before it.
 *
 * @throws {DenseError} BAD_INPUT for the mask or a frame; ABORTED by the signal; RUNTIME when the disk refuses
 */
export async function propagateFiles(
  propagator: MaskPropagator,
  video: MaskedVideo,
  options: PropagateFilesOptions = {},
): Promise<PropagatedVideo> {
  const started = performance.now();
  const { overlay, signal } = options;
  const mask = readValuePng(await readBytes(video.mask), video.mask);
  const objects = objectIds(mask, video.mask);
  const { width, height } = propagator.inputSize(mask.width, mask.height);
  const targets = video.frames.map(({ stem }) => join(video.out, `${stem}.png`));
  const result = { name: video.name, frames: targets.length, objects, out: video.out, input: [width, height] as const };
  if (options.resume && (await allThere(targets))) return { ...result, skipped: true, seconds: 0 };
  const layer = propagator.layers[0]!;
  const names = video.frames.map(({ path }) => path);
  let writing: Promise<void> = Promise.resolve();
  try {
    for await (const frame of propagator.carry(names, mask, { ...options, names, maskName: video.mask, signal })) {
      await writing; // at most one frame's files under way: nothing piles up
      const ids = frame.masks.get(layer)!;
      writing = writeFrame(frame.index, ids);
      writing.catch(() => {}); // thrown at the next await
      options.onFrame?.(video, frame.index + 1);

      async function writeFrame(index: number, data: Uint8Array): Promise<void> {
        const image = tensor(['height', 'width'] as const, [mask.height, mask.width], data);
        await writeWhole(targets[index]!, encodePalettePng(image, fullPalette(mask.palette, data)));
        if (overlay === undefined) return;
        const drawn = drawMask(frame.image, data, objects);
        await writeWhole(join(overlay, `${video.frames[index]!.stem}.jpg`), await encodeJpeg(drawn));
      }
    }
  } finally {
    await writing;
  }
  return { ...result, skipped: false, seconds: (performance.now() - started) / 1000 };
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

async function allThere(paths: readonly string[]): Promise<boolean> {
  for (const path of paths)
    try {
      await access(path);
    } catch {
      return false;
    }
  return true;
}
