import { assignRows } from '../../core/index.ts';

/** Largest number of tree nodes spent on one group before the full assignment takes over. */
const SEARCH_BUDGET = 2000;

/**
 * Best one-to-one matching of a frame's rows and columns from its positive weights: exactly the pairs that
 * scipy.optimize.linear_sum_assignment finds on the dense matrix, less those of weight 0.
 *
 * Frames of tracking data are nearly diagonal. A pair heavier than the best alternatives of its row and of its column
 * together is part of every optimum; such pairs are taken first, again and again. What is left falls into groups that
 * share no row or column; each is searched by branch and bound for a unique optimum. Where there are ties (or a group
 * is too big) the whole dense problem is solved with SciPy's own tie rule. All comparisons keep a margin above rounding
 * error.
 */
export class FrameMatcher {
  /** after {@link match}: for each row the index of its chosen entry, or -1 */
  entryOfRow = new Int32Array(64);
  private row1 = new Float64Array(64);
  private row2 = new Float64Array(64);
  private rowBest = new Int32Array(64);
  private colTaken = new Uint8Array(64);
  private col1 = new Float64Array(64);
  private col2 = new Float64Array(64);
  private colBest = new Int32Array(64);
  private open = new Int32Array(256);
  private dense = new Float64Array(0);
  private colOfRow = new Int32Array(64);
  private readonly search = new GroupSearch();

  /**
   * @param rows   number of rows
   * @param cols   number of columns
   * @param row    row of each entry, not decreasing
   * @param col    column of each entry
   * @param weight of each entry; entries of weight 0 are never chosen
   * @param from   first entry of the frame
   * @param to     one past the last
   */
  match(
    rows: number,
    cols: number,
    row: Int32Array,
    col: Int32Array,
    weight: Float64Array,
    from: number,
    to: number,
  ): void {
    this.reserve(rows, cols, to - from);
    this.entryOfRow.fill(-1, 0, rows);
    this.colTaken.fill(0, 0, cols);
    let open = 0;
    for (let e = from; e < to; e++) if (weight[e]! > 0) this.open[open++] = e;
    for (let before = open + 1; open > 0 && open < before; ) {
      before = open;
      open = this.takeDominant(rows, cols, row, col, weight, open);
    }
    if (open > 0 && !this.search.solve(row, col, weight, this.open, open, this.entryOfRow, this.colTaken))
      this.solveDense(rows, cols, row, col, weight, from, to);
  }

  private reserve(rows: number, cols: number, entries: number): void {
    if (this.entryOfRow.length < rows) {
      const n = 2 * rows;
      this.entryOfRow = new Int32Array(n);
      this.row1 = new Float64Array(n);
      this.row2 = new Float64Array(n);
      this.rowBest = new Int32Array(n);
      this.colOfRow = new Int32Array(n);
    }
    if (this.colTaken.length < cols) {
      const n = 2 * cols;
      this.colTaken = new Uint8Array(n);
      this.col1 = new Float64Array(n);
      this.col2 = new Float64Array(n);
      this.colBest = new Int32Array(n);
    }
    if (this.open.length < entries) this.open = new Int32Array(2 * entries);
  }

  /** Takes every pair that each optimum must hold; returns how many entries stay open. */
  private takeDominant(
    rows: number,
    cols: number,
    row: Int32Array,
    col: Int32Array,
    weight: Float64Array,
    open: number,
  ): number {
    const { row1, row2, rowBest, col1, col2, colBest, entryOfRow, colTaken } = this;
    row1.fill(0, 0, rows);
    row2.fill(0, 0, rows);
    col1.fill(0, 0, cols);
    col2.fill(0, 0, cols);
    for (let k = 0; k < open; k++) {
      const e = this.open[k]!;
      const w = weight[e]!;
      const i = row[e]!;
      const j = col[e]!;
      if (w > row1[i]!) {
        row2[i] = row1[i]!;
        row1[i] = w;
        rowBest[i] = e;
      } else if (w > row2[i]!) row2[i] = w;
      if (w > col1[j]!) {
        col2[j] = col1[j]!;
        col1[j] = w;
        colBest[j] = e;
      } else if (w > col2[j]!) col2[j] = w;
    }
    for (let k = 0; k < open; k++) {
      const e = this.open[k]!;
      const i = row[e]!;
      const j = col[e]!;
      if (rowBest[i] !== e || colBest[j] !== e) continue;
      if (weight[e]! - (row2[i]! + col2[j]!) > margin(weight[e]!)) {
        entryOfRow[i] = e;
        colTaken[j] = 1;
      }
    }
    let left = 0;
    for (let k = 0; k < open; k++) {
      const e = this.open[k]!;
      if (entryOfRow[row[e]!]! < 0 && !colTaken[col[e]!]) this.open[left++] = e;
    }
    return left;
  }

  private solveDense(
    rows: number,
    cols: number,
    row: Int32Array,
    col: Int32Array,
    weight: Float64Array,
    from: number,
    to: number,
  ): void {
    if (this.dense.length < rows * cols) this.dense = new Float64Array(rows * cols);
    this.dense.fill(0, 0, rows * cols);
    for (let e = from; e < to; e++) this.dense[row[e]! * cols + col[e]!] = -weight[e]!;
    assignRows(this.dense, rows, cols, this.colOfRow);
    this.entryOfRow.fill(-1, 0, rows);
    for (let e = from; e < to; e++)
      if (weight[e]! > 0 && this.colOfRow[row[e]!] === col[e]) this.entryOfRow[row[e]!] = e;
  }
}

/** More than the rounding of sums of weights near `w`, those with CLEAR's bonus of a thousand included. */
function margin(w: number): number {
  return 1e-11 + 1e-9 * w;
}

/** Branch and bound over the groups of entries that share rows or columns. */
class GroupSearch {
  private parent = new Int32Array(0); // of columns, then of rows
  private level = new Int32Array(0); // first entry of each row of the group
  private bound = new Float64Array(0); // most that the rows from a level on can add
  private group = new Int32Array(0);
  private chosen = new Int32Array(0);
  private bestChoice = new Int32Array(0);
  private levels = 0;
  private best = 0;
  private tied = false;
  private budget = 0;

  /** False when some group has no unique optimum or is too big; `entryOfRow` is then half written. */
  solve(
    row: Int32Array,
    col: Int32Array,
    weight: Float64Array,
    open: Int32Array,
    count: number,
    entryOfRow: Int32Array,
    colTaken: Uint8Array,
  ): boolean {
    this.reserve(count, entryOfRow.length, colTaken.length);
    const { parent } = this;
    const rowAt = colTaken.length;
    for (let k = 0; k < count; k++) {
      parent[col[open[k]!]!] = col[open[k]!]!;
      parent[rowAt + row[open[k]!]!] = rowAt + row[open[k]!]!;
    }
    for (let k = 0; k < count; k++) parent[this.root(col[open[k]!]!)] = this.root(rowAt + row[open[k]!]!);
    for (let k = 0; k < count; k++) {
      if (open[k]! < 0) continue;
      const root = this.root(col[open[k]!]!);
      let n = 0;
      for (let q = k; q < count; q++) {
        if (open[q]! < 0 || this.root(col[open[q]!]!) !== root) continue;
        this.group[n++] = open[q]!;
        open[q] = -1;
      }
      if (!this.solveGroup(row, col, weight, n, entryOfRow, colTaken)) return false;
    }
    return true;
  }

  private reserve(count: number, rows: number, cols: number): void {
    if (this.parent.length < rows + cols) this.parent = new Int32Array(rows + cols);
    if (this.group.length >= count) return;
    const n = 2 * count;
    this.group = new Int32Array(n);
    this.level = new Int32Array(n + 1);
    this.bound = new Float64Array(n + 1);
    this.chosen = new Int32Array(n);
    this.bestChoice = new Int32Array(n);
  }

  private root(k: number): number {
    const { parent } = this;
    while (parent[k] !== k) {
      parent[k] = parent[parent[k]!]!;
      k = parent[k]!;
    }
    return k;
  }

  private solveGroup(
    row: Int32Array,
    col: Int32Array,
    weight: Float64Array,
    n: number,
    entryOfRow: Int32Array,
    colTaken: Uint8Array,
  ): boolean {
    const { group, level, bound } = this;
    let levels = 0;
    for (let k = 0; k < n; k++) if (k === 0 || row[group[k]!] !== row[group[k - 1]!]) level[levels++] = k;
    level[levels] = n;
    bound[levels] = 0;
    for (let l = levels - 1; l >= 0; l--) {
      let most = 0;
      for (let k = level[l]!; k < level[l + 1]!; k++) most = Math.max(most, weight[group[k]!]!);
      bound[l] = bound[l + 1]! + most;
    }
    this.levels = levels;
    this.best = 0; // of choosing nothing: entries have positive weight, so something beats it
    this.tied = true;
    this.budget = SEARCH_BUDGET;
    this.descend(0, 0, col, weight, colTaken);
    if (this.budget < 0 || this.tied) return false;
    for (let l = 0; l < levels; l++) {
      const e = this.bestChoice[l]!;
      if (e >= 0) entryOfRow[row[e]!] = e;
    }
    return true;
  }

  private descend(l: number, sum: number, col: Int32Array, weight: Float64Array, colTaken: Uint8Array): void {
    if (--this.budget < 0) return;
    if (sum + this.bound[l]! < this.best - margin(this.best)) return;
    if (l === this.levels) {
      if (sum > this.best + margin(sum)) this.tied = false;
      else this.tied = true;
      if (sum > this.best) {
        this.best = sum;
        this.bestChoice.set(this.chosen.subarray(0, l));
      }
      return;
    }
    for (let k = this.level[l]!; k < this.level[l + 1]!; k++) {
      const e = this.group[k]!;
      if (colTaken[col[e]!]) continue;
      colTaken[col[e]!] = 1;
      this.chosen[l] = e;
      this.descend(l + 1, sum + weight[e]!, col, weight, colTaken);
      colTaken[col[e]!] = 0;
    }
    this.chosen[l] = -1;
    this.descend(l + 1, sum, col, weight, colTaken);
  }
}
