/**
 * The dense square assignment in the order of Jonker and Volgenant's own program: column reduction, reduction
 * transfer, two rounds of augmenting row reduction, then shortest augmenting paths. Among assignments of equal cost it
 * picks the one that the `lap` package's `lapjv` picks, on which the numbering of OC-SORT's new tracks depends.
 * For anything without that need use core's linearSumAssignment.
 *
 * @param cost `[n, n]` row-major, finite
 * @returns `[n]` column of each row
 * @see Jonker and Volgenant, Computing 38 (1987); golden: test/golden/track/lapjv.json (lap 0.5.13)
 */
export function lapjv(cost: Float64Array, n: number): Int32Array {
  const solver = new Lapjv(cost, n);
  let free = solver.reduceColumns();
  for (let round = 0; round < 2 && free.length > 0; round++) free = solver.reduceRows(free);
  for (const row of free) solver.augment(row);
  return solver.colOfRow;
}

class Lapjv {
  readonly colOfRow: Int32Array;
  private readonly rowOfCol: Int32Array;
  private readonly v: Float64Array; // column potentials
  private readonly cost: Float64Array;
  private readonly n: number;

  constructor(cost: Float64Array, n: number) {
    this.cost = cost;
    this.n = n;
    this.colOfRow = new Int32Array(n).fill(-1);
    this.rowOfCol = new Int32Array(n);
    this.v = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  }

  /** Column reduction and reduction transfer; returns the rows left without a column. */
  reduceColumns(): number[] {
    const { n, cost, colOfRow, rowOfCol, v } = this;
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        if (cost[i * n + j]! < v[j]!) {
          v[j] = cost[i * n + j]!;
          rowOfCol[j] = i;
        }
    const unique = new Uint8Array(n).fill(1);
    for (let j = n - 1; j >= 0; j--) {
      const i = rowOfCol[j]!;
      if (colOfRow[i]! < 0) colOfRow[i] = j;
      else {
        unique[i] = 0;
        rowOfCol[j] = -1;
      }
    }
    const free: number[] = [];
    for (let i = 0; i < n; i++) {
      const own = colOfRow[i]!;
      if (own < 0) free.push(i);
      else if (unique[i]) {
        let min = Number.POSITIVE_INFINITY;
        for (let j = 0; j < n; j++) if (j !== own) min = Math.min(min, cost[i * n + j]! - v[j]!);
        if (min < Number.POSITIVE_INFINITY) v[own]! -= min;
      }
    }
    return free;
  }

  /** Augmenting row reduction; returns the rows still (or again) without a column. */
  reduceRows(rows: readonly number[]): number[] {
    const { n, cost, colOfRow, rowOfCol, v } = this;
    const free = [...rows];
    const left: number[] = [];
    let at = 0;
    let steps = 0;
    while (at < free.length) {
      steps++;
      const i = free[at++]!;
      // smallest and second smallest reduced cost of the row
      let j1 = 0;
      let j2 = -1;
      let v1 = cost[i * n]! - v[0]!;
      let v2 = Number.POSITIVE_INFINITY;
      for (let j = 1; j < n; j++) {
        const c = cost[i * n + j]! - v[j]!;
        if (c >= v2) continue;
        if (c >= v1) {
          v2 = c;
          j2 = j;
        } else {
          v2 = v1;
          v1 = c;
          j2 = j1;
          j1 = j;
        }
      }
      let owner = rowOfCol[j1]!;
      const lowered = v[j1]! - (v2 - v1);
      const lowers = lowered < v[j1]!;
      if (steps < at * n) {
        if (lowers) v[j1] = lowered;
        else if (owner >= 0 && j2 >= 0) {
          j1 = j2;
          owner = rowOfCol[j2]!;
        }
        if (owner >= 0) {
          if (lowers) free[--at] = owner;
          else left.push(owner);
        }
      } else if (owner >= 0) left.push(owner); // guards against endless exchange
      colOfRow[i] = j1;
      rowOfCol[j1] = i;
    }
    return left;
  }

  /** Finds the shortest augmenting path from a free row and flips it. */
  augment(start: number): void {
    const { n, cost, colOfRow, rowOfCol, v } = this;
    const d = new Float64Array(n);
    const via = new Int32Array(n).fill(start);
    // columns: [0, lo) done, [lo, hi) to scan at distance `min`, [hi, n) the rest
    const cols = Int32Array.from({ length: n }, (_, j) => j);
    for (let j = 0; j < n; j++) d[j] = cost[start * n + j]! - v[j]!;
    let lo = 0;
    let hi = 0;
    let ready = 0;
    let end = -1;
    while (end < 0) {
      if (lo === hi) {
        ready = lo;
        hi = this.nearest(d, cols, lo);
        for (let k = lo; k < hi; k++) if (rowOfCol[cols[k]!]! < 0) end = cols[k]!;
      }
      while (end < 0 && lo !== hi) {
        const from = cols[lo++]!;
        const i = rowOfCol[from]!;
        const min = d[from]!;
        const h = cost[i * n + from]! - v[from]! - min;
        for (let k = hi; k < n; k++) {
          const j = cols[k]!;
          const reduced = cost[i * n + j]! - v[j]! - h;
          if (reduced >= d[j]!) continue;
          d[j] = reduced;
          via[j] = i;
          if (reduced !== min) continue;
          if (rowOfCol[j]! < 0) {
            end = j;
            break;
          }
          cols[k] = cols[hi]!;
          cols[hi++] = j;
        }
      }
    }
    const min = d[cols[ready]!]!; // the distance of the last group, in which the path ended
    for (let k = 0; k < ready; k++) v[cols[k]!]! += d[cols[k]!]! - min;
    let j = end;
    for (;;) {
      const i = via[j]!;
      rowOfCol[j] = i;
      const previous = colOfRow[i]!;
      colOfRow[i] = j;
      if (i === start) return;
      j = previous;
    }
  }

  /** Moves the columns at the smallest distance to `[lo, hi)`; returns hi. */
  private nearest(d: Float64Array, cols: Int32Array, lo: number): number {
    let hi = lo + 1;
    let min = d[cols[lo]!]!;
    for (let k = hi; k < this.n; k++) {
      const j = cols[k]!;
      if (d[j]! > min) continue;
      if (d[j]! < min) {
        hi = lo;
        min = d[j]!;
      }
      cols[k] = cols[hi]!;
      cols[hi++] = j;
    }
    return hi;
  }
}
