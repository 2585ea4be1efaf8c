/**
 * Weights of one axis of a bilinear resize: output `i` is the weighted sum of inputs
 * `start[i] .. start[i] + count[i] - 1`, its weights at `weights[i * taps ...]`.
 */
export interface AxisWeights {
  readonly start: Int32Array;
  readonly count: Int32Array;
  /** Room per output, in weights. */
  readonly taps: number;
  readonly weights: Float32Array;
}

/**
 * Half-pixel centres, as torch.nn.functional.interpolate(mode='bilinear', align_corners=False).
 * @param antialias widen the triangle by the scale when shrinking, as antialias=True and Pillow do
 */
export function axisWeights(from: number, to: number, antialias: boolean): AxisWeights {
  return antialias && to < from ? triangleWeights(from, to) : twoTapWeights(from, to);
}

function twoTapWeights(from: number, to: number): AxisWeights {
  const start = new Int32Array(to);
  const count = new Int32Array(to).fill(2);
  const weights = new Float32Array(2 * to);
  const scale = from / to;
  for (let i = 0; i < to; i++) {
    const at = Math.max(0, (i + 0.5) * scale - 0.5);
    const low = Math.min(Math.floor(at), from - 1);
    start[i] = low;
    if (low === from - 1) count[i] = 1;
    weights[2 * i] = low === from - 1 ? 1 : 1 - (at - low);
    weights[2 * i + 1] = low === from - 1 ? 0 : at - low;
  }
  return { start, count, taps: 2, weights };
}

function triangleWeights(from: number, to: number): AxisWeights {
  const scale = from / to;
  const taps = 2 * Math.ceil(scale) + 1;
  const start = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Float32Array(taps * to);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - scale + 0.5));
    const high = Math.min(from, Math.trunc(centre + scale + 0.5));
    let sum = 0;
    for (let j = low; j < high; j++) {
      const w = Math.max(0, 1 - Math.abs((j + 0.5 - centre) / scale));
      weights[taps * i + j - low] = w;
      sum += w;
    }
    for (let j = 0; j < high - low; j++) weights[taps * i + j]! /= sum;
    start[i] = low;
    count[i] = high - low;
  }
  return { start, count, taps, weights };
}

/**
 * One output row of the vertical pass: `out[x] = sum over taps of weight * row[x]`, `out` overwritten.
 * Four rows at a time: the sum stays in a register and the loop runs near the speed of its loads.
 */
export function blendRows(
  source: Uint8Array | Float32Array,
  stride: number,
  w: AxisWeights,
  i: number,
  out: Float32Array,
): void {
  const count = w.count[i]!;
  const at = w.taps * i;
  const first = w.start[i]! * stride;
  let t = 0;
  for (; t + 4 <= count; t += 4) {
    const w0 = w.weights[at + t]!;
    const w1 = w.weights[at + t + 1]!;
    const w2 = w.weights[at + t + 2]!;
    const w3 = w.weights[at + t + 3]!;
    const r0 = first + t * stride;
    const r1 = r0 + stride;
    const r2 = r1 + stride;
    const r3 = r2 + stride;
    if (t === 0)
      for (let x = 0; x < stride; x++)
        out[x] = w0 * source[r0 + x]! + w1 * source[r1 + x]! + w2 * source[r2 + x]! + w3 * source[r3 + x]!;
    else
      for (let x = 0; x < stride; x++)
        out[x]! += w0 * source[r0 + x]! + w1 * source[r1 + x]! + w2 * source[r2 + x]! + w3 * source[r3 + x]!;
  }
  for (; t < count; t++) {
    const w0 = w.weights[at + t]!;
    const r0 = first + t * stride;
    if (t === 0) for (let x = 0; x < stride; x++) out[x] = w0 * source[r0 + x]!;
    else for (let x = 0; x < stride; x++) out[x]! += w0 * source[r0 + x]!;
  }
}
