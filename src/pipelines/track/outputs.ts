import { basename, dirname, extname, join, resolve } from 'node:path';
import type { Detections, LabelSet, RgbImage } from '../../core/index.ts';
import { encodePng } from '../../image/index.ts';
import { addHeat, drawHeat, drawTracks, type HeatGrid, heatGrid } from '../../render/index.ts';
import { type Tracks, writeMot } from '../../track/index.ts';
import {
  canWriteVideo,
  type FrameTime,
  isLiveName,
  openVideoWriter,
  type VideoInfo,
  type VideoWriter,
} from '../../video/index.ts';
import { blurredClasses } from '../blurred.ts';
import { GrowingFile, writeWhole } from '../formats/atomic.ts';
import { Concealer } from './concealer.ts';
import { frameJson, TRACK_JSON, type TrackEnding } from './json.ts';
import type { TrackFileOptions } from './options.ts';
import type { Tally } from './tally.ts';

/** Paths of a run's outputs. */
export interface OutputPaths {
  readonly mot: readonly string[];
  readonly json: string | undefined;
  readonly video: readonly string[];
  readonly heatmap: string | undefined;
  /** Of the journal of a model's run; absent where nothing is written. */
  readonly journal: string | undefined;
}

/** Name that a source's outputs begin with: the file's, or the folder's; a MOTChallenge sequence's own; of a live source, what files may be called. */
export function sourceStem(source: string): string {
  if (isLiveName(source))
    return source
      .replace(/^device:/, 'device-')
      .replace(/^\w+:\/+/, '')
      .replace(/[^\w.]+/g, '-')
      .replace(/^[-.]+|[-.]+$/g, '');
  const full = resolve(source);
  const name = basename(full);
  if (name === 'img1') return basename(dirname(full));
  return extname(name) === '' ? name : name.slice(0, -extname(name).length);
}

export async function outputPaths(info: VideoInfo, options: TrackFileOptions): Promise<OutputPaths> {
  const { out, mot, video, heatmap, draw = true } = options;
  const base = out === undefined ? undefined : join(out, `${sourceStem(info.source)}.tracks`);
  const asFile = info.kind !== 'folder' && (await canWriteVideo());
  const drawn = base !== undefined && draw ? [asFile ? `${base}.mp4` : `${base}/`] : [];
  const first = base ?? mot ?? video?.replace(/[/\\]+$/, '') ?? heatmap;
  return {
    mot: [...(base ? [`${base}.txt`] : []), ...(mot !== undefined ? [mot] : [])],
    json: base && `${base}.json`,
    video: [...drawn, ...(video !== undefined ? [video] : [])],
    heatmap,
    journal: first && `${first}.journal.jsonl`,
  };
}

/** All files and folders that a run leaves. */
export function writtenPaths({ mot, json, video, heatmap }: OutputPaths): string[] {
  return [...mot, ...(json ? [json] : []), ...video, ...(heatmap ? [heatmap] : [])];
}

/** All outputs of a run. Frames arrive in order; each file appears, whole, at the end. */
export class Outputs {
  private readonly texts: GrowingFile[] = [];
  private readonly videos: VideoWriter[] = [];
  private json: GrowingFile | undefined;
  private frames = 0;
  private readonly heat: HeatGrid | undefined;
  /** Of the heat map. */
  private background: RgbImage | undefined;
  private readonly concealer: Concealer | undefined;

  private constructor(
    private readonly options: TrackFileOptions,
    private readonly labels: LabelSet,
    info: VideoInfo,
  ) {
    if (options.heatmap !== undefined) this.heat = heatGrid(info.width, info.height);
    const blurred = blurredClasses(options, labels);
    if (blurred) this.concealer = new Concealer(blurred, options.blurKind, info.fps / (options.every ?? 1));
  }

  /** @throws {DenseError} when a place cannot be written; nothing is left behind */
  static async open(
    paths: OutputPaths,
    info: VideoInfo,
    labels: LabelSet,
    options: TrackFileOptions,
  ): Promise<Outputs> {
    const outputs = new Outputs(options, labels, info);
    try {
      for (const path of paths.video) outputs.videos.push(await outputs.openVideo(path, info));
      for (const path of paths.mot) outputs.texts.push(await GrowingFile.open(path));
      if (paths.json) outputs.json = await GrowingFile.open(paths.json);
    } catch (error) {
      for (const video of outputs.videos) await video.discard();
      for (const file of [...outputs.texts, outputs.json]) await file?.finish();
      throw error;
    }
    options.onJson?.(TRACK_JSON.head);
    await outputs.json?.append(TRACK_JSON.head);
    return outputs;
  }

  private openVideo(path: string, info: VideoInfo): Promise<VideoWriter> {
    const every = this.options.every ?? 1;
    return openVideoWriter(path, {
      width: info.width,
      height: info.height,
      frameRate: [info.frameRate[0], info.frameRate[1] * every],
      timeBase: info.timeBase,
      pixelAspect: info.pixelAspect,
      audio: info.kind === 'video' ? info : undefined,
      onNote: this.options.onNote,
    });
  }

  /**
   * The drawn frame, or nothing where nobody wants it (or has it, from an interrupted run).
   * @param found what the detector saw in it
   */
  async draw(
    image: RgbImage | undefined,
    time: FrameTime,
    found: Detections,
    tracks: Tracks,
    tally: Tally,
  ): Promise<RgbImage | undefined> {
    const conceal = this.concealer?.add(found, tracks);
    if (!image) return undefined;
    if (this.heat) this.background ??= conceal?.(image) ?? image;
    if (this.videos.length === 0) return undefined;
    if (this.options.resume) {
      const there = await Promise.all(this.videos.map(video => video.has(time)));
      if (there.every(Boolean)) return undefined;
    }
    const { lineWidth, hideLabels, boxStyle } = this.options;
    const shown = conceal?.(image) ?? image;
    return drawTracks(shown, tracks, { names: this.labels.names, ...tally.overlay(), lineWidth, hideLabels, boxStyle });
  }

  async write(drawn: RgbImage | undefined, time: FrameTime, tracks: Tracks): Promise<void> {
    const { every = 1, onJson } = this.options;
    const place = { ...time, duration: every === 1 ? time.duration : undefined };
    if (drawn) for (const video of this.videos) await video.write(drawn, place);
    const rows = writeMot([tracks], time.index + 1);
    for (const file of this.texts) await file.append(rows);
    if (this.json || onJson) {
      const text = TRACK_JSON.frame(frameJson(time, tracks, this.labels), this.frames === 0);
      onJson?.(text);
      await this.json?.append(text);
    }
    if (this.heat) addHeat(this.heat, tracks.boxes, this.options.anchor);
    this.frames++;
  }

  private async writeHeat(): Promise<void> {
    const { heat, background, options } = this;
    if (!heat || !background) return;
    const drawn = drawHeat(background, heat, { title: 'boxes' });
    await writeWhole(options.heatmap!, await encodePng(drawn));
  }

  /**
   * Ends every output, also when one fails: the others are still whole.
   * @throws what failed first
   */
  async finish(ending: TrackEnding): Promise<void> {
    const tail = TRACK_JSON.tail(ending);
    this.options.onJson?.(tail);
    const ended = await Promise.allSettled([
      ...this.videos.map(video => (this.frames === 0 ? video.discard() : video.finish())),
      ...this.texts.map(file => file.finish()),
      this.writeHeat(),
      this.json?.append(tail).then(
        () => this.json!.finish(),
        async error => {
          await this.json!.finish().catch(() => {});
          throw error;
        },
      ),
    ]);
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
  }
}
