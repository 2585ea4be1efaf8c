import { cellOf, layLattice, MAX_CELLS_PER_BOX } from './lattice.ts';

/** Groups up to this size need no lattice: everybody is a neighbour. */
const EVERYBODY_MAX = 64;

/**
 * Finds the boxes that may overlap a given one. Built once over a group of boxes; holds state (a stamp per box),
 * so one instance serves one caller at a time.
 */
export class Neighbours {
  /** Local numbers found by the last {@link find}, in no particular order. */
  readonly hits: Int32Array;
  private readonly columns: number;
  private readonly ranges: Int32Array; // [n, 4] first and last column, first and last row
  private readonly starts: Int32Array;
  private readonly entries: Int32Array;
  private readonly large: Int32Array;
  private readonly stamps: Int32Array;
  private stamp = 0;

  /**
   * @param boxes `[*, 4]` xyxy
   * @param members which boxes; local number i stands for box `members[i]`
   */
  constructor(boxes: Float32Array, members: Int32Array) {
    const n = members.length;
    this.hits = new Int32Array(n);
    this.stamps = new Int32Array(n);
    this.ranges = new Int32Array(4 * n);
    if (n <= EVERYBODY_MAX) {
      this.columns = 1;
      this.starts = new Int32Array(2);
      this.entries = new Int32Array(0);
      this.large = Int32Array.from({ length: n }, (_, i) => i);
      return;
    }
    const edge = (e: number) => Float32Array.from(members, i => boxes[4 * i + e]);
    const [x1, y1, x2, y2] = [edge(0), edge(1), edge(2), edge(3)];
    const { left, top, perX, perY, columns, rows } = layLattice(x1, y1, x2, y2, 0, n, 1);
    this.columns = columns;
    this.starts = new Int32Array(columns * rows + 1);
    const large: number[] = [];
    const isLarge = new Uint8Array(n);
    for (let i = 0; i < n; i++) {
      const range = [
        cellOf(x1[i], left, perX, columns),
        cellOf(x2[i], left, perX, columns),
        cellOf(y1[i], top, perY, rows),
        cellOf(y2[i], top, perY, rows),
      ] as const;
      this.ranges.set(range, 4 * i);
      if ((range[1] - range[0] + 1) * (range[3] - range[2] + 1) > MAX_CELLS_PER_BOX) {
        large.push(i);
        isLarge[i] = 1;
      } else this.eachCell(i, cell => this.starts[cell + 1]++);
    }
    for (let cell = 1; cell < this.starts.length; cell++) this.starts[cell] += this.starts[cell - 1];
    this.entries = new Int32Array(this.starts[this.starts.length - 1]);
    const next = this.starts.slice();
    for (let i = 0; i < n; i++)
      if (!isLarge[i])
        this.eachCell(i, cell => {
          this.entries[next[cell]++] = i;
        });
    this.large = Int32Array.from(large);
  }

  private eachCell(i: number, visit: (cell: number) => void): void {
    const [c1, c2, r1, r2] = this.ranges.subarray(4 * i, 4 * i + 4);
    for (let r = r1; r <= r2; r++) for (let c = c1; c <= c2; c++) visit(r * this.columns + c);
  }

  /**
   * Writes every box that overlaps box `i` (and some that do not, never `i` itself) to {@link hits}.
   * @returns how many
   */
  find(i: number): number {
    const { ranges, stamps, starts, entries, hits, columns } = this;
    const stamp = ++this.stamp;
    stamps[i] = stamp;
    let count = 0;
    for (let r = ranges[4 * i + 2]; r <= ranges[4 * i + 3]; r++)
      for (let c = ranges[4 * i]; c <= ranges[4 * i + 1]; c++) {
        const cell = r * columns + c;
        for (let e = starts[cell]; e < starts[cell + 1]; e++) {
          const j = entries[e];
          if (stamps[j] === stamp) continue;
          stamps[j] = stamp;
          hits[count++] = j;
        }
      }
    for (const j of this.large) if (stamps[j] !== stamp) hits[count++] = j;
    return count;
  }
}
