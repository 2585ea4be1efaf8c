/** How much of each pixel a shape covers, 0..1, row by row. */
export interface Coverage {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

export type Point = readonly [x: number, y: number];

/**
 * Exact area coverage of a filled outline (non-zero winding for outlines that do not overlap themselves).
 * Each edge adds its signed area to the pixels it crosses; a running sum along the row turns edges into filling.
 *
 * @param contours closed runs of points, pixels, y down; parts outside are cut off
 */
export function fillOutline(contours: readonly (readonly Point[])[], width: number, height: number): Coverage {
  const edges = new Float32Array(width * height + 2);
  for (const contour of contours)
    for (let i = 0; i < contour.length; i++)
      addEdge(edges, width, height, contour[i]!, contour[(i + 1) % contour.length]!);
  const data = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    let sum = 0;
    for (let i = y * width; i < (y + 1) * width; i++) {
      sum += edges[i]!;
      data[i] = Math.min(1, Math.abs(sum));
    }
  }
  return { width, height, data };
}

function addEdge(edges: Float32Array, width: number, height: number, from: Point, to: Point): void {
  if (from[1] === to[1]) return;
  const direction = from[1] < to[1] ? 1 : -1;
  const [top, bottom] = direction > 0 ? [from, to] : [to, from];
  const slope = (bottom[0] - top[0]) / (bottom[1] - top[1]);
  const lastRow = Math.min(height, Math.ceil(bottom[1]));
  for (let y = Math.max(0, Math.floor(top[1])); y < lastRow; y++) {
    const y0 = Math.max(y, top[1]);
    const y1 = Math.min(y + 1, bottom[1]);
    const x0 = top[0] + (y0 - top[1]) * slope;
    const x1 = top[0] + (y1 - top[1]) * slope;
    addRow(edges, y * width, width, direction * (y1 - y0), Math.min(x0, x1), Math.max(x0, x1));
  }
}

/** Spreads an edge's height `d` within one row over the pixels from `left` to `right`, by the area to its right. */
function addRow(edges: Float32Array, row: number, width: number, d: number, left: number, right: number): void {
  const span = right - left;
  const first = Math.floor(left);
  const last = Math.floor(right);
  let given = 0;
  for (let x = first; x <= last; x++) {
    // share of the edge's height whose area counts in pixels up to x: integral over pixel x of the part left of it
    const total =
      span < 1e-6
        ? Math.min(1, Math.max(0, x + 1 - left))
        : areaLeftOf(x + 1 - left, span) - areaLeftOf(x - left, span);
    add(edges, row, width, x, d * (total - given));
    given = total;
  }
  add(edges, row, width, last + 1, d * (1 - given));
}

/** Integral from 0 to `u` of the share of the edge lying left of a point, for an edge that spans `span` pixels. */
function areaLeftOf(u: number, span: number): number {
  if (u <= 0) return 0;
  return u >= span ? u - span / 2 : (u * u) / (2 * span);
}

function add(edges: Float32Array, row: number, width: number, x: number, amount: number): void {
  if (x < width) edges[row + Math.max(0, x)]! += amount;
}
