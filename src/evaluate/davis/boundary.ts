/** A label map: one object id per pixel. */
export interface LabelMap {
  readonly width: number;
  readonly height: number;
  /** `[height, width]` */
  readonly data: Uint8Array | Uint16Array;
}

/** Half widths of a disk's rows, from the middle out: skimage.morphology.disk(radius). */
export function diskRows(radius: number): Int32Array {
  return Int32Array.from({ length: radius + 1 }, (_, dy) => Math.floor(Math.sqrt(radius * radius - dy * dy)));
}

/**
 * Boundary pixels of one object: those that differ from their right, lower or lower right neighbour, with the
 * original's rule for the last row and column.
 *
 * @param single all ids above 0 are one object; `id` is not looked at
 * @returns pixel numbers `y * width + x`, ascending
 * @see davis2017-evaluation, davis2017/metrics.py, _seg2bmap
 */
export function boundaryPixels(map: LabelMap, id: number, single: boolean): Int32Array {
  const { width, height, data } = map;
  const here = new Uint8Array(width);
  let below = new Uint8Array(width);
  const fill = (row: Uint8Array, y: number) => {
    const from = y * width;
    for (let x = 0; x < width; x++) row[x] = (single ? data[from + x]! > 0 : data[from + x] === id) ? 1 : 0;
  };
  let found = new Int32Array(1024);
  let n = 0;
  let row = here;
  fill(row, 0);
  for (let y = 0; y < height; y++) {
    const last = y === height - 1;
    if (!last) fill(below, y + 1);
    for (let x = 0; x < width; x++) {
      const s = row[x]!;
      let edge: boolean;
      if (x === width - 1) edge = !last && s !== below[x];
      else if (last) edge = s !== row[x + 1];
      else edge = s !== row[x + 1] || s !== below[x] || s !== below[x + 1];
      if (!edge) continue;
      if (n === found.length) {
        const more = new Int32Array(2 * n);
        more.set(found);
        found = more;
      }
      found[n++] = y * width + x;
    }
    [row, below] = [below, row];
  }
  return found.subarray(0, n);
}

/** How many of `pixels` lie within the disk of some pixel of `centres`. */
export function countNear(
  pixels: Int32Array,
  centres: Int32Array,
  width: number,
  height: number,
  disk: Int32Array,
): number {
  if (pixels.length === 0 || centres.length === 0) return 0;
  const radius = disk.length - 1;
  const top = Math.max(0, Math.floor(centres[0]! / width) - radius);
  const bottom = Math.min(height - 1, Math.floor(centres[centres.length - 1]! / width) + radius);
  // +1 where a disk's row begins, -1 after its end; the running sum along a row is how many disks cover a pixel
  const change = new Int32Array((bottom - top + 1) * (width + 1));
  for (let k = 0; k < centres.length; k++) {
    const cy = Math.floor(centres[k]! / width);
    const cx = centres[k]! - cy * width;
    const y1 = Math.min(bottom, cy + radius);
    for (let y = Math.max(top, cy - radius); y <= y1; y++) {
      const half = disk[Math.abs(y - cy)]!;
      const row = (y - top) * (width + 1);
      const from = row + Math.max(0, cx - half);
      const to = row + Math.min(width, cx + half + 1);
      change[from] = change[from]! + 1;
      change[to] = change[to]! - 1;
    }
  }
  let near = 0;
  let row = -1;
  let at = 0;
  let cover = 0;
  for (let k = 0; k < pixels.length; k++) {
    const y = Math.floor(pixels[k]! / width);
    if (y < top || y > bottom) continue;
    if (y !== row) {
      row = y;
      at = 0;
      cover = 0;
    }
    const start = (y - top) * (width + 1);
    for (const x = pixels[k]! - y * width; at <= x; at++) cover += change[start + at]!;
    if (cover > 0) near++;
  }
  return near;
}
