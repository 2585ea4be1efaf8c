import { fail } from '../../core/index.ts';
import type { ActivationRange } from '../../onnx/index.ts';

const BINS = 4096; // on each side of zero

/**
 * Values of one tensor over many pictures: counts in even bins around zero. When a value lies outside, bins are joined in
 * pairs and the width doubles, so nothing need be known in advance.
 */
export class RangeHistogram {
  /** Of `2 * BINS` bins, bin `i` holds values from `(i - BINS) * width`. */
  private readonly counts = new Float64Array(2 * BINS);
  private width = 0;
  private total = 0;
  /** Smallest and largest value seen. */
  low = Number.POSITIVE_INFINITY;
  high = Number.NEGATIVE_INFINITY;

  /** @throws {DenseError} RUNTIME for a number that is not finite */
  add(values: Float32Array): void {
    let low = this.low;
    let high = this.high;
    for (let i = 0; i < values.length; i++) {
      const v = values[i]!;
      if (v < low) low = v;
      if (v > high) high = v;
      if (!Number.isFinite(v))
        fail('RUNTIME', 'calibration met a number that is not finite', 'the network gave it', 'check the weights');
    }
    if (values.length === 0) return;
    [this.low, this.high] = [low, high];
    this.widenTo(Math.max(Math.abs(low), Math.abs(high)));
    const scale = 1 / this.width;
    const { counts } = this;
    for (let i = 0; i < values.length; i++) counts[Math.floor(values[i]! * scale) + BINS]!++;
    this.total += values.length;
  }

  private widenTo(largest: number): void {
    if (this.width === 0) {
      // a power of two, so that doubling keeps edges on edges
      this.width = 2 ** Math.ceil(Math.log2(Math.max(largest, 2 ** -100) / BINS));
    }
    while (largest >= BINS * this.width) {
      const { counts } = this;
      const half = BINS / 2;
      const joined = counts.slice();
      counts.fill(0);
      for (let i = 0; i < 2 * BINS; i++) counts[half + Math.floor(i / 2)]! += joined[i]!;
      this.width *= 2;
    }
  }

  /**
   * Where the middle share of the values lies.
   * @param percentile above 50, to 100; 100 gives the smallest and largest value, 99.99 leaves out one in 10,000 on each side
   */
  range(percentile: number): ActivationRange {
    if (this.total === 0) return { low: 0, high: 0 };
    if (percentile >= 100) return { low: this.low, high: this.high };
    const out = (this.total * (100 - percentile)) / 100;
    const edge = (step: 1 | -1): number => {
      let left = out;
      let i = step > 0 ? 0 : 2 * BINS - 1;
      // ends inside: less than half of all values is left out on a side
      for (; left >= this.counts[i]!; i += step) left -= this.counts[i]!;
      return (i - BINS + (step > 0 ? 0 : 1)) * this.width;
    };
    return { low: Math.max(this.low, edge(1)), high: Math.min(this.high, edge(-1)) };
  }
}
