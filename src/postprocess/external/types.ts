/** An output of a network, its numbers widened to float32. */
export interface OutputTensor {
  readonly dims: readonly number[];
  /** Row-major. */
  readonly data: Float32Array;
}

/** Outputs by name. */
export type NamedOutputs = Readonly<Record<string, OutputTensor>>;

/** Where and what to decode; the same for all kinds. */
export interface ExternalOptions {
  /** Of the network's input, pixels. */
  readonly height: number;
  readonly width: number;
  /** Number of labels. */
  readonly classes: number;
  /** Pictures in the outputs. */
  readonly pictures: number;
  /** Candidates have at least this score, 0..1. */
  readonly score: number;
  /** At most this many candidates per picture, the best. */
  readonly max: number;
}

export type Activation = 'none' | 'sigmoid' | 'softmax';
export type BoxFormat = 'xyxy' | 'xywh' | 'cxcywh';
export type BoxUnit = 'pixel' | 'share';
export type Layout = 'rows' | 'columns';

/** See src/model/external.ts for what each key of these four means. */
export interface YoloxHead {
  readonly kind: 'yolox';
  readonly output: string;
  readonly decoded: boolean;
  readonly strides?: readonly number[] | undefined;
  readonly layout: Layout;
  readonly objectness: boolean;
  readonly activation: 'none' | 'sigmoid';
  readonly boxFormat: BoxFormat;
  readonly boxUnit: BoxUnit;
}

export interface DflHead {
  readonly kind: 'dfl';
  readonly strides: readonly number[];
  readonly bins: number;
  readonly scores?: readonly string[] | undefined;
  readonly distances?: readonly string[] | undefined;
  readonly joined?: readonly string[] | undefined;
  readonly layout: Layout;
  readonly activation: 'none' | 'sigmoid';
  readonly cell: number;
  readonly cellPixels: number;
  readonly unit: 'stride' | 'pixel';
}

export interface DetrHead {
  readonly kind: 'detr';
  readonly boxes: string;
  readonly scores: string;
  readonly classes?: string | undefined;
  readonly activation: Activation;
  readonly background: 'none' | 'first' | 'last';
  readonly boxFormat: BoxFormat;
  readonly boxUnit: BoxUnit;
  readonly firstClass: number;
}

export type BoxColumn = 'batch' | 'class' | 'score' | 'x1' | 'y1' | 'x2' | 'y2' | 'cx' | 'cy' | 'w' | 'h' | 'skip';

export interface BoxesHead {
  readonly kind: 'boxes';
  readonly boxes: string;
  readonly columns: readonly BoxColumn[];
  readonly scores?: string | undefined;
  readonly classes?: string | undefined;
  readonly count?: string | undefined;
  readonly boxUnit: BoxUnit;
  readonly firstClass: number;
}

export type DecodableHead = YoloxHead | DflHead | DetrHead | BoxesHead;
