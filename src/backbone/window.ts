import { dimProduct, type GraphBuilder, type Value } from '../onnx/index.ts';

/** How a grid of tokens falls into windows. */
export interface WindowGrid {
  readonly gridHeight: number;
  readonly gridWidth: number;
  /** Side of a window, tokens. */
  readonly size: number;
  /** Windows per axis, the grid padded at the bottom and right where it does not divide. */
  readonly rows: number;
  readonly columns: number;
  readonly padded: boolean;
}

export function windowGrid(gridHeight: number, gridWidth: number, size: number): WindowGrid {
  const rows = Math.ceil(gridHeight / size);
  const columns = Math.ceil(gridWidth / size);
  return {
    gridHeight,
    gridWidth,
    size,
    rows,
    columns,
    padded: rows * size !== gridHeight || columns * size !== gridWidth,
  };
}

/**
 * `[batch, gridHeight * gridWidth, C]` to `[batch * windows, size * size, C]`; padding is zeros and takes part in the
 * attention, as in detectron2's window_partition.
 */
export function splitWindows(b: GraphBuilder, x: Value, g: WindowGrid): Value {
  const [batch, , c] = x.shape as readonly [Value['shape'][number], number, number];
  const { size, rows, columns } = g;
  let y = b.reshape(x, [batch, g.gridHeight, g.gridWidth, c]);
  if (g.padded) y = b.pad(y, [0, 0, 0, 0], [0, rows * size - g.gridHeight, columns * size - g.gridWidth, 0]);
  y = b.reshape(y, [batch, rows, size, columns, size, c]);
  y = b.transpose(y, [0, 1, 3, 2, 4, 5]); // [batch, rows, columns, size, size, C]
  return b.reshape(y, [dimProduct([batch, rows * columns]), size * size, c]);
}

/** The way back of {@link splitWindows}; padding is dropped. */
export function joinWindows(b: GraphBuilder, x: Value, g: WindowGrid): Value {
  const c = x.shape[2]!;
  const { size, rows, columns } = g;
  let y = b.reshape(x, [-1, rows, columns, size, size, c]);
  y = b.transpose(y, [0, 1, 3, 2, 4, 5]); // [batch, rows, size, columns, size, C]
  y = b.reshape(y, [y.shape[0]!, rows * size, columns * size, c]);
  if (g.padded) y = b.slice(b.slice(y, 1, 0, g.gridHeight), 2, 0, g.gridWidth);
  return b.reshape(y, [y.shape[0]!, g.gridHeight * g.gridWidth, c]);
}
