import type { Detections, Features, ImageBatch, LabelSet } from '../../core/index.ts';

/** What a detection head says about a batch. */
export interface DetectionOutputs {
  /** `[batch, anchors, classes]`, 0..1 */
  readonly scores: Float32Array;
  /** `[batch, anchors, 4]` distances from the cell's centre to the left, top, right and bottom edge, pixels of the input */
  readonly ltrb: Float32Array;
  /** Of the blocks in the network's `features`: `[batch, gridY, gridX, channel]`, class token removed. */
  readonly features?: ReadonlyMap<number, Features>;
}

/** What a network of another make says about a batch: boxes that only it knows how to read. */
export interface CandidateOutputs {
  /**
   * @param want candidates of at least this score (0..1), at most so many per picture, the best
   * @returns per picture, boxes xyxy in pixels of the network's input, best score first
   */
  candidates(want: { readonly score: number; readonly max: number }): Detections[];
}

/** How a network wants its pictures. */
export interface NetworkInput {
  /** Pixels. */
  readonly height: number;
  readonly width: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly resize: 'squash' | 'letterbox';
  readonly antialias: boolean;
  /** Order of the colours, also of mean and std; default rgb. */
  readonly color?: 'rgb' | 'bgr';
  /** Where a letterboxed picture lies; default centre. */
  readonly align?: 'centre' | 'corner';
  /** How a letterboxed picture's shorter side becomes whole pixels; default nearest. */
  readonly rounding?: 'nearest' | 'down';
  /** Colour of a letterbox's free part, 0..255, red, green, blue or one for all; default the mean colour. */
  readonly pad?: number | readonly [number, number, number];
}

/** What a model recommends where the caller says nothing. */
export interface DetectionDefaults {
  readonly nms: string;
  readonly iou: number;
  readonly score: number;
  readonly max: number;
}

/** A detector's network, ready to run. The pipeline around it neither knows nor cares what runs it. */
export interface DetectionNetwork {
  readonly name: string;
  readonly labels: LabelSet;
  readonly input: NetworkInput;
  /** Pixels of the input per cell, in the order in which the levels' anchors follow each other; not read for candidates. */
  readonly strides: readonly number[];
  readonly defaults: DetectionDefaults;
  /** Blocks whose patch features every pass gives; default none. */
  readonly features?: readonly number[];
  /** Numbers it was asked to run with; absent when they are as the model stores them. */
  readonly dtype?: string | undefined;
  /** @param batch `[batch, 3, height, width]`, normalised */
  run(batch: ImageBatch, signal?: AbortSignal): Promise<DetectionOutputs | CandidateOutputs>;
  close(): Promise<void>;
}
