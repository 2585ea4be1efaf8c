import type { CategoryFigures } from '../../evaluate/index.ts';
import type { SpeedReport } from './speed.ts';

/** What was measured, on what, with what. */
export interface ValRun {
  readonly task: 'detect' | 'depth';
  readonly model: string;
  /** Over the weights and the network's description. */
  readonly model_hash: string;
  /** Of the network's input, pixels. */
  readonly size: { readonly width: number; readonly height: number };
  readonly device: string;
  /** Numbers the network ran with; absent when they are as the model stores them. */
  readonly dtype?: string;
  readonly batch: number;
  readonly gt: string;
  /** Pictures scored. */
  readonly images: number;
  /** Of them, those taken over from an interrupted run. */
  readonly resumed: number;
  /** Pictures that could not be read and are left out of every figure. */
  readonly failed: readonly string[];
}

/** COCO's twelve figures, fractions 0..1, -1 where there is nothing to find. */
export type CocoFigures = Readonly<
  Record<'AP' | 'AP50' | 'AP75' | 'APs' | 'APm' | 'APl' | 'AR1' | 'AR10' | 'AR100' | 'ARs' | 'ARm' | 'ARl', number>
>;

/** Figures at the top level, each class's below, by name; then the error types, the run and its speed. */
export type ValReport = CocoFigures & {
  readonly per_class: Readonly<Record<string, CategoryFigures>>;
  readonly tide: object;
  readonly run: ValRun & { readonly classes: number; readonly score: number; readonly max: number };
  /** null when every picture came from the journal. */
  readonly speed: SpeedReport | null;
};
