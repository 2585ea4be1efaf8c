/** A uniform lattice of cells laid over boxes, so that a box is compared with its neighbours only. */
export interface Lattice {
  readonly left: number;
  readonly top: number;
  readonly columns: number;
  readonly rows: number;
  /** cells per pixel */
  readonly perX: number;
  readonly perY: number;
}

/** Boxes over more cells than this go to one common list: a few huge boxes must not fill the lattice. */
export const MAX_CELLS_PER_BOX = 64;

/**
 * Chooses a lattice for boxes `[start, end)` given as four arrays: cells a share of the mean box, at most about
 * two cells per box.
 * @param share cell size over mean box size
 */
export function layLattice(
  x1: Float32Array,
  y1: Float32Array,
  x2: Float32Array,
  y2: Float32Array,
  start: number,
  end: number,
  share: number,
): Lattice {
  let left = Number.POSITIVE_INFINITY;
  let top = Number.POSITIVE_INFINITY;
  let right = Number.NEGATIVE_INFINITY;
  let bottom = Number.NEGATIVE_INFINITY;
  let widths = 0;
  let heights = 0;
  for (let i = start; i < end; i++) {
    if (x1[i] < left) left = x1[i];
    if (y1[i] < top) top = y1[i];
    if (x2[i] > right) right = x2[i];
    if (y2[i] > bottom) bottom = y2[i];
    if (x2[i] > x1[i]) widths += x2[i] - x1[i];
    if (y2[i] > y1[i]) heights += y2[i] - y1[i];
  }
  const n = end - start;
  let columns = cellsAlong(right - left, (share * widths) / n);
  let rows = cellsAlong(bottom - top, (share * heights) / n);
  const limit = 2 * n + 16;
  if (columns * rows > limit) {
    const shrink = Math.sqrt(limit / (columns * rows));
    columns = Math.max(1, Math.floor(columns * shrink));
    rows = Math.max(1, Math.min(rows, Math.floor(limit / columns)));
    columns = Math.max(1, Math.min(columns, Math.floor(limit / rows)));
  }
  return {
    left,
    top,
    columns,
    rows,
    perX: right > left ? columns / (right - left) : 0,
    perY: bottom > top ? rows / (bottom - top) : 0,
  };
}

function cellsAlong(extent: number, cell: number): number {
  if (!(extent > 0)) return 1;
  return cell > 0 ? Math.min(4096, Math.max(1, Math.ceil(extent / cell))) : 4096;
}

/** Column or row of a coordinate, held inside the lattice. */
export function cellOf(value: number, origin: number, perPixel: number, count: number): number {
  const cell = (value - origin) * perPixel;
  return cell <= 0 ? 0 : cell >= count ? count - 1 : Math.floor(cell);
}
