import { fail } from '../core/index.ts';
import { dotKernel, MAX_RUN } from './propagate-kernel.ts';

/** The protocol's numbers. */
export interface PropagateOptions {
  /** Previous frames looked at beside the first one; default 7. 0: the first frame only. */
  readonly context?: number | undefined;
  /** Most similar patches, over all frames looked at, that pass on their labels; default 5. */
  readonly topk?: number | undefined;
  /** Patches to each side that are searched, a square window; default 12. 0: the whole frame. */
  readonly radius?: number | undefined;
  /** Weights are exp(cosine / temperature); default 0.1. */
  readonly temperature?: number | undefined;
}

export const PROPAGATE_DEFAULTS = { context: 7, topk: 5, radius: 12, temperature: 0.1 } as const;

/** Features of one frame, of length 1 each, laid out for the search. */
export interface FrameFeatures {
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  /** `[rows * columns, channels]` */
  readonly queries: Float32Array;
  /** `[rows, channels, columns]` */
  readonly keys: Float32Array;
}

/** A frame whose labels are known. */
export interface LabelledFrame {
  readonly features: FrameFeatures;
  /** `[labels, rows * columns]`, how much of each patch belongs to each label */
  readonly labels: Float32Array;
}

/**
 * Normalises the features of a frame to length 1 and lays them out for the search.
 *
 * @param features `[rows * columns, channels]`, any length; zero vectors stay zero
 * @throws {DenseError} BAD_INPUT when the sizes disagree
 */
export function packFeatures(features: Float32Array, rows: number, columns: number): FrameFeatures {
  const n = rows * columns;
  const channels = features.length / n;
  if (!(n > 0 && Number.isInteger(channels) && channels > 0))
    fail(
      'BAD_INPUT',
      `${features.length} feature values for ${columns} x ${rows} patches`,
      'each patch has the same number of channels',
      'pass [rows * columns, channels]',
    );
  const queries = new Float32Array(features.length);
  const keys = new Float32Array(features.length);
  for (let i = 0; i < n; i++) {
    const from = i * channels;
    let squares = 0;
    for (let c = from; c < from + channels; c++) squares += features[c]! * features[c]!;
    const scale = 1 / Math.max(Math.sqrt(squares), 1e-12);
    let key = Math.floor(i / columns) * channels * columns + (i % columns);
    for (let c = from; c < from + channels; c++, key += columns) keys[key] = queries[c] = features[c]! * scale;
  }
  return { rows, columns, channels, queries, keys };
}

/**
 * Labels of a frame from frames whose labels are known. Each patch looks for the `topk` most similar patches in the
 * windows around its own place in all of them; patches as similar as the last of these count too. It takes the mean of
 * their labels, weighted by exp(cosine / temperature).
 *
 * @returns `[labels, rows * columns]`; sums over the labels are kept (1 stays 1)
 * @throws {DenseError} BAD_INPUT for no context, frames of different sizes, or options outside their range
 * @see Caron et al., "Emerging Properties in Self-Supervised Vision Transformers", 2021; eval_video_segmentation.py of
 *   facebookresearch/dino; after Jabri et al. 2020. Golden: test/golden/propagate.json
 */
export function propagateLabels(
  frame: FrameFeatures,
  context: readonly LabelledFrame[],
  options: PropagateOptions = {},
): Float32Array {
  const { topk, radius, temperature } = checkedOptions(options);
  const count = checkContext(frame, context);
  const { rows, columns } = frame;
  const reach = radius === 0 ? Math.max(rows, columns) : radius;
  const search = openSearch(frame, context, reach);
  const n = rows * columns;
  const out = new Float32Array(count * n);
  const best = new Float64Array(topk);
  for (let y = 0; y < rows; y++) {
    const top = Math.max(0, y - reach);
    const height = Math.min(rows - 1, y + reach) - top + 1;
    search.row(y, top, height);
    for (let x = 0; x < columns; x++) {
      const left = Math.max(0, x - reach);
      const width = Math.min(columns - 1, x + reach) - left + 1;
      const { scores, at } = search;
      const from = at + x * search.perQuery;
      const end = from + context.length * height * width;
      const least = kthLargest(scores, from, end, best);
      const to = y * columns + x;
      let sum = 0;
      let i = from;
      for (const { labels } of context)
        for (let key = top * columns + left, row = 0; row < height; row++, key += columns)
          for (let c = 0; c < width; c++, i++) {
            if (scores[i]! < least) continue;
            const weight = Math.exp((scores[i]! - best[0]!) / temperature);
            sum += weight;
            for (let k = 0; k < count; k++) out[k * n + to]! += weight * labels[k * n + key + c]!;
          }
      for (let k = 0; k < count; k++) out[k * n + to]! /= sum;
    }
  }
  return out;
}

/** Cosines of the queries of one row of patches, computed into the kernel's memory. */
interface Search {
  /** Fills the scores of row `y`: query x begins at `at + x * perQuery`, its scores are `[frame, height, width of x]`. */
  row(y: number, top: number, height: number): void;
  readonly scores: Float32Array;
  readonly at: number;
  readonly perQuery: number;
}

function openSearch(frame: FrameFeatures, context: readonly LabelledFrame[], reach: number): Search {
  const { rows, columns, channels } = frame;
  const size = rows * columns * channels;
  const queries = context.length * size;
  const at = queries + size;
  const window = Math.min(rows, 2 * reach + 1) * Math.min(columns, 2 * reach + 1);
  const perQuery = context.length * window + 3; // whole registers are stored: the last one may reach past the end
  const { memory, dots } = dotKernel(at + columns * perQuery);
  const scores = new Float32Array(memory.buffer);
  for (const [f, { features }] of context.entries()) scores.set(features.keys, f * size);
  scores.set(frame.queries, queries);
  // a row of keys serves all queries of a row before the next one is touched: it stays in the processor's cache
  const row = (y: number, top: number, height: number) => {
    for (let f = 0; f < context.length; f++)
      for (let r = 0; r < height; r++) {
        const keys = f * size + (top + r) * channels * columns;
        for (let x = 0; x < columns; x++) {
          const left = Math.max(0, x - reach);
          const width = Math.min(columns - 1, x + reach) - left + 1;
          const query = 4 * (queries + (y * columns + x) * channels);
          const to = at + x * perQuery + (f * height + r) * width;
          for (let c = 0; c < width; c += MAX_RUN) {
            const registers = (Math.min(MAX_RUN, width - c) + 3) >> 2;
            dots[registers - 1]!(query, 4 * (keys + left + c), 4 * (to + c), channels, 4 * columns);
          }
        }
      }
  };
  return { row, scores, at, perQuery };
}

/** The k-th largest of `values[from..end)`, or the least when there are fewer; `best` gets the k largest, falling. */
function kthLargest(values: Float32Array, from: number, end: number, best: Float64Array): number {
  best.fill(Number.NEGATIVE_INFINITY);
  const last = best.length - 1;
  let least = best[last]!;
  for (let i = from; i < end; i++) {
    const v = values[i]!;
    if (v <= least) continue;
    let k = last;
    for (; k > 0 && best[k - 1]! < v; k--) best[k] = best[k - 1]!;
    best[k] = v;
    least = best[last]!;
  }
  return least;
}

function checkContext(frame: FrameFeatures, context: readonly LabelledFrame[]): number {
  const n = frame.rows * frame.columns;
  const count = (context[0]?.labels.length ?? 0) / n;
  if (!(Number.isInteger(count) && count > 0))
    fail('BAD_INPUT', 'labels of no frame', 'labels come from frames that have them', 'pass at least one such frame');
  for (const { features, labels } of context)
    if (
      features.rows !== frame.rows ||
      features.columns !== frame.columns ||
      features.channels !== frame.channels ||
      labels.length !== count * n
    )
      fail(
        'BAD_INPUT',
        `a frame of ${features.columns} x ${features.rows} patches, ${features.channels} channels, ${labels.length} label values`,
        `the others have ${frame.columns} x ${frame.rows}, ${frame.channels} and ${count * n}`,
        'compute all frames of a video at one size with one network',
      );
  return count;
}

function checkedOptions(options: PropagateOptions): Required<{ [K in keyof PropagateOptions]: number }> {
  const { context, topk, radius, temperature } = { ...PROPAGATE_DEFAULTS, ...dropUndefined(options) };
  const whole = (name: string, value: number, min: number) => {
    if (!(Number.isInteger(value) && value >= min))
      fail('BAD_INPUT', `${name} ${value}`, `it is a whole number from ${min} up`, `pass such a ${name}`);
  };
  whole('context', context, 0);
  whole('topk', topk, 1);
  whole('radius', radius, 0);
  if (!(temperature > 0 && Number.isFinite(temperature)))
    fail('BAD_INPUT', `temperature ${temperature}`, 'weights are exp(cosine / temperature)', 'pass a number above 0');
  return { context, topk, radius, temperature };
}

function dropUndefined(options: PropagateOptions): { [K in keyof PropagateOptions]?: number } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** Labels carried through a video, frame by frame. State: the first frame and the last `context` ones. */
export class LabelCarrier {
  private readonly first: LabelledFrame;
  private recent: LabelledFrame[] = [];
  private readonly options: Required<{ [K in keyof PropagateOptions]: number }>;

  /**
   * @param features of the first frame, `[rows * columns, channels]`
   * @param labels of the first frame, `[labels, rows * columns]`
   * @throws {DenseError} BAD_INPUT as {@link propagateLabels}
   */
  constructor(
    features: Float32Array,
    labels: Float32Array,
    private readonly rows: number,
    private readonly columns: number,
    options: PropagateOptions = {},
  ) {
    this.options = checkedOptions(options);
    this.first = { features: packFeatures(features, rows, columns), labels };
  }

  /** Labels of the next frame, `[labels, rows * columns]`. @param features `[rows * columns, channels]` */
  next(features: Float32Array): Float32Array {
    const frame = packFeatures(features, this.rows, this.columns);
    const labels = propagateLabels(frame, [this.first, ...this.recent], this.options);
    this.remember({ features: frame, labels });
    return labels;
  }

  /**
   * Takes a frame whose labels are known from an earlier run, as if {@link next} had found them: with the first frame
   * and the last `context` ones a video goes on as if it had never stopped.
   */
  restore(features: Float32Array, labels: Float32Array): void {
    this.remember({ features: packFeatures(features, this.rows, this.columns), labels });
  }

  /** Labels of the frames remembered beside the first, the oldest first; `[labels, rows * columns]` each. */
  get recentLabels(): readonly Float32Array[] {
    return this.recent.map(frame => frame.labels);
  }

  private remember(frame: LabelledFrame): void {
    const { context } = this.options;
    this.recent = context === 0 ? [] : [...this.recent, frame].slice(-context);
  }
}
