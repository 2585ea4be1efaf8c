import { fail } from '../core/index.ts';
import type { BackboneConfig } from './config.ts';

/** Which old cells make a new one along one axis, and how much of each. */
interface AxisTaps {
  readonly start: Int32Array;
  readonly weights: readonly Float64Array[];
}

/** torch F.interpolate(mode='bilinear', align_corners=False, antialias=False). */
function bilinearTaps(from: number, to: number): AxisTaps {
  const start = new Int32Array(to);
  const weights: Float64Array[] = [];
  for (let i = 0; i < to; i++) {
    const center = Math.max(((i + 0.5) * from) / to - 0.5, 0);
    const low = Math.min(Math.floor(center), from - 1);
    start[i] = low;
    weights.push(low === from - 1 ? Float64Array.of(1) : Float64Array.of(1 - (center - low), center - low));
  }
  return { start, weights };
}

function cubic(x: number): number {
  const a = -0.5; // Pillow's and torch's antialiased kernel; without antialias torch uses -0.75
  const t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? a * (((t - 5) * t + 8) * t - 4) : 0;
}

/** torch F.interpolate(mode='bicubic', align_corners=False, antialias=True). */
function bicubicTaps(from: number, to: number): AxisTaps {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  const start = new Int32Array(to);
  const weights: Float64Array[] = [];
  for (let i = 0; i < to; i++) {
    const center = scale * (i + 0.5);
    const low = Math.max(Math.trunc(center - 2 * reach + 0.5), 0);
    const high = Math.min(Math.trunc(center + 2 * reach + 0.5), from);
    const w = Float64Array.from({ length: high - low }, (_, j) => cubic((low + j - center + 0.5) / reach));
    const sum = w.reduce((s, v) => s + v, 0);
    start[i] = low;
    weights.push(w.map(v => v / sum));
  }
  return { start, weights };
}

/**
 * Fits the learned position grid to another grid, by the rule of the row.
 *
 * @param table `[class token + side * side, width]`, the checkpoint's `positional_embedding`
 * @returns `[class token + gridHeight * gridWidth, width]`; the class token's row is kept
 * @throws {DenseError} BAD_INPUT for `tile` when the grid is smaller than the learned one
 * @see perception_models pe.py _sample_abs_posemb; timm layers/pos_embed.py resample_abs_pos_embed
 */
export function fitPositions(
  table: Float32Array,
  config: BackboneConfig,
  gridHeight: number,
  gridWidth: number,
): Float32Array {
  const { width } = config;
  const side = Math.floor(config.imageSize / config.patch);
  if (side === gridHeight && side === gridWidth) return table;
  const first = config.classToken ? width : 0;
  const grid = table.subarray(first);
  const out = new Float32Array(first + gridHeight * gridWidth * width);
  out.set(table.subarray(0, first));
  if (config.positions === 'tile') {
    for (let y = 0; y < gridHeight; y++)
      for (let x = 0; x < gridWidth; x++) {
        const from = ((y % side) * side + (x % side)) * width;
        out.set(grid.subarray(from, from + width), first + (y * gridWidth + x) * width);
      }
    return out;
  }
  if (config.positions === 'none')
    return fail('BAD_INPUT', 'position grid', 'this architecture has none', 'do not ask for it');
  const taps = config.positions === 'bicubic' ? bicubicTaps : bilinearTaps;
  const [ty, tx] = [taps(side, gridHeight), taps(side, gridWidth)];
  const line = new Float64Array(side * width);
  for (let y = 0; y < gridHeight; y++) {
    line.fill(0);
    ty.weights[y]!.forEach((w, j) => {
      const row = (ty.start[y]! + j) * side * width;
      for (let i = 0; i < line.length; i++) line[i]! += w * grid[row + i]!;
    });
    for (let x = 0; x < gridWidth; x++) {
      const at = first + (y * gridWidth + x) * width;
      const weights = tx.weights[x]!;
      for (let c = 0; c < width; c++) {
        let sum = 0;
        for (let j = 0; j < weights.length; j++) sum += weights[j]! * line[(tx.start[x]! + j) * width + c]!;
        out[at + c] = sum;
      }
    }
  }
  return out;
}
