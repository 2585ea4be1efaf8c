import type { ImageBatch, LabelSet } from '../../core/index.ts';

/** What a detection head says about a batch. */
export interface DetectionOutputs {
  /** `[batch, anchors, classes]`, 0..1 */
  readonly scores: Float32Array;
  /** `[batch, anchors, 4]` distances from the cell's centre to the left, top, right and bottom edge, pixels of the input */
  readonly ltrb: Float32Array;
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
  /** Pixels of the input per cell, in the order in which the levels' anchors follow each other. */
  readonly strides: readonly number[];
  readonly defaults: DetectionDefaults;
  /** @param batch `[batch, 3, height, width]`, normalised */
  run(batch: ImageBatch, signal?: AbortSignal): Promise<DetectionOutputs>;
  close(): Promise<void>;
}
